{{- define "skuprt.name" -}}
skupper-controller
{{- end }}

{{- define "skuprt.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "skuprt.podLabels" -}}
application: {{ include "skuprt.name" . }}
app.kubernetes.io/name: {{ include "skuprt.name" . }}
app.kubernetes.io/part-of: skupper
{{- end }}

{{- define "skuprt.labels" -}}
application: {{ include "skuprt.name" . }}
app.kubernetes.io/name: {{ include "skuprt.name" . }}
app.kubernetes.io/part-of: skuprt
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "skuprt.subjects" -}}
- kind: ServiceAccount
  name: {{ include "skuprt.name" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "skuprt.hasServices" -}}
{{- if and .Values.services.enabled (eq .Values.scope "cluster") }}true{{ end }}
{{- end }}

{{- /* Of the processes of services: a list of the root and the name. */}}
{{- define "skuprt.labelsOf" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 -}}
application: {{ $name }}
app.kubernetes.io/name: {{ $name }}
app.kubernetes.io/part-of: skuprt
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}

{{- define "skuprt.podLabelsOf" -}}
application: {{ . }}
app.kubernetes.io/name: {{ . }}
app.kubernetes.io/part-of: skuprt
{{- end }}
