{{/* The S3 store of the release: where it is, and the variables that docs/storage.md names. */}}

{{- define "seedmill.storeEndpoint" -}}
{{- if .Values.s3.enabled -}}
http://{{ include "seedmill.fullname" . }}-s3.{{ .Release.Namespace }}.svc:{{ include "seedmill.s3Port" . }}
{{- else -}}
{{ .Values.store.endpoint }}
{{- end }}
{{- end }}

{{- define "seedmill.storeEnv" -}}
{{- with include "seedmill.storeEndpoint" . }}
- {name: SEEDMILL_S3_ENDPOINT, value: {{ . | quote }}}
- name: AWS_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ $.Values.store.existingSecret }}, key: {{ $.Values.store.accessKeyIdKey }}}}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ $.Values.store.existingSecret }}, key: {{ $.Values.store.secretAccessKeyKey }}}}
{{- end }}
{{- with .Values.store.region }}
- {name: AWS_REGION, value: {{ . | quote }}}
{{- end }}
{{- if .Values.store.caBundle.configMap }}
- {name: SSL_CERT_FILE, value: /etc/seedmill/ca/{{ .Values.store.caBundle.key }}}
{{- end }}
{{- end }}

{{- define "seedmill.storeMounts" -}}
{{- if .Values.store.caBundle.configMap }}
- {name: store-ca, mountPath: /etc/seedmill/ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "seedmill.storeVolumes" -}}
{{- with .Values.store.caBundle.configMap }}
- {name: store-ca, configMap: {name: {{ . }}}}
{{- end }}
{{- end }}
