{{/* Where the three servers are: those that the values name, else the bundled ones. */}}

{{- define "kdx.temporal.address" -}}
{{- default (printf "%s-temporal.%s.svc:7233" (include "kdx.fullname" .) .Release.Namespace) .Values.temporal.address -}}
{{- end -}}

{{- define "kdx.s3.endpoint" -}}
{{- default (printf "http://%s-minio.%s.svc:9000" (include "kdx.fullname" .) .Release.Namespace) .Values.s3.endpoint -}}
{{- end -}}

{{- define "kdx.s3.secret" -}}
{{- default (printf "%s-s3" (include "kdx.fullname" .)) .Values.s3.existingSecret -}}
{{- end -}}

{{- define "kdx.mlflow.url" -}}
{{- default (printf "http://%s-mlflow.%s.svc:5000" (include "kdx.fullname" .) .Release.Namespace) .Values.mlflow.url -}}
{{- end -}}

{{/* The port of an address or a URL; for a URL without one, its scheme's. */}}
{{- define "kdx.port" -}}
{{- $host := regexReplaceAll "^https?://" . "" -}}
{{- if regexMatch ":[0-9]+$" $host -}}
{{- regexFind "[0-9]+$" $host -}}
{{- else if hasPrefix "https://" . -}}
443
{{- else -}}
80
{{- end -}}
{{- end -}}

{{/* How a container of the plain CLI reaches Temporal. */}}
{{- define "kdx.temporal.cliEnv" -}}
- { name: TEMPORAL_ADDRESS, value: {{ include "kdx.temporal.address" . | quote }} }
- { name: TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace | quote }} }
{{- with include "kdx.temporal.env" . | trim }}
{{ . }}
{{- end }}
{{- end -}}

{{/* TLS and key of Temporal: the same variables for our programs and for the plain CLI. */}}
{{- define "kdx.temporal.env" -}}
{{- with .Values.temporal.tls }}
{{- if .enabled }}
- { name: TEMPORAL_TLS, value: 'true' }
{{- with .serverName }}
- { name: TEMPORAL_TLS_SERVER_NAME, value: {{ . | quote }} }
{{- end }}
{{- if and .existingSecret .ca }}
- { name: TEMPORAL_TLS_SERVER_CA_CERT_PATH, value: /var/run/kdx/temporal/ca.crt }
{{- end }}
{{- if .clientCertificate }}
- { name: TEMPORAL_TLS_CLIENT_CERT_PATH, value: /var/run/kdx/temporal/tls.crt }
- { name: TEMPORAL_TLS_CLIENT_KEY_PATH, value: /var/run/kdx/temporal/tls.key }
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.temporal.apiKey }}
{{- if .existingSecret }}
- name: TEMPORAL_API_KEY
  valueFrom: { secretKeyRef: { name: {{ .existingSecret | quote }}, key: {{ .key | quote }} } }
{{- end }}
{{- end }}
{{- end -}}

{{- define "kdx.temporal.mounts" -}}
{{- if and .Values.temporal.tls.enabled .Values.temporal.tls.existingSecret }}
- { name: temporal-tls, mountPath: /var/run/kdx/temporal, readOnly: true }
{{- end }}
{{- end -}}

{{- define "kdx.temporal.volumes" -}}
{{- if and .Values.temporal.tls.enabled .Values.temporal.tls.existingSecret }}
- name: temporal-tls
  secret: { secretName: {{ .Values.temporal.tls.existingSecret | quote }}, defaultMode: 0440 }
{{- end }}
{{- end -}}

{{- define "kdx.mlflow.env" -}}
{{- with .Values.mlflow.auth }}
{{- if and .existingSecret (eq .kind "token") }}
- name: MLFLOW_TRACKING_TOKEN
  valueFrom: { secretKeyRef: { name: {{ .existingSecret | quote }}, key: token } }
{{- else if .existingSecret }}
- name: MLFLOW_TRACKING_USERNAME
  valueFrom: { secretKeyRef: { name: {{ .existingSecret | quote }}, key: username } }
- name: MLFLOW_TRACKING_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .existingSecret | quote }}, key: password } }
{{- end }}
{{- end }}
{{- end -}}
