"""Reading a generator's state lets no two threads wait for each other for ever, whatever is freed meanwhile."""

import gc
import subprocess
import sys

import pytest
import torch

from filterscope.generators import state_of

# A collection that begins while the state is read frees what lets the other thread run, which asks for it, too.
TWO_THREADS = """
import gc, threading
import torch
from filterscope.generators import state_of

freed = threading.Event()

class LetsOthersRun:
    def __del__(self):
        freed.set()
        threading.Event().wait(0.5)

def garbage():
    circle = LetsOthersRun()
    circle.itself = circle

def reads():
    gc.disable()
    garbage()
    gc.set_threshold(1)
    read = torch.default_generator.get_state  # so that nothing but the state is made from here on
    gc.enable()
    state_of(read)
    gc.collect()

thread = threading.Thread(target=reads, daemon=True)
thread.start()
assert freed.wait(60)
torch.get_rng_state()
thread.join(60)
print("both have read it")
"""


def test_two_threads_that_read_it_both_end():
    run = subprocess.run([sys.executable, "-c", TWO_THREADS], capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == "both have read it", run.stderr


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_collection_is_afterwards_as_it_was(collects):
    (gc.enable if collects else gc.disable)()
    try:
        assert torch.equal(state_of(torch.get_rng_state), torch.get_rng_state())
        with pytest.raises(ZeroDivisionError):
            state_of(lambda: 1 / 0)
        assert gc.isenabled() == collects
        assert state_of(gc.isenabled) is False
    finally:
        gc.enable()
