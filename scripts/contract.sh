#!/usr/bin/env bash
# Asks the API everything that its description allows, and a lot that it does not: no answer may be
# a failure of the server. One worker, because CPython 3.11 fails at times to read deep sources in two
# threads at once. CONTRACT_EXAMPLES bounds the run; CONTRACT_CHECKS asks for more, e.g.
# status_code_conformance.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/server.sh
source scripts/server.sh

start_server
token=$("$outlay" token --data "$data" --user contract --role admin --ttl 1h)
status=0
schemathesis run "$url/api/v1/openapi.json" \
  --header "Authorization: Bearer $token" \
  --checks "${CONTRACT_CHECKS:-not_a_server_error,response_schema_conformance}" \
  --phases examples,coverage,fuzzing \
  --max-examples "${CONTRACT_EXAMPLES:-25}" \
  --suppress-health-check all \
  --seed 8440 \
  --workers 1 \
  --no-color || status=$?
if [ "$status" -ne 0 ]; then tail -40 "$data.log" >&2; fi
exit "$status"
