"""What `make docs` makes a site of is complete, and its links lead somewhere."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import emnify_auth

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:|rust:)([^)#\s]*)(?:#([^)\s]*))?\)")
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def documents() -> list[str]:
    """Return the Markdown files of this checkout. The pages of the site itself link to others."""
    found = [*ROOT.glob("*.md")]
    for folder in ("core", "ffi", "python", "tests"):
        found += [path for path in (ROOT / folder).rglob("*.md") if not path.is_symlink()]
    names = (str(path.relative_to(ROOT)) for path in found)
    return sorted(name for name in names if not name.startswith("tests/docs/"))


def anchors(document: Path) -> Iterator[str]:
    """Yield the anchors of the headings of a document, as GitHub and Sphinx make them."""
    text = re.sub(
        r"^ *```.*?^ *```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", documents())
def test_links_lead_to_files_and_headings(document: str) -> None:
    path = ROOT / document
    for target, anchor in LINK.findall(CODE.sub("", path.read_text("utf-8"))):
        linked = path.parent / target if target else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def test_the_start_page_leads_to_each_document() -> None:
    page = (ROOT / "tests/docs/pages/index.md").read_text("utf-8")
    listed = set(re.findall(r"^(?:.* <)?([\w/]+)>?$", page, re.MULTILINE))
    assert {name.removesuffix(".md") for name in documents()} <= listed


def test_the_python_reference_has_each_public_name() -> None:
    page = (ROOT / "tests/docs/pages/python-reference.md").read_text("utf-8")
    classes = re.findall(r"^\.\. autoclass:: (\w+)$", page, re.MULTILINE)
    assert sorted([*classes, "__version__"]) == sorted(emnify_auth.__all__)


def test_the_c_manual_has_each_function_and_constant(tmp_path: Path) -> None:
    script = ROOT / "tests/docs/header.py"
    subprocess.run([sys.executable, script, ROOT / "include", tmp_path], check=True)
    manual = "".join(page.read_text("utf-8") for page in tmp_path.glob("*.md"))
    described = set(re.findall(r"\{c:function\} .*?\b(emnify_\w+)\(", manual))
    described |= set(re.findall(r"\{c:macro\} (EMNIFY_\w+)", manual))
    exported = re.findall(
        r"^    (emnify_\w+);", (ROOT / "ffi/packaging/libemnify.map").read_text(), re.MULTILINE
    )
    header = (ROOT / "include/emnify.h").read_text()
    constants = set(re.findall(r"^#define (EMNIFY_\w+)", header, re.MULTILINE)) - {"EMNIFY_H"}
    assert described == {*exported, *constants}
