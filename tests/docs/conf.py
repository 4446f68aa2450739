"""The settings of Sphinx. build.sh describes where the pages come from."""

import __future__

import dataclasses
import html
import inspect
import re
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType

from docutils import nodes
from pygments.lexers.rust import RustLexer
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

ROOT = Path(__file__).resolve().parents[2]

project = "emnify-auth"
release = re.findall(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[0]
html_title = f"emnify-auth {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
include_patterns = ["*.md", "c/*.md", "core/**.md", "ffi/**.md", "python/**.md", "tests/**.md"]
exclude_patterns = ["core/tests", "tests/docs"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
myst_url_schemes = {"https": None, "rust": "rust/{{path}}"}
smartquotes = False

html_theme = "furo"
html_static_path = ["static"]
html_js_files = ["site.js"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_mock_imports = ["emnify"]
maximum_signature_line_length = 80


class Stub(SourceFileLoader):
    """Loads the stub in place of the native module, which need not be built."""

    def source_to_code(self, data: bytes, path: str) -> CodeType:  # type: ignore[override]
        """Leave annotations as text, because they name classes that are defined later."""
        return compile(data, path, "exec", __future__.annotations.compiler_flag)

    def exec_module(self, module: ModuleType) -> None:
        """Set what the stub only declares."""
        vars(module)["__version__"] = release
        super().exec_module(module)

    @classmethod
    def find_spec(cls, name: str, *_: object) -> ModuleSpec | None:
        """Find only that module."""
        path = str(ROOT / "python/pysrc/emnify_auth/_native.pyi")
        return spec_from_loader(name, cls(name, path)) if name == "emnify_auth._native" else None


sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "python/pysrc"))
sys.meta_path.insert(0, Stub)

import emnify_auth  # noqa: E402

# The classes say that they belong to emnify_auth, but Sphinx finds the descriptions of their
# attributes, and the order of their members, where they are defined.
analyzer = ModuleAnalyzer.for_module("emnify_auth")
analyzer.analyze()
for module in ("_errors", "_values", "_async.client", "_async.pages", "_async.tokens"):
    part = ModuleAnalyzer.for_module(f"emnify_auth.{module}")
    part.analyze()
    analyzer.attr_docs |= part.attr_docs
    analyzer.annotations |= part.annotations
    analyzer.tagorder |= part.tagorder

NAME = re.compile(
    r"(?<![\w.\"])((?P<method>[A-Za-z][\w.]*)\(\)|(?:"
    + "|".join(emnify_auth.__all__)
    + r"))(?![\w(])"
)
ITEM = re.compile(r"(\"\w+\"|[a-z]\w*(?:, [a-z]\w*)*): ")


def translate_docstring(
    _app: Sphinx, _what: str, _name: str, obj: object, _options: object, lines: list[str]
) -> None:
    """Translate the plain text of a docstring: parameters, values, code, and names of others."""
    try:
        known = {*inspect.signature(obj).parameters, *emnify_auth.ClientSettings.__annotations__}
    except (TypeError, ValueError):
        known = set()
    result: list[str] = []
    in_code, indent = False, ""
    for line in lines:
        if line.startswith("    "):
            if not in_code:
                result += ["", f".. code-block:: {'pycon' if '>>>' in line else 'python'}", ""]
            in_code = True
        elif line:
            in_code = False
            text = NAME.sub(lambda name: f":py:obj:`{name[0]} <{name['method'] or name[0]}>`", line)
            item = ITEM.match(line)
            if item and (item[1][0] == '"' or known.issuperset(item[1].split(", "))):
                result += [] if indent else [""]
                indent = "  "
                line = f"- **{item[1]}**: {text.removeprefix(item[0])}"
            else:
                line = indent + text
        else:
            indent = ""
        result.append(line)
    lines[:] = result


def hide_constructor(
    _app: Sphinx, _what: str, _name: str, obj: object, *_: object
) -> tuple[str, None] | None:
    """Show plain values, which only the library creates, without what they are created from."""
    return ("", None) if dataclasses.is_dataclass(obj) else None


def leave_diagrams_to_mermaid(_app: Sphinx, document: nodes.document) -> None:
    """Let the browser draw the diagrams."""
    for block in list(document.findall(nodes.literal_block)):
        if block.get("language") == "mermaid":
            text = f'<pre class="mermaid">{html.escape(block.astext())}</pre>'
            block.replace_self(nodes.raw("", text, format="html"))


def setup(app: Sphinx) -> None:
    app.add_lexer("rust,no_run", RustLexer)
    app.connect("autodoc-process-signature", hide_constructor)
    app.connect("autodoc-process-docstring", translate_docstring)
    app.connect("doctree-read", leave_diagrams_to_mermaid)
