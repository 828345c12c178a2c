{{/* Names, labels, ports and images. */}}

{{- define "seedmill.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* The release's name, which begins the name of each object. 40 characters leave room for what follows. */}}
{{- define "seedmill.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "seedmill.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "seedmill.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What selectors name: nothing here may change with a version or a value, since selectors are immutable. */}}
{{- define "seedmill.selector" -}}
app.kubernetes.io/name: {{ include "seedmill.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "seedmill.labels" -}}
{{ include "seedmill.selector" . }}
app.kubernetes.io/part-of: seedmill
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels that the operator puts on the pod of each run. */}}
{{- define "seedmill.runLabels" -}}
app.kubernetes.io/name: seedmill
app.kubernetes.io/component: run
{{- end }}

{{- define "seedmill.executionNamespace" -}}
{{- .Values.execution.namespace.name | default .Release.Namespace }}
{{- end }}

{{- define "seedmill.namespaceOf" -}}
{{- if eq .component "execution" }}{{ include "seedmill.executionNamespace" .root }}{{ else }}{{ .root.Release.Namespace }}{{ end }}
{{- end }}

{{/* Namespaces that have runs, as JSON; cluster-wide these cannot be listed, so it is the release's own. */}}
{{- define "seedmill.runNamespaces" -}}
{{- $watched := .Values.operator.watchNamespaces }}
{{- if or .Values.operator.clusterWide (not $watched) }}{{ $watched = list .Release.Namespace }}{{ end }}
{{- $watched | uniq | sortAlpha | toJson }}
{{- end }}

{{/* The services that are installed, as JSON. */}}
{{- define "seedmill.services" -}}
{{- $enabled := list }}
{{- range $name := list "seeding" "inference" "execution" "aggregation" }}
{{- if (index $.Values $name).enabled }}{{ $enabled = append $enabled $name }}{{ end }}
{{- end }}
{{- $enabled | toJson }}
{{- end }}

{{- define "seedmill.grpcPort" -}}50051{{- end }}
{{- define "seedmill.metricsPort" -}}9090{{- end }}
{{- define "seedmill.progressPort" -}}9095{{- end }}
{{- define "seedmill.enginePort" -}}8000{{- end }}
{{- define "seedmill.s3Port" -}}7070{{- end }}

{{/* Where a service is reached: its headless Service, one address for each pod. */}}
{{- define "seedmill.address" -}}
{{ include "seedmill.fullname" .root }}-{{ .component }}.{{ include "seedmill.namespaceOf" . }}.svc:{{ include "seedmill.grpcPort" .root }}
{{- end }}

{{- define "seedmill.image" -}}
{{- $name := .image.repository }}
{{- with .root.Values.global.imageRegistry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end }}
{{- $name = printf "%s:%s" $name (.image.tag | default .root.Chart.AppVersion) }}
{{- with .image.digest }}{{ $name = printf "%s@%s" $name . }}{{ end }}
{{- $name }}
{{- end }}
