#!/bin/sh
# Installs wheels or a source archive of the Python packages into a new environment, and makes a call.
#
#   tests/wheel.sh <python> <wheel or source archive ...>
#
# With the wheel of emnify-sandbox, the call is made to a sandbox. Without it, the call is expected to
# fail with a refused connection.

set -eu

environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"$1" -m venv "$environment"
shift
python=$environment/bin/python
[ -e "$python" ] || python=$environment/Scripts/python.exe
"$python" -m pip install --quiet --disable-pip-version-check --no-cache-dir "$@"
"$python" -I -W error - <<'PROGRAM'
import importlib.metadata
import importlib.util
import sys

import emnify_auth

assert emnify_auth.__version__ == importlib.metadata.version("emnify-auth")
tested = f"emnify-auth {emnify_auth.__version__} on Python {sys.version.split()[0]}"
if importlib.util.find_spec("emnify_sandbox"):
    from emnify_sandbox import Sandbox

    with Sandbox() as sandbox, emnify_auth.Client(**sandbox.client_settings()) as client:
        print(f"{tested}: signed in to workspace {client.authenticate().organisation_id}")
else:
    with emnify_auth.Client("an-application-token", base_url="https://127.0.0.1:9") as client:
        try:
            client.authenticate()
        except emnify_auth.NetworkError as error:
            print(f"{tested}: {error}")
PROGRAM
