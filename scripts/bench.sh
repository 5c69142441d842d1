#!/usr/bin/env bash
# Measures ingest, memory and disk of the whole server, then questions over a filled history, each
# with its baseline: scripts/bench.sh EVENTS
set -euo pipefail
cd "$(dirname "$0")/.."
events=${1:-2000000}
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/outlay-bench.XXXXXX")
trap 'rm -rf "$folder"' EXIT
run() { scripts/step.sh "$1" "${@:2}"; }

# One profile for everything, so that nothing heavy is compiled again.
run "whole server" env OUTLAY_BENCH_EVENTS="$events" cargo bench --workspace --profile dev --bench server
run "fill $events events" cargo run --package outlay-store --example fill -- "$folder/data" "$events"
run "questions over $events events" \
  cargo run --package outlay-store --example questions -- "$events" "$folder/questions"
