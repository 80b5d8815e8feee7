# shellcheck shell=bash
# Starting and stopping the cluster's processes. Sourced by the other scripts, after env.sh.
# A pid file holds "PID STARTTIME": pids come round again, the pair names one process for good.

now_ms() { date +%s%3N; }
BEGAN=$(now_ms)
say() { printf '%5d ms  %s\n' "$(($(now_ms) - BEGAN))" "$*" >&2; }

# A process that has ended is a zombie for a while: it has no start time here.
start_time() { awk '$3 != "Z" { print $22 }' "/proc/$1/stat" 2>/dev/null; }

alive() {
  local pid started
  [ -s "$STATE/pid/$1" ] || return 1
  read -r pid started <"$STATE/pid/$1"
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]
}

# start NAME COMMAND...: in the cluster's network, in a session of its own.
start() {
  local name=$1 pid
  shift
  if alive "$name"; then return; fi
  setsid nsenter --net="/run/netns/$NETNS" -- "$@" >>"$STATE/log/$name.log" 2>&1 </dev/null &
  pid=$!
  sleep 0.05
  echo "$pid $(start_time "$pid")" >"$STATE/pid/$name"
}

# stop NAME: SIGTERM, and SIGKILL after 10 s.
stop() {
  local name=$1 pid
  if alive "$name"; then
    read -r pid _ <"$STATE/pid/$name"
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 100); do alive "$name" || break; sleep 0.1; done
    if alive "$name"; then kill -KILL "$pid"; fi
  fi
  rm -f "$STATE/pid/$name"
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then
      echo "not in time: $what; the logs are in $STATE/log" >&2
      return 1
    fi
    sleep 0.2
  done
  say "$what"
}
