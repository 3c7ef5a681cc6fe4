"""Weights and buffers are live: a change is noticed and shown, also while the net trains."""

import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.nets.twin import Twin
from nets import Everything, TwoConvs, images, seeded


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.conv1.weight.detach().mul_(2),
        lambda net: net.conv1.weight.data.mul_(2),
        lambda net: setattr(net.conv1.weight, "data", net.conv1.weight.data * 2),
        lambda net: setattr(net.conv1, "weight", nn.Parameter(net.conv1.weight.detach() * 2)),
        lambda net: net.load_state_dict({k: v * 2 for k, v in net.state_dict().items()}),
        lambda net: net.load_state_dict({k: v * 2 for k, v in net.state_dict().items()}, assign=True),
        lambda net: net.conv1.weight.data.view(-1)[7:8].add_(1e-3),
    ],
    ids=["in place", "data", "data replaced", "parameter replaced", "loaded", "loaded by assignment", "one number"],
)
def test_changed_weights_are_noticed_and_shown(change):
    net = seeded(TwoConvs)
    engine = Engine(net, SampleSource(images(1, 1, 14, 14)))
    old = engine.maps(0, 0).pre_activation
    assert not engine.check()
    with torch.no_grad():
        change(net)
    assert engine.check()
    assert engine.revision == 1
    assert not engine.check()
    with torch.no_grad():
        expected = net.conv1(images(1, 1, 14, 14))[0]
    assert torch.equal(engine.maps(0, 0).pre_activation, expected)
    assert not torch.equal(expected, old)
    assert np.array_equal(engine.kernels(0), net.conv1.weight.detach().numpy())


def test_buffers_are_live_too():
    net = seeded(Everything).eval()
    engine = Engine(net, SampleSource(images(1, 1, 8, 8)))
    net.bn.running_mean.add_(1)
    assert engine.check()
    with torch.no_grad():
        expected = net.bn(net.stem(images(1, 1, 8, 8))).relu()[0]
    assert torch.equal(engine.maps(0, 0).activation, expected)


def test_a_large_tensor_changed_through_data_is_noticed():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.LazyLinear(1000))
    net(images(1, 1, 30, 30))
    twin = Twin(net)
    assert net[2].weight.numel() > 10 * 65_536
    before = twin.checksum()
    for change in (lambda w: w.mul_(1.001), lambda w: w[:, 1::2].zero_(), lambda w: w[77, 11:12].add_(1e-3)):
        change(net[2].weight.data)
        assert twin.checksum() != before
        before = twin.checksum()


def train(steps, meanwhile=None):
    """Losses of a seeded training run with dropout and batch norm; `meanwhile(net)` runs in this thread beside it."""
    torch.manual_seed(7)
    net = Everything().train()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    losses, go, worked = [], threading.Event(), []

    def loop():
        go.wait()
        for _ in range(steps):
            x = torch.rand(8, 1, 8, 8)
            loss = F.cross_entropy(net(x), (x.mean((1, 2, 3)) > 0.5).long())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

    thread = threading.Thread(target=loop)
    engine = None if meanwhile is None else Engine(net, SampleSource(images(50, 1, 8, 8)))
    thread.start()
    go.set()
    while meanwhile is not None and thread.is_alive():
        worked.append(meanwhile(engine, len(worked)))
    thread.join()
    return losses, worked


def test_training_in_another_thread_is_not_disturbed():
    def move(engine, step):
        engine.check()
        engine.maps(step % 50, step % 3)
        engine.moment(step % 50, step % 3).responses.of_all_filters(None, "input")
        return engine.revision

    alone, _ = train(150)
    watched, worked = train(150, move)
    assert watched == alone
    assert len(worked) > 10 and worked[-1] > worked[0]  # it was moved, and saw the weights change
