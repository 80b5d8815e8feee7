{{- define "kdx.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters, so that every name made from it fits into 63. */}}
{{- define "kdx.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "kdx.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "kdx.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "kdx.legsNamespace" -}}
{{- default .Release.Namespace .Values.legs.namespace -}}
{{- end -}}

{{/* What a Service, a policy and a budget select. Call: dict "root" $ "component" "minio". */}}
{{- define "kdx.selector" -}}
app.kubernetes.io/name: {{ include "kdx.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "kdx.labels" -}}
{{ include "kdx.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* Every pod of this release, the Jobs' pods apart: those carry labels of their own. */}}
{{- define "kdx.instanceSelector" -}}
app.kubernetes.io/name: {{ include "kdx.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The pods of legs, as k8s/manifest.ts labels them; the instance comes from this chart. */}}
{{- define "kdx.legSelector" -}}
app.kubernetes.io/name: kdexplainer
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: leg
app.kubernetes.io/managed-by: kdexplainer
{{- end -}}

{{/* Call: dict "root" $ "image" .Values.images.worker. A digest goes before a tag. */}}
{{- define "kdx.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag | toString) -}}
{{- end -}}
{{- end -}}
