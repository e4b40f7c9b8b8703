{{- define "chaperone.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "chaperone.labels" -}}
{{ include "chaperone.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "chaperone.selector" -}}
app.kubernetes.io/name: chaperone
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "chaperone.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "chaperone.secretName" -}}
{{- default (include "chaperone.name" .) .Values.secret.existing -}}
{{- end -}}

{{- /* chaperone.yaml: what the chart decides wins over `config`. */ -}}
{{- define "chaperone.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $sidecar := eq .Values.shape "sidecar" -}}
{{- $_ := set $config "listen" (ternary "127.0.0.1:8080" "0.0.0.0:8080" $sidecar) -}}
{{- $_ := set $config "policies" "/policies" -}}
{{- $_ := set $config "admin" (merge (dict "listen" "0.0.0.0:9090") (default dict $config.admin)) -}}
{{- $_ := set $config "limits" (merge (dict "drain" (printf "%ds" (int .Values.drainSeconds))) (default dict $config.limits)) -}}
{{- if not $sidecar -}}
{{- $_ := set $config "public_url" (default (printf "http://%s:%d" (include "chaperone.name" .) (int .Values.service.port)) .Values.publicUrl) -}}
{{- end -}}
{{- if .Values.account.create -}}
{{- $account := dict "id" .Values.account.id "credentials" (dict "api_key" (dict "file" "/secrets/chaperone/affinity-api-key")) -}}
{{- if .Values.account.baseUrl -}}{{- $_ := set $account "base_url" .Values.account.baseUrl -}}{{- end -}}
{{- $_ := set $config "accounts" (list $account) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "chaperone.confined" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "chaperone.mounts" -}}
- { name: chaperone-config, mountPath: /etc/chaperone, readOnly: true }
- { name: chaperone-policies, mountPath: /policies, readOnly: true }
- { name: chaperone-secrets, mountPath: /secrets/chaperone, readOnly: true }
{{- end -}}

{{- define "chaperone.volumes" -}}
- name: chaperone-config
  configMap: { name: {{ include "chaperone.name" . }} }
- name: chaperone-policies
  configMap: { name: {{ default (printf "%s-policies" (include "chaperone.name" .)) .Values.policies.existingConfigMap }} }
- name: chaperone-secrets
  secret: { secretName: {{ include "chaperone.secretName" . }}, defaultMode: 0440 }
{{- end -}}

{{- /* The container, without its name, for every shape; a chart of your own may include it too. */ -}}
{{- define "chaperone.container" -}}
image: {{ include "chaperone.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [serve, --config, /etc/chaperone/chaperone.yaml]
{{- with .Values.env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  {{- if eq .Values.shape "standalone" }}
  - { name: mcp, containerPort: 8080, protocol: TCP }
  {{- end }}
  - { name: admin, containerPort: 9090, protocol: TCP }
startupProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: 1
  failureThreshold: 30
readinessProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: 2
  failureThreshold: 1
livenessProbe:
  httpGet: { path: /livez, port: admin }
  periodSeconds: 10
  failureThreshold: 3
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- include "chaperone.confined" . | nindent 2 }}
volumeMounts:
  {{- include "chaperone.mounts" . | nindent 2 }}
{{- end -}}

{{- define "chaperone.check" -}}
- name: chaperone-check
  image: {{ include "chaperone.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [check, --config, /etc/chaperone/chaperone.yaml]
  {{- with .Values.env }}
  env:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    {{- include "chaperone.confined" . | nindent 4 }}
  volumeMounts:
    {{- include "chaperone.mounts" . | nindent 4 }}
{{- end -}}

{{- /* What both shapes' pods have. */ -}}
{{- define "chaperone.podMeta" -}}
labels:
  {{- include "chaperone.selector" . | nindent 2 }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  # Policies and secrets are watched and need no restart; the configuration itself is read once for its listeners.
  checksum/config: {{ include "chaperone.config" . | sha256sum }}
  {{- with .Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "chaperone.podSpec" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  fsGroup: 65532
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
