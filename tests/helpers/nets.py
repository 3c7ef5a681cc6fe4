"""Tiny seeded nets and data that several tests share."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional as F


def seeded(build, seed=0):
    """Builds a net with its own random numbers; the global generator stays where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def images(*shape, seed=0):
    """Float images in [0, 1)."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


class TwoConvs(nn.Module):
    """The shape of the classic notebook's net, smaller: `F.relu` in `forward`."""

    def __init__(self, in_channels=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 4, 3)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(4, 6, 3)
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = F.relu(self.conv2(x))
        return self.fc(x.mean((2, 3)))


class Everything(nn.Module):
    """BatchNorm, dropout, an in-place activation, a skip and a module called twice."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.block = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = self.drop(self.act(self.bn(self.stem(x))))
        x = x + self.block(x)
        x = self.act(self.block(x))
        return self.head(x.mean((2, 3)))


class Chooses(nn.Module):
    """Runs its second convolution only for bright images."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3)

    def forward(self, x):
        y = self.one(x)
        return self.two(y) if x.mean() > 0.5 else y


class NoConvs(nn.Module):
    """A net without convolutions."""

    def forward(self, x):
        return x.mean((1, 2, 3))


class Unreached(NoConvs):
    """A net with a convolution that its forward pass leaves out."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)


def geometries():
    """Every combination of stride, padding with its modes and `same`, dilation, groups and kernel size."""
    paddings = [(0, "zeros"), ((2, 1), "zeros"), ("valid", "zeros")]
    paddings += [((1, 2), mode) for mode in ("reflect", "replicate", "circular")]
    paddings += [("same", mode) for mode in ("zeros", "reflect", "replicate", "circular")]
    for stride, (padding, mode), dilation, groups, kernel in itertools.product(
        (1, 2, (2, 3)), paddings, (1, 2, (1, 3)), (1, 2, 4), (1, 2, 3, (2, 5))
    ):
        if padding == "same" and stride != 1:
            continue  # torch refuses it
        yield {
            "stride": stride,
            "padding": padding,
            "padding_mode": mode,
            "dilation": dilation,
            "groups": groups,
            "kernel_size": kernel,
        }


class SideBySide(nn.Module):
    """Convolutions that each see the image."""

    def __init__(self, convs):
        super().__init__()
        self.convs = nn.ModuleList(convs)

    def forward(self, x):
        return [conv(x) for conv in self.convs]


def nets_of_every_geometry(stride, at_once=6):
    """Nets that together have a convolution of 4 channels to 8 for each geometry of that stride."""
    convs = [seeded(lambda g=g: nn.Conv2d(4, 8, **g)) for g in geometries() if g["stride"] == stride]
    assert len(convs) == (360 if stride == 1 else 216)
    return [SideBySide(convs[first : first + at_once]) for first in range(0, len(convs), at_once)]


# A convolution of every rank, 4 channels to 6, with what its kind has besides the geometries above.
ANY_RANK = {
    "conv1d": lambda: nn.Conv1d(4, 6, 5, stride=2, padding=3, dilation=2, groups=2, padding_mode="circular"),
    "conv1d same": lambda: nn.Conv1d(4, 6, 4, padding="same"),
    "conv3d": lambda: nn.Conv3d(4, 6, (2, 3, 3), stride=(2, 1, 2), padding=(1, 0, 2), dilation=(2, 1, 1), groups=2),
    "conv3d replicate": lambda: nn.Conv3d(4, 6, 3, padding=1, padding_mode="replicate", bias=False),
    "transposed 1d": lambda: nn.ConvTranspose1d(4, 6, 5, stride=3, padding=1, output_padding=2, groups=2),
    "transposed 2d": lambda: nn.ConvTranspose2d(4, 6, (3, 4), stride=(2, 3), padding=(1, 0), output_padding=(1, 2)),
    "transposed 2d, dilated": lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, dilation=(2, 3), groups=2, bias=False),
    "transposed 2d, cut": lambda: nn.ConvTranspose2d(4, 6, 2, stride=2, padding=3),
    "transposed 3d": lambda: nn.ConvTranspose3d(4, 6, (2, 3, 2), stride=2, padding=1, output_padding=(1, 0, 1)),
}
