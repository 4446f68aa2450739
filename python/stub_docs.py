"""Copies the docstrings of the extension module, which come from the Rust code, into its stub. With
--check it writes nothing, and exits with an error if the stub is not up to date.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from emnify_auth import _native

STUB = Path(__file__).parent / "pysrc/emnify_auth/_native.pyi"


def described(tree: ast.Module) -> Iterator[tuple[ast.ClassDef | ast.FunctionDef, str]]:
    """Yield each class, method and function of the stub with its docstring in the module."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            value = getattr(_native, node.name)
            yield node, docstring(node.name, value)
            for member in node.body:
                # Special methods have Python's own docstrings.
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("__"):
                    name = f"{node.name}.{member.name}"
                    # A static method has the docstring of its function.
                    yield member, docstring(name, getattr(value, member.name))


def docstring(name: str, value: object) -> str:
    """Return the docstring, without indentation."""
    text = inspect.getdoc(value)
    if not text:
        sys.exit(f"{name} has no doc comment in Rust")
    return text


def literal(text: str, indent: int) -> list[str]:
    """Return the lines of the docstring as source code, in ruff's format."""
    prefix = "r" if "\\" in text else ""
    lines = f'{prefix}"""{text}'.split("\n")
    if len(lines) > 1 or indent + len(lines[0]) + 3 > 100 or text.endswith('"'):
        lines.append("")
    lines[-1] += '"""'
    return [" " * indent + line if line else "" for line in lines]


def with_docstrings(stub: str) -> str:
    """Return the stub with the docstrings of the module."""
    tree = ast.parse(stub)
    lines = stub.splitlines()
    # From the end, so that the line numbers before a change stay valid.
    for node, text in sorted(described(tree), key=lambda pair: -pair[0].lineno):
        [first, *_] = node.body
        new = literal(text, node.col_offset + 4)
        if ast.get_docstring(node) is not None:
            lines[first.lineno - 1 : first.end_lineno] = new
        elif isinstance(node, ast.FunctionDef):
            # The line has a "..." instead.
            line = lines[first.lineno - 1]
            lines[first.lineno - 1] = (
                line[: first.col_offset].rstrip() + line[first.end_col_offset :]
            )
            lines[first.lineno : first.lineno] = [*new, ""]
        else:
            decorators = getattr(first, "decorator_list", [])
            before = min(at.lineno for at in [first, *decorators]) - 1
            lines[before:before] = [*new, ""]
    # The stub's first statement is the docstring of the module.
    lines[: tree.body[0].end_lineno] = literal(docstring("_native", _native), 0)
    return "\n".join([*lines, ""])


def main() -> None:
    """Update or check the stub."""
    old = STUB.read_text(encoding="utf-8")
    new = with_docstrings(old)
    if new == old:
        return
    if "--check" in sys.argv[1:]:
        sys.exit(f"{STUB.name} differs from the Rust doc comments: run `make stub`")
    STUB.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
