{{/* The four services: what each is started with, and what only some of them have. */}}

{{/* The command line after `seedmill`, as JSON. Tests parse it with the real one. */}}
{{- define "seedmill.serviceArgs" -}}
{{- $args := list "serve" .component "--address" (printf "0.0.0.0:%s" (include "seedmill.grpcPort" .root)) }}
{{- $args = concat $args (list "--metrics-address" (printf "0.0.0.0:%s" (include "seedmill.metricsPort" .root))) }}
{{- $args = concat $args (list "--drain-seconds" (toString .values.drainSeconds)) }}
{{- $args = concat $args (list "--grace-seconds" (toString .values.graceSeconds)) }}
{{- $args = concat $args (list "--log-format" "json" "--log-level" .values.logLevel) }}
{{- if eq .component "inference" }}
{{- range include "seedmill.endpoints" .root | fromJsonArray }}{{ $args = concat $args (list "--endpoint" .) }}{{ end }}
{{- $args = concat $args (list "--gpus" (include "seedmill.gpus" .root)) }}
{{- end }}
{{- if eq .component "execution" }}
{{- $isolation := ternary "pod" "process" (ne .values.runtimeClassName "") }}
{{- $args = concat $args (list "--isolation" $isolation "--workers" (toString .values.workers)) }}
{{- end }}
{{- toJson $args }}
{{- end }}

{{/* Endpoints of the gateway, as JSON: those of the values, and the chart's own engines. */}}
{{- define "seedmill.endpoints" -}}
{{- $endpoints := .Values.inference.endpoints }}
{{- range .Values.engines.models }}
{{- $service := printf "%s-engine-%s.%s.svc" (include "seedmill.fullname" $) .name $.Release.Namespace }}
{{- $endpoints = append $endpoints (printf "openai:http://%s:%s/v1" $service (include "seedmill.enginePort" $)) }}
{{- end }}
{{- $endpoints | toJson }}
{{- end }}

{{/* GPUs behind the gateway: those of the values, and of the chart's own engines. */}}
{{- define "seedmill.gpus" -}}
{{- $gpus := .Values.inference.gpus }}
{{- range .Values.engines.models }}
{{- $gpus = addf $gpus (mulf (.gpus | default 1) (.replicas | default 1)) }}
{{- end }}
{{- printf "%g" (float64 $gpus) }}
{{- end }}

{{/* The health service's name for it: `seedmill.v1alpha1.SeedingService`. */}}
{{- define "seedmill.grpcService" -}}
seedmill.v1alpha1.{{ title . }}Service
{{- end }}

{{- define "seedmill.usesStore" -}}
{{- if has . (list "seeding" "aggregation") }}true{{ end }}
{{- end }}

{{/* Execution in a gVisor pod is root of its sandbox: it gives each program users, mounts and namespaces of its own. */}}
{{- define "seedmill.sandboxed" -}}
{{- if and (eq .component "execution") .values.runtimeClassName }}true{{ end }}
{{- end }}

{{- define "seedmill.sandboxSecurityContext" -}}
runAsUser: 0
runAsNonRoot: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  add: [SYS_ADMIN, SETUID, SETGID, KILL, CHOWN, DAC_OVERRIDE, SETPCAP]
{{- end }}
