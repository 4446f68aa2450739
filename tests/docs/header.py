"""Writes the manual of the C library as Markdown, from the comments in the headers.

python tests/docs/header.py <folder of the headers> <folder for the pages>
"""

import re
import sys
import textwrap
from pathlib import Path

SECTION = re.compile(r"/\* -+ \*/\n/\* (?P<title>.+?) +\*/\n/\* -+ \*/\n")
DOCUMENTED = re.compile(
    r"/\*\*\n(?P<comment>(?: \*.*\n)+?) \*/\n"
    r"(?P<declaration>#define .*|#ifndef .*|typedef struct \{[^}]*\} \w+;|[^;]+;)"
)
MEMBER = re.compile(r" */\*\*\n(?P<comment>(?: +\*.*\n)+?) +\*/\n *(?P<declaration>[^;]+);")
HEADING = re.compile(r"^([A-Z][\w ]{2,20}|\w+\(\))\. (?=[\"A-Z])", re.MULTILINE)
BLOCK = re.compile(r"^    .*\n(?:\n?    .*\n)*", re.MULTILINE)
CODE = re.compile(r"(```c\n.*?```|`[^`\n]*`)", re.DOTALL)
NAME = re.compile(
    r"\b(?P<function>emnify_\w+)\(\)|\b(?P<type>emnify_\w+)|\b(?P<macro>EMNIFY_[A-Z_]*[A-Z])\b(?!_|\.\.\.)"
)

# In C++: what is no part of the interface, and the comments with a class or a type after them.
HIDDEN = re.compile(
    r"^namespace detail \{.*?^\} /\* namespace detail \*/|^( *)private:.*?(?=^\1\};)|^#.*?$",
    re.MULTILINE | re.DOTALL,
)
BODY = (
    r"\)(?P<qualifiers>[ a-z]*)(?:\s+: [^{{;]*?)? \{{(?:.*\}}|\n(?: {{{0},}}.*\n|\n)* {{{1}}}\}})$"
)
PUBLIC = re.compile(
    r"^/\*\s(?P<comment>(?:(?!\*/).)*)\*/\n"
    r"(?P<code>(?:class|struct) (?P<class>\w+).*?^\};|using (?P<type>\w+) = [^;]*;)",
    re.MULTILINE | re.DOTALL,
)


def text(comment: str, macros: set[str]) -> str:
    """Return the text of a comment, in which names lead to their descriptions."""

    def link(name: re.Match[str]) -> str:
        if name["function"]:
            return f"{{c:func}}`{name['function']}`"
        if name["type"]:
            return f"{{c:type}}`{name['type']}`"
        return f"{{c:macro}}`{name['macro']}`" if name["macro"] in macros else f"`{name['macro']}`"

    plain = textwrap.dedent(re.sub(r"^ *\* ?", "", comment, flags=re.MULTILINE))
    plain = BLOCK.sub(lambda block: f"```c\n{textwrap.dedent(block[0])}```\n", plain)
    parts = CODE.split(plain)
    return "".join(part if CODE.fullmatch(part) else NAME.sub(link, part) for part in parts)


def entry(match: re.Match[str], macros: set[str]) -> str:
    """Return the description of a function, a constant, a type or a structure."""
    body = text(match["comment"], macros)
    declaration = " ".join(match["declaration"].removeprefix("EMNIFY_NODISCARD\n").split())
    if declaration.startswith("#"):
        _, name, *value = declaration.split(maxsplit=2)
        kind, signature = "macro", name
        if value and re.fullmatch(r"[\d()\"-].*", value[0]):
            body = f"`{value[0]}`: {body}"
    elif members := re.fullmatch(
        r"typedef struct \{(.*)\} (\w+);", match["declaration"], re.DOTALL
    ):
        kind, signature = "struct", members[2]
        for member in MEMBER.finditer(members[1]):
            body += (
                f"\n:::{{c:member}} {member['declaration']}\n{text(member['comment'], macros)}:::\n"
            )
    elif declaration.startswith("typedef"):
        kind, signature = "type", declaration.removeprefix("typedef ").removesuffix(";")
        signature = re.sub(r"^struct (\w+) \1$", r"\1", signature)
    else:
        kind, signature = "function", declaration.removesuffix(";")
    return f"::::{{c:{kind}}} {signature}\n{body}::::\n"


def c_pages(source: str, macros: set[str]) -> dict[str, str]:
    """Return the pages about emnify.h: one for each part of its sections."""
    overview, *sections = SECTION.split(source)
    pages = {"C library": introduction(overview, macros)}
    pages["C library"] += "\n".join(entry(match, macros) for match in DOCUMENTED.finditer(overview))
    for title, content in zip(sections[::2], sections[1::2], strict=True):
        part, _, topic = title.partition(": ")
        page = f"\n## {topic[:1].upper()}{topic[1:]}\n\n"
        page += "\n".join(entry(match, macros) for match in DOCUMENTED.finditer(content))
        pages[part] = pages.get(part, "") + page
    return pages


def cpp_page(header: str, parts: list[str], macros: set[str]) -> str:
    """Return the page about emnify.hpp: its comment, then the types, without functions' bodies."""
    page = introduction(header, macros)
    for part in parts:
        for match in PUBLIC.finditer(HIDDEN.sub("", part)):
            code = match["code"]
            for indent in 4, 8:
                body = re.compile(BODY.format(indent + 4, indent), re.MULTILINE)
                code = body.sub(r")\g<qualifiers>;", code)
            code = re.sub(r"(?<=public:\n)\n+|\n+(?=\n\n|\n *\};)", "", code)
            page += f"\n## {match['class'] or match['type']}\n\n"
            page += f"{text(match['comment'], macros).strip()}\n\n```cpp\n{code}\n```\n"
    return page


def introduction(header: str, macros: set[str]) -> str:
    """Return the comment at the beginning of a header."""
    comment = header.split("*/")[0].removeprefix("/*\n")
    return HEADING.sub(r"## \1\n\n", text(comment, macros))


def main(headers: Path, folder: Path) -> None:
    c = (headers / "emnify.h").read_text()
    macros = set(re.findall(r"#define (EMNIFY_\w+)", c))
    cpp = (headers / "emnify.hpp").read_text()
    parts = re.findall(r'#include "(emnify/.*)"', cpp)
    pages = c_pages(c, macros)
    pages["C++ library"] = cpp_page(cpp, [(headers / part).read_text() for part in parts], macros)
    folder.mkdir(parents=True, exist_ok=True)
    for title, page in pages.items():
        name = title.lower().replace(" ", "-").replace("+", "p")
        (folder / f"{name}.md").write_text(f"# {title}\n\n{page}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
