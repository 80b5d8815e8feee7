#!/usr/bin/env bash
# Checks the chart without a cluster: lint, every file of ci/ rendered and held to the schemas of Kubernetes,
# Kueue, KEDA and Prometheus' operator, unit tests, alerts and dashboards.
#
#   scripts/cluster/chart-check.sh               # all of it
#   scripts/cluster/chart-check.sh --update      # records the snapshots of the unit tests anew
#   SERVER=1 scripts/cluster/chart-check.sh      # and asks the API server of KUBECONFIG, under `restricted`
#
# The tools come from chart-tools.sh, which fetches them once. Ends with 1 at the first thing that is wrong.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
chart="$root/charts/kdexplainer"
tools="$("$root/scripts/cluster/chart-tools.sh")"
helm="$tools/layer/bin/helm"
kubectl="$tools/layer/bin/kubectl"
work="$(mktemp -d)"
opened=()

close() {
  rm -rf "$work"
  if [ "${#opened[@]}" -gt 0 ]; then "$kubectl" delete namespace "${opened[@]}" --wait=false >/dev/null; fi
}
trap close EXIT

render() { "$helm" template kdx "$chart" --namespace kdx --values "$@"; }

conform() {
  "$tools/kubeconform/bin/kubeconform" -strict \
    -schema-location "$tools/schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json" "$1"
}

# The namespaces that the rendered objects name; they must not be there, and are removed at the end.
open_namespaces() {
  local namespace
  for namespace in kdx studies; do
    "$kubectl" create namespace "$namespace" >/dev/null
    opened+=("$namespace")
    "$kubectl" label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted \
      pod-security.kubernetes.io/warn=restricted >/dev/null
  done
  # A pod is refused where its account is not there.
  "$kubectl" --namespace kdx create serviceaccount kdx-kdexplainer >/dev/null
}

# Kinds that the server has no definition of (Kueue, KEDA, the operator) are left out.
ask_server() {
  local answer="$work/answer"
  "$kubectl" apply --server-side --force-conflicts --dry-run=server -f "$1" >"$answer" 2>&1 || true
  # A Deployment is only warned about: its pods would be refused later.
  if grep -iE 'warning|error|invalid|forbidden' "$answer" | grep -v 'no matches for kind'; then return 1; fi
}

if [ "${SERVER:-}" = 1 ]; then
  : "${KUBECONFIG:?SERVER=1 asks the cluster that this names}"
  open_namespaces
fi
for values in "$chart"/ci/*-values.yaml; do
  name="$(basename "$values" -values.yaml)"
  "$helm" lint --strict --quiet "$chart" --values "$values"
  render "$values" >"$work/$name.yaml"
  conform "$work/$name.yaml"
  if [ "${SERVER:-}" = 1 ]; then ask_server "$work/$name.yaml"; fi
  echo "chart-check: $name: $(grep -c '^kind:' "$work/$name.yaml") objects"
done

"$tools/unittest/bin/helm-unittest" --strict ${1:+--update-snapshot} "$chart"

# The rules as Prometheus reads them: what the operator takes out of the object.
render "$chart/ci/kueue-values.yaml" --show-only templates/rules.yaml |
  sed -n '/^spec:/,$p' | sed '1d;s/^  //' >"$work/rules.yaml"
"$tools/promtool/bin/promtool" check rules "$work/rules.yaml"
for test in "$chart"/tests/alerts/*.yaml; do
  cp "$test" "$work/test.yaml"
  "$tools/promtool/bin/promtool" test rules "$work/test.yaml"
done
for alert in $(sed -n 's/^ *alert: //p' "$work/rules.yaml"); do
  grep -q "\"$alert\"" "$chart"/tests/alerts/*.yaml || { echo "chart-check: no test makes $alert fire" >&2; exit 1; }
done

# Every query of a dashboard is one that Prometheus can read.
python3 - "$chart"/files/dashboards/*.json >"$work/queries.yaml" <<'PYTHON'
import json, sys
print("groups: [{name: dashboards, rules: [")
for path in sys.argv[1:]:
    for panel in json.load(open(path))["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "5m")
            print(json.dumps({"record": "dashboard:query", "expr": query}) + ",")
print("]}]")
PYTHON
"$tools/promtool/bin/promtool" check rules --lint none "$work/queries.yaml"
echo 'chart-check: all well'
