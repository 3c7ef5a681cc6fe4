"""A rerun without a filter is a whole pass with its map replaced."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope.data.source import SampleSource
from filterscope.scans.sampling import IsolatedSamples, runner_for
from filterscope.verdicts.ablation.rerun import Rerun
from nets import Everything, TwoConvs, images, seeded


class Grouped(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.conv2 = nn.Conv2d(8, 12, 3, groups=4)
        self.fc = nn.Linear(12, 3)

    def forward(self, x):
        return self.fc(F.relu(self.conv2(F.relu(self.conv1(x)))).mean((2, 3)))


class Written(nn.Module):
    """Writes into its tensors after the convolution, with its result ignored."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv1(x)
        F.relu_(x)
        y = self.conv2(x)
        x += y  # conv1's activation is written over
        x.relu_()
        return self.fc(x.mean((2, 3)))


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class OwnActivation(nn.Module):
    """An activation that is a module of several functions."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), Swish(), nn.Conv2d(4, 4, 3), Swish())
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.body(x).amax((2, 3)))


def ablated_by_hand(net, layer, index, value, pixels):
    """The activation overwritten by a hook where it is made: the oracle, for nets where that is simple."""
    with torch.no_grad():
        if isinstance(net, TwoConvs):
            x = F.relu(net.conv1(pixels))
            x[:, index] = value if layer == 0 else x[:, index]
            x = F.relu(net.conv2(net.pool(x)))
            x[:, index] = value if layer == 1 else x[:, index]
            return torch.log_softmax(net.fc(x.mean((2, 3))), 1)
        if isinstance(net, Written):
            x = net.conv1(pixels).relu()
            x[:, index] = value if layer == 0 else x[:, index]
            y = net.conv2(x)
            y[:, index] = value if layer == 1 else y[:, index]
            return torch.log_softmax(net.fc((x + y).relu().mean((2, 3))), 1)
        if isinstance(net, Grouped):
            x = F.relu(net.conv1(pixels))
            x[:, index] = value if layer == 0 else x[:, index]
            x = F.relu(net.conv2(x))
            x[:, index] = value if layer == 1 else x[:, index]
            return torch.log_softmax(net.fc(x.mean((2, 3))), 1)
        x = net.body[1](net.body[0](pixels))
        x[:, index] = value if layer == 0 else x[:, index]
        x = net.body[3](net.body[2](x))
        x[:, index] = value if layer == 1 else x[:, index]
        return torch.log_softmax(net.fc(x.amax((2, 3))), 1)


@pytest.mark.parametrize("build", [TwoConvs, Written, OwnActivation, Grouped])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_rerun_is_a_whole_pass_with_the_map_replaced(build, layer):
    net, pixels = seeded(build).eval(), images(7, 1, 12, 12)
    subject = runner_for(net, IsolatedSamples(SampleSource(pixels)))
    intact = torch.log_softmax(net(pixels), 1).detach()
    rerun = Rerun(subject, layer, pixels, intact)
    for _ in range(2):  # one rerun must not spoil the next
        for index in range(4):

            def change(activation, index=index):
                activation[:, index] = 0.3

            expected = ablated_by_hand(net, layer, index, 0.3, pixels)
            torch.testing.assert_close(rerun(change), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(rerun(lambda activation: None), intact, rtol=1e-5, atol=1e-6)


def test_what_lies_before_the_layer_is_not_computed_again():
    class Counting(TwoConvs):
        ran = 0

        def forward(self, x):
            x = self.pool(F.relu(self.conv1(x)))
            Counting.ran += 1
            return self.fc(F.relu(self.conv2(x)).mean((2, 3)))

    calls = []
    net, pixels = seeded(Counting).eval(), images(4, 1, 14, 14)
    subject = runner_for(net, IsolatedSamples(SampleSource(pixels)))
    rerun = Rerun(subject, 1, pixels, torch.log_softmax(net(pixels), 1).detach())
    assert rerun.reuses
    real, torch_conv2d = F.conv2d, torch.conv2d
    assert real is torch_conv2d
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        rerun(lambda activation: calls.append(activation.shape))
    assert calls == [(4, 6, 4, 4)]
    assert not [event for event in profile.events() if event.name == "aten::conv2d"]


def test_a_net_with_everything_is_rerun_right():
    net, pixels = seeded(Everything).eval(), images(5, 1, 10, 10)
    subject = runner_for(net, IsolatedSamples(SampleSource(pixels)))
    intact = torch.log_softmax(net(pixels), 1).detach()
    for layer in range(len(subject.layers)):
        rerun = Rerun(subject, layer, pixels, intact)
        torch.testing.assert_close(rerun(lambda activation: None), intact, rtol=1e-5, atol=1e-6)
        changed = rerun(lambda activation: activation.zero_())
        assert not torch.allclose(changed, intact, atol=1e-4)
        torch.testing.assert_close(rerun(lambda activation: None), intact, rtol=1e-5, atol=1e-6)
