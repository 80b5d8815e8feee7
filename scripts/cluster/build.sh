#!/usr/bin/env bash
# Builds the programs of the test cluster from their pinned Go modules, each once.
#   build.sh             all of them: 19 minutes on two cores
#   build.sh NAME...     some: kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy
#                        kubectl pause kube-router kueue
#   build.sh clean       removes Go's own caches (up to 17 GB); the programs stay
# The programs lie in ~/.cache/kdexplainer/cluster (KDX_CACHE_HOME), a folder a version. Go's caches lie in
# /tmp/kdexplainer-go (CLUSTER_GO_CACHE): they are of no use once the programs are built.
set -euo pipefail
. "$(dirname "$0")/env.sh"

GO_CACHE=${CLUSTER_GO_CACHE:-/tmp/kdexplainer-go}
export GOCACHE=$GO_CACHE/build GOMODCACHE=$GO_CACHE/modules CGO_ENABLED=0
export GOFLAGS='-buildvcs=false -mod=mod -trimpath'
COMMANDS='kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl'

# fetch MODULE VERSION SUM: the folder of a module's sources, which must have the pinned sum.
fetch() {
  local listing
  listing=$(cd / && go mod download -json "$1@$2")
  field() { sed -n "s/^\t\"$1\": \"\(.*\)\",\?$/\1/p" <<<"$listing"; }
  [ "$(field Sum)" = "$3" ] || { echo "$1@$2: $(field Sum) came, $3 is pinned" >&2; return 1; }
  field Dir
}

# place FILE FOLDER: by renaming, so that a folder of the cache never holds half a program.
place() {
  mkdir -p "$2"
  cp "$1" "$2/.$(basename "$1").$$"
  mv "$2/.$(basename "$1").$$" "$2/$(basename "$1")"
}

# k8s.io/kubernetes cannot be installed by version: its go.mod points at folders of its own repository
# (k8s.io/api and others). So it is a dependency of a module of ours, with those at their released versions.
kubernetes_module() {
  local sources=$1
  sed -E \
    -e '/^(replace|tool|ignore|exclude) \(/,/^\)/d' -e '/^(replace|tool|ignore|exclude) /d' \
    -e 's/^module .*/module local\/kubernetes/' \
    -e "s/^(\s*k8s\.io\/[a-z0-9-]+) v0\.0\.0$/\1 v0.${KUBERNETES_VERSION#v1.}/" \
    "$sources/go.mod"
  echo "require k8s.io/kubernetes $KUBERNETES_VERSION"
}

# What `kubectl version` says, which a build of a release would set.
version_flags() {
  local package minor=${KUBERNETES_VERSION#v1.}
  printf -- '-s -w'
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- ' -X %s.%s' "$package" "gitVersion=$KUBERNETES_VERSION" "$package" gitMajor=1 \
      "$package" "gitMinor=${minor%%.*}" "$package" gitTreeState=clean \
      "$package" buildDate=2026-01-01T00:00:00Z
  done
}

build_kubernetes() {
  local sources
  sources=$(fetch k8s.io/kubernetes "$KUBERNETES_VERSION" "$KUBERNETES_SUM")
  mkdir -p "$GO_CACHE/kubernetes"
  cd "$GO_CACHE/kubernetes"
  kubernetes_module "$sources" >go.mod
  install -m 644 "$sources/go.sum" go.sum
  go build -ldflags "$(version_flags)" -o "$GO_CACHE/out/$1" "k8s.io/kubernetes/cmd/$1"
  place "$GO_CACHE/out/$1" "$KUBERNETES"
}

build_pause() {
  cd "$HERE/pause"
  go build -ldflags '-s -w' -o "$GO_CACHE/out/pause" pause.go
  place "$GO_CACHE/out/pause" "$KUBERNETES"
}

build_kube_router() {
  local module=github.com/cloudnativelabs/kube-router/v2
  fetch "$module" "$KUBE_ROUTER_VERSION" "$KUBE_ROUTER_SUM" >/dev/null
  (cd / && GOBIN=$GO_CACHE/out go install -ldflags '-s -w' "$module/cmd/kube-router@$KUBE_ROUTER_VERSION")
  place "$GO_CACHE/out/kube-router" "$KUBE_ROUTER"
}

# With its own objects, from which kueue.sh makes those of the cluster.
build_kueue() {
  local sources components=config/components
  sources=$(fetch sigs.k8s.io/kueue "$KUEUE_VERSION" "$KUEUE_SUM")
  (cd / && GOBIN=$GO_CACHE/out go install -ldflags '-s -w' "sigs.k8s.io/kueue/cmd/kueue@$KUEUE_VERSION")
  mkdir -p "$KUEUE/crds"
  install -m 644 "$sources/$components/crd/bases/"*.yaml "$KUEUE/crds"
  install -m 644 "$sources/$components/crd/kustomization.yaml" "$KUEUE/crds.kustomization"
  install -m 644 "$sources/$components/webhook/manifests.yaml" "$KUEUE/webhooks.yaml"
  place "$GO_CACHE/out/kueue" "$KUEUE"
}

# build NAME FOLDER COMMAND...
build() {
  local began=$SECONDS name=$1 folder=$2
  shift 2
  [ ! -x "$folder/$name" ] || return 0
  command -v go >/dev/null || { echo 'go is not on the PATH: https://go.dev/dl (1.26 or newer)' >&2; return 1; }
  mkdir -p "$GO_CACHE/out"
  echo "building $name" >&2
  ("$@")
  echo "$name: $((SECONDS - began)) s, $(($(stat -c %s "$folder/$name") >> 20)) MiB" >&2
}

# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $COMMANDS pause kube-router kueue
for name in "$@"; do
  case $name in
    pause) build pause "$KUBERNETES" build_pause ;;
    kube-router) build kube-router "$KUBE_ROUTER" build_kube_router ;;
    kueue) build kueue "$KUEUE" build_kueue ;;
    clean) chmod -R u+w "$GO_CACHE" 2>/dev/null && rm -rf "$GO_CACHE" ;;
    *)
      [[ " $COMMANDS " == *" $name "* ]] || { echo "$name: not one of $COMMANDS pause kube-router kueue clean" >&2; exit 2; }
      build "$name" "$KUBERNETES" build_kubernetes "$name"
      ;;
  esac
done
