{{/*
The pod template of gateways. Takes (list . COMPONENT VALUES): `gateway` with the values of gateways,
or `worker` with those of workers. The label `tintype.dev/program` is what both have.
*/}}
{{- define "tintype.gatewayPod" -}}
{{- $name := index . 1 }}
{{- $values := index . 2 }}
{{- with index . 0 }}
{{- $component := list . $name }}
{{- $database := .Values.database.existingSecret }}
{{- $issuers := include "tintype.jwtIssuers" . -}}
metadata:
  labels:
    {{- include "tintype.labels" $component | nindent 4 }}
    tintype.dev/program: gateway
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/jwt-issuers: {{ $issuers | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "tintype.pod" . | nindent 2 }}
  {{- with include "tintype.placement" $values | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  serviceAccountName: {{ include "tintype.fullname" . }}-gateway
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  {{- with $values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ toYaml . | nindent 6 | trim }}
      matchLabelKeys: [pod-template-hash]
      labelSelector:
        matchLabels:
          {{- include "tintype.selector" $component | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- if $database }}
  initContainers:
    - name: migrate
      {{- include "tintype.gatewayContainer" (list . $name $values) | nindent 6 }}
      command: [tintype, ledger, migrate]
  {{- end }}
  containers:
    - name: gateway
      {{- include "tintype.gatewayContainer" (list . $name $values) | nindent 6 }}
      command: [tintype, gateway]
      ports:
        - {name: http, containerPort: 8080}
        - {name: admin, containerPort: 9090}
      startupProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 2
        failureThreshold: 60
      readinessProbe:
        httpGet: {path: /readyz, port: admin}
        periodSeconds: 5
        timeoutSeconds: 3
      livenessProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- with $values.preStopSeconds }}
      lifecycle:
        preStop:
          sleep: {seconds: {{ . }}}
      {{- end }}
  volumes:
    - {name: tmp, emptyDir: {}}
    # The kubelet evicts a pod that exceeds the limit, so the gateway's own limit is lower.
    - {name: spool, emptyDir: {sizeLimit: {{ div (mul (int64 .Values.gateway.spool.maxBytes) 11) 10 }}}}
    {{- if or $database (not .Values.persistence.enabled) }}
    - {name: data, emptyDir: {}}
    {{- else }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ .Values.persistence.existingClaim | default (printf "%s-gateway" (include "tintype.fullname" .)) }}
    {{- end }}
    # Optional, because the operator creates them later.
    - name: catalog
      projected:
        sources:
          {{- range include "tintype.catalogConfigMaps" . | fromJsonArray }}
          - configMap: {name: {{ . }}, optional: true}
          {{- end }}
    - {name: credentials, secret: {secretName: {{ include "tintype.credentialsSecret" . }}, optional: true}}
    {{- if $issuers }}
    - {name: jwt-issuers, configMap: {name: {{ include "tintype.fullname" . }}-gateway-jwt}}
    {{- end }}
    {{- with .Values.webhooks }}
    {{- if .existingSecret }}
    - {name: webhooks, secret: {secretName: {{ .existingSecret }}, items: [{key: {{ .secretsKey }}, path: secrets}]}}
    {{- end }}
    {{- end }}
    {{- with .Values.guardrail }}
    {{- if .existingSecret }}
    - {name: guardrail, secret: {secretName: {{ .existingSecret }}, items: [{key: {{ .secretsKey }}, path: secrets}]}}
    {{- end }}
    {{- end }}
    {{- with include "tintype.adminTokenFiles" . }}
    - {name: admin-tokens, projected: {sources: {{ . }}}}
    {{- end }}
    {{- if .Values.jobs.enabled }}
    - {name: job-keys, secret: {secretName: {{ include "tintype.jobKeySecret" . }}, items: [{key: {{ .Values.jobs.key.key }}, path: keys}]}}
    {{- end }}
    {{- with .Values.gateway.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
{{- end -}}

{{/* The labels of all pods that run the gateway, of those behind the API's Service or of all. */}}
{{- define "tintype.gatewayPods" -}}
{{- if .Values.jobs.workers.enabled -}}
app.kubernetes.io/name: tintype
app.kubernetes.io/instance: {{ .Release.Name }}
tintype.dev/program: gateway
{{- else -}}
{{ include "tintype.selector" (list . "gateway") }}
{{- end -}}
{{- end -}}

{{- define "tintype.jobKeySecret" -}}
{{ .Values.jobs.key.existingSecret | default (printf "%s-job-keys" (include "tintype.fullname" .)) }}
{{- end -}}
