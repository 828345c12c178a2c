{{- define "seedmill.healthPort" -}}8080{{- end }}

{{/* The command line of the operator after `seedmill`, as JSON. The only place that knows its options. */}}
{{- define "seedmill.operatorArgs" -}}
{{- $args := list "operator" "--log-format" "json" "--log-level" .Values.operator.logLevel }}
{{- if .Values.operator.clusterWide }}
{{- $args = append $args "--all-namespaces" }}
{{- else }}
{{- range include "seedmill.runNamespaces" . | fromJsonArray }}{{ $args = concat $args (list "--namespace" .) }}{{ end }}
{{- end }}
{{- toJson $args }}
{{- end }}
