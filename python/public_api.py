"""Writes public-api.txt: the names, parameters and types that programs may rely on. With --check it
writes nothing, and exits with an error if that file differs.
"""

import difflib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

HERE = Path(__file__).parent
LISTING = HERE / "public-api.txt"

PACKAGE = griffe.load("emnify_auth", search_paths=[HERE / "pysrc"], resolve_aliases=True)
MODULES = [PACKAGE, *sorted((m for m in PACKAGE.modules.values() if m.is_public), key=str)]
EXPORTED = {module.path: sorted(map(str, module.exports or ())) for module in MODULES}
PUBLIC = {name for names in EXPORTED.values() for name in names}


def listing() -> str:
    """Return the listing, one name a line."""
    lines: list[str] = []
    types: set[str] = set()
    for module in MODULES:
        for name in EXPORTED[module.path]:
            for thing, line in described(f"{module.path}.{name}", module[name]):
                lines.append(line)
                types.update(private_types(line, thing))
    return "".join(line + "\n" for line in [*lines, *sorted(types)])


def described(
    path: str, alias: griffe.Object | griffe.Alias
) -> Iterator[tuple[griffe.Object, str]]:
    """Yield the line of a function, an attribute or a class, and those of the class's members."""
    thing = alias.final_target if isinstance(alias, griffe.Alias) else alias
    if isinstance(thing, griffe.Class):
        bases = ", ".join(str(base) for base in thing.bases if not is_private(base))
        final = "final " if any(str(each.value) == "final" for each in thing.decorators) else ""
        yield thing, f"{final}class {path}({bases})"
        # The listing has those of a public base at that class.
        inherited = {
            name: member
            for name, member in thing.inherited_members.items()
            if member.target_path.split(".")[-2] not in PUBLIC
        }
        for name, member in sorted({**inherited, **thing.members}.items()):
            if is_for_programs(name, member):
                yield from described(f"{path}.{name}", member)
    elif isinstance(thing, griffe.Function):
        kinds = sorted({"async", "classmethod", "staticmethod"} & thing.labels)
        yield thing, " ".join([*kinds, thing.signature(name=path)])
    elif isinstance(thing, griffe.Attribute):
        yield thing, f"{path}: {thing.annotation}"


def is_private(annotation: str | griffe.Expr | None) -> bool:
    """Return whether this is a class of the package that it does not export."""
    path = annotation.canonical_path if isinstance(annotation, griffe.ExprName) else ""
    package, _, name = path.partition(".")
    return package == PACKAGE.name and path.split(".")[-1] not in PUBLIC and PACKAGE[name].is_class


def is_for_programs(name: str, member: griffe.Object | griffe.Alias) -> bool:
    """Return whether programs may use the member of a class."""
    if name == "__init__" and isinstance(member, griffe.Function):
        return not any(is_private(parameter.annotation) for parameter in member.parameters)
    if name.startswith("__"):
        return name in {"__init__", "__new__"} or name not in {*vars(object), "__slots__"}
    return not name.startswith("_")


def private_types(line: str, thing: griffe.Object) -> Iterator[str]:
    """Yield the definitions of the types that the line calls by a private name."""
    for name in re.findall(r"(?<![\w.])_[A-Z]\w*", line):
        alias = thing.module[name]
        defined = alias.final_target if isinstance(alias, griffe.Alias) else alias
        if isinstance(defined, griffe.Attribute):
            yield f"{defined.path} = {defined.value}"
            yield from private_types(str(defined.value), defined)


def main() -> None:
    """Write the listing, or compare it with the file."""
    new = listing()
    if "--check" not in sys.argv[1:]:
        LISTING.write_text(new, encoding="utf-8")
        return
    old = LISTING.read_text(encoding="utf-8")
    if new != old:
        sys.stdout.writelines(
            difflib.unified_diff(old.splitlines(True), new.splitlines(True), str(LISTING), "now")
        )
        sys.exit("The public API differs from python/public-api.txt; `make api` updates it")


if __name__ == "__main__":
    main()
