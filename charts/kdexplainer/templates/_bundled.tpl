{{/*
A server for evaluation: one replica on one volume that outlives the release. Call: dict "root" $ "name" "minio"
"values" .Values.s3 "container" (YAML of the container, without name, image and security) and perhaps "init".
*/}}
{{- define "kdx.bundled" -}}
{{- $root := .root -}}
{{- $own := dict "root" $root "component" .name -}}
{{- $bundled := .values.bundled -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "kdx.fullname" $root }}-{{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "kdx.labels" $own | nindent 4 }}
spec:
  # One: nothing here is replicated. Use servers of your own for results that must last.
  replicas: 1
  serviceName: {{ include "kdx.fullname" $root }}-{{ .name }}
  selector:
    matchLabels:
      {{- include "kdx.selector" $own | nindent 6 }}
  # The data stays when the release goes: `kubectl delete pvc` is yours to say.
  persistentVolumeClaimRetentionPolicy: { whenDeleted: Retain, whenScaled: Retain }
  template:
    metadata:
      labels:
        {{- include "kdx.labels" $own | nindent 8 }}
    spec:
      serviceAccountName: {{ include "kdx.fullname" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 60
      securityContext:
        {{- include "kdx.podSecurity" $root | nindent 8 }}
      {{- with include "kdx.pullSecrets" $root | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with include "kdx.placement" $bundled | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with .init }}
      initContainers:
        {{- . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ include "kdx.image" (dict "root" $root "image" .values.image) }}
          imagePullPolicy: {{ $root.Values.images.pullPolicy }}
          {{- .container | nindent 10 }}
          resources:
            {{- toYaml $bundled.resources | nindent 12 }}
          securityContext:
            {{- include "kdx.containerSecurity" $root | nindent 12 }}
          volumeMounts:
            - { name: data, mountPath: /data }
            - { name: tmp, mountPath: /tmp }
            {{- if eq .name "minio" }}
            - { name: s3, mountPath: /var/run/kdx/s3, readOnly: true }
            {{- end }}
      volumes:
        {{- include "kdx.tmpVolume" $root | nindent 8 }}
        {{- if eq .name "minio" }}
        - name: s3
          secret: { secretName: {{ include "kdx.s3.secret" $root | quote }}, defaultMode: 0440 }
        {{- end }}
  volumeClaimTemplates:
    - metadata:
        name: data
        labels:
          {{- include "kdx.selector" $own | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $bundled.storage.className }}
        storageClassName: {{ . | quote }}
        {{- end }}
        resources:
          requests: { storage: {{ $bundled.storage.size }} }
{{- end -}}

{{/* Call: dict "root" $ "name" "minio" "ports" (dict "s3" 9000). */}}
{{- define "kdx.bundledService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "kdx.fullname" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "kdx.labels" (dict "root" .root "component" .name) | nindent 4 }}
spec:
  selector:
    {{- include "kdx.selector" (dict "root" .root "component" .name) | nindent 4 }}
  ports:
    {{- range $name, $port := .ports }}
    - { name: {{ $name }}, port: {{ $port }}, targetPort: {{ $name }} }
    {{- end }}
{{- end -}}
