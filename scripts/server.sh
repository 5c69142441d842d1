# shellcheck shell=bash
# For scripts that look at a running server: starts one on a folder of its own, and ends it with
# the script. Sets $data and $url.

outlay=${OUTLAY_BIN:-${CARGO_TARGET_DIR:-target}/debug/outlay}

# start_server FLAG…: with these flags of `outlay serve`.
start_server() {
  data=$(mktemp -d)
  "$outlay" serve --data "$data" --listen 127.0.0.1:0 "$@" >"$data.out" 2>"$data.log" </dev/null &
  server=$!
  trap end_server EXIT
  local waited=0
  until "$outlay" ready --data "$data" >/dev/null 2>&1; do
    if ! kill -0 "$server" 2>/dev/null || [ $((waited += 1)) -gt 600 ]; then
      cat "$data.out" "$data.log" >&2
      echo "the server did not start" >&2
      exit 1
    fi
    sleep 0.1
  done
  url=$(sed -n 's/.*Outlay is at \(http[^ ]*\).*/\1/p' "$data.out" | head -1)
}

end_server() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$data" "$data.out" "$data.log"
}
