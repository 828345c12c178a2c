{{/* Who is who between operator, runs and services: a certificate for each, in a Secret of its namespace. */}}

{{- define "seedmill.tlsFolder" -}}/run/seedmill/tls{{- end }}

{{/* The Secret of a component: the one that the values name, or the chart's own. */}}
{{- define "seedmill.tlsSecret" -}}
{{- get .root.Values.tls.existingSecrets .component | default (printf "%s-tls-%s" (include "seedmill.fullname" .root) .component) }}
{{- end }}

{{/* Components and the namespaces that need their certificate, as JSON: [{component, namespace}, …]. */}}
{{- define "seedmill.tlsParts" -}}
{{- $parts := list }}
{{- range include "seedmill.services" . | fromJsonArray }}
{{- $parts = append $parts (dict "component" . "namespace" (include "seedmill.namespaceOf" (dict "root" $ "component" .))) }}
{{- end }}
{{- if .Values.operator.enabled }}{{ $parts = append $parts (dict "component" "operator" "namespace" .Release.Namespace) }}{{ end }}
{{- $parts = append $parts (dict "component" "test" "namespace" .Release.Namespace) }}
{{- range include "seedmill.runNamespaces" . | fromJsonArray }}
{{- $parts = append $parts (dict "component" "run" "namespace" .) }}
{{- end }}
{{- toJson $parts }}
{{- end }}

{{/* The name by which a component is known: a DNS name of nobody's network. */}}
{{- define "seedmill.tlsName" -}}{{ . }}.seedmill.internal{{- end }}

{{- define "seedmill.tlsEnv" -}}
{{- if .Values.tls.enabled }}
- {name: SEEDMILL_TLS, value: {{ include "seedmill.tlsFolder" . }}}
{{- end }}
{{- end }}

{{- define "seedmill.tlsMounts" -}}
{{- if .Values.tls.enabled }}
- {name: tls, mountPath: {{ include "seedmill.tlsFolder" . }}, readOnly: true}
{{- end }}
{{- end }}

{{/* Files are the group's, which the pod's fsGroup is; `.mode` makes them its owner's alone. */}}
{{- define "seedmill.tlsVolumes" -}}
{{- if .root.Values.tls.enabled }}
- {name: tls, secret: {secretName: {{ include "seedmill.tlsSecret" . }}, defaultMode: {{ .mode | default "0440" }}}}
{{- end }}
{{- end }}
