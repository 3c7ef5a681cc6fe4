"""How long anything may take in the browser tests, said once: nothing here is timed, and the machine may be busy."""

import time
from collections.abc import Callable

# Seconds. Only what never comes takes as long: on two idle cores the slowest answers take some 10 s, on two that others
# are at work on too a minute.
LIMIT = 300
MILLISECONDS = 1000 * LIMIT


def wait_until(holds: Callable[[], bool], complaint: Callable[[], str], limit: float = LIMIT) -> None:
    """Look again and again, until it holds; beyond the limit (seconds) an AssertionError says the complaint."""
    deadline = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < deadline, f"{complaint()}, after {limit} s"
        time.sleep(0.01)  # between two looks
