"""Measures how long returning a cached auth token takes in Python, as the median over batches: in
one thread, and in eight at once. `make bench` runs it."""

import statistics
import threading
import time

from emnify_auth import Client

BATCHES = 200
CALLS = 5_000
THREADS = 8


def median(client: Client) -> float:
    """Return the nanoseconds per call."""
    batches = []
    for _ in range(BATCHES):
        started = time.perf_counter_ns()
        for _ in range(CALLS):
            client.authenticate()
        batches.append((time.perf_counter_ns() - started) / CALLS)
    return statistics.median(batches)


def main() -> None:
    with Client() as client:
        client.authenticate()
        print(f"Python  Client.authenticate                   {median(client):8.1f} ns")
        started = time.perf_counter_ns()
        threads = [threading.Thread(target=median, args=(client,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        a_call = (time.perf_counter_ns() - started) / (THREADS * BATCHES * CALLS)
        print(f"Python  Client.authenticate, 8 threads        {a_call:8.1f} ns")


if __name__ == "__main__":
    main()
