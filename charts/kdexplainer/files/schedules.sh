# Brings Temporal's schedules in line with the release's: `schedules.sh apply` or `schedules.sh delete`.
# Reads /schedules/list (SCHEDULES is another folder). Runs with the plain CLI, which finds the server by
# TEMPORAL_* variables. Safe to repeat.
set -eu

# The server may be starting beside us; the Job's deadline ends the wait.
until temporal operator cluster health >/dev/null 2>&1; do sleep 2; done

# apply ID CRON CATCHUP TYPE WORKFLOW-ID INPUT
apply() {
  verb=create paused=
  if found="$(temporal schedule describe --schedule-id "$1" --output json 2>/dev/null)"; then
    verb=update
    # An update would start a schedule again that somebody has paused.
    case "$found" in *'"paused": true'*) paused=--paused ;; esac
  fi
  temporal schedule "$verb" --schedule-id "$1" --cron "$2" --time-zone "$TIME_ZONE" \
    --overlap-policy Skip --catchup-window "$3" $paused \
    --task-queue kdx --type "$4" --workflow-id "$5" --input-file "$6"
  echo "$1: $verb"
}

delete() {
  if temporal schedule describe --schedule-id "$1" >/dev/null 2>&1; then
    temporal schedule delete --schedule-id "$1"
  fi
}

while IFS='|' read -r id cron catchup type workflow input; do
  case "$1" in
    apply) apply "$id" "$cron" "$catchup" "$type" "$workflow" "$input" </dev/null ;;
    delete) delete "$id" </dev/null ;;
  esac
done <"${SCHEDULES:-/schedules}/list"
