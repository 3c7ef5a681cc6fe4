"""What is read under a lock of Python's or torch's lets no two threads wait for ever, whatever is freed meanwhile."""

import gc
import subprocess
import sys

import pytest
import torch

from filterscope.host.collection import without_collection

# A collection that begins while one thread reads frees what lets the other thread run, which reads the same.
TWO_THREADS = """
import gc, sys, threading
import torch
from filterscope.host.collection import without_collection

read = {}
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
    own = read  # so that nothing but what is read is made from here on
    gc.enable()
    without_collection(own)
    gc.collect()

thread = threading.Thread(target=reads, daemon=True)
thread.start()
assert freed.wait(60)
read()
thread.join(60)
print("both have read it")
"""


@pytest.mark.parametrize("read", ["torch.default_generator.get_state", "sys._current_frames"])
def test_two_threads_that_read_the_same_both_end(read):
    run = subprocess.run([sys.executable, "-c", TWO_THREADS.format(read)], capture_output=True, text=True, timeout=900)
    assert run.stdout.strip() == "both have read it", run.stderr


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_collection_is_afterwards_as_it_was(collects):
    (gc.enable if collects else gc.disable)()
    try:
        assert torch.equal(without_collection(torch.get_rng_state), torch.get_rng_state())
        with pytest.raises(ZeroDivisionError):
            without_collection(lambda: 1 / 0)
        assert gc.isenabled() == collects
        assert without_collection(gc.isenabled) is False
    finally:
        gc.enable()
