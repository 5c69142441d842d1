#!/usr/bin/env bash
# Runs every check, or the named ones: scripts/test.sh format clippy
#
# A step is a function below. Each prints its heading and its time; a step that runs a test
# runner counts that runner's tests, any other counts as one. The last line is the sum.
set -uo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
export OUTLAY_TOOLS=${OUTLAY_TOOLS:-$HOME/.cache/outlay-tools}
export PATH="$OUTLAY_TOOLS/bin:$PATH"
export OUTLAY_BIN="$CARGO_TARGET_DIR/debug/outlay"
outputs=$(mktemp -d)
trap 'rm -rf "$outputs"' EXIT

all="tools scripts format audit web-lint web-test web-build clippy build test postgresql clients end-to-end contract monitoring"

# count PASSED FAILED: what the running step's own runner counted.
count() { printf '%s\n' "$*" >"$outputs/counts"; }

# skip REASON: for a step whose subject is not part of this checkout.
skip() { echo "    skipped: $1" && count 0 0; }

step_tools() { scripts/tools.sh; }

step_scripts() {
  local status=0
  node --test scripts/tests/*.test.mjs | tee "$outputs/scripts" || status=$?
  count_node "$outputs/scripts"
  return "$status"
}

step_format() { cargo fmt --all --check; }

step_audit() { python3 scripts/audit.py; }

step_web-lint() {
  [ -f web/package.json ] || { skip "no pages in this checkout" && return; }
  scripts/web.sh lint
}

step_web-test() {
  [ -f web/package.json ] || { skip "no pages in this checkout" && return; }
  local report=$outputs/vitest.json status=0
  scripts/web.sh test -- --reporter=default --reporter=json --outputFile.json="$report" || status=$?
  count_json "$report" numPassedTests numFailedTests
  return "$status"
}

step_web-build() {
  [ -f web/package.json ] || { skip "no pages in this checkout" && return; }
  scripts/web.sh build
}

step_clippy() { scripts/cargo.mjs clippy --workspace --all-targets -- -D warnings; }

step_build() { scripts/cargo.mjs build --workspace; }

step_test() {
  local status=0
  cargo test --workspace --no-fail-fast 2>&1 | tee "$outputs/cargo" || status=$?
  count_cargo "$outputs/cargo"
  return "$status"
}

step_postgresql() {
  local status=0
  scripts/postgresql.sh 2>&1 | tee "$outputs/postgresql" || status=$?
  count_cargo "$outputs/postgresql"
  return "$status"
}

step_clients() {
  [ -d clients ] || { skip "no clients in this checkout" && return; }
  local status=0 passed failed
  scripts/clients.sh typescript 2>&1 | tee "$outputs/typescript" || status=$?
  scripts/clients.sh python 2>&1 | tee "$outputs/python" || status=$?
  # e.g. "ℹ pass 13" and "ℹ fail 0"; "Ran 25 tests in 9 s" and "FAILED (failures=1, errors=2)"
  passed=$(awk '/^ℹ pass / { sum += $3 } /^Ran [0-9]+ tests? / { sum += $2 } END { print sum + 0 }' \
    "$outputs/typescript" "$outputs/python")
  failed=$(awk '/^ℹ fail / { sum += $3 } END { print sum + 0 }' "$outputs/typescript")
  for word in $(sed -n 's/^FAILED (\(.*\))$/\1/p' "$outputs/python" | tr ', ' '\n\n'); do
    case $word in failures=* | errors=*) failed=$((failed + ${word#*=})) passed=$((passed - ${word#*=})) ;; esac
  done
  count "$passed" "$failed"
  return "$status"
}

step_end-to-end() {
  [ -d web/e2e ] || { skip "no browser tests in this checkout" && return; }
  local report=$outputs/playwright.json status=0
  PLAYWRIGHT_JSON_OUTPUT_NAME=$report scripts/web.sh e2e -- --reporter=list,json || status=$?
  count_json "$report" stats.expected stats.unexpected
  return "$status"
}

step_contract() { scripts/contract.sh; }

step_monitoring() { scripts/monitoring.sh; }

# count_cargo FILE: counts from what Rust's runner said, e.g.
# test result: ok. 12 passed; 0 failed; 0 ignored; …
count_cargo() {
  count "$(awk '/^test result: / { passed += $4; failed += $6 } END { print passed + 0, failed + 0 }' "$1")"
}

# count_node FILE: counts from what Node's runner said, e.g. "# pass 13" or, on a terminal, "ℹ pass 13".
count_node() {
  count "$(awk '$2 == "pass" { passed += $3 } $2 == "fail" { failed += $3 } END { print passed + 0, failed + 0 }' "$1")"
}

# count_json FILE PASSED FAILED: counts from a runner's report; a missing report is one failure.
count_json() {
  count "$(python3 - "$@" <<'PYTHON'
import functools, json, pathlib, sys
report = pathlib.Path(sys.argv[1])
if report.exists():
    tree = json.loads(report.read_text())
    print(*(functools.reduce(dict.__getitem__, path.split("."), tree) for path in sys.argv[2:]))
else:
    print(0, 1)
PYTHON
  )"
}

passed=0 failed=0 summary=
run_step() {
  local name=$1 status word started=$SECONDS
  rm -f "$outputs/counts"
  printf '\n==> %s\n' "$name"
  # In a subshell, so that `set -e` holds inside a step and a step cannot change the next one.
  (set -e; "step_$name")
  status=$?
  local step_passed=0 step_failed=0
  if [ -f "$outputs/counts" ]; then
    read -r step_passed step_failed <"$outputs/counts"
  elif [ "$status" -eq 0 ]; then
    step_passed=1
  fi
  # A runner that ends badly has failed, also when none of its tests did.
  if [ "$status" -ne 0 ] && [ "$step_failed" -eq 0 ]; then step_failed=1; fi
  [ "$step_failed" -eq 0 ] && word=ok || word=FAILED
  passed=$((passed + step_passed)) failed=$((failed + step_failed))
  local line
  printf -v line '    %-11s %-6s %5d passed %3d failed %5d s' \
    "$name" "$word" "$step_passed" "$step_failed" $((SECONDS - started))
  printf '%s\n' "$line"
  summary+=$line$'\n'
}

if [ $# -eq 0 ]; then
  read -ra steps <<<"$all"
  set -- "${steps[@]}"
fi
for name in "$@"; do
  if [ "$(type -t "step_$name")" != function ]; then
    echo "no such step: $name; there are: $all" >&2
    exit 2
  fi
  run_step "$name"
done

printf '\n==> all, after %d s\n%s\n%d passed, %d failed\n' "$SECONDS" "$summary" "$passed" "$failed"
[ "$failed" -eq 0 ]
