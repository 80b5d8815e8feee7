#!/usr/bin/env bash
# NetworkPolicies that are enforced, by kube-router's firewall alone.
#   kube-router.sh start | stop     after a stop nothing is blocked any more
# The first tenth of a second of a new pod is not covered: a test probes until it is blocked.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$HERE/processes.sh"

# kube-router leaves its rules behind, and its own clean-up fails.
remove_rules() {
  local saved
  in_cluster sh -c "iptables-save | grep -v -e KUBE-ROUTER -e KUBE-POD-FW -e KUBE-NWPLCY | iptables-restore"
  for saved in $(in_cluster ipset list -name); do in_cluster ipset destroy "$saved" || true; done
}

case ${1:-} in
  start)
    start kube-router "$KUBE_ROUTER/kube-router" --kubeconfig="$STATE/admin.kubeconfig" --hostname-override=$NODE \
      --run-router=false --run-firewall=true --run-service-proxy=false --run-loadbalancer=false \
      --enable-ipv6=false --service-cluster-ip-range=$SERVICE_CIDR --metrics-port=0 --health-port=0
    wait_for 30 'NetworkPolicies are enforced' in_cluster sh -c 'iptables-save | grep -q KUBE-ROUTER-FORWARD'
    ;;
  stop)
    stop kube-router
    remove_rules
    ;;
  *) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;;
esac
