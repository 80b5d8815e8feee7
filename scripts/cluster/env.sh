# shellcheck shell=bash disable=SC2034
# Every name and address of the test cluster, in one place. Sourced by the other scripts.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/cluster/versions.sh
. "$HERE/versions.sh"

CACHE=${KDX_CACHE_HOME:-$HOME/.cache/kdexplainer}/cluster
KUBERNETES=$CACHE/kubernetes-$KUBERNETES_VERSION
KUBE_ROUTER=$CACHE/kube-router-$KUBE_ROUTER_VERSION
KUEUE=$CACHE/kueue-$KUEUE_VERSION

STATE=${CLUSTER_STATE:-$CACHE/state} # all that a running cluster writes: data, sockets, logs, pids
GPUS=${CLUSTER_GPUS:-8}              # fake nvidia.com/gpu of the node; 0: none

NETNS=kdx                  # the cluster's own network namespace
NODE=node1
HOST_IP=172.31.255.1       # this machine, as the node and its pods reach it
NODE_IP=172.31.255.2       # the node, and the API server
POD_CIDR=10.244.0.0/24
POD_GATEWAY=10.244.0.1
SERVICE_CIDR=10.96.0.0/16
API_SERVICE_IP=10.96.0.1
API_PORT=6443

KUBECONFIG_FILE=$STATE/kubeconfig
CONTAINERD_SOCKET=$STATE/containerd/containerd.sock
export PATH=$KUBERNETES:/usr/sbin:/sbin:$PATH

k() { kubectl --kubeconfig "$KUBECONFIG_FILE" "$@"; }
in_cluster() { nsenter --net="/run/netns/$NETNS" -- "$@"; }
