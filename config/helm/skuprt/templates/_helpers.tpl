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
