{{/* Of every pod of ours: what Pod Security "restricted" asks for, and an id that no image chooses. */}}
{{- define "kdx.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "kdx.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "kdx.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Where a pod may run. Call with a group of values that has nodeSelector, tolerations and perhaps affinity. */}}
{{- define "kdx.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Two replicas are no help on one node. Call: dict "root" $ "component" "worker-jobs". */}}
{{- define "kdx.spread" -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "kdx.selector" $ | nindent 8 }}
  {{- end }}
{{- end -}}

{{/* Pulls, and a folder that may be written. */}}
{{- define "kdx.tmpVolume" -}}
- name: tmp
  emptyDir: { sizeLimit: 256Mi }
{{- end -}}

{{/* Three fifths of a quantity of memory (Mi or Gi), in MiB; empty for any other. */}}
{{- define "kdx.heapMiB" -}}
{{- $quantity := . | toString -}}
{{- if regexMatch "^[0-9]+(Mi|Gi)$" $quantity -}}
{{- $unit := ternary 1024 1 (hasSuffix "Gi" $quantity) -}}
{{- div (mul (regexFind "^[0-9]+" $quantity | int) $unit 3) 5 -}}
{{- end -}}
{{- end -}}
