"""With gevent, calls are made in its thread pool, and the hub continues meanwhile."""

import pytest

from sandbox import SIM, Sandbox

pytest.importorskip("gevent")

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import gevent
from emnify_auth import Client

client = Client()
ticks = 0

def tick():
    global ticks
    while True:
        gevent.sleep(0.01)
        ticks += 1

pool = gevent.get_hub().threadpool
ticker = gevent.spawn(tick)
calls = [gevent.spawn(pool.apply, client.get, ("/api/v1/sim/500001",)) for _ in range(5)]
gevent.joinall(calls, raise_error=True)
print([call.value.status_code for call in calls], ticks)
"""


def test_calls_in_gevent_s_thread_pool_do_not_block_the_hub(sandbox: Sandbox) -> None:
    sandbox.fault("delay", f"{SIM}/*", milliseconds=1_000)
    said = sandbox.run(PROGRAM)
    statuses, ticks = said.rstrip().rsplit(" ", 1)
    assert statuses == "[200, 200, 200, 200, 200]"
    # The hub was not blocked: without the pool it would get no turn.
    assert int(ticks) > 10
