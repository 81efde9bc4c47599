#!/bin/sh
# Pin everything once (requirements.txt), then give each role its part of the same pins.
# --universal: one file for every platform and every Python from 3.12 on.
set -eu
cd "$(dirname "$0")/.."
uv=.venv/bin/uv

pin() {
    "$uv" pip compile --quiet --universal --python-version 3.12 --custom-compile-command "make lock" "$@"
}

pin requirements/all.in --output-file requirements.txt "$@"
for role in bot worker-transcribe worker-generate worker-synthesize worker-upkeep extra-coqui stack dev; do
    pin "requirements/$role.in" --constraints requirements.txt --output-file "requirements/$role.txt"
done
