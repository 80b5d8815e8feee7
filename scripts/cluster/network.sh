# shellcheck shell=bash
# The cluster's own network: a namespace joined to this machine by a pair of virtual interfaces. It has
# no default route, so that pods reach this machine and nothing beyond it. Sourced by up.sh and down.sh.

network_up() {
  if ip netns list | grep -qw "$NETNS"; then return; fi
  ip netns add "$NETNS"
  ip link add "${NETNS}-host" type veth peer name "${NETNS}-node" netns "$NETNS"
  ip addr add "$HOST_IP/30" dev "${NETNS}-host"
  ip link set "${NETNS}-host" up
  in_cluster ip addr add "$NODE_IP/30" dev "${NETNS}-node"
  in_cluster ip link set "${NETNS}-node" up
  in_cluster ip link set lo up
  in_cluster sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  # So that the node's own processes have a route to services, which kube-proxy then rewrites.
  in_cluster ip route add "$SERVICE_CIDR" dev lo
}

# Rules of iptables and ipset are the namespace's: they go with it.
network_down() {
  ip link del "${NETNS}-host" 2>/dev/null || true
  ip netns del "$NETNS" 2>/dev/null || true
  # What containerd's plugins remember of pods that were not removed one by one.
  rm -f /var/lib/cni/results/kdx-*
  # The folder of namespaces is a mount of its own, which goes with the last of them.
  if [ -d /run/netns ] && [ -z "$(ls -A /run/netns)" ]; then
    umount -l /run/netns 2>/dev/null || true
    rmdir /run/netns 2>/dev/null || true
  fi
}
