#!/usr/bin/env bash
# For images that keep the compiled dependencies in a layer of their own: where there are only the
# crates' manifests, makes the sources that cargo looks for, with nothing in them.
#
#     scripts/hollow.sh && cargo build … && scripts/hollow.sh --forget
#
# `--forget` takes the empty sources away, and what cargo knows of having compiled them. The real ones may
# be older than that, and would not be compiled otherwise: the image would have a program that does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --forget ]; then
  find "${CARGO_TARGET_DIR:-target}" -path '*/.fingerprint/outlay-*' -prune -exec rm -r {} +
  rm -r crates/*/*/
  exit
fi
for crate in crates/*/; do
  # Sources would be lost at the end.
  [ ! -e "$crate/src" ] || { echo "$crate has sources; this is for manifests alone" >&2 && exit 1; }
  mkdir "$crate/src"
  echo '//! Nothing, for now.' >"$crate/src/lib.rs"
  # Those that the manifest names: by their path, or a bench by its name.
  for path in $(sed -n '/^\[\[/,/^$/s/^path = "\(.*\)"/\1/p' "$crate/Cargo.toml") \
    $(sed -n '/^\[\[bench/,/^$/s/^name = "\(.*\)"/benches\/\1.rs/p' "$crate/Cargo.toml"); do
    mkdir -p "$(dirname "$crate/$path")"
    printf '//! Nothing, for now.\nfn main() {}\n' >"$crate/$path"
  done
done
