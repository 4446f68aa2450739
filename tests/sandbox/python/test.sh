#!/bin/sh
# Tests the package emnify-sandbox in a project and an environment of their own, which contain only
# pytest and the two wheels. The tests are those in tests/ and in README.md.
#
#   tests/sandbox/python/test.sh <python> <new environment> <folder with wheels ...>

set -eu

package=$(cd "$(dirname "$0")" && pwd)
python=$1
environment=$2
shift 2
rm -rf "$environment"
"$python" -m venv "$environment"
bin=$environment/bin
pytest=$(grep '^pytest==' "$package/../../../python/requirements-dev.txt")
"$bin/pip" install --quiet --disable-pip-version-check "$pytest"
for folder; do
    shift
    set -- "$@" --find-links "$folder"
done
"$bin/pip" install --quiet --disable-pip-version-check --no-index "$@" 'emnify-auth[testing]'

project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
cp "$package"/tests/*.py "$project"
awk -v file="$project/test_readme_" '
    $0 == "```" { on = 0 }
    on { print > (file blocks ".py") }
    $0 == "```python" { on = 1; blocks++ }' "$package/README.md"
cd "$project"
"$bin/python" -W error -m pytest -W error -p no:cacheprovider -q
