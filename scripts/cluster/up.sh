#!/usr/bin/env bash
# Starts a Kubernetes of one node, with fake GPUs, for tests: no container engine is needed, root is.
#   up.sh [kube-router] [kueue]     with NetworkPolicies that are enforced; with Kueue
# Prints the path of its kubeconfig alone; what it does goes to stderr. Whatever runs already is left alone.
# Its state lies in ~/.cache/kdexplainer/cluster/state (CLUSTER_STATE); CLUSTER_GPUS, 8, is the
# number of GPUs. down.sh ends it.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$HERE/processes.sh"
. "$HERE/network.sh"
. "$HERE/certificates.sh"
. "$HERE/control-plane.sh"
. "$HERE/node.sh"

PACKAGES='etcd-server etcd-client containerd runc containernetworking-plugins iptables conntrack
  busybox-static ipset iproute2 openssl'

# Services that Debian starts with them are none of the cluster's: they are in another network.
packages() {
  local missing
  # shellcheck disable=SC2086
  missing=$(comm -13 <(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' $PACKAGES 2>/dev/null |
    sed -n 's/^ii //p' | sort) <(printf '%s\n' $PACKAGES | sort))
  [ -n "$missing" ] || return 0
  say "installing" $missing
  apt-get update -qq >&2
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
}

for addon in "$@"; do
  case $addon in kube-router | kueue) ;; *) echo "$addon: not one of kube-router, kueue" >&2; exit 2 ;; esac
done
[ "$(id -u)" = 0 ] || { echo 'the test cluster needs root: it makes network namespaces and mounts' >&2; exit 1; }

packages
"$HERE/build.sh" kubectl kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy pause "$@"
mkdir -p "$STATE"/{pki,log,pid,cni,containerd}
network_up
certificates
kubeconfigs
start_etcd
start_api_server
start_controllers
start_containerd
start_kubelet
start_proxy
fake_gpus
for addon in "$@"; do "$HERE/$addon.sh" start; done
say 'the cluster is up'
echo "$KUBECONFIG_FILE"
