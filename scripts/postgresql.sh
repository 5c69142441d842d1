#!/usr/bin/env bash
# Tries every statement of the books on a PostgreSQL, 15 or newer, which is started in a temporary
# folder and ends with this script: scripts/postgresql.sh
#
# It is reached by a socket in that folder and listens to no port, so that it meets nobody.
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian keeps the server beside the path, a folder for each version; the newest is last.
programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5n | tail -1)
export PATH="$programs:$PATH"

# The server refuses to be run by root.
user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then
  user=$(id -un postgres 2>/dev/null || echo nobody)
fi
as_user() {
  if [ "$user" = "$(id -un)" ]; then "$@"; else setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"; fi
}

# Not where TMPDIR says: the name of a socket has 107 letters at most.
folder=$(mktemp -d /tmp/outlay-postgresql.XXXXXX)
end() {
  as_user pg_ctl --pgdata "$folder/data" --mode immediate --silent stop >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap end EXIT
chown "$user" "$folder"

cd "$folder"
as_user initdb --pgdata data --username outlay --auth trust --encoding UTF8 --locale C \
  --no-sync >"$folder/initdb.log" || { cat "$folder/initdb.log" >&2 && exit 1; }
as_user pg_ctl --pgdata data --log "$folder/server.log" --silent --wait start --options \
  "-c listen_addresses='' -c unix_socket_directories=$folder -c fsync=off" ||
  { cat "$folder/server.log" >&2 && exit 1; }
cd - >/dev/null

OUTLAY_POSTGRESQL="postgresql:///postgres?host=$folder&user=outlay" \
  cargo test --workspace --lib --quiet -- --ignored --nocapture sqlite::statements
