#!/usr/bin/env bash
# Runs a command under a heading, and says how long it took: scripts/step.sh NAME COMMAND…
set -uo pipefail
name=$1
shift
printf '\n==> %s\n' "$name"
SECONDS=0
"$@"
status=$?
[ "$status" -eq 0 ] && word=ok || word=failed
printf '    %s: %s after %d s\n' "$name" "$word" "$SECONDS"
exit "$status"
