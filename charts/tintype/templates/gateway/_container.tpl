{{/*
The fields that the gateway's container and its migration container share. Takes
(list . COMPONENT VALUES), where COMPONENT is `gateway` or `worker`.
*/}}
{{- define "tintype.gatewayContainer" -}}
{{- $component := index . 1 }}
{{- $values := index . 2 }}
{{- with index . 0 -}}
image: {{ include "tintype.image" (list . .Values.gateway.image) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- include "tintype.gatewayEnv" (list . $component) | nindent 2 }}
{{- $from := .Values.gateway.extraEnvFrom }}
{{- with .Values.s3.existingSecret }}
{{- $from = append $from (dict "secretRef" (dict "name" .)) }}
{{- end }}
{{- with $from }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml $values.resources | nindent 2 }}
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
  {{- if .Values.webhooks.existingSecret }}
  - {name: webhooks, mountPath: /etc/tintype/webhooks, readOnly: true}
  {{- end }}
  {{- if .Values.guardrail.existingSecret }}
  - {name: guardrail, mountPath: /etc/tintype/guardrail, readOnly: true}
  {{- end }}
  {{- if .Values.jobs.enabled }}
  - {name: job-keys, mountPath: /etc/tintype/jobs, readOnly: true}
  {{- end }}
  {{- if include "tintype.adminTokenFiles" . }}
  - {name: admin-tokens, mountPath: /etc/tintype/admin-tokens, readOnly: true}
  {{- end }}
  {{- with .Values.gateway.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "tintype.gatewayEnv" -}}
{{- $component := index . 1 }}
{{- with index . 0 -}}
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
{{- if and .Values.gateway.demo (eq $component "gateway") }}
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
{{- with .Values.webhooks }}
{{- if .existingSecret }}
- {name: TINTYPE_WEBHOOK_URL, valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .urlKey }}}}}
- {name: TINTYPE_WEBHOOK_SECRETS_FILE, value: /etc/tintype/webhooks/secrets}
- {name: TINTYPE_WEBHOOK_AUDIT, value: {{ .audit | quote }}}
{{- end }}
{{- end }}
{{- with .Values.guardrail }}
{{- if .existingSecret }}
- {name: TINTYPE_GUARDRAIL_URL, valueFrom: {secretKeyRef: {name: {{ .existingSecret }}, key: {{ .urlKey }}}}}
- {name: TINTYPE_GUARDRAIL_SECRETS_FILE, value: /etc/tintype/guardrail/secrets}
- {name: TINTYPE_GUARDRAIL_TIMEOUT_SECONDS, value: {{ .timeoutSeconds | quote }}}
- {name: TINTYPE_GUARDRAIL_ON_FAILURE, value: {{ .onFailure }}}
- {name: TINTYPE_GUARDRAIL_INPUT_IMAGES, value: {{ .inputImages }}}
- {name: TINTYPE_GUARDRAIL_OUTPUT_IMAGES, value: {{ .outputImages }}}
{{- end }}
{{- end }}
{{- if include "tintype.adminTokenFiles" . }}
- {name: TINTYPE_ADMIN_TOKENS_DIR, value: /etc/tintype/admin-tokens}
{{- end }}
{{- with include "tintype.adminServiceAccounts" . }}
- {name: TINTYPE_ADMIN_SERVICE_ACCOUNTS, value: {{ . | quote }}}
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
{{- include "tintype.jobsEnv" (list . $component) }}
{{- with .Values.gateway.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* The variables of jobs, after a line break. */}}
{{- define "tintype.jobsEnv" }}
{{- $isWorker := eq (index . 1) "worker" }}
{{- $gateway := (index . 0).Values.gateway }}
{{- with (index . 0).Values.jobs }}
{{- if .enabled }}
- {name: TINTYPE_JOBS_KEY_FILE, value: /etc/tintype/jobs/keys}
- {name: TINTYPE_JOBS_CONCURRENCY, value: {{ ternary .concurrency 0 (or $isWorker (not .workers.enabled)) | int64 | quote }}}
- {name: TINTYPE_JOBS_MAX_QUEUED, value: {{ .maxQueued | int64 | quote }}}
- {name: TINTYPE_JOBS_MAX_RUNNING, value: {{ .maxRunning | int64 | quote }}}
- {name: TINTYPE_JOBS_MAX_UPLOAD_BYTES, value: {{ .maxUploadBytes | int64 | quote }}}
- {name: TINTYPE_JOBS_MAX_QUEUED_SECONDS, value: {{ .maxQueuedSeconds | int64 | quote }}}
- {name: TINTYPE_JOBS_RETENTION_SECONDS, value: {{ .retentionSeconds | int64 | quote }}}
{{- /* What follows the drain takes up to 30 seconds. */}}
{{- $seconds := sub $gateway.terminationGracePeriodSeconds (add $gateway.preStopSeconds 20) }}
{{- if $isWorker }}
{{- $seconds = sub .workers.terminationGracePeriodSeconds 30 }}
{{- end }}
- {name: TINTYPE_JOBS_DRAIN_SECONDS, value: {{ max 0 $seconds | quote }}}
{{- else }}
- {name: TINTYPE_JOBS_ENABLED, value: "false"}
{{- end }}
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

{{/* The sources of the volume with the tokens of admins, as a JSON list; empty without one. */}}
{{- define "tintype.adminTokenFiles" -}}
{{- $sources := list -}}
{{- with .Values.adminApi.tokens.existingSecret -}}
{{- $sources = append $sources (dict "secret" (dict "name" .)) -}}
{{- end -}}
{{- if not .Values.adminApi.serviceAccounts.enabled -}}
{{- with .Values.adminApi.operatorToken -}}
{{- if .existingSecret -}}
{{- $file := dict "key" .key "path" "operator.admin" -}}
{{- $sources = append $sources (dict "secret" (dict "name" .existingSecret "items" (list $file))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $sources }}{{ toJson . }}{{ end -}}
{{- end -}}

{{/* The ServiceAccounts that are admins, NAMESPACE/NAME=ROLE separated by commas. */}}
{{- define "tintype.adminServiceAccounts" -}}
{{- if .Values.adminApi.serviceAccounts.enabled -}}
{{- $operator := printf "%s/%s-operator" .Release.Namespace (include "tintype.fullname" .) -}}
{{- $entries := list -}}
{{- range $name, $role := merge (dict $operator "admin") .Values.adminApi.serviceAccounts.roles -}}
{{- $entries = append $entries (printf "%s=%s" $name $role) -}}
{{- end -}}
{{- join "," $entries -}}
{{- end -}}
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
