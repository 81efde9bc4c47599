#!/bin/sh
# Find a Python that will do, then hand over to deploy/setup.py.
set -eu
cd "$(dirname "$0")/.."

will_do() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

if [ -e .venv ] && ! will_do .venv/bin/python; then
    echo "The virtual environment in .venv has lost its Python; making it anew." >&2
    rm -rf .venv
fi
# python3.12 comes first because .python-version names it: everything is tested on it.
for python in .venv/bin/python "${PYTHON:-python3.12}" python3.12 python3.13 python3 python; do
    if will_do "$python"; then
        exec "$python" -m deploy.setup "$@"
    fi
done
echo "Priya needs Python 3.12 or newer, and there is none here: install it (Debian: apt install python3 python3-venv;" \
    "where that is older than 3.12: pyenv install 3.12), or say where it is: PYTHON=/path/to/python3.12 make run" >&2
exit 1
