# shellcheck shell=bash
# etcd, API server, controller manager and scheduler. Sourced by up.sh.

start_etcd() {
  local clients=http://127.0.0.1:2379 peers=http://127.0.0.1:2380
  start etcd etcd --name kdx --data-dir "$STATE/etcd" \
    --listen-client-urls $clients --advertise-client-urls $clients \
    --listen-peer-urls $peers --initial-advertise-peer-urls $peers --initial-cluster kdx=$peers \
    --auto-compaction-mode periodic --auto-compaction-retention 5m
  wait_for 30 'etcd answers' in_cluster env ETCDCTL_API=3 etcdctl --endpoints $clients endpoint health
}

start_api_server() {
  start apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
    --bind-address=0.0.0.0 --secure-port=$API_PORT --advertise-address=$NODE_IP --cert-dir="$STATE/certificates" \
    --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" --client-ca-file="$PKI/ca.crt" \
    --kubelet-client-certificate="$PKI/kubelet-client.crt" --kubelet-client-key="$PKI/kubelet-client.key" \
    --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$PKI/serviceaccounts.pub" \
    --service-account-signing-key-file="$PKI/serviceaccounts.key" --service-cluster-ip-range=$SERVICE_CIDR \
    --authorization-mode=Node,RBAC --anonymous-auth=false --allow-privileged=true
  wait_for 90 'the API server is ready' k get --raw /readyz
}

start_controllers() {
  local file
  file=$STATE/kcm.kubeconfig
  start kcm kube-controller-manager --kubeconfig="$file" --authentication-kubeconfig="$file" \
    --authorization-kubeconfig="$file" --bind-address=127.0.0.1 --cert-dir="$STATE/certificates" \
    --service-account-private-key-file="$PKI/serviceaccounts.key" --root-ca-file="$PKI/ca.crt" \
    --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
    --use-service-account-credentials=true --leader-elect=false
  file=$STATE/scheduler.kubeconfig
  start scheduler kube-scheduler --kubeconfig="$file" --authentication-kubeconfig="$file" \
    --authorization-kubeconfig="$file" --bind-address=127.0.0.1 --cert-dir="$STATE/certificates" \
    --leader-elect=false
  wait_for 60 'the controllers work' k get serviceaccount default
}
