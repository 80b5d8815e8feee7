{{/* One of legs.flavours by its name, as JSON. Call: dict "root" $ "name" "a100". */}}
{{- define "kdx.flavour" -}}
{{- $found := dict -}}
{{- $names := list -}}
{{- range .root.Values.legs.flavours -}}
{{- $names = append $names .name -}}
{{- if eq .name $.name }}{{ $found = . }}{{ end -}}
{{- end -}}
{{- if not $found -}}
{{- fail (printf "no flavour %q in legs.flavours; there are %s" .name (join ", " $names)) -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}
