#!/usr/bin/env bash
# Makes what is handed out, for both machines or the named one: scripts/dist.sh [x86_64] [aarch64]
#
# For each, dist/ gets an archive with the program, its unit and what installs them; dist/SHA256SUMS
# has the archives' checksums. zig is the linker and the C compiler: it knows every machine and older
# versions of glibc, so that the program runs on systems that are older than this one.
set -euo pipefail
cd "$(dirname "$0")/.."

glibc=2.28
tools=${OUTLAY_TOOLS:-$HOME/.cache/outlay-tools}
target_dir=${CARGO_TARGET_DIR:-$PWD/target}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
# The same sources make the same archives.
made_at=$(git log -1 --format=%ct 2>/dev/null || date +%s)

# build MACHINE: the program of $target_dir/MACHINE-unknown-linux-gnu/dist.
build() {
  local triple=$1-unknown-linux-gnu
  ! command -v rustup >/dev/null || rustup --quiet target add "$triple"
  # Some arm64 systems have pages of 64 KiB. An allocator that is built for them takes smaller ones,
  # too, but not the other way round.
  [ "$1" != aarch64 ] || export JEMALLOC_SYS_WITH_LG_PAGE=16
  OUTLAY_GLIBC=$glibc PATH="$tools/zig/bin:$PATH" scripts/cargo.mjs zigbuild --workspace --bins --locked --profile dist \
    --target "$triple.$glibc"
  unset JEMALLOC_SYS_WITH_LG_PAGE
}

# check_needs PROGRAM: it needs glibc, none newer than promised, and nothing else.
check_needs() {
  local others newest
  others=$(readelf --dynamic --wide "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    grep -vE '^(lib(c|m|dl|rt|util|pthread)\.so\.|ld-linux)' || true)
  newest=$(readelf --version-info --wide "$1" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -1)
  if [ -n "$others" ] || [ "$(printf '%s\n' "${newest#GLIBC_}" "$glibc" | sort -V | tail -1)" != "$glibc" ]; then
    echo "$1 needs ${others:-nothing but glibc}, and ${newest:-no glibc}; $glibc was promised" >&2
    return 1
  fi
}

# pack MACHINE
pack() {
  local name=outlay-$version-linux-$1 program=$target_dir/$1-unknown-linux-gnu/dist/outlay
  check_needs "$program"
  rm -rf "dist/$name" && mkdir -p "dist/$name"
  install -m 755 "$program" "dist/$name/outlay"
  install -m 755 deploy/install.sh "dist/$name/install.sh"
  install -m 644 deploy/outlay.service LICENSE NOTICE CHANGELOG.md "dist/$name/"
  (cd "dist/$name" && sha256sum -- * >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
  tar --create --directory dist --sort=name --owner=0 --group=0 --numeric-owner \
    --mtime="@$made_at" "$name" | gzip --no-name >"dist/$name.tar.gz"
  rm -r "dist/$name"
}

[ $# -gt 0 ] || set -- x86_64 aarch64
scripts/venv.sh "$tools/zig" scripts/dist-requirements.txt
for machine in "$@"; do
  case $machine in x86_64 | aarch64) ;; *) echo "x86_64 or aarch64, not $machine" >&2 && exit 2 ;; esac
  printf "\n==> %s\n" "$machine"
  build "$machine"
  pack "$machine"
done
(cd dist && sha256sum -- outlay-"$version"-*.tar.gz | tee SHA256SUMS)
