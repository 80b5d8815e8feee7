# shellcheck shell=bash
# Certificates and kubeconfigs of the cluster, made once a state folder. Sourced by up.sh and kueue.sh.
PKI=$STATE/pki

# certificate NAME SUBJECT [SUBJECTALTNAMES]
certificate() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/$1.key"
  openssl req -new -key "$PKI/$1.key" -subj "$2" |
    openssl x509 -req -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 3650 -out "$PKI/$1.crt" \
      -extfile <(printf 'keyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth,serverAuth\n%s\n' \
        "${3:+subjectAltName=$3}") 2>/dev/null
}

certificates() {
  [ ! -e "$PKI/complete" ] || return 0
  local service=kubernetes.default.svc
  openssl ecparam -name prime256v1 -genkey -noout -out "$PKI/ca.key"
  openssl req -x509 -new -key "$PKI/ca.key" -days 3650 -subj /CN=kdx-test-cluster -out "$PKI/ca.crt"
  certificate apiserver /CN=kube-apiserver "DNS:localhost,DNS:kubernetes,DNS:$service,DNS:$service.cluster.local,IP:127.0.0.1,IP:$NODE_IP,IP:$API_SERVICE_IP"
  certificate kubelet-server "/CN=$NODE" "DNS:$NODE,IP:127.0.0.1,IP:$NODE_IP"
  certificate kubelet-client /O=system:masters/CN=apiserver-kubelet-client
  certificate admin /O=system:masters/CN=admin
  certificate kcm /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate kubelet "/O=system:nodes/CN=system:node:$NODE"
  certificate proxy /CN=system:kube-proxy
  openssl genrsa -out "$PKI/serviceaccounts.key" 2048 2>/dev/null
  openssl rsa -in "$PKI/serviceaccounts.key" -pubout -out "$PKI/serviceaccounts.pub" 2>/dev/null
  touch "$PKI/complete"
}

# kubeconfig CERTIFICATE FILE SERVER
kubeconfig() {
  cat >"$2" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: kdx
  cluster: {server: "$3", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")}
users:
- name: $1
  user: {client-certificate-data: $(base64 -w0 "$PKI/$1.crt"), client-key-data: $(base64 -w0 "$PKI/$1.key")}
contexts:
- name: kdx
  context: {cluster: kdx, user: $1}
current-context: kdx
YAML
  chmod 600 "$2"
}

kubeconfigs() {
  local name
  kubeconfig admin "$KUBECONFIG_FILE" "https://$NODE_IP:$API_PORT"
  for name in kcm scheduler kubelet proxy admin; do
    kubeconfig "$name" "$STATE/$name.kubeconfig" "https://127.0.0.1:$API_PORT"
  done
}
