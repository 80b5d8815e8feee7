{{/* What the role `jobs` knows of this cluster: the object JobSettings of k8s/settings.ts. */}}
{{- define "kdx.clusterSettings" -}}
{{- $settings := dict
  "namespace" (include "kdx.legsNamespace" .)
  "image" (include "kdx.image" (dict "root" . "image" .Values.images.trainer))
  "imagePullPolicy" .Values.images.pullPolicy
  "flavours" .Values.legs.flavours
  "store" (dict
    "endpoint" (include "kdx.s3.endpoint" .)
    "bucket" .Values.s3.bucket
    "secret" (include "kdx.s3.secret" .))
  "graceSeconds" (int .Values.legs.graceSeconds)
  "keepSeconds" (int .Values.legs.keepSeconds)
  "checkpointSeconds" (int .Values.legs.checkpointSeconds)
  "cacheMiB" (int .Values.legs.cacheMiB)
  "labels" (merge (dict "app.kubernetes.io/instance" .Release.Name) .Values.legs.labels)
  "annotations" .Values.legs.annotations -}}
{{- with .Values.images.pullSecrets }}{{ $_ := set $settings "imagePullSecrets" . }}{{ end -}}
{{- with .Values.legs.datasetClaim }}{{ $_ := set $settings "datasetClaim" . }}{{ end -}}
{{- $pool := list -}}
{{- range .Values.pool.flavours }}{{ $pool = append $pool .flavour }}{{ end -}}
{{- with $pool }}{{ $_ := set $settings "pool" . }}{{ end -}}
{{- if .Values.priorities.enabled }}{{ $_ := set $settings "priorities" (include "kdx.byKind" . | fromJson) }}{{ end -}}
{{- if .Values.kueue.enabled -}}
{{- $_ := set $settings "queue" (include "kdx.kueue.queue" .) -}}
{{- $_ := set $settings "queuePriorities" (include "kdx.byKind" . | fromJson) -}}
{{- end -}}
{{- toPrettyJson $settings -}}
{{- end -}}

{{/* The name of a kind's class, of Kubernetes' and of Kueue's: the same one. */}}
{{- define "kdx.byKind" -}}
{{- $names := dict -}}
{{- range $kind := list "teach" "evaluate" "explain" "train" -}}
{{- $_ := set $names $kind (printf "%s-%s" (include "kdx.clusterName" $) $kind) -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{/* Of objects without a namespace: two releases of one name in two namespaces must not share them. */}}
{{- define "kdx.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "kdx.fullname" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "kdx.kueue.queue" -}}
{{- default (include "kdx.fullname" .) .Values.kueue.queue -}}
{{- end -}}

{{/* Where clients from outside, and people, find the servers. */}}
{{- define "kdx.connection" -}}
{{- toPrettyJson (dict
  "temporal" (dict "address" (include "kdx.temporal.address" .) "namespace" .Values.temporal.namespace)
  "s3" (dict
    "endpoint" (include "kdx.s3.endpoint" .)
    "bucket" .Values.s3.bucket
    "secret" (include "kdx.s3.secret" .))
  "mlflow" (dict "url" (include "kdx.mlflow.url" .))) -}}
{{- end -}}
