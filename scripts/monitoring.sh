#!/usr/bin/env bash
# Holds the metrics and the alert rules against Prometheus's own checks.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/server.sh
source scripts/server.sh

promtool check config deploy/prometheus/prometheus.yml
OUTLAY_METRICS_NETWORKS=127.0.0.0/8 start_server
curl -fsS "$url/healthz" >/dev/null
curl -fsS "$url/metrics" >"$data/metrics"
promtool check metrics <"$data/metrics"
echo "$(grep -c '^# TYPE' "$data/metrics") metrics are in order"

# Every name in the dashboard and in the rules must be one that the server tells.
wrong=0
for name in $(grep -ohE '\b(outlay|process)_[a-z_]+' deploy/grafana/outlay.json \
  deploy/prometheus/outlay.rules.yml docs/guide/operations.md | sort -u); do
  base=${name%_bucket}
  if ! grep -q "^# TYPE $base " "$data/metrics"; then
    echo "there is no metric $name" >&2
    wrong=1
  fi
done
exit "$wrong"
