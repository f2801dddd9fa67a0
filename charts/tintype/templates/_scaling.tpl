{{/*
The HorizontalPodAutoscaler of a component. Takes the root, the component, its values of scaling,
and its metrics as YAML.
*/}}
{{- define "tintype.autoscaler" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- with index . 2 -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "tintype.metadata" (list $root $name) | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "tintype.fullname" $root }}-{{ $name }}}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  {{- with .behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
  metrics:
    {{- index . 3 | nindent 4 }}
{{- end -}}

{{/* The metric of the CPU. Takes the values of scaling. */}}
{{- define "tintype.cpuMetric" -}}
- type: Resource
  resource:
    name: cpu
    target: {type: Utilization, averageUtilization: {{ .targetCPUUtilizationPercentage }}}
{{- end -}}

{{/* The metrics of a gateway's load, as monitoring/prometheus-adapter.yaml offers them. */}}
{{- define "tintype.loadMetrics" -}}
- type: Pods
  pods:
    metric: {name: tintype_http_requests_in_flight}
    target: {type: AverageValue, averageValue: {{ .targetRequestsInFlight | quote }}}
- type: Pods
  pods:
    metric: {name: tintype_memory_reserved_ratio}
    target: {type: AverageValue, averageValue: {{ printf "%dm" (mul .targetReservedMemoryPercentage 10) }}}
{{- end -}}

{{/*
The ScaledObject of a component, which needs KEDA 2.17. Takes the root, the component, its values of
scaling, and a list of triggers, each with `name`, `query` and `threshold`.
*/}}
{{- define "tintype.scaledObject" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- $keda := $root.Values.autoscaling.keda }}
{{- with index . 2 -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "tintype.metadata" (list $root $name) | nindent 2 }}
spec:
  scaleTargetRef: {name: {{ include "tintype.fullname" $root }}-{{ $name }}}
  pollingInterval: {{ $keda.pollingInterval }}
  minReplicaCount: {{ .minReplicas }}
  maxReplicaCount: {{ .maxReplicas }}
  fallback:
    failureThreshold: {{ $keda.failureThreshold }}
    replicas: {{ .fallbackReplicas }}
    behavior: currentReplicasIfHigher
  {{- with .behavior }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- toYaml . | nindent 8 }}
  {{- end }}
{{- end }}
  triggers:
    {{- range index . 3 }}
    - type: prometheus
      name: {{ .name }}
      metricType: AverageValue
      metadata:
        serverAddress: {{ $keda.serverAddress }}
        query: >-
          {{ .query }}
        threshold: {{ .threshold | quote }}
        ignoreNullValues: "false"  # no series is no idle gateway: the fallback decides
        {{- with $keda.authentication.modes }}
        authModes: {{ . }}
        {{- end }}
      {{- if $keda.authentication.name }}
      authenticationRef: {name: {{ $keda.authentication.name }}, kind: {{ $keda.authentication.kind }}}
      {{- end }}
    {{- end }}
{{- end -}}

{{/* The labels that select the series of the pods of components, as a regular expression. */}}
{{- define "tintype.series" -}}
{{- $root := index . 0 -}}
{namespace="{{ $root.Release.Namespace }}",pod=~"{{ include "tintype.fullname" $root }}-{{ index . 1 }}-[a-z0-9]+(-[a-z0-9]+)?"}
{{- end -}}

{{/* The triggers of gateways, as JSON. Two scrapes of one pod count once. */}}
{{- define "tintype.loadTriggers" -}}
{{- $of := include "tintype.series" (list . "gateway") }}
{{- $reserved := printf "sum(max by (pod) (tintype_memory_reserved_bytes%s) / max by (pod) (tintype_memory_budget_bytes%s > 0))" $of $of }}
{{- $unlimited := printf "0 * sum(tintype_memory_budget_bytes%s)" $of }}
{{- toJson (list
  (dict
    "name" "requests-in-flight"
    "query" (printf "sum(max by (pod) (tintype_http_requests_in_flight%s))" $of)
    "threshold" (toString .Values.autoscaling.targetRequestsInFlight))
  (dict
    "name" "reserved-memory"
    "query" (printf "%s or %s" $reserved $unlimited)
    "threshold" (printf "%.2f" (divf .Values.autoscaling.targetReservedMemoryPercentage 100)))
) -}}
{{- end -}}

{{/* The triggers of workers, as JSON. Every gateway exports the queue; one without jobs has no series. */}}
{{- define "tintype.queueTriggers" -}}
{{- $of := include "tintype.series" (list . "(gateway|worker)") }}
{{- $none := printf "0 * sum(tintype_jobs_concurrency%s)" $of }}
{{- $queued := printf "(sum(max by (model) (tintype_jobs_queued%s)) or %s)" $of $none }}
{{- toJson (list
  (dict
    "name" "jobs"
    "query" (printf "%s + sum(max by (pod) (tintype_jobs_running%s))" $queued $of)
    "threshold" (toString .Values.jobs.concurrency))
  (dict
    "name" "oldest-job"
    "query" (printf "max(tintype_jobs_oldest_seconds%s) or %s" $of $none)
    "threshold" (toString .Values.jobs.workers.autoscaling.targetQueueSeconds))
) -}}
{{- end -}}
