"""The steps from a convolution to its activation: what is one, and what ends the walk."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import FrozenBatchNorm2d

from engines import IMAGES, look, names
from nets import seeded


class SwishFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * torch.sigmoid(x)


class MemoryEfficientSwish(nn.Module):
    def forward(self, x):
        return SwishFunction.apply(x)


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class InPlaceSwish(nn.Module):
    def forward(self, x):
        return x.mul_(torch.sigmoid(x))


class ChannelNorm(nn.LayerNorm):
    """Moves the channels to the end and back, as ConvNeXt's."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


STEPS = {
    "FrozenBatchNorm2d": (lambda: [FrozenBatchNorm2d(4)], "0 → FrozenBatchNorm2d (before conv2d)"),
    "its own norm and nonlinearity": (lambda: [ChannelNorm(4), Swish()], "0 → ChannelNorm → Swish"),
    "in place": (lambda: [FrozenBatchNorm2d(4), InPlaceSwish()], "0 → FrozenBatchNorm2d → InPlaceSwish"),
    "an autograd.Function": (lambda: [MemoryEfficientSwish()], "0 → MemoryEfficientSwish"),
}


@pytest.mark.parametrize(("build", "name"), STEPS.values(), ids=STEPS)
def test_a_module_that_is_a_norm_or_a_nonlinearity_is_one_step_whatever_it_is_written_in(build, name):
    net = seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), *build(), nn.Conv2d(4, 2, 3))).eval()
    for module in net:
        if isinstance(module, FrozenBatchNorm2d):
            module.running_mean.fill_(0.1)
            module.weight.fill_(3)
    engine = look(net)
    assert names(engine) == ["0", f"{len(net) - 1}"]  # what follows is followed
    assert engine.layers[0].activation.name == name
    with torch.no_grad():
        expected = net[:-1](IMAGES[:1])[0].numpy()
    assert np.array_equal(engine.moment(0, 0).activations, expected)


class Logs(nn.Module):
    """Keeps a copy and a mean of a map: neither goes on to the output."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 3)

    def forward(self, x):
        x = self.one(x)
        self.kept, self.mean = x.detach(), x.mean().item()
        return self.two(F.relu(x))


def test_what_leads_nowhere_is_no_second_consumer():
    assert look(seeded(Logs)).layers[0].activation.name == "one → relu"


LOOKS = {
    "a copy": lambda x: x.detach(),
    "a look for NaN": lambda x: torch.isnan(x).any(),
    "finite": lambda x: torch.isfinite(x).all(),
    "a mean a channel": lambda x: x.mean((2, 3)),
    "two": lambda x: (x.detach(), x.mean()),
}


class Looks(nn.Module):
    """Looks at a map before it goes on."""

    def __init__(self, look):
        super().__init__()
        self.one, self.bn, self.two, self.look = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3), look

    def forward(self, x):
        x = self.one(x)
        self.seen = self.look(x)
        x = self.bn(x)
        self.seen = self.look(x)
        x = F.relu(x)
        self.seen = self.look(x)
        return self.two(x)


@pytest.mark.parametrize("look_at", LOOKS.values(), ids=LOOKS)
def test_what_leads_nowhere_is_not_taken_for_the_activation(look_at):
    net = seeded(lambda: Looks(look_at)).eval()
    engine = look(net)
    assert engine.layers[0].activation.name == "one → bn → relu"
    with torch.no_grad():
        assert np.array_equal(engine.moment(0, 0).activations, net.bn(net.one(IMAGES[:1])).relu()[0].numpy())


class Gate(nn.Module):
    def forward(self, x, gate):
        return x * gate


class GatedNorm(Gate):
    """By its name a normalisation, but it takes a second tensor."""


def test_a_step_with_a_second_tensor_ends_the_walk():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(1, 4, 3), GatedNorm()

        def forward(self, x):
            return self.norm(self.conv(x), gate=x.mean()).relu()

    assert look(seeded(Net)).layers[0].activation.name == "conv (before norm)"


def test_another_dtype_on_the_way_is_no_step():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)

        def forward(self, x):
            return self.conv(x).double().relu()

    assert look(seeded(Net)).layers[0].activation.name == "conv → relu"
