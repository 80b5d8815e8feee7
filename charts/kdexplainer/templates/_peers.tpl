{{/* Peers and ports of network policies. */}}

{{/* Pods of this release by component, from whichever namespace. Call: dict "root" $ "components" (list "minio"). */}}
{{- define "kdx.peers.own" -}}
- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .root.Release.Namespace }} } }
  podSelector:
    matchLabels:
      {{- include "kdx.instanceSelector" .root | nindent 6 }}
    matchExpressions:
      - { key: app.kubernetes.io/component, operator: In, values: {{ toJson .components }} }
{{- end -}}

{{- define "kdx.peers.legs" -}}
- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ include "kdx.legsNamespace" . }} } }
  podSelector:
    matchLabels:
      {{- include "kdx.legSelector" . | nindent 6 }}
{{- end -}}

{{/* An egress rule to one of the servers. Call: dict "root" $ "server" "s3". */}}
{{- define "kdx.egress.server" -}}
{{- $root := .root -}}
{{- $address := include (printf "kdx.%s.%s" .server (get (dict "temporal" "address" "s3" "endpoint" "mlflow" "url") .server)) $root -}}
{{- $outside := index $root.Values.networkPolicy.external .server -}}
{{- $isBundled := empty (get (dict "temporal" $root.Values.temporal.address "s3" $root.Values.s3.endpoint "mlflow" $root.Values.mlflow.url) .server) -}}
- to:
    {{- if $isBundled }}
    {{- include "kdx.peers.own" (dict "root" $root "components" (list (ternary "minio" .server (eq .server "s3")))) | nindent 4 }}
    {{- else }}
    {{- toYaml $outside | nindent 4 }}
    {{- end }}
  ports: [{ protocol: TCP, port: {{ include "kdx.port" $address }} }]
{{- end -}}

{{- define "kdx.egress.dns" -}}
{{- with .Values.networkPolicy.dns -}}
- to:
    {{- toYaml .peers | nindent 4 }}
  ports: [{ protocol: UDP, port: {{ .port }} }, { protocol: TCP, port: {{ .port }} }]
{{- end -}}
{{- end -}}

{{/* The components whose pods are workers: the three groups and the pool's. */}}
{{- define "kdx.workers" -}}
{{- $names := list "worker-workflows" "worker-jobs" "worker-reports" -}}
{{- range .Values.pool.flavours }}{{ $names = append $names (printf "pool-%s" .flavour) }}{{ end -}}
{{- toJson $names -}}
{{- end -}}

{{/* Metadata and selector of a policy in the release's namespace. Call: dict "root" $ "name" "x" "components" (list). */}}
{{- define "kdx.policy.head" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "kdx.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "kdx.labels" (dict "root" .root "component" "network") | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "kdx.instanceSelector" .root | nindent 6 }}
    matchExpressions:
      - { key: app.kubernetes.io/component, operator: In, values: {{ toJson .components }} }
{{- end -}}
