{{/*
A CronJob that works on the ledger and writes files to a PersistentVolumeClaim.
Takes the root, the command of `tintype ledger`, its arguments but for `--to`, and its values.
*/}}
{{- define "tintype.ledgerJob" }}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- $arguments := index . 2 }}
{{- $values := index . 3 }}
{{- $component := list $root (printf "ledger-%s" $name) }}
apiVersion: batch/v1
kind: CronJob
metadata:
  {{- include "tintype.metadata" $component | nindent 2 }}
spec:
  schedule: {{ $values.schedule | quote }}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  jobTemplate:
    spec:
      backoffLimit: 2
      template:
        metadata:
          labels:
            {{- include "tintype.labels" $component | nindent 12 }}
        spec:
          {{- include "tintype.pod" $root | nindent 10 }}
          {{- with include "tintype.placement" $root.Values.gateway | trim }}
          {{- . | nindent 10 }}
          {{- end }}
          automountServiceAccountToken: false
          restartPolicy: Never
          containers:
            - name: {{ $name }}
              image: {{ include "tintype.image" (list $root $root.Values.gateway.image) }}
              imagePullPolicy: {{ $root.Values.image.pullPolicy }}
              command: [tintype, ledger, {{ $name }}, {{ range $arguments }}{{ . }}, {{ end }}--to, /var/{{ $name }}]
              env:
                - {name: TINTYPE_DATABASE_URL, valueFrom: {secretKeyRef: {name: {{ $root.Values.database.existingSecret }}, key: {{ $root.Values.database.key }}}}}
              resources:
                {{- toYaml $values.resources | nindent 16 }}
              securityContext:
                {{- include "tintype.containerSecurity" $root | nindent 16 }}
              volumeMounts:
                - {name: {{ $name }}, mountPath: /var/{{ $name }}}
                {{- with $root.Values.gateway.extraVolumeMounts }}
                {{- toYaml . | nindent 16 }}
                {{- end }}
          volumes:
            - {name: {{ $name }}, persistentVolumeClaim: {claimName: {{ $values.existingClaim }}}}
            {{- with $root.Values.gateway.extraVolumes }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
{{- if $root.Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "tintype.metadata" $component | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "tintype.selector" $component | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress: []
  egress:
    {{- include "tintype.dnsEgress" $root | nindent 4 }}
    {{- include "tintype.destination" $root.Values.networkPolicy.egress.database | nindent 4 }}
{{- end }}
{{- end }}
