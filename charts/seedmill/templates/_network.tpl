{{/* Pieces of NetworkPolicies. Each edge is opened at both ends: egress of the caller, ingress of the called. */}}

{{/* The beginning of a policy for one component's pods. */}}
{{- define "seedmill.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "seedmill.fullname" .root }}-{{ .component }}
  namespace: {{ include "seedmill.namespaceOf" . }}
  labels: {{ include "seedmill.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{ include "seedmill.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end }}

{{/* Pods of a component of this release, as one peer. */}}
{{- define "seedmill.peer" -}}
- namespaceSelector:
    matchLabels: {kubernetes.io/metadata.name: {{ include "seedmill.namespaceOf" . }}}
  podSelector:
    matchLabels: {{ include "seedmill.selector" . | nindent 6 }}
{{- end }}

{{/* Pods of runs, as one peer: in the namespaces that the operator looks after. */}}
{{- define "seedmill.runPeer" -}}
{{- if .Values.operator.clusterWide }}
- namespaceSelector: {}
{{- else }}
- namespaceSelector:
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: In
        values: {{ include "seedmill.runNamespaces" . }}
{{- end }}
  podSelector:
    matchLabels: {{ include "seedmill.runLabels" . | nindent 6 }}
{{- end }}

{{- define "seedmill.dnsEgress" -}}
- to: {{ toYaml .Values.networkPolicy.dnsTo | nindent 4 }}
  ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- end }}

{{- define "seedmill.metricsIngress" -}}
{{- with .root.Values.networkPolicy.metricsFrom }}
- from: {{ toYaml . | nindent 4 }}
  ports: [{port: {{ $.port }}, protocol: TCP}]
{{- end }}
{{- end }}

{{/* Egress to every service that is installed. */}}
{{- define "seedmill.servicesEgress" -}}
{{- $services := include "seedmill.services" . | fromJsonArray }}
{{- if $services }}
- to:
    {{- range $services }}
    {{- include "seedmill.peer" (dict "root" $ "component" .) | nindent 4 }}
    {{- end }}
  ports: [{port: {{ include "seedmill.grpcPort" . }}, protocol: TCP}]
{{- end }}
{{- end }}

{{/* Egress to the store: the chart's own, the rules that were given, or the port of the endpoint. */}}
{{- define "seedmill.storeEgress" -}}
{{- if .Values.s3.enabled }}
- to: {{ include "seedmill.peer" (dict "root" . "component" "s3") | nindent 4 }}
  ports: [{port: {{ include "seedmill.s3Port" . }}, protocol: TCP}]
{{- else if .Values.networkPolicy.egress.store }}
{{- toYaml .Values.networkPolicy.egress.store | nindent 0 }}
{{- else if .Values.store.endpoint }}
- ports: [{port: {{ include "seedmill.urlPort" .Values.store.endpoint }}, protocol: TCP}]
{{- end }}
{{- end }}

{{/* Egress to teachers outside: the rules that were given, or the ports of the endpoints. */}}
{{- define "seedmill.teacherEgress" -}}
{{- if .Values.networkPolicy.egress.teachers }}
{{- toYaml .Values.networkPolicy.egress.teachers | nindent 0 }}
{{- else }}
{{- $ports := list }}
{{- range .Values.inference.endpoints }}
{{- $url := trimPrefix "openai:" . }}
{{- if contains "://" $url }}{{ $ports = append $ports (include "seedmill.urlPort" $url) }}{{ end }}
{{- end }}
{{- range $ports | uniq | sortAlpha }}
- ports: [{port: {{ . }}, protocol: TCP}]
{{- end }}
{{- end }}
{{- end }}

{{- define "seedmill.urlPort" -}}
{{- $url := urlParse . }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- $port | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- end }}
