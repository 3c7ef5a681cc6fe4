"""Receptive fields of a net's layers, and whether they are the gradient's."""

from torch import nn

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.session.positions import Positions
from gradient_mask import disagreements
from nets import images


def point(net, *shape):
    """A pointer at a net, for one image of that shape."""
    rank = len(shape) - 1
    return Positions(Engine(net, SampleSource(list(images(1, *shape)), inputs=[(rank, None)])))


def compare(net, *shape):
    """The statuses of every layer's fields, after their boxes were seen to be those of the gradient's mask."""
    counted, wrong = disagreements(net, shape, point(net, *shape))
    assert not wrong, wrong[:3]
    assert counted
    return counted


class Net(nn.Module):
    """What the test makes of the image, and one convolution behind it."""

    def __init__(self, before, channels=2, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.before = before
        self.last = nn.Conv2d(channels, 4, 3, padding=1)

    def forward(self, x):
        return self.last(self.before(self, x))


def conv(i, o, *args, **kwargs):
    return nn.Conv2d(i, o, *args, **kwargs)
