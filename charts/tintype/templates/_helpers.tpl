{{- define "tintype.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Takes (list . COMPONENT), like the templates below. */}}
{{- define "tintype.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: tintype
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "tintype.labels" -}}
{{- $root := index . 0 -}}
{{ include "tintype.selector" . }}
app.kubernetes.io/part-of: tintype
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "tintype.metadata" -}}
name: {{ include "tintype.fullname" (index . 0) }}-{{ index . 1 }}
namespace: {{ (index . 0).Release.Namespace }}
labels:
  {{- include "tintype.labels" . | nindent 2 }}
{{- end -}}

{{/* Takes (list . IMAGE), an image of the values. */}}
{{- define "tintype.image" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image := index . 1 -}}
{{ $image.repository }}:{{ coalesce $image.tag $root.Values.image.tag $root.Chart.AppVersion }}
{{- end -}}

{{- define "tintype.catalogConfigMap" -}}{{ include "tintype.fullname" . }}-catalog{{- end -}}
{{/* The names of all ConfigMaps that the catalog may use, as a JSON list. */}}
{{- define "tintype.catalogConfigMaps" -}}
{{- $name := include "tintype.catalogConfigMap" . -}}
{{- $names := list $name -}}
{{- range $slot := until 8 -}}
{{- $names = append $names (printf "%s-part-%d" $name $slot) -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}
{{- define "tintype.credentialsSecret" -}}{{ include "tintype.fullname" . }}-credentials{{- end -}}
{{- define "tintype.leaderElection" -}}{{ gt (int .Values.operator.replicas) 1 }}{{- end -}}

{{/* The fields of all pods, according to the Pod Security Standard "restricted". */}}
{{- define "tintype.pod" -}}
enableServiceLinks: false  # a Service named tintype would set TINTYPE_PORT
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "tintype.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Takes the values of a component, and returns the scheduling fields of its pods. */}}
{{- define "tintype.placement" -}}
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
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Takes (list . COMPONENT): binds the Role of a component to its ServiceAccount. */}}
{{- define "tintype.roleBinding" -}}
{{- $name := printf "%s-%s" (include "tintype.fullname" (index . 0)) (index . 1) -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "tintype.metadata" . | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ $name }}}
subjects:
  - {kind: ServiceAccount, name: {{ $name }}, namespace: {{ (index . 0).Release.Namespace }}}
{{- end -}}

{{/* "true" if there may be more than one gateway. */}}
{{- define "tintype.severalGateways" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.gateway.replicas) 1) }}true{{ end -}}
{{- end -}}

{{/* The source of the operator's token for the admin API, as in a projected volume. */}}
{{- define "tintype.operatorToken" -}}
{{- if .Values.adminApi.serviceAccounts.enabled -}}
- serviceAccountToken: {audience: tintype-admin, expirationSeconds: 3600, path: token}
{{- else if .Values.adminApi.operatorToken.existingSecret -}}
{{- with .Values.adminApi.operatorToken -}}
- secret: {name: {{ .existingSecret }}, items: [{key: {{ .key }}, path: token}]}
{{- end -}}
{{- else -}}
{{- with .Values.adminToken -}}
- secret: {name: {{ .existingSecret }}, items: [{key: {{ .key }}, path: token}]}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Checks that a schema cannot express, because they concern several values. */}}
{{- define "tintype.validate" -}}
{{- if and (include "tintype.severalGateways" .) (not .Values.database.existingSecret) -}}
{{- fail "more than one gateway needs a ledger that they share: set database.existingSecret to a Secret with the postgresql:// URL, or gateway.replicas=1 and autoscaling.enabled=false" -}}
{{- end -}}
{{- if and .Values.accounts.enabled (not .Values.adminApi.serviceAccounts.enabled) (not (coalesce .Values.adminApi.operatorToken.existingSecret .Values.adminToken.existingSecret)) -}}
{{- fail "accounts.enabled needs a token for the operator: set adminApi.serviceAccounts.enabled=true, or adminApi.operatorToken.existingSecret to a Secret with an admin token, or accounts.enabled=false" -}}
{{- end -}}
{{- range $job := list "ledgerArchive" "ledgerBackup" -}}
{{- with index $.Values $job -}}
{{- if and .enabled (not $.Values.database.existingSecret) -}}
{{- fail (printf "%s.enabled needs database.existingSecret: a SQLite file is worked on by a command in the gateway's pod, see docs/accounts.md" $job) -}}
{{- end -}}
{{- if and .enabled (not .existingClaim) -}}
{{- fail (printf "%s.enabled needs %s.existingClaim: files on an emptyDir would go with the pod" $job $job) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if .Values.imageFolder.enabled -}}
{{- if include "tintype.severalGateways" . -}}
{{- fail "imageFolder.enabled is for one gateway, as another one does not have its images: set s3.bucket, or gateway.replicas=1 and autoscaling.enabled=false" -}}
{{- end -}}
{{- if not .Values.imageFolder.publicUrl -}}
{{- fail "imageFolder.enabled needs imageFolder.publicUrl: what clients reach the gateway by" -}}
{{- end -}}
{{- end -}}
{{- with .Values.jobs -}}
{{- if and .enabled (not $.Values.s3.bucket) (not $.Values.imageFolder.enabled) -}}
{{- fail "jobs.enabled needs an image store for results: set s3.bucket, or imageFolder.enabled=true with one gateway" -}}
{{- end -}}
{{- if and .workers.enabled (not .enabled) -}}
{{- fail "jobs.workers.enabled needs jobs.enabled=true" -}}
{{- end -}}
{{- if and .workers.enabled (or (not $.Values.database.existingSecret) (not $.Values.s3.bucket)) -}}
{{- fail "jobs.workers.enabled needs what the workers share with the gateways: set database.existingSecret to a Secret with the postgresql:// URL, and s3.bucket" -}}
{{- end -}}
{{- end -}}
{{- with .Values.autoscaling -}}
{{- $workers := $.Values.jobs.workers -}}
{{- $scaled := and $workers.enabled $workers.autoscaling.enabled -}}
{{- if and (or (and .enabled (eq .mode "keda")) (and $scaled (eq $workers.autoscaling.mode "keda"))) (not .keda.serverAddress) -}}
{{- fail "KEDA needs autoscaling.keda.serverAddress: the URL of the Prometheus that scrapes the gateways" -}}
{{- end -}}
{{- if and $scaled (eq $workers.autoscaling.mode "cpu") (lt (int $workers.autoscaling.minReplicas) 1) -}}
{{- fail "jobs.workers.autoscaling.minReplicas=0 needs jobs.workers.autoscaling.mode=keda: a HorizontalPodAutoscaler keeps one pod" -}}
{{- end -}}
{{- if and $scaled (eq $workers.autoscaling.mode "keda") $workers.autoscaling.metrics -}}
{{- fail "jobs.workers.autoscaling.metrics are for mode=cpu: KEDA scales by the queue of the jobs" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.s3.accelerate (or .Values.s3.endpoint .Values.s3.pathStyle) -}}
{{- fail "s3.accelerate does not go with s3.endpoint and s3.pathStyle: the acceleration endpoint is AWS's own" -}}
{{- end -}}
{{- if and .Values.starterCatalog.simulated (not .Values.simulator.enabled) -}}
{{- fail "starterCatalog.simulated needs the simulators: set simulator.enabled=true" -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs: the Gateways that the route belongs to" -}}
{{- end -}}
{{- if le (int .Values.gateway.terminationGracePeriodSeconds) (int .Values.gateway.preStopSeconds) -}}
{{- fail "gateway.terminationGracePeriodSeconds must be more than gateway.preStopSeconds, which count, too" -}}
{{- end -}}
{{- end -}}

{{/* Applies a JSON merge patch (RFC 7396) in place; takes (dict "target" T "patch" P). */}}
{{- define "tintype.mergePatch" -}}
{{- $target := .target -}}
{{- range $key, $value := .patch -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $target $key -}}
{{- else if and (kindIs "map" $value) (kindIs "map" (get $target $key)) -}}
{{- include "tintype.mergePatch" (dict "target" (get $target $key) "patch" $value) -}}
{{- else -}}
{{- $_ := set $target $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
