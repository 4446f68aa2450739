"""The package: it imports fast, everything has a docstring, and the stubs match the module."""

import importlib.metadata
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import emnify_auth

from conftest import ROOT
from sandbox import Sandbox

PACKAGE = Path(inspect.getfile(emnify_auth)).parent


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_an_import_brings_nothing_else() -> None:
    program = "import sys; before = set(sys.modules); import emnify_auth; "
    ended = run("-I", "-c", program + "print(*sorted(set(sys.modules) - before))")
    assert ended.stdout.split() == ["emnify_auth", "emnify_auth._errors", "emnify_auth._native"]


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_everything_public_is_exported_and_described() -> None:
    assert sorted(emnify_auth.__all__) == emnify_auth.__all__
    assert emnify_auth.__doc__
    for name in emnify_auth.__all__:
        value = getattr(emnify_auth, name)
        if isinstance(value, str):
            continue
        assert value.__doc__, name
        assert value.__module__ == "emnify_auth", name
        fields = {*getattr(value, "__slots__", ()), *getattr(value, "__dataclass_fields__", ())}
        for member, method in vars(value).items():
            if not member.startswith("_") and member not in fields:
                assert inspect.getdoc(method), f"{name}.{member}"


def test_the_stubs_have_the_docstrings_of_the_code() -> None:
    ended = run(str(ROOT / "python/stub_docs.py"), "--check")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_public_api_is_the_recorded_one() -> None:
    ended = run(str(ROOT / "python/public_api.py"), "--check")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_functions_have_signatures() -> None:
    signature = inspect.signature(emnify_auth.Client)
    assert signature.parameters["timeout"].default == 30.0
    assert signature.parameters["connect_timeout"].default == 10.0
    shared = [name for name in signature.parameters if not name.startswith("application_token")]
    from_user = inspect.signature(emnify_auth.Client.from_user)
    own = ["username", "password", "mfa", "trusted_device"]
    assert list(from_user.parameters) == own + shared
    for name in shared:
        assert from_user.parameters[name] == signature.parameters[name]
    update = inspect.signature(emnify_auth.ApplicationTokens.update)
    assert list(update.parameters) == ["self", "id", "description", "timeout"]
    assert update.parameters["description"].kind is inspect.Parameter.KEYWORD_ONLY


def test_the_version_is_the_wheels() -> None:
    assert emnify_auth.__version__ == importlib.metadata.version("emnify-auth")


def test_the_package_has_metadata_for_an_index() -> None:
    described = importlib.metadata.metadata("emnify-auth")
    description = described.get_payload()  # type: ignore[attr-defined]
    assert description.strip() == (ROOT / "python/README.md").read_text(encoding="utf-8").strip()
    # Until there is a published address, links lead to files of a checkout.
    for link in re.findall(r"\]\((?!https://|#)(.*?)\)", description):
        assert (ROOT / "python" / link.partition("#")[0]).is_file(), link
    assert described["Description-Content-Type"].startswith("text/markdown")
    assert described["License-Expression"] == "MIT OR Apache-2.0"
    assert described["Requires-Python"] == ">=3.10"
    assert set(described.get_all("License-File") or ()) == {"LICENSE-APACHE", "LICENSE-MIT"}
    assert described.get_all("Project-URL") is None


def test_only_the_extras_need_other_packages() -> None:
    described = importlib.metadata.metadata("emnify-auth")
    extras = described.get_all("Provides-Extra") or ()
    assert set(extras) == {
        "aiohttp",
        "async",
        "cli",
        "httpx",
        "prometheus",
        "requests",
        "sdk",
        "testing",
    }
    for needed in importlib.metadata.requires("emnify-auth") or ():
        assert "; extra == " in needed


@pytest.mark.parametrize(
    ("module", "missing", "install"),
    [
        ("requests", "requests", "'emnify-auth[requests]'"),
        ("httpx", "httpx", "'emnify-auth[httpx]'"),
        ("aiohttp", "aiohttp", "'emnify-auth[aiohttp]'"),
        ("prometheus", "prometheus_client", "'emnify-auth[prometheus]'"),
        ("sdk", "emnify", "--no-deps 'emnify-sdk<0.6'"),
    ],
)
def test_an_adapter_says_which_extra_is_missing(module: str, missing: str, install: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; import emnify_auth.{module}"
    ended = run("-c", program)
    assert ended.stderr.splitlines()[-1].startswith(
        f"ModuleNotFoundError: emnify_auth.{module} needs {missing}, which is not installed; "
        "install it with: pip install "
    )
    assert install in ended.stderr


def test_only_needed_files_are_installed() -> None:
    [command] = importlib.metadata.entry_points(group="console_scripts", name="emnify-auth")
    assert command.value == "emnify_auth._cli:main"
    files = importlib.metadata.files("emnify-auth")
    assert files
    for file in files:
        place = file.parts[0]
        if place == "emnify_auth":
            assert file.suffix in {".py", ".pyi", ".pyc", ".so", ".pyd"} or file.name == "py.typed"
        else:
            assert place.endswith(".dist-info") or file.stem == "emnify-auth", file
    assert len([file for file in files if file.suffix in {".so", ".pyd"}]) == 1


def test_the_package_lists_the_crates_that_it_contains() -> None:
    files = importlib.metadata.files("emnify-auth") or ()
    [file] = [file for file in files if "sboms" in file.parts]
    components = json.loads(file.read_text(encoding="utf-8"))["components"]
    locked = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    for component in components:
        assert f'name = "{component["name"]}"\nversion = "{component["version"]}"\n' in locked
    assert {"emnify-core", "pyo3", "reqwest", "ring"} <= {each["name"] for each in components}


def test_the_example_works(sandbox: Sandbox) -> None:
    example = str(ROOT / "python/examples/sign_in.py")
    ended = run("-W", "error", example, **sandbox.environment())
    assert ended.returncode == 0, ended.stderr
    assert "Revoked application token" in ended.stdout
    for line in ended.stdout.splitlines():
        assert len(line) < 120, line


@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({}, 2, "Invalid setting: application_token: is missing"),
        ({"EMNIFY_APPLICATION_TOKEN": "refused"}, 1, "Cannot sign in"),
    ],
)
def test_the_example_reports_errors_without_a_traceback(
    sandbox: Sandbox, environment: dict[str, str], code: int, said: str
) -> None:
    settings = sandbox.environment()
    del settings["EMNIFY_APPLICATION_TOKEN"]
    ended = run(str(ROOT / "python/examples/sign_in.py"), **{**settings, **environment})
    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
