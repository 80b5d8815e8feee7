#!/usr/bin/env bash
# Puts images, each an OCI tar, onto the node of the test cluster.
#   import.sh TAR...
set -euo pipefail
. "$(dirname "$0")/env.sh"
for tar in "$@"; do
  ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io images import "$tar" >/dev/null
done
