{{/* What the schema cannot say: values that contradict one another. The message names the value and what to do. */}}

{{- define "seedmill.validate" -}}
{{- with .Values.execution }}
{{- if and .enabled (not .runtimeClassName) (not .insecureNoSandbox) }}
{{- fail "execution.runtimeClassName is empty, so programs would run without a sandbox: name the RuntimeClass of gVisor, or set execution.insecureNoSandbox=true" }}
{{- end }}
{{- if and .enabled .runtimeClassName .insecureNoSandbox }}
{{- fail "execution.insecureNoSandbox=true goes with an empty execution.runtimeClassName: set one of the two" }}
{{- end }}
{{- if and .namespace.create (not .namespace.name) }}
{{- fail "execution.namespace.create needs execution.namespace.name" }}
{{- end }}
{{- end }}
{{- if and .Values.s3.enabled .Values.store.endpoint }}
{{- fail "s3.enabled and store.endpoint: the release has one store, set one of the two" }}
{{- end }}
{{- if and (or .Values.s3.enabled .Values.store.endpoint) (not .Values.store.existingSecret) }}
{{- fail "store.existingSecret is empty: name the Secret that holds the store's keys" }}
{{- end }}
{{- if and .Values.store.uri (not (include "seedmill.storeEndpoint" .)) }}
{{- fail "store.uri needs store.endpoint, or s3.enabled" }}
{{- end }}
{{- if and .Values.operator.enabled (not (and .Values.seeding.enabled .Values.aggregation.enabled)) }}
{{- fail "operator.enabled needs seeding.enabled and aggregation.enabled: no run goes without them" }}
{{- end }}
{{- if and .Values.operator.clusterWide .Values.operator.watchNamespaces }}
{{- fail "operator.clusterWide and operator.watchNamespaces: set one of the two" }}
{{- end }}
{{- range $name := list "seeding" "inference" "execution" "aggregation" }}
{{- $scaling := (index $.Values $name).autoscaling }}
{{- if and $scaling.enabled (eq $scaling.kind "KEDA") (not $scaling.triggers) }}
{{- fail (printf "%s.autoscaling.kind is KEDA: list %s.autoscaling.triggers" $name $name) }}
{{- end }}
{{- end }}
{{- $seen := list }}
{{- range .Values.engines.models }}
{{- if has .name $seen }}{{ fail (printf "engines.models: two are named %s" .name) }}{{ end }}
{{- $seen = append $seen .name }}
{{- if and (gt (int (.replicas | default 1)) 1) $.Values.engines.cache.enabled (eq $.Values.engines.cache.accessMode "ReadWriteOnce") }}
{{- fail (printf "engines.models: %s has several replicas, which cannot share a ReadWriteOnce cache: set engines.cache.accessMode=ReadWriteMany" .name) }}
{{- end }}
{{- end }}
{{- if and .Values.engines.models (not .Values.inference.enabled) }}
{{- fail "engines.models needs inference.enabled: engines are reached through the gateway" }}
{{- end }}
{{- end }}
