{{/* The fields that the gateway's container and its migration container share. */}}
{{- define "tintype.gatewayContainer" -}}
image: {{ include "tintype.image" (list . .Values.gateway.image) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- include "tintype.gatewayEnv" . | nindent 2 }}
{{- $from := .Values.gateway.extraEnvFrom }}
{{- with .Values.s3.existingSecret }}
{{- $from = append $from (dict "secretRef" (dict "name" .)) }}
{{- end }}
{{- with $from }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .Values.gateway.resources | nindent 2 }}
securityContext:
  {{- include "tintype.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  - {name: data, mountPath: /var/lib/tintype}
  - {name: spool, mountPath: /var/spool/tintype}
  - {name: catalog, mountPath: /etc/tintype/catalog, readOnly: true}
  - {name: credentials, mountPath: /etc/tintype/credentials, readOnly: true}
  {{- if include "tintype.jwtIssuers" . }}
  - {name: jwt-issuers, mountPath: /etc/tintype/jwt, readOnly: true}
  {{- end }}
  {{- with .Values.gateway.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "tintype.gatewayEnv" -}}
- {name: TINTYPE_HOST, value: 0.0.0.0}
- {name: TINTYPE_ADMIN_HOST, value: 0.0.0.0}
- {name: TINTYPE_DATA_DIR, value: /var/lib/tintype}
- {name: TINTYPE_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: TINTYPE_CATALOG_CONFIGMAP, value: {{ include "tintype.catalogConfigMap" . }}}
- {name: TINTYPE_CATALOG_MOUNT, value: /etc/tintype/catalog}
- {name: TINTYPE_CREDENTIALS_DIR, value: /etc/tintype/credentials}
{{- if .Values.gateway.watchCredentials }}
- {name: TINTYPE_CREDENTIALS_SECRET, value: {{ include "tintype.credentialsSecret" . }}}
{{- end }}
- {name: TINTYPE_SPOOL_DIR, value: /var/spool/tintype}
- {name: TINTYPE_SPOOL_MAX_BYTES, value: {{ .Values.gateway.spool.maxBytes | int64 | quote }}}
- {name: TINTYPE_PLAYGROUND, value: {{ .Values.gateway.playground | quote }}}
- {name: TINTYPE_PARAMETER_HANDLING, value: {{ .Values.gateway.parameterHandling }}}
- {name: TINTYPE_RESPONSE_PROFILE, value: {{ .Values.gateway.responseProfile }}}
- {name: TINTYPE_MICRO_CREDITS_PER_USD, value: {{ .Values.gateway.microCreditsPerUsd | int64 | quote }}}
- {name: TINTYPE_LOG_LEVEL, value: {{ .Values.gateway.logLevel }}}
{{- with .Values.gateway.defaultModelParams }}
- {name: DEFAULT_MODEL_PARAMS, value: {{ toJson . | quote }}}
{{- end }}
{{- with include "tintype.privateEnv" . | trim }}
{{ . }}
{{- end }}
{{- if .Values.gateway.demo }}
- {name: TINTYPE_DEMO, value: "true"}
{{- end }}
{{- if include "tintype.jwtIssuers" . }}
- {name: TINTYPE_JWT_ISSUERS, value: /etc/tintype/jwt/issuers.yaml}
{{- end }}
{{- with .Values.database }}
{{- if .existingSecret }}
- {name: TINTYPE_DATABASE_URL, valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .key }}}}}
{{- end }}
{{- end }}
{{- with .Values.adminToken }}
{{- if .existingSecret }}
- {name: TINTYPE_ADMIN_TOKEN, valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .key }}}}}
{{- end }}
{{- end }}
{{- with .Values.s3 }}
{{- if .bucket }}
- {name: AWS_S3_BUCKET, value: {{ .bucket }}}
- {name: AWS_S3_ACCELERATE, value: {{ .accelerate | quote }}}
- {name: TINTYPE_S3_PATH_STYLE, value: {{ .pathStyle | quote }}}
- {name: TINTYPE_S3_PREFIX, value: {{ .prefix | quote }}}
{{- with .encryption }}
- {name: TINTYPE_S3_ENCRYPTION, value: {{ . }}}
{{- end }}
{{- with .kmsKeyId }}
- {name: TINTYPE_S3_KMS_KEY_ID, value: {{ . | quote }}}
{{- end }}
{{- with .endpoint }}
- {name: AWS_ENDPOINT_URL_S3, value: {{ . }}}
{{- end }}
{{- end }}
{{- if .region }}
- {name: AWS_REGION, value: {{ .region }}}
{{- end }}
{{- end }}
{{- with .Values.imageFolder }}
{{- if .enabled }}
- {name: TINTYPE_IMAGE_STORE_DIR, value: /var/lib/tintype/images}
- {name: TINTYPE_IMAGE_STORE_MAX_BYTES, value: {{ .maxBytes | int64 | quote }}}
- {name: TINTYPE_PUBLIC_URL, value: {{ .publicUrl }}}
{{- end }}
{{- end }}
{{- with .Values.gateway.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The variables of both programs that say which private addresses bindings may call. */}}
{{- define "tintype.privateEnv" -}}
{{- if or .Values.gateway.allowPrivateEndpoints .Values.simulator.enabled }}
- {name: TINTYPE_ALLOW_PRIVATE_ENDPOINTS, value: "true"}
{{- end }}
{{- with .Values.gateway.allowedPrivateNetworks }}
- {name: TINTYPE_ALLOWED_PRIVATE_NETWORKS, value: {{ join "," . | quote }}}
{{- end }}
{{- end -}}

{{/* The YAML of all issuers, empty if there are none. */}}
{{- define "tintype.jwtIssuers" -}}
{{- $issuers := .Values.jwt.issuers -}}
{{- with .Values.jwt.serviceAccounts -}}
{{- if .enabled -}}
{{- $files := "/var/run/secrets/kubernetes.io/serviceaccount" -}}
{{- $own := dict "issuer" .issuer "audiences" (list .audience) "algorithms" (list "RS256" "ES256") "jwksUrl" "https://kubernetes.default.svc/openid/v1/jwks" "caFile" (printf "%s/ca.crt" $files) "bearerTokenFile" (printf "%s/token" $files) "accountClaim" .accountClaim "accountPrefix" .accountPrefix "autoCreateNamespaces" .autoCreateNamespaces "autoCreateMaxAccounts" (int .autoCreateMaxAccounts) -}}
{{- if not (kindIs "invalid" .autoCreateCredits) -}}
{{- $_ := set $own "autoCreateCredits" .autoCreateCredits -}}
{{- end -}}
{{- $issuers = append $issuers $own -}}
{{- end -}}
{{- end -}}
{{- with $issuers }}{{ toYaml . }}{{ end -}}
{{- end -}}
