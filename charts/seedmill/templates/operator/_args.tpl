{{- define "seedmill.healthPort" -}}8080{{- end }}

{{/* The command line of the operator after `seedmill`, as JSON. The only place that knows its options. */}}
{{- define "seedmill.operatorArgs" -}}
{{- $operator := .Values.operator }}
{{- $args := list "operator" "--log-format" "json" "--log-level" $operator.logLevel }}
{{- if $operator.clusterWide }}
{{- $args = append $args "--all-namespaces" }}
{{- else }}
{{- range include "seedmill.runNamespaces" . | fromJsonArray }}{{ $args = concat $args (list "--namespace" .) }}{{ end }}
{{- end }}
{{- $args = concat $args (list "--metrics-address" (printf "0.0.0.0:%s" (include "seedmill.metricsPort" .))) }}
{{- $args = concat $args (list "--health-address" (printf "0.0.0.0:%s" (include "seedmill.healthPort" .))) }}
{{- range include "seedmill.services" . | fromJsonArray }}
{{- $args = concat $args (list (printf "--%s" .) (include "seedmill.address" (dict "root" $ "component" .))) }}
{{- end }}
{{- $args = concat $args (list "--store" .Values.store.uri) }}
{{- with include "seedmill.storeEndpoint" . }}{{ $args = concat $args (list "--store-endpoint" .) }}{{ end }}
{{- with .Values.store }}
{{- with .region }}{{ $args = concat $args (list "--store-region" .) }}{{ end }}
{{- if .existingSecret }}
{{- $args = concat $args (list "--store-secret" .existingSecret "--store-access-key-id-key" .accessKeyIdKey) }}
{{- $args = concat $args (list "--store-secret-access-key-key" .secretAccessKeyKey) }}
{{- end }}
{{- if .caBundle.configMap }}
{{- $args = concat $args (list "--store-ca-config-map" .caBundle.configMap "--store-ca-key" .caBundle.key) }}
{{- end }}
{{- end }}
{{- $args = concat $args (list "--image" (include "seedmill.image" (dict "root" . "image" .Values.image))) }}
{{- $args = concat $args (list "--pull-policy" .Values.image.pullPolicy) }}
{{- range .Values.global.imagePullSecrets }}{{ $args = concat $args (list "--pull-secret" .name) }}{{ end }}
{{- with $operator.runs }}
{{- with .serviceAccountName }}{{ $args = concat $args (list "--run-service-account" .) }}{{ end }}
{{- $args = concat $args (list "--run-cpu" .cpu "--run-memory" .memory "--run-memory-limit" .memoryLimit) }}
{{- $args = concat $args (list "--run-temporary" .tmpSize "--run-grace-seconds" (toString .graceSeconds)) }}
{{- end }}
{{- if .Values.tls.enabled }}
{{- $args = concat $args (list "--tls" (include "seedmill.tlsFolder" .)) }}
{{- $args = concat $args (list "--tls-secret" (include "seedmill.tlsSecret" (dict "root" . "component" "run"))) }}
{{- end }}
{{- toJson $args }}
{{- end }}
