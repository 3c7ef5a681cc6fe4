"""Ctrl-C at any place of a pass or a read leaves torch's modes, gradients, random numbers and the lock as they were."""

import random
import signal
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope import Explorer
from interrupts import interrupted

POINTS = 40  # of some thousand; all of them by hand
# Where torch and Python enter and leave modes, beside our own code.
FILES = ("contextlib.py", "overrides.py", "_python_dispatch.py", "grad_mode.py", "_contextlib.py")


class Drawn:
    """A data set that draws, so that every generator is exchanged."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.rand(1, 12, 12) + random.random() + np.random.random(), index % 3


class Functions(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm, self.conv2 = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 3)

    def forward(self, x):
        return F.relu(self.conv2(F.dropout(torch.relu(self.norm(self.conv1(x)))))).mean((2, 3))


def state():
    return (
        torch._C._len_torch_dispatch_stack(),
        torch._C._len_torch_function_stack(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        signal.getsignal(signal.SIGINT),
    )


@pytest.fixture(name="explorer")
def an_explorer():
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.manual_seed(0)
    explorer = Explorer(Functions(), Drawn())
    assert explorer.activation.shape == (10, 10)
    yield explorer
    explorer.close()
    signal.signal(signal.SIGINT, handler)


WORK = {
    "a pass": lambda explorer: explorer.activation,
    "a gradient": lambda explorer: explorer.effective_receptive_field(3, 3),
    "an ablation": lambda explorer: explorer.without(0, replaced_by="zero"),
    "a refresh": lambda explorer: explorer.refresh(),
}


def afresh(explorer, work):
    explorer.session.engine._forget()
    explorer.session.engine.samples.clear()
    return work(explorer)


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_ctrl_c_at_any_place_leaves_everything_as_it_was(explorer, work):
    clean, python, numpy = state(), random.getstate(), np.random.get_state()[1].tolist()
    torchs = torch.get_rng_state()
    places = interrupted(lambda: afresh(explorer, work), 0, FILES)
    assert places > 500
    errors = []  # kept, as IPython keeps the last one: what its traceback holds is not cleaned up by itself
    for at in np.linspace(1, 0.98 * places, POINTS).astype(int):
        with pytest.raises(KeyboardInterrupt) as error:
            interrupted(lambda: afresh(explorer, work), at, FILES)
        errors.append(error)
        assert state() == clean, at
    assert torch.equal(torch.get_rng_state(), torchs)
    assert random.getstate() == python and np.random.get_state()[1].tolist() == numpy
    free = []

    def other():
        with explorer.session.engine.lock:
            free.append(True)

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    thread.join(20)
    assert free == [True]
