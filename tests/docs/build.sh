#!/bin/sh
# Builds the documentation, and checks its links.
#
#   tests/docs/build.sh <build folder> <folder of the programs of requirements.txt>
#
# Its pages are the Markdown files of the checkout, with the links that they have there, and those in
# pages/. header.py makes the C manual from the comments in the headers, Sphinx the Python reference
# from the docstrings, and rustdoc that of the crates.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
source=$1/docs-source
site=$1/docs
programs=$2

rm -rf "$source" "$site"
mkdir -p "$source"
cp -R "$root"/*.md "$root"/LICENSE-* "$root/.github" "$root/core" "$root/ffi" "$root/python" "$root/tests" "$here/pages"/* "$source"
"$programs/python" "$here/header.py" "$root/include" "$source/c"
"$programs/sphinx-build" --quiet --fail-on-warning --keep-going --fresh-env --jobs auto \
    --doctree-dir "$1/docs-doctrees" -c "$here" "$source" "$site"

# Mermaid draws the diagrams, in the browser.
mermaid=$1/mermaid-11.17.2
if [ ! -d "$mermaid" ]; then
    mkdir -p "$mermaid.part"
    (cd "$mermaid.part" && PATH=$programs:$PATH npm pack --silent mermaid@11.17.2 >/dev/null &&
        tar xzf ./*.tgz package/dist/mermaid.min.js && rm ./*.tgz)
    mv "$mermaid.part" "$mermaid"
fi
cp "$mermaid/package/dist/mermaid.min.js" "$site/_static"

RUSTDOCFLAGS="-D warnings --html-after-content $here/rustdoc.html" "${CARGO:-cargo}" doc --quiet --no-deps \
    -p emnify-core -p emnify-sandbox --features emnify-core/redis,emnify-core/test-util
cp -R "$1/doc" "$site/rust"

"$programs/python" "$here/links.py" "$site"
echo "The documentation is in $site/index.html."
