#!/usr/bin/env bash
# Makes a Python environment of what a file lists, unless it is one: scripts/venv.sh FOLDER FILE
set -euo pipefail
folder=$1
wanted=$(cat "$2")
[ "$(cat "$folder/.installed" 2>/dev/null || true)" != "$wanted" ] || exit 0
python3 -m venv --clear "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check -r "$2"
printf '%s\n' "$wanted" >"$folder/.installed"
