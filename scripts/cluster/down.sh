#!/usr/bin/env bash
# Ends the test cluster and all it has left on this machine: processes, pods, mounts, interfaces, rules.
#   down.sh           its data and images stay for the next up.sh
#   down.sh --wipe    they go as well
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$HERE/processes.sh"
. "$HERE/network.sh"

# Containers outlive the kubelet and containerd: they are ended while containerd still answers.
end_pods() {
  local task container
  containers() { ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }
  for task in $(containers tasks ls -q); do containers tasks kill -s KILL "$task" >/dev/null 2>&1 || true; done
  sleep 0.5
  for task in $(containers tasks ls -q); do containers tasks rm -f "$task" >/dev/null 2>&1 || true; done
  for container in $(containers containers ls -q); do containers containers rm "$container" >/dev/null 2>&1 || true; done
}

# One process a pod, of containerd: ours are those whose command line names our socket.
end_shims() {
  local folder
  for folder in /proc/[0-9]*; do
    # A process may have ended meanwhile.
    if { tr '\0' ' ' <"$folder/cmdline"; } 2>/dev/null | grep -q "containerd-shim.* -address $CONTAINERD_SOCKET"; then
      kill -TERM "${folder#/proc/}" 2>/dev/null || true
    fi
  done
}

unmount() {
  awk -v state="$STATE/" 'index($2, state) == 1 { print $2 }' /proc/mounts | sort -r | while read -r path; do
    umount -l "$(printf %b "$path")" || true
  done
}

restore_kernel_settings() {
  [ -s "$STATE/kernel-settings" ] || return 0
  local setting value
  while read -r setting value; do echo "$value" >"/proc/sys/$setting" 2>/dev/null || true; done <"$STATE/kernel-settings"
  rm "$STATE/kernel-settings"
}

remove_cgroups() {
  local folder
  for folder in /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods; do
    [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

for name in kueue kube-router kubelet proxy; do stop $name; done
if alive containerd; then end_pods; fi
end_shims
for name in containerd scheduler kcm apiserver etcd; do stop $name; done
unmount
restore_kernel_settings
network_down
remove_cgroups
rm -rf "$STATE/cni-addresses"
if [ "${1:-}" = --wipe ]; then rm -rf "$STATE"; fi
say 'the cluster is down'
