"""`doctor` on machines that are broken in different ways: the line that a technician needs, and the
exit code."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emnify_auth import Check, Client
from emnify_sandbox import PASSWORD, USER, USER_WITH_MFA

from command_line import CommandLine
from loops import Loop
from sandbox import AUTHENTICATE, Sandbox

OK, WARNING, FAILED = 0, 1, 2

MEMORY = "/dev/shm"  # noqa: S108

SUBJECTS = [
    "environment", "dns", "proxy", "connection", "clock", "tls", "credential", "address", "rights",
    "store",
]  # fmt: skip

# Sets the wall clock of a program to 1970.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int (*real)(clockid_t, struct timespec *) =
        (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME)
        now->tv_sec %= 1000;
    return result;
}
"""

# Runs the command with a full disk in the folder "full".
FULL = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs -o size=4k,mode=0700 tmpfs full && head -c 4096 /dev/zero > full/zeros && "
    'exec "$0" "$@"',
)


def needs(command: tuple[str, ...], directory: Path) -> None:
    """Skip the test if this machine does not let the command run."""
    tried = subprocess.run(command, cwd=directory, capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"{command[0]} does not work here: {tried.stderr.decode()}")


class Doctor:
    """Runs the command, and remembers its lines."""

    def __init__(self, command_line: CommandLine) -> None:
        self.command_line = command_line
        self.lines: dict[str, tuple[str, str]] = {}
        self.errors = ""

    def run(self, *arguments: object, **options: Any) -> int:  # noqa: ANN401
        """Run the command and return its exit code."""
        ended = self.command_line.run("doctor", *arguments, **options)
        self.errors = ended.stderr
        rows = [line.split("\t") for line in ended.stdout.splitlines()]
        self.lines = {subject: (verdict, found) for verdict, subject, found in rows}
        return ended.returncode

    def says(self, subject: str, verdict: str, *texts: str) -> None:
        """Check a line."""
        said, found = self.lines[subject]
        assert said == verdict, found
        for text in texts:
            assert text in found


@pytest.fixture
def doctor(command_line: CommandLine) -> Doctor:
    return Doctor(command_line)


@pytest.fixture
def proxy() -> Iterator[str]:
    """A proxy that requires a password."""
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    thread = threading.Thread(target=refuse)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_machine_in_order(doctor: Doctor) -> None:
    assert doctor.run("--check-rights") == OK
    assert list(doctor.lines) == SUBJECTS
    doctor.says("environment", "ok", "EMNIFY_APPLICATION_TOKEN (hidden), EMNIFY_BASE_PATH=https:")
    doctor.says("credential", "ok", "signed in; workspace 1234; application token 4711")
    doctor.says("rights", "ok", "may change and revoke application tokens")
    assert doctor.errors == ""


def test_1_a_clock_in_1970(doctor: Doctor) -> None:
    source, library = doctor.command_line.place / "clock.c", doctor.command_line.place / "clock.so"
    source.write_text(CLOCK)
    compiled: list[str | Path] = ["cc", "-shared", "-fPIC", source, "-o", library, "-ldl"]
    subprocess.run(compiled, check=True)
    assert doctor.run(environment={"LD_PRELOAD": str(library)}) == FAILED
    doctor.says("clock", "failed", "it shows 1970-01-01", "set the clock, for example with NTP")
    doctor.says("connection", "ok")
    doctor.says("tls", "skipped", 'the check "clock" failed')
    doctor.says("credential", "skipped", 'the check "clock" failed')


def test_2_no_dns(doctor: Doctor) -> None:
    assert doctor.run("--base-url", "https://no-such-host.invalid", "--timeout", "5s") == FAILED
    doctor.says("dns", "failed", "looking up no-such-host.invalid", "check the network, its DNS")
    doctor.says("credential", "skipped", 'the check "dns" failed')


def test_3_a_proxy_that_requires_a_password(doctor: Doctor, proxy: str) -> None:
    assert (
        doctor.run("--base-url", "https://cdn.example", environment={"HTTPS_PROXY": proxy})
        == FAILED
    )
    doctor.says("proxy", "failed", proxy, "(HTTP 407)", "put a user name and password into the")
    doctor.says("environment", "ok", f"HTTPS_PROXY={proxy}")


def test_4_an_unknown_certificate_authority(doctor: Doctor) -> None:
    assert doctor.run(environment={"SSL_CERT_FILE": "", "REQUESTS_CA_BUNDLE": ""}) == FAILED
    doctor.says(
        "tls", "failed", "was not issued by a trusted authority", "--ca-bundle or SSL_CERT_FILE"
    )
    doctor.says("connection", "ok")


def test_5_a_revoked_application_token(doctor: Doctor) -> None:
    doctor.command_line.sandbox.revoke_application_token()
    assert doctor.run() == FAILED
    doctor.says(
        "credential",
        "failed",
        "emnify refused the application token",
        "check that it is neither expired nor revoked",
    )
    doctor.says("tls", "ok")
    doctor.says("address", "skipped", 'the check "credential" failed')


def test_5_a_revoked_application_token_while_its_auth_token_is_stored(doctor: Doctor) -> None:
    doctor.command_line.run("status", "--store", "store")
    doctor.command_line.sandbox.revoke_application_token()
    assert doctor.run("--store", "store") == FAILED
    doctor.says("credential", "failed", "4711 is revoked; the auth token works until", "configure")
    assert doctor.command_line.sandbox.calls("POST", AUTHENTICATE) == 1


def test_6_an_application_token_for_another_address(doctor: Doctor) -> None:
    sandbox = doctor.command_line.sandbox
    created = sandbox.add_application_token(description="gateway 7", ip="192.0.2.7")
    environment = {"EMNIFY_APPLICATION_TOKEN": created.value}
    assert doctor.run(environment=environment) == FAILED
    doctor.says("credential", "failed", f"whose id is {created.id}", "used from this address")
    doctor.says(
        "address",
        "skipped",
        "list the refused sign-ins with another",
        "the address that emnify saw",
    )


def test_6_another_address_while_an_auth_token_is_stored(doctor: Doctor) -> None:
    sandbox = doctor.command_line.sandbox
    created = sandbox.add_application_token(description="gateway 7", ip="127.0.0.0/8")
    environment = {"EMNIFY_APPLICATION_TOKEN": created.value}
    assert doctor.run("--store", "store", environment=environment) in (OK, WARNING)
    sandbox.settings(peer_address="203.0.113.7")
    assert doctor.run(environment=environment) == FAILED
    assert doctor.run("--store", "store", environment=environment) == WARNING
    doctor.says("address", "warning", "from 127.0.0.0/8", "emnify refused 203.0.113.7 at ")


def test_7_no_right_to_revoke(doctor: Doctor) -> None:
    doctor.command_line.sandbox.settings(update_forbidden=True)
    assert doctor.run("--check-rights") == FAILED
    doctor.says("rights", "failed", "(HTTP 403)", "an application token that an Administrator")
    assert doctor.run() == OK
    doctor.says("rights", "skipped", "not asked for, since it writes to emnify")


def test_8_a_full_disk(doctor: Doctor) -> None:
    (doctor.command_line.place / "full").mkdir()
    needs((*FULL, "true"), doctor.command_line.place)
    assert doctor.run("--store", "full", before=FULL) == FAILED
    doctor.says("store", "failed", "the store full: No space left on device", "free space")
    doctor.says("credential", "ok", "signed in")
    # The event about the store would only repeat the line.
    assert doctor.errors == ""


def test_8_a_limit_that_works_like_a_full_disk(doctor: Doctor) -> None:
    limited = ("sh", "-c", 'ulimit -f 0; exec "$0" "$@"')
    assert doctor.run("--store", "store", before=limited) == FAILED
    doctor.says("store", "failed", "File too large", "raise it (ulimit -f)")


def test_9_a_store_of_another_user(doctor: Doctor) -> None:
    sandbox, environment = doctor.command_line.sandbox, {}
    # As an ordinary user, in a directory of root; as root, as another user.
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as authorities:
        before: tuple[str, ...] = ()
        store = Path("/")
        if os.geteuid() == 0:
            store = Path(folder)
            before = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
            needs((*before, sys.executable, "-c", "import emnify_auth"), Path("/"))
            authorities.write(Path(sandbox.ca_file).read_bytes())
            authorities.flush()
            Path(authorities.name).chmod(0o644)
            environment = {"SSL_CERT_FILE": authorities.name}
        assert doctor.run("--store", store, before=before, environment=environment) == FAILED
    doctor.says(
        "store", "failed", "Permission denied", "belongs to the user 0, and this process runs as"
    )


def test_10_two_clients_with_different_application_tokens(doctor: Doctor) -> None:
    _, [_, file, *_] = doctor.command_line.gateway()
    token = doctor.command_line.sandbox.application_token
    environment = {"EMNIFY_APPLICATION_TOKEN": token, "EMNIFY_APPLICATION_TOKEN_FILE": str(file)}
    assert doctor.run(environment=environment) == WARNING
    doctor.says(
        "credential",
        "warning",
        "application token 4711",
        "EMNIFY_APPLICATION_TOKEN_FILE contains another application token, which is not used",
        "remove one of the two",
    )
    doctor.says("environment", "ok", "set, but not used: EMNIFY_APPLICATION_TOKEN_FILE")
    assert doctor.run("--application-token-file", file, environment=environment) == WARNING
    doctor.says("credential", "warning", "EMNIFY_APPLICATION_TOKEN contains another application")
    del environment["EMNIFY_APPLICATION_TOKEN"]
    assert doctor.run(environment=environment) == OK


def test_after_a_rotation_the_old_application_token_elsewhere_is_no_other_one(
    doctor: Doctor,
) -> None:
    _, options = doctor.command_line.gateway()
    old = (doctor.command_line.place / "secret").read_text()
    assert doctor.command_line.run("tokens", "rotate", *options).returncode == 0
    doctor.run(*options, environment={"EMNIFY_APPLICATION_TOKEN": old})
    doctor.says("credential", "ok")


def test_a_store_in_memory_is_a_warning(doctor: Doctor) -> None:
    if not os.path.ismount(MEMORY):
        pytest.skip(f"{MEMORY} is not mounted")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        assert doctor.run("--store", folder) == WARNING
    doctor.says("store", "warning", "in memory until a reboot (tmpfs)", "use a directory on a disk")


def test_json_has_the_same_fields_as_the_library(command_line: CommandLine) -> None:
    checks = json.loads(command_line.run("doctor", "--json").stdout)
    assert [check["subject"] for check in checks] == SUBJECTS
    assert set(checks[0]) == {"subject", "verdict", "tried", "found", "advice"}
    ended = command_line.run("doctor", "-q", "[?verdict=='failed'].subject")
    assert json.loads(ended.stdout) == []


def test_a_user_is_not_asked_about_application_tokens(doctor: Doctor) -> None:
    environment = {"EMNIFY_PASSWORD": PASSWORD}
    assert doctor.run("--user", USER, environment=environment) == OK
    doctor.says("credential", "ok", "signing in with user name and password: signed in")
    doctor.says("address", "skipped", "applies to application tokens only")
    doctor.says("environment", "ok", "EMNIFY_PASSWORD (hidden)")


def test_without_a_credential_everything_else_is_checked(doctor: Doctor) -> None:
    doctor.command_line.without_credential()
    assert doctor.run("--check-rights") == FAILED
    doctor.says("credential", "failed", "no credentials; set EMNIFY_APPLICATION_TOKEN or")
    doctor.says("tls", "ok")
    doctor.says("rights", "skipped", 'the check "credential" failed')
    assert (list(doctor.lines), doctor.errors) == (SUBJECTS, "")


def test_a_user_without_a_terminal_is_told_where_to_enter_the_code(doctor: Doctor) -> None:
    environment = {"EMNIFY_PASSWORD": PASSWORD}
    assert (
        doctor.run("--user", USER_WITH_MFA, environment=environment, before=("setsid", "--wait"))
        == FAILED
    )
    doctor.says("credential", "failed", "none was given; run the command at a terminal to enter")


def test_a_client_that_cannot_be_created_ends_with_2(doctor: Doctor) -> None:
    assert doctor.run("--base-url", "nonsense") == FAILED
    assert "--base-url: " in doctor.errors


def test_a_check_is_one_line_and_a_value(client: Client) -> None:
    check = next(check for check in client.check() if check.subject == "tls")
    assert str(check).startswith("ok: tls: verifying the certificate of 127.0.0.1:")
    assert check == Check(
        subject="tls", verdict="ok", tried=check.tried, found="it is trusted", advice=None
    )


def test_an_awaited_check_returns_the_same(sandbox: Sandbox, loop: Loop) -> None:
    async def verdicts() -> list[str]:
        async with sandbox.async_client() as client:
            checks = await client.check(rights=True, timeout=5)
            return [check.verdict for check in checks]

    assert "failed" not in loop.run(verdicts)
