#!/usr/bin/env bash
# Measures the maths beside statsforecast and ruptures, in one run on the same series:
# scripts/bench-analytics.sh SERIES SAMPLE
set -euo pipefail
cd "$(dirname "$0")/.."
series=${1:-10000}
sample=${2:-100}
target=${CARGO_TARGET_DIR:-target}
python=${OUTLAY_TOOLS:-$HOME/.cache/outlay-tools}/bench-python

scripts/venv.sh "$python" scripts/bench-requirements.txt
cargo build --quiet --package outlay-analytics --example speed
scripts/step.sh "maths beside others" "$python/bin/python" scripts/bench-analytics.py \
  "$target/debug/examples/speed" "$series" "$sample"
