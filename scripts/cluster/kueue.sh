#!/usr/bin/env bash
# Kueue's manager as a process beside the API server, with its own custom resources and webhooks.
#   kueue.sh start | stop     stop removes the webhooks, which would refuse every Job while it is away
#   kueue.sh kill             ends the process alone: as if it had crashed
# Delete Workloads only while it runs: they have a finalizer.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$HERE/processes.sh"
. "$HERE/certificates.sh"
FOLDER=$STATE/kueue
WEBHOOKS=https://127.0.0.1:19443

write_configuration() {
  mkdir -p "$FOLDER/certificates" "$FOLDER/etc/kueue/metrics/certs"
  [ -s "$PKI/kueue.crt" ] || certificate kueue /CN=kueue-webhook DNS:localhost,IP:127.0.0.1
  install -m 644 "$PKI/kueue.crt" "$FOLDER/certificates/tls.crt"
  install -m 600 "$PKI/kueue.key" "$FOLDER/certificates/tls.key"
  cp "$FOLDER/certificates/"* "$FOLDER/etc/kueue/metrics/certs/"
  # VisibilityOnDemand: its server wants a certificate in a folder of its own.
  cat >"$FOLDER/config.yaml" <<YAML
apiVersion: config.kueue.x-k8s.io/v1beta2
kind: Configuration
health: {healthProbeBindAddress: "127.0.0.1:18081"}
metrics: {bindAddress: "127.0.0.1:18443"}
webhook: {host: 127.0.0.1, port: ${WEBHOOKS##*:}, certDir: $FOLDER/certificates}
internalCertManagement: {enable: false}
leaderElection: {leaderElect: false}
clientConnection: {qps: 500, burst: 1000}
integrations: {frameworks: ["batch/job"]}
featureGates: {VisibilityOnDemand: false}
YAML
}

# The manager looks its kinds up once, at its start: they must be listed, not only served.
discovered() {
  local kind
  for kind in workloads clusterqueues localqueues; do
    k get --raw /apis/kueue.x-k8s.io/v1beta2 | grep -q "\"name\":\"$kind\"" || return 1
  done
}

# The certificate of its metrics has a fixed path: /etc is overlaid in a mount namespace of its own.
start_manager() {
  # shellcheck disable=SC2016
  KUBECONFIG=$STATE/admin.kubeconfig start kueue unshare --mount --propagation private -- \
    sh -c 'mount -t overlay -o lowerdir="$0"/etc:/etc overlay /etc && exec "$@"' "$FOLDER" \
    "$KUEUE/kueue" --config="$FOLDER/config.yaml" --zap-log-level=2
  wait_for 30 'Kueue is ready' in_cluster bash -c 'exec 3<>/dev/tcp/127.0.0.1/19443'
}

case ${1:-} in
  start)
    write_configuration
    k create --dry-run=client -o jsonpath='{@}{"\n"}' -f "$KUEUE/crds" -f "$KUEUE/webhooks.yaml" |
      node "$HERE/kueue-objects.mjs" "$KUEUE/crds.kustomization" "$PKI/ca.crt" "$WEBHOOKS" >"$FOLDER/objects.json"
    k apply --server-side --force-conflicts -f "$FOLDER/objects.json" >/dev/null
    wait_for 60 "Kueue's objects are known" discovered
    start_manager
    ;;
  stop)
    k delete --ignore-not-found mutatingwebhookconfiguration/kueue-mutating-webhook-configuration \
      validatingwebhookconfiguration/kueue-validating-webhook-configuration >/dev/null
    stop kueue
    ;;
  kill) stop kueue ;;
  *) sed -n '3,5s/^# //p' "$0" >&2; exit 2 ;;
esac
