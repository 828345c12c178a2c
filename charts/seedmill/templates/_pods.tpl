{{/* What pods have in common. Everything meets the restricted pod security standard; only execution differs. */}}

{{- define "seedmill.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "seedmill.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Where pods go, and who pulls their image; `.values` is the component's part of values.yaml. */}}
{{- define "seedmill.scheduling" -}}
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .values.affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- end }}

{{- define "seedmill.topologySpread" -}}
{{- if .values.topologySpreadConstraints }}
topologySpreadConstraints: {{ toJson .values.topologySpreadConstraints }}
{{- else }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{ include "seedmill.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Metadata of a pod template: the selector's labels, `.engine` of an engine, and those of the values. */}}
{{- define "seedmill.podMetadata" -}}
labels:
  {{- include "seedmill.selector" . | nindent 2 }}
  {{- with .engine }}
  seedmill.dev/engine: {{ . }}
  {{- end }}
  {{- range $key, $value := .values.podLabels }}
  {{- if hasPrefix "app.kubernetes.io/" $key }}
  {{- fail (printf "%s.podLabels: %s is the chart's own label" $.component $key) }}
  {{- end }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
{{- with .values.podAnnotations }}
annotations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The Python in the image finds room for temporary files and nothing else that is writable. */}}
{{- define "seedmill.temporaryEnv" -}}
- {name: HOME, value: /tmp}
- {name: TMPDIR, value: /tmp}
{{- end }}
