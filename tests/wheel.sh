#!/bin/sh
# Installs a wheel or source archive of the Python package into a new environment, and makes a call.
#
#   tests/wheel.sh <python> <wheel or source archive>
#
# There is no sandbox where this runs, so the call is expected to fail with a refused connection.

set -eu

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"$1" -m venv "$environment"
python=$environment/bin/python
[ -e "$python" ] || python=$environment/Scripts/python.exe
"$python" -m pip install --quiet --disable-pip-version-check --no-cache-dir "$2"
"$python" -I -W error - <<'PROGRAM'
import importlib.metadata
import sys

import emnify_auth

assert emnify_auth.__version__ == importlib.metadata.version("emnify-auth")
with emnify_auth.Client("an-application-token", base_url="https://127.0.0.1:9") as client:
    try:
        client.authenticate()
    except emnify_auth.NetworkError as error:
        print(f"emnify-auth {emnify_auth.__version__} on Python {sys.version.split()[0]}: {error}")
PROGRAM
