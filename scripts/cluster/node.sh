# shellcheck shell=bash
# The one node: containerd, kubelet, kube-proxy, fake GPUs. Sourced by up.sh.

start_containerd() {
  cat >"$STATE/cni/10-bridge.conflist" <<JSON
{"cniVersion": "1.0.0", "name": "kdx", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$STATE/cni-addresses",
    "ranges": [[{"subnet": "$POD_CIDR", "gateway": "$POD_GATEWAY"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
  # restrict_oom_score_adj: root in a container may not lower it, and runc then dies with
  # "can't get final child's PID from pipe: EOF".
  cat >"$STATE/containerd.toml" <<TOML
version = 2
root = "$STATE/containerd/root"
state = "$STATE/containerd/state"
[grpc]
  address = "$CONTAINERD_SOCKET"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "local/pause:1"
  stream_server_address = "127.0.0.1"
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    discard_unpacked_layers = true
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$STATE/cni"
TOML
  start containerd containerd --config "$STATE/containerd.toml"
  wait_for 30 'containerd answers' ctr --address "$CONTAINERD_SOCKET" version
  # Before the kubelet: no pod starts without it.
  node "$HERE/image.mjs" pause "$KUBERNETES/pause" "$STATE/pause.tar"
  "$HERE/import.sh" "$STATE/pause.tar"
}

start_kubelet() {
  cat >"$STATE/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet-server.crt
tlsPrivateKeyFile: $PKI/kubelet-server.key
healthzBindAddress: 127.0.0.1
podLogsDir: $STATE/pod-logs
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", imagefs.available: "1%"}
nodeStatusUpdateFrequency: 2s
serializeImagePulls: false
YAML
  save_kernel_settings
  local stale=false
  # A kubelet that was stopped leaves a node that looks ready.
  if ! alive kubelet && k get node $NODE >/dev/null 2>&1; then stale=true; fi
  start kubelet kubelet --config="$STATE/kubelet.yaml" --kubeconfig="$STATE/kubelet.kubeconfig" \
    --root-dir="$STATE/kubelet" --cert-dir="$STATE/certificates" --hostname-override=$NODE --node-ip=$NODE_IP
  if $stale; then wait_for 60 'the node has renewed its lease' renewed_since "$(date -u -d "@$((BEGAN / 1000))" +%FT%T)"; fi
  wait_for 60 'the node is known' k get node $NODE
  wait_for 120 'the node is ready' k wait --for=condition=Ready "node/$NODE" --timeout=2s
}

renewed_since() {
  local renewed
  renewed=$(k -n kube-node-lease get lease $NODE -o jsonpath='{.spec.renewTime}')
  [[ $renewed > $1 ]]
}

# The kubelet sets these for the whole machine; down.sh puts the old values back.
save_kernel_settings() {
  [ ! -s "$STATE/kernel-settings" ] || return 0
  local setting
  for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    echo "$setting $(cat /proc/sys/$setting)"
  done >"$STATE/kernel-settings"
}

# The limits on connections are the machine's: left as they are.
start_proxy() {
  k create clusterrolebinding kdx-proxy --clusterrole=system:node-proxier --user=system:kube-proxy \
    >/dev/null 2>&1 || true
  start proxy kube-proxy --kubeconfig="$STATE/proxy.kubeconfig" --hostname-override=$NODE --proxy-mode=iptables \
    --cluster-cidr=$POD_CIDR --healthz-bind-address=127.0.0.1:10256 --metrics-bind-address=127.0.0.1:10249 \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

# An extended resource, as a device plugin would report it; the kubelet leaves it as it is.
fake_gpus() {
  local amount="{\"nvidia.com/gpu\": \"$GPUS\"}"
  [ "$GPUS" -gt 0 ] || return 0
  k patch node $NODE --subresource=status --type=merge -p "{\"status\": {\"capacity\": $amount, \"allocatable\": $amount}}" >/dev/null
  wait_for 30 "$GPUS GPUs can be had" gpus_allocatable
}

gpus_allocatable() {
  [ "$(k get node $NODE -o jsonpath='{.status.allocatable.nvidia\.com/gpu}')" = "$GPUS" ]
}
