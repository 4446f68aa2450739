"""Several interpreters in one process, as mod_wsgi creates them: the package works in the first one
that imports it, and raises ImportError in the others."""

import sys

import pytest

from sandbox import Sandbox

# Creates an interpreter that shares the global lock, and runs a program in it.
PREPARED = """
import sys
from emnify_auth import Client, InvalidInputError
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    other = interpreters.create("legacy")
    run = interpreters.exec
else:
    import _xxsubinterpreters as interpreters
    other = interpreters.create(isolated=False)
    run = interpreters.run_string
run(other, '''
try:
    import emnify_auth
except ImportError as error:
    print(error)
''')
sys.stdout.flush()
interpreters.destroy(other)
"""

GOES_ON = """
client = Client()
assert client.authenticate().reveal()
try:
    Client("a line\\n")
except InvalidInputError:
    print("goes on")
"""


def test_a_second_interpreter_is_refused_and_the_first_keeps_working(sandbox: Sandbox) -> None:
    said = sandbox.run(PREPARED + GOES_ON)
    assert said.splitlines() == [
        "emnify_auth works in only one interpreter of a process, and another one has already "
        "imported it; use processes, or with mod_wsgi set WSGIApplicationGroup %{GLOBAL}",
        "goes on",
    ]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="all interpreters share one lock")
def test_an_interpreter_with_a_lock_of_its_own_is_refused(sandbox: Sandbox) -> None:
    program = PREPARED.replace('"legacy"', '"isolated"').replace("isolated=False", "isolated=True")
    said = sandbox.run(program + GOES_ON)
    assert "does not support loading in subinterpreters" in said
    assert said.endswith("goes on")


def test_the_same_interpreter_may_import_it_again(sandbox: Sandbox) -> None:
    again = """
import sys
import emnify_auth
del sys.modules["emnify_auth"]
from emnify_auth import Client
print(bool(Client().authenticate().reveal()))
"""
    assert sandbox.run(again) == "True"
