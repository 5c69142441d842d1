#!/usr/bin/env bash
# Installs what the tests need beside Rust, Node and a C compiler, and links it into
# $OUTLAY_TOOLS/bin. What is there already is left alone, so a second run needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${OUTLAY_TOOLS:-$HOME/.cache/outlay-tools}
mkdir -p "$tools/bin"

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

has() { command -v "$1" >/dev/null 2>&1; }

refresh_packages() {
  [ -n "${refreshed:-}" ] || as_root apt-get update -qq
  refreshed=yes
}

# debian PROGRAM PACKAGE…: installs the packages where the program is missing.
debian() {
  local program=$1
  shift
  has "$program" && return
  install_debian "$@"
}

install_debian() {
  refresh_packages
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
    >/dev/null
}

debian python3 python3 python3-venv
debian sqlite3 sqlite3
debian curl curl
[ ! -d web/e2e ] || debian chromium chromium fonts-liberation

# Only the programs are wanted: without this the package would make and start a database.
if [ -z "$(compgen -G '/usr/lib/postgresql/*/bin/postgres')" ] && ! has postgres; then
  install_debian postgresql-common
  as_root sed -i 's/^#\? *create_main_cluster *=.*/create_main_cluster = false/' \
    /etc/postgresql-common/createcluster.conf
  install_debian postgresql
fi

# Only promtool is wanted; the package would start a Prometheus.
if ! has promtool && [ ! -x "$tools/bin/promtool" ]; then
  refresh_packages
  folder=$(mktemp -d)
  (cd "$folder" && apt-get -o APT::Sandbox::User=root download -qq prometheus)
  dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb |
    tar -xO ./usr/bin/promtool >"$folder/promtool"
  install -m 755 "$folder/promtool" "$tools/bin/promtool"
  rm -r "$folder"
fi

if ! python3 -c 'import ensurepip' 2>/dev/null; then
  install_debian python3-venv
fi
scripts/venv.sh "$tools/python" scripts/requirements.txt
ln -sf "$tools/python/bin/schemathesis" "$tools/bin/schemathesis"
