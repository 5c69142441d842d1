#!/usr/bin/env bash
# The pages: scripts/web.sh build|lint|test|e2e|format. Packages are fetched only when the lock
# file changed since the last time, so that later builds need no network.
set -euo pipefail
cd "$(dirname "$0")/../web"

# The types of the API, which the pages are written with.
../scripts/clients.sh types

installed=node_modules/.package-lock.json
if [ ! -f "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  npm ci --no-audit --no-fund --loglevel=error
  touch "$installed"
fi

# Whether dist is newer than everything it is made from.
is_built() {
  [ -f dist/index.html ] &&
    [ -z "$(find . ../clients/typescript/src \( -name node_modules -o -name dist -o -name e2e -o -name stories -o -name test-results \) -prune \
      -o -type f -newer dist/index.html -print -quit)" ]
}

case $1 in
  build)
    if is_built; then
      echo "web/dist is up to date"
    else
      npm run --silent build
    fi
    ;;
  *) npm run --silent "$@" ;;
esac
