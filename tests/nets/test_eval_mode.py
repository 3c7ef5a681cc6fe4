"""Nets whose `eval()` does more than set flags: shown as they are in eval mode, and the user's own left as it is."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope import Explorer
from nets import images, seeded
from portraits import portrait


class MergesItsUpdate(nn.Module):
    """A convolution with a low-rank update, which eval mode adds to the weight and train mode takes away again."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.left, self.right = nn.Parameter(torch.randn(4, 2)), nn.Parameter(torch.randn(2, 9))
        self.merged = False

    def update(self):
        return (self.left @ self.right).reshape(4, 1, 3, 3)

    def train(self, mode=True):
        super().train(mode)
        if self.merged == mode:
            self.conv.weight.data += -self.update().data if mode else self.update().data
            self.merged = not mode
        return self

    def kernels(self):
        return (self.conv.weight + (0 if self.merged else self.update())).detach()

    def forward(self, x):
        return F.conv2d(x, self.kernels(), self.conv.bias)


class Expands(nn.Module):
    """Makes its filter of a basis, and keeps it in a buffer that only eval mode has."""

    def __init__(self):
        super().__init__()
        self.basis, self.scale = nn.Parameter(torch.randn(4, 1, 3, 3)), nn.Parameter(torch.rand(4, 1, 1, 1))

    def kernels(self):
        return (self.basis * self.scale).detach()

    def train(self, mode=True):
        if mode:
            self._buffers.pop("expanded", None)
        else:
            self.register_buffer("expanded", self.kernels())
        return super().train(mode)

    def forward(self, x):
        return F.conv2d(x, self.kernels() if self.training else self.expanded)


class Fuses(nn.Module):
    """Has one convolution in the place of two while it is in eval mode."""

    def __init__(self):
        super().__init__()
        self.wide, self.point, self.fused = nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.Conv2d(1, 4, 1), None

    def kernels(self):
        return (self.wide.weight + F.pad(self.point.weight, (1, 1, 1, 1))).detach()

    def train(self, mode=True):
        super().train(mode)
        self.fused = None
        if not mode:
            self.fused = nn.Conv2d(1, 4, 3, padding=1)
            self.fused.weight.data, self.fused.bias.data = self.kernels(), self.point.bias.data.clone()
        return self

    def forward(self, x):
        return self.wide(x) + self.point(x) if self.fused is None else self.fused(x)


class HalvesEachTime(nn.Module):
    """Does harm each time that it is put into eval mode."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def kernels(self):
        return self.conv.weight.detach() / (2 if self.training else 1)

    def train(self, mode=True):
        if not mode:
            self.conv.weight.data /= 2
        return super().train(mode)

    def forward(self, x):
        return self.conv(x)


class SwitchesByProperty(nn.Module):
    """Doubles its weight when `training` itself is written."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.mode = True

    @property
    def training(self):
        return self.__dict__.get("mode", True)

    @training.setter
    def training(self, mode):
        if self.__dict__.get("mode") and not mode:
            self.conv.weight.data *= 2
        self.__dict__["mode"] = mode

    def kernels(self):
        return self.conv.weight.detach() * 2

    def forward(self, x):
        return self.conv(x)


KINDS = [MergesItsUpdate, Expands, Fuses, HalvesEachTime, SwitchesByProperty]


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernels_are_those_of_eval_mode_and_the_users_net_stays_as_it_is(kind):
    net = seeded(lambda: nn.Sequential(kind(), nn.ReLU(), nn.Conv2d(4, 2, 3))).train()
    before = portrait(net)
    explorer = Explorer(net, images(3, 1, 10, 10)).select(image=1, layer=0)
    assert torch.allclose(torch.from_numpy(explorer.layer.kernels), net[0].kernels(), atol=1e-6)
    explorer.refresh()
    assert torch.allclose(torch.from_numpy(explorer.layer.kernels), net[0].kernels(), atol=1e-6)
    explorer.close()
    assert portrait(net) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_step_is_seen(kind):
    net = seeded(lambda: nn.Sequential(kind(), nn.ReLU(), nn.Conv2d(4, 2, 3))).train()
    explorer = Explorer(net, images(3, 1, 10, 10)).select(image=1, layer=0)
    first = explorer.layer.kernels
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(-1.5)
    assert abs(explorer.layer.kernels - first).max() > 0.01
    assert torch.allclose(torch.from_numpy(explorer.layer.kernels), net[0].kernels(), atol=1e-6)
    explorer.close()


def test_a_net_that_goes_back_into_train_mode_is_read_anew():
    net = seeded(lambda: nn.Sequential(MergesItsUpdate(), nn.ReLU())).eval()
    explorer = Explorer(net, images(2, 1, 10, 10)).select(image=1, layer=0, filter=2)
    merged = explorer.pre_activation
    net.train()  # takes the update out of the shared weight
    explorer.select(image=0)
    explorer.select(image=1)
    assert abs(explorer.pre_activation - merged).max() < 1e-5
    explorer.close()


class StaysFrozen(nn.Module):
    """Keeps its norm in eval mode and its dropout in train mode, whatever it is told."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        self.drop.train()
        return self

    def forward(self, x):
        return self.drop(self.norm(self.conv(x)))


def test_a_train_that_only_sets_flags_costs_no_memory_and_its_flags_are_the_nets_own():
    net = seeded(StaysFrozen).train()
    explorer = Explorer(net, images(2, 1, 10, 10))
    with explorer.session.engine.runner.ready() as twin:
        assert all(own is live for own, live in zip(twin.parameters(), net.parameters(), strict=True))
        assert (twin.training, twin.conv.training, twin.norm.training, twin.drop.training) == (
            False,
            False,
            False,
            True,
        )
    explorer.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_diagnosis_beside_reads_the_kernels_of_eval_mode(kind):
    net = seeded(lambda: nn.Sequential(kind(), nn.ReLU(), nn.Conv2d(4, 2, 3))).train()
    explorer = Explorer(net, images(2, 1, 10, 10))
    snapshot = explorer.session.engine.snapshot()
    beside = Explorer(snapshot, images(2, 1, 10, 10))
    assert torch.allclose(torch.from_numpy(beside.layers[0].kernels), net[0].kernels(), atol=1e-6)
    beside.close()
    explorer.close()
