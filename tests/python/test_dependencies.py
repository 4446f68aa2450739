"""Each direct dependency has a reason, which ARCHITECTURE.md gives."""

import importlib.metadata
import json
import re
import subprocess

from conftest import ROOT

Needed = set[tuple[str, str]]


def of_the_crates() -> Needed:
    """Return the dependencies in each Cargo.toml, with the package that needs them."""
    command = ["cargo", "metadata", "--format-version=1", "--no-deps", "--offline"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    needed: Needed = set()
    for package in json.loads(ended.stdout)["packages"]:
        by = package["name"].removeprefix("emnify-")
        for dependency in package["dependencies"]:
            tests = " (tests)" if dependency["kind"] == "dev" else ""
            needed.add((dependency["name"], by + tests))
    return needed


def of_the_wheel() -> Needed:
    """Return the dependencies of the wheel's extras."""
    needed: Needed = set()
    for requirement in importlib.metadata.requires("emnify-auth") or ():
        parts = re.fullmatch(r"([\w-]+).*extra == '(\w+)'", requirement.replace('"', "'"))
        assert parts, requirement
        needed.add((parts[1], f"Python: {parts[2]}"))
    return needed


def described() -> Needed:
    """Return the dependencies in the table."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    needed: Needed = set()
    table = text.partition("\n## Dependencies\n")[2]
    for name, users in re.findall(r"^\| `(.*?)` \| (.*?) \| .+ \|$", table, re.MULTILINE):
        packages, python, extras = users.partition("Python: ")
        needed |= {(name, package) for package in packages.split(", ") if package}
        needed |= {(name, python + extra) for extra in extras.split(", ") if extra}
    return needed


def test_each_dependency_has_a_reason() -> None:
    assert described() == of_the_crates() | of_the_wheel()
