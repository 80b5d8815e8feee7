{{/*
A worker's pod. Call: dict "root" $ "component" "worker-jobs" "roles" "jobs" "image" .Values.images.worker
and "resources", "cacheMiB"; perhaps "token", "cluster", "compiles", "spread", "shm" (true), "env" (a list), "heapMiB",
"graceSeconds", "placement", "datasets" (a claim).
*/}}
{{- define "kdx.worker.pod" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
metadata:
  labels:
    {{- include "kdx.labels" . | nindent 4 }}
    {{- with $values.worker.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # A change of what the pod reads at its start is a new pod.
    checksum/cluster: {{ include "kdx.clusterSettings" $root | sha256sum | trunc 16 | quote }}
    {{- with $values.worker.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "kdx.fullname" $root }}{{ if .token }}-jobs{{ end }}
  automountServiceAccountToken: {{ .token | default false }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .graceSeconds | default 60 }}
  {{- with $values.worker.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- include "kdx.podSecurity" $root | nindent 4 }}
  {{- with include "kdx.pullSecrets" $root | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "kdx.placement" .placement | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if .spread }}
  {{- include "kdx.spread" . | nindent 2 }}
  {{- end }}
  {{- if .compiles }}
  initContainers:
    # swc, which bundles the workflows, unpacks its library and refuses a folder that others may write, as
    # every emptyDir is: one within it that is ours alone.
    - name: folders
      image: {{ include "kdx.image" . }}
      imagePullPolicy: {{ $values.images.pullPolicy }}
      command: [node, -e, "require('node:fs').mkdirSync('/tmp/swc', { recursive: true, mode: 0o700 })"]
      resources:
        requests: { cpu: 50m, memory: 64Mi }
        limits: { memory: 128Mi }
      securityContext:
        {{- include "kdx.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        - { name: tmp, mountPath: /tmp }
  {{- end }}
  containers:
    - name: worker
      image: {{ include "kdx.image" . }}
      imagePullPolicy: {{ $values.images.pullPolicy }}
      {{- with $values.worker.command }}
      command:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      env:
        - { name: KDX_ROLES, value: {{ .roles | quote }} }
        - { name: KDX_TEMPORAL_ADDRESS, value: {{ include "kdx.temporal.address" $root | quote }} }
        - { name: KDX_TEMPORAL_NAMESPACE, value: {{ $values.temporal.namespace | quote }} }
        {{- with include "kdx.temporal.env" $root | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        - { name: KDX_S3_ENDPOINT, value: {{ include "kdx.s3.endpoint" $root | quote }} }
        - { name: KDX_S3_BUCKET, value: {{ $values.s3.bucket | quote }} }
        - { name: KDX_S3_CREDENTIALS_DIR, value: /var/run/kdx/s3 }
        - { name: KDX_MLFLOW_URL, value: {{ include "kdx.mlflow.url" $root | quote }} }
        {{- with include "kdx.mlflow.env" $root | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        - { name: KDX_STATE_DIR, value: /var/lib/kdx }
        - { name: KDX_CACHE_DIR, value: /var/cache/kdx }
        # A tenth is left for what is being written: a full volume would evict the pod.
        - { name: KDX_BLOB_CACHE_BYTES, value: {{ mulf .cacheMiB 1048576 0.9 | int64 | toString | quote }} }
        - { name: KDX_METRICS_PORT, value: {{ $values.worker.metricsPort | toString | quote }} }
        - { name: KDX_HEALTH_PORT, value: {{ $values.worker.healthPort | toString | quote }} }
        {{- with $values.worker.deployment }}
        - { name: KDX_DEPLOYMENT, value: {{ . | quote }} }
        - { name: KDX_BUILD_ID, value: {{ $values.worker.buildId | default $root.Chart.AppVersion | quote }} }
        {{- end }}
        {{- if .cluster }}
        - { name: KDX_CLUSTER_FILE, value: /etc/kdx/cluster.json }
        {{- end }}
        {{- range .env }}
        - {{ toJson . }}
        {{- end }}
        {{- with .heapMiB }}
        # A share of the container's limit; the rest is for buffers, children and the SDK's own core.
        - { name: NODE_OPTIONS, value: --max-old-space-size={{ . }} }
        {{- end }}
        - { name: HOME, value: /tmp }
        {{- if .compiles }}
        - { name: SWC_NATIVE_BINDING_CACHE, value: /var/cache/swc }
        {{- end }}
        {{- with $values.worker.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - { name: metrics, containerPort: {{ $values.worker.metricsPort }} }
        - { name: health, containerPort: {{ $values.worker.healthPort }} }
      startupProbe:
        httpGet: { path: /live, port: health }
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /live, port: health }
        periodSeconds: 20
        timeoutSeconds: 5
      readinessProbe:
        httpGet: { path: /ready, port: health }
        periodSeconds: 5
        timeoutSeconds: 3
      resources:
        {{- toYaml .resources | nindent 8 }}
      securityContext:
        {{- include "kdx.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        - { name: s3, mountPath: /var/run/kdx/s3, readOnly: true }
        {{- if .cluster }}
        - { name: cluster, mountPath: /etc/kdx, readOnly: true }
        {{- end }}
        {{- with include "kdx.temporal.mounts" $root | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        - { name: state, mountPath: /var/lib/kdx }
        - { name: cache, mountPath: /var/cache/kdx }
        - { name: tmp, mountPath: /tmp }
        {{- if .compiles }}
        - { name: tmp, mountPath: /var/cache/swc, subPath: swc }
        {{- end }}
        {{- if .shm }}
        - { name: shm, mountPath: /dev/shm }
        {{- end }}
        {{- if .datasets }}
        - { name: datasets, mountPath: /var/cache/kdx/blobs, readOnly: true }
        {{- end }}
  volumes:
    - name: s3
      secret: { secretName: {{ include "kdx.s3.secret" $root | quote }}, defaultMode: 0440 }
    {{- if .cluster }}
    - name: cluster
      configMap: { name: {{ include "kdx.fullname" $root }}-cluster }
    {{- end }}
    {{- with include "kdx.temporal.volumes" $root | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    - name: state
      emptyDir: { sizeLimit: 1Gi }
    - name: cache
      emptyDir: { sizeLimit: {{ .cacheMiB }}Mi }
    {{- include "kdx.tmpVolume" $root | nindent 4 }}
    {{- if .shm }}
    - name: shm
      emptyDir: { medium: Memory, sizeLimit: 256Mi }
    {{- end }}
    {{- if .datasets }}
    - name: datasets
      persistentVolumeClaim: { claimName: {{ .datasets | quote }}, readOnly: true }
    {{- end }}
{{- end -}}
