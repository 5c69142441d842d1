#!/usr/bin/env bash
# The clients: scripts/clients.sh types|typescript|python
#
# `types` writes the types of the API from its description, which the pages are built with, too; the
# others test a client against the real server.
set -euo pipefail
cd "$(dirname "$0")/.."
outlay=${OUTLAY_BIN:-${CARGO_TARGET_DIR:-target}/debug/outlay}
OUTLAY_BIN=$(realpath -m "$outlay")
export OUTLAY_BIN

# Packages are fetched only when the lock file changed since the last time.
install_packages() {
  local installed=node_modules/.package-lock.json
  if [ ! -f "$installed" ] || [ package-lock.json -nt "$installed" ]; then
    npm ci --no-audit --no-fund --loglevel=error
    touch "$installed"
  fi
}

# The types, unless they are newer than everything they are made from.
types() {
  local made=src/schema.ts from=../../docs/reference/openapi.json stamp=node_modules/.schema
  if [ ! -f "$made" ] || [ ! -f "$stamp" ] || [ "$from" -nt "$stamp" ] ||
    [ scripts/generate.mjs -nt "$stamp" ] || [ node_modules/.package-lock.json -nt "$stamp" ]; then
    npm run --silent generate
    touch "$stamp"
  fi
}

case $1 in
  types)
    cd clients/typescript
    install_packages
    types
    ;;
  typescript)
    cd clients/typescript
    install_packages
    types
    npm run --silent test
    ;;
  python)
    python=${OUTLAY_TOOLS:-$HOME/.cache/outlay-tools}/clients-python
    scripts/venv.sh "$python" clients/python/requirements-dev.txt
    cd clients/python
    "$python/bin/mypy"
    PYTHONPATH=src "$python/bin/python" -W error -m unittest discover --start-directory tests --top-level-directory .
    ;;
  *)
    echo "usage: scripts/clients.sh types|typescript|python" >&2
    exit 2
    ;;
esac
