"""Receptive fields of random nets: whatever is put behind whatever, the boxes are those of the gradient's mask."""

import random
from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.errors import NetError
from filterscope.session.positions import Positions
from gradient_mask import disagreements
from nets import images


def a_conv(r, **more):
    return nn.Conv2d(
        4,
        4,
        (r.randint(1, 4), r.randint(1, 3)),
        stride=(r.randint(1, 3), r.randint(1, 2)),
        padding=(r.randint(0, 5), r.randint(0, 2)),
        padding_mode=r.choice(["zeros", "zeros", "replicate"]),
        **more,
    )


def a_transposed(r):
    kernel = r.randint(1, 4)
    return nn.ConvTranspose2d(
        4, 4, kernel, stride=r.randint(1, 3), padding=r.randint(0, kernel - 1), dilation=r.randint(1, 2)
    )


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide, self.flat = nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.Conv2d(4, 4, (1, 5), padding=(0, 2))

    def forward(self, x):
        return self.wide(x) * self.flat(x) + x


class Shuffled(nn.Module):
    """Channels that see differently, shuffled, in groups."""

    def __init__(self):
        super().__init__()
        self.near, self.grouped = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1, groups=2)

    def forward(self, x):
        y = torch.cat([x[:, :2], self.near(x)[:, 2:]], 1)
        y = y.view(-1, 2, 2, *y.shape[2:]).transpose(1, 2).flatten(1, 2)
        return F.relu(self.grouped(y) + y)


class Do(nn.Module):
    """A function of the map and two small numbers, as a module."""

    def __init__(self, function, r):
        super().__init__()
        self.function, self.numbers = function, (r.randint(1, 3), r.randint(0, 2))

    def forward(self, x):
        return self.function(x, *self.numbers)


FUNCTIONS = [
    lambda x, a, b: F.max_pool2d(x, a + 1, a, 1),
    lambda x, a, b: F.max_pool2d(x, a + 1, a, ceil_mode=True),
    lambda x, a, b: F.avg_pool2d(x, a + 1, b + 1, 1, True, False),
    lambda x, a, b: F.interpolate(x, scale_factor=a),
    lambda x, a, b: F.interpolate(
        x, size=(x.shape[2] + a, x.shape[3] + 2 * b), mode="bilinear", align_corners=bool(a % 2)
    ),
    lambda x, a, b: F.pad(x, (a, b, 1 - b if b else 0, a)),
    lambda x, a, b: x[:, :, a:, b:],
    lambda x, a, b: F.adaptive_avg_pool2d(x, (max(2, x.shape[2] - a), max(2, x.shape[3] // 2))),
]
MODULES = [
    a_conv,
    a_conv,
    lambda r: a_conv(r, groups=4),
    lambda r: a_conv(r, dilation=r.randint(2, 4)),
    a_transposed,
    lambda r: Branches(),
    lambda r: Shuffled(),
]


def build(seed):
    r = random.Random(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        steps = [r.choice([*MODULES, *(lambda r, f=f: Do(f, r) for f in FUNCTIONS)])(r) for _ in range(r.randint(3, 7))]
        return nn.Sequential(*steps, nn.Conv2d(4, 4, 3, padding=1))


@pytest.mark.parametrize("start", [0, 20, 40])
def test_twenty_random_nets(start):
    compared, counted = 0, Counter()
    for seed in range(start, start + 20):
        net = build(seed)
        try:
            pointer = Positions(Engine(net, SampleSource(images(1, 4, 23, 27))))
        except NetError:
            continue  # a kernel larger than what is left of the map
        statuses, wrong = disagreements(net, (4, 23, 27), pointer)
        assert not wrong, (seed, wrong[:3])
        assert not pointer.geometry(0).lost, seed
        compared += 1
        counted += statuses
    assert compared >= 12
    assert counted["exact"] > 10 * counted["upper bound"]  # paths that end in the padding, or zeros of it
