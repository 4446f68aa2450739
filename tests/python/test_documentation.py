"""The examples in docstrings and in the README run unchanged against the sandbox."""

import ast
import asyncio
import doctest
import importlib.util
import inspect
import logging
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import emnify_auth
from emnify_auth import Client

from sandbox import PASSWORD, USER, Sandbox
from test_cookbook import Block, blocks

# The date in the future that the examples use.
DAY = re.compile(r"\b2027(-05-29|, 5, 29)")
PARSER = doctest.DocTestParser()


def documented() -> Iterator[tuple[str, str]]:
    """Yield the names and docstrings of everything public."""
    for name in emnify_auth.__all__:
        value = getattr(emnify_auth, name)
        if not isinstance(value, type):
            continue
        yield name, inspect.getdoc(value) or ""
        for member in vars(value):
            if not member.startswith("_"):
                yield f"{name}.{member}", inspect.getdoc(getattr(value, member)) or ""


EXAMPLES = {name: text for name, text in documented() if ">>>" in text}


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what an example configures, which would last for all later tests."""
    loggers = [logging.getLogger(name) for name in (None, "emnify_auth", "emnify_auth.requests")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files and an environment with the variables that examples need."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text(sandbox.application_token)
    return tmp_path


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_in_a_docstring_works(place: Path, client: Client, name: str) -> None:
    names = {**vars(emnify_auth), "client": client}
    test = PARSER.get_doctest(EXAMPLES[name], names, name, str(place), 0)
    said: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert results.attempted
    assert not results.failed, "".join(said)


def test_the_main_classes_have_examples() -> None:
    for name in ("Client", "ApplicationTokens", "AuthToken", "EmnifyError", "Response"):
        assert name in EXAMPLES


README = [block for block in blocks("README.md") if block.language == "python"]


def ignored(*_: object) -> None:
    """Stand for a function of the program."""


def test_the_readme_s_examples_work_in_order(
    sandbox: Sandbox, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setattr("getpass.getpass", lambda _prompt: PASSWORD)
    names: dict[str, Any] = {"print": ignored, "ssl": ssl}

    def run(block: Block) -> None:
        code = DAY.sub(lambda day: day[0].replace("2027", "2099"), block.code)
        code = code.replace("user@example.com", USER).replace("https://cdn.emnify.net", sandbox.url)
        # aiohttp read SSL_CERT_FILE when a test imported it.
        tls = "connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()), "
        code = code.replace("aiohttp.ClientSession(", f"aiohttp.ClientSession({tls}")
        name = f"README: {block.section}, {block.number}"
        # Only a block that contains await may need an event loop.
        waits = eval(compile(code, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307
        if inspect.iscoroutine(waits):
            asyncio.run(waits)

    for block in README:
        needed = re.search(r"^(?:import|from emnify_auth\.) ?(\w+)", block.code, re.MULTILINE)
        module = needed[1].replace("sdk", "emnify") if needed is not None else "os"
        if importlib.util.find_spec(module) is not None:
            run(block)
    for name in filter(re.compile("test_").match, list(names)):
        with sandbox.client() as client:
            names[name](sandbox, client)
    for value in names.values():
        if isinstance(value, Client):
            value.close()
    assert len(README) >= 17


def test_the_module_s_example_works(sandbox: Sandbox, place: Path) -> None:
    assert place
    text = inspect.getdoc(emnify_auth) or ""
    code = inspect.cleandoc("\n".join(re.findall(r"^ {4}.*|^$", text, re.MULTILINE)))
    exec(DAY.sub("2099-05-29", code), {"print": ignored})  # noqa: S102
    assert sandbox.calls() > 3
