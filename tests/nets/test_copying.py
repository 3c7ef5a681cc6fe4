"""Nets that people say cannot be copied: they can, and nothing of theirs is run or changed."""

import functools
import logging
import threading
import tracemalloc
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Explorer
from nets import images, seeded
from portraits import portrait


class Counter(nn.Module):
    """Wraps a method of its own when it is made, and leaves the wrapper out when it is copied, as metrics do."""

    def __init__(self):
        super().__init__()
        self.values = []
        self.add = self._counting(self.add)

    def _counting(self, add):
        @functools.wraps(add)
        def counted(value):
            self.calls = getattr(self, "calls", 0) + 1
            return add(value)

        return counted

    def add(self, value):
        self.values.append(value)

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "add"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.add = self._counting(type(self).add.__get__(self))


class CounterThatStays(Counter):
    """Is copied with its wrapper, which captured the original."""

    __getstate__ = nn.Module.__getstate__
    __setstate__ = nn.Module.__setstate__


class Trained(nn.Module):
    def __init__(self, counter):
        super().__init__()
        self.conv, self.counter = nn.Conv2d(1, 4, 3), counter()

    def forward(self, x):
        self.counter.add(x.mean())
        return self.conv(x)


class Equipped(nn.Module):
    """Holds what nobody can copy: a lock, a logger, a file, a generator, a module."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.tools = {"lock": threading.RLock(), "logger": logging.getLogger("equipped"), "numpy": np}
        self.lock, self.numbers, self.event = threading.Lock(), (number for number in range(3)), threading.Event()

    def forward(self, x):
        with self.lock, self.tools["lock"]:
            return self.conv(x)


@pytest.mark.parametrize(
    "build", [lambda: Trained(Counter), lambda: Trained(CounterThatStays), Equipped], ids=["metric", "wrapped", "tools"]
)
def test_it_is_copied_without_a_word_and_stays_as_it_is(build):
    net, data, fired = seeded(build).train(), images(3, 1, 10, 10), []
    net.register_forward_hook(lambda *taken: fired.append(1))
    before = portrait(net)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explorer = Explorer(net, data).select(image=1, layer=0, filter=2)
    shown = explorer.pre_activation
    assert not explorer.session.engine.runner.in_place
    explorer.close()
    assert portrait(net) == before and not fired
    if hasattr(net, "counter"):
        assert net.counter.values == [] and not hasattr(net.counter, "calls")
    with torch.no_grad():
        np.testing.assert_allclose(shown, net.conv(data[1:2])[0, 2].numpy(), atol=1e-6)


class WithATable(nn.Module):
    """Reads a large array; with `writes`, writes to it too."""

    def __init__(self, writes):
        super().__init__()
        self.conv, self.table, self.writes = nn.Conv2d(1, 4, 3), np.ones(2**22), writes

    def forward(self, x):
        if self.writes:
            self.table[0] += 1
        return self.conv(x) * float(self.table[0])


@pytest.mark.parametrize("writes", [False, True])
def test_a_large_array_is_shared_while_it_is_read_and_copied_before_it_is_written_to(writes):
    net, data = seeded(lambda: WithATable(writes)), images(3, 1, 10, 10)
    tracemalloc.start()
    explorer = Explorer(net, data)
    for image in (1, 2, 1):
        explorer.select(image=image, layer=0, filter=2)
        with torch.no_grad():
            np.testing.assert_allclose(explorer.pre_activation, net.conv(data[image : image + 1])[0, 2], atol=1e-6)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    explorer.close()
    assert net.table[0] == 1 and net.table.flags.writeable
    assert writes or peak < net.table.nbytes


class NeverCopied(nn.Module):
    """Refuses to be copied, and keeps things in every kind of container."""

    def __init__(self):
        super().__init__()
        self.conv, self.rows, self.table, self.names = nn.Conv2d(1, 4, 3), [1], {"passes": [0]}, {"a"}

    def __deepcopy__(self, memo):
        raise TypeError("no")

    def forward(self, x):
        self.rows.append(len(self.rows))
        self.table["passes"][0] += 1
        self.table["last"] = x
        self.names.add("b")
        return self.conv(x) * len(self.rows)


def test_containers_of_a_net_that_runs_itself_are_put_back_by_content():
    net, data = seeded(NeverCopied), images(3, 1, 10, 10)
    rows, table = net.rows, net.table
    with pytest.warns(UserWarning, match="cannot be copied"):
        explorer = Explorer(net, data).select(image=1, layer=0, filter=2)
    assert explorer.pre_activation.shape == (8, 8)
    explorer.close()
    assert net.rows is rows and net.table is table
    assert (rows, table, net.names) == ([1], {"passes": [0]}, {"a"})
