"""Every pass begins from the net at rest, whatever it keeps its state in; and nothing piles up."""

import collections
import copy
import dataclasses
import functools
import gc
import random

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Explorer
from filterscope.nets.rest import Rest
from nets import images, seeded
from portraits import portrait


@dataclasses.dataclass(slots=True)
class Potential:
    value: object = 0.0


class Spikes(nn.Module):
    """Adds what it saw before to what it sees; a subclass says where it keeps that."""

    def forward(self, x):
        seen = self.load()
        seen = x if seen is None else seen + x
        self.save(seen)
        return (seen > 0.3).float()


class InAnAttribute(Spikes):
    def __init__(self):
        super().__init__()
        self.seen = None

    def load(self):
        return self.seen

    def save(self, value):
        self.seen = value


class InANumber(InAnAttribute):
    def __init__(self):
        super().__init__()
        self.seen = 0.0


class InABuffer(InAnAttribute):
    def __init__(self):
        nn.Module.__init__(self)
        self.register_buffer("seen", None)


class InAList(Spikes):
    def __init__(self):
        super().__init__()
        self.seen = []

    def load(self):
        return self.seen[-1] if self.seen else None

    def save(self, value):
        self.seen.append(value)


class InADictionary(Spikes):
    def __init__(self):
        super().__init__()
        self.seen = collections.defaultdict(dict)

    def load(self):
        return self.seen["state"].get("seen")

    def save(self, value):
        self.seen["state"]["seen"] = value


class InADeque(InAList):
    def __init__(self):
        super().__init__()
        self.seen = collections.deque(maxlen=2)


class InAnObject(Spikes):
    def __init__(self):
        super().__init__()
        self.seen = Potential()

    def load(self):
        return self.seen.value

    def save(self, value):
        self.seen.value = value


class InAnArray(Spikes):
    def __init__(self):
        super().__init__()
        self.seen = np.zeros(1)

    def load(self):
        return torch.tensor(self.seen[0], dtype=torch.float32)

    def save(self, value):
        self.seen += value.sum().item()


class InAClosure(Spikes):
    def __init__(self):
        super().__init__()
        value = None

        def load():
            return value

        def save(new):
            nonlocal value
            value = new

        self.load, self.save, self.itself = load, save, functools.partial(lambda net: net, self)


STATES = [InAnAttribute, InANumber, InABuffer, InAList, InADictionary, InADeque, InAnObject, InAnArray, InAClosure]


def net_with(state):
    return nn.Sequential(nn.Conv2d(1, 4, 3), state(), nn.Conv2d(4, 2, 3)).eval()


@pytest.mark.parametrize("state", STATES)
def test_each_image_is_shown_as_the_net_at_rest_computes_it(state):
    net, data = seeded(lambda: net_with(state)), images(3, 1, 10, 10)
    before = portrait(net)
    explorer = Explorer(net, data)
    for image in (0, 1, 2, 0):
        explorer.select(image=image, layer=1, filter=1)
        with torch.no_grad():
            expected = seeded(lambda: net_with(state))(data[image : image + 1])[0, 1].numpy()
        np.testing.assert_allclose(explorer.pre_activation, expected, atol=1e-5)
    explorer.close()
    assert portrait(net) == before
    with torch.no_grad():  # the user's own is at rest as well
        assert torch.equal(net(data[:1]), seeded(lambda: net_with(state))(data[:1]))


def test_a_state_that_the_user_gives_the_live_net_is_taken_over():
    net, data = seeded(lambda: net_with(InAnAttribute)), images(2, 1, 10, 10)
    explorer = Explorer(net, data).select(image=1, layer=1, filter=1)
    for state in (None, 0.5, torch.rand(1, 4, 8, 8), None):
        net[1].seen = state
        explorer.refresh()
        with torch.no_grad():
            expected = copy.deepcopy(net)(data[1:])[0, 1].numpy()
        np.testing.assert_allclose(explorer.pre_activation, expected, atol=1e-5)
    explorer.close()


class Grows(nn.Module):
    """Keeps a megabyte of each pass, in a list and in the graph of a tensor."""

    def __init__(self):
        super().__init__()
        self.conv, self.kept, self.last = nn.Conv2d(1, 2, 3), [], None

    def forward(self, x):
        y = self.conv(x)
        self.kept.append(torch.zeros(2**18))
        self.last = y.sum()
        return y


def test_nothing_piles_up_over_many_moves():
    net = seeded(Grows)
    net(images(1, 1, 8, 8))  # its last tensor has a graph, which no copy can take along
    explorer = Explorer(net, images(40, 1, 8, 8))
    for image in range(40):
        explorer.select(image=image)
        assert explorer.pre_activation.shape == (6, 6)
    gc.collect()
    large = [thing for thing in gc.get_objects() if isinstance(thing, torch.Tensor) and thing.numel() == 2**18]
    assert len(net.kept) == 1 and len(large) <= 3  # the user's, the twin's copy of it, the last pass's
    explorer.close()


class MadeInForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), None

    def forward(self, x):
        x = self.conv(x).flatten(1)
        if self.head is None:
            self.head = nn.Linear(x.shape[1], 3)
        return self.head(x)


def test_a_part_that_the_first_pass_makes_stays_out_of_the_users_net_and_is_named():
    net, data = seeded(MadeInForward), images(3, 1, 8, 8)
    with pytest.warns(UserWarning, match=r"makes parts of its own when it runs \(head\).*run the net once"):
        explorer = Explorer(net, data)
    for image in (1, 2, 0):
        explorer.select(image=image, layer=0, filter=2)
        with torch.no_grad():
            np.testing.assert_allclose(
                explorer.pre_activation, net.conv(data[image : image + 1])[0, 2].numpy(), atol=1e-6
            )
    assert net.head is None
    with torch.no_grad():
        scores = net(data[:1])[0].softmax(0)
    assert dict(explorer.prediction)[0] == pytest.approx(scores[0].item(), abs=1e-6)
    explorer.close()


def test_all_that_was_saved_is_put_back_by_content():
    things = {
        "list": [1, [2]],
        "set": {1},
        "deque": collections.deque([1]),
        "array": np.arange(3.0),
        "tensor": torch.arange(3.0),
        "slots": Potential(1),
        "random": random.Random(1),
        "numpy": np.random.RandomState(1),
        "new numpy": np.random.default_rng(1),
        "torch": torch.Generator().manual_seed(1),
    }
    untouched = copy.deepcopy(things)
    rest = Rest([things])
    assert not rest.changed(but="")
    inner = things["list"][1]
    inner.append(3)
    things["list"].append(4), things["set"].add(2), things["deque"].append(2)
    things["array"] += 1
    things["tensor"] *= 2
    things["slots"].value = 5
    draws = [things[name].random() for name in ("random", "new numpy")] + [things["numpy"].rand()]
    torch.rand(1, generator=things["torch"])
    things["new"] = 1
    assert rest.changed(but="")
    rest.put_back()
    assert things.keys() == untouched.keys() and things["list"][1] is inner
    for name in ("list", "set", "deque", "slots"):
        assert things[name] == untouched[name]
    assert np.array_equal(things["array"], untouched["array"]) and torch.equal(things["tensor"], untouched["tensor"])
    assert draws == [things[name].random() for name in ("random", "new numpy")] + [things["numpy"].rand()]
    assert torch.equal(things["torch"].get_state(), torch.Generator().manual_seed(1).get_state())
