#!/bin/sh
# Installs Outlay from the folder that this stands in, or puts a newer one in place of it:
#
#     sudo sh install.sh
#
# The program goes to /usr/local/bin and its unit to /usr/local/lib/systemd/system; systemd makes the
# user it runs as. Nothing is started, and no data is touched. `--root FOLDER` installs into the root of
# another system, such as an image.
set -eu

refuse() {
  echo "install.sh: $1" >&2
  exit 1
}

root=
while [ $# -gt 0 ]; do
  case $1 in
    --root)
      [ -d "${2:-}" ] || refuse "--root needs a folder that is there"
      root=${2%/}
      shift 2
      ;;
    --help | -h)
      sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
      exit 0
      ;;
    *) refuse "there is no $1; see --help" ;;
  esac
done

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
program=$root/usr/local/bin/outlay
units=$root/usr/local/lib/systemd/system

# What was packed is here, as it was packed.
[ "$(uname -s)" = Linux ] || refuse "this is a program for Linux"
command -v sha256sum >/dev/null || refuse "sha256sum is missing (coreutils), and checks what was packed"
for file in outlay outlay.service SHA256SUMS; do
  [ -f "$here/$file" ] || refuse "$file is not beside install.sh: unpack the whole archive"
done
for file in outlay outlay.service; do
  (cd "$here" && grep "  $file\$" SHA256SUMS | sha256sum -c - >/dev/null 2>&1) ||
    refuse "$file is not what was packed: fetch the archive again, and check it, too"
done

# It runs here. Where it goes to another root, that is for the other system to see.
if [ -z "$root" ]; then
  case $(od -An -tx1 -j18 -N1 "$here/outlay" | tr -d ' ') in
    3e) made_for=x86_64 ;;
    b7) made_for=aarch64 ;;
    *) made_for=another ;;
  esac
  [ "$made_for" = "$(uname -m)" ] ||
    refuse "this is the program for $made_for machines, and here is $(uname -m): fetch the other archive"
  said=$("$here/outlay" --version 2>&1) ||
    refuse "the program does not run here; it needs glibc 2.28 or newer, and a folder that programs may be run from: $said"
  [ "$(id -u)" -eq 0 ] || refuse "only root may install it: sudo sh install.sh"
fi

# put FILE MODE PLACE: at once, so that nobody meets half of it.
put() {
  mkdir -p "$(dirname "$3")"
  cp "$here/$1" "$3.new"
  chmod "$2" "$3.new"
  mv -f "$3.new" "$3"
}
put outlay 755 "$program"
put outlay.service 644 "$units/outlay.service"
echo "Outlay is installed: ${program}, $units/outlay.service"

if [ -e "$root/etc/systemd/system/outlay.service" ]; then
  echo "Note: $root/etc/systemd/system/outlay.service is there, too, and is the one that counts."
fi
if [ -n "$root" ]; then
  echo "There, once: systemctl enable outlay"
elif [ ! -d /run/systemd/system ]; then
  echo "systemd does not run here. By hand: outlay serve --data FOLDER"
elif systemctl daemon-reload && systemctl --quiet is-active outlay; then
  echo "The one before still runs: outlay backup FILE --data /var/lib/outlay && systemctl restart outlay"
else
  echo "Now: systemctl enable --now outlay && journalctl -u outlay     shows the sign-in link"
fi
