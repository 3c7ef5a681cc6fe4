"""What counts as a layer's activation, and that a pass keeps exactly what a hook would see."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.errors import NetError
from filterscope.nets.twin import Twin
from nets import Chooses, Everything, TwoConvs, images, seeded


class Net(nn.Module):
    """One convolution `conv`, and what the test puts behind it."""

    def __init__(self, after, **modules):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        for name, module in modules.items():
            self.add_module(name, module)
        self.after = after

    def forward(self, x):
        return self.after(self, self.conv(x))


def look(after, **modules):
    net = seeded(lambda: Net(after, **modules)).eval()
    engine = Engine(net, SampleSource(images(1, 1, 8, 8)))
    with torch.no_grad():
        pre = net.conv(images(1, 1, 8, 8))
    return engine, net, pre


CASES = {
    "function": (lambda n, x: F.relu(x), {}, "conv → relu", lambda n, x: x.relu()),
    "method": (lambda n, x: x.sigmoid(), {}, "conv → sigmoid", lambda n, x: x.sigmoid()),
    "in place function": (lambda n, x: F.relu_(x), {}, "conv → relu", lambda n, x: x.relu()),
    "module": (lambda n, x: n.act(x), {"act": nn.SiLU()}, "conv → act", lambda n, x: F.silu(x)),
    "numbered module": (
        lambda n, x: n.tail(x),
        {"tail": nn.Sequential(nn.Tanh())},
        "conv → Tanh",
        lambda n, x: x.tanh(),
    ),
    "norm, in-place": (
        lambda n, x: n.act(n.bn(x)),
        {"bn": nn.BatchNorm2d(4), "act": nn.ReLU(True)},
        "conv → bn → act",
        lambda n, x: n.bn(x).relu(),
    ),
    "prelu has a parameter": (lambda n, x: n.act(x), {"act": nn.PReLU()}, "conv → act", lambda n, x: n.act(x)),
    "dropout between": (lambda n, x: F.relu(F.dropout(x, 0.5, False)), {}, "conv → relu", lambda n, x: x.relu()),
    "pool, then relu": (
        lambda n, x: F.relu(F.max_pool2d(x, 2)),
        {},
        "conv → max_pool2d → relu",
        lambda n, x: F.max_pool2d(x, 2).relu(),
    ),
    "pool, then norm, then relu": (
        lambda n, x: F.relu(n.bn(F.avg_pool2d(x, 2))),
        {"bn": nn.BatchNorm2d(4)},
        "conv → avg_pool2d → bn → relu",
        lambda n, x: n.bn(F.avg_pool2d(x, 2)).relu(),
    ),
    "relu, then pool": (lambda n, x: F.max_pool2d(F.relu(x), 2), {}, "conv → relu", lambda n, x: x.relu()),
    "pool, then nothing": (lambda n, x: F.max_pool2d(x, 2), {}, "conv", lambda n, x: x),
    "pool, then flatten": (lambda n, x: F.max_pool2d(x, 2).flatten(1), {}, "conv (before flatten)", lambda n, x: x),
    "second tensor": (
        lambda n, x: n.bn(x) + x.new_ones(1) * x,
        {"bn": nn.BatchNorm2d(4)},
        "conv (several consumers)",
        lambda n, x: x,
    ),
    "several consumers of the activation": (
        lambda n, x: (lambda y: y + y.mean())(F.relu(x)),
        {},
        "conv → relu",
        lambda n, x: x.relu(),
    ),
    "channel axis moved": (
        lambda n, x: F.relu(x.permute(0, 2, 3, 1)),
        {},
        "conv (before permute)",
        lambda n, x: x,
    ),
    "its shape asked for": (lambda n, x: F.relu(x) if x.shape[1] == 4 else x, {}, "conv → relu", lambda n, x: x.relu()),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_activation_and_its_name(case):
    after, modules, name, expected = CASES[case]
    engine, net, pre = look(after, **modules)
    assert engine.layers[0].activation.name == name
    norms = [key for key, part in modules.items() if isinstance(part, nn.BatchNorm2d)]
    assert engine.layers[0].activation.normed == any(f"→ {key}" in name for key in norms)
    with torch.no_grad():
        activation = expected(net, pre.clone())
    assert torch.equal(engine.maps(0, 0).activation, activation[0])
    assert torch.equal(engine.maps(0, 0).pre_activation, pre[0])


class _Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)) + x)


def test_it_stops_before_a_skip_is_added():
    net = seeded(_Skip).eval()
    engine = Engine(net, SampleSource(images(1, 1, 8, 8)))
    assert engine.layers[0].activation.name == "conv → bn (before add)" and engine.layers[0].activation.normed
    with torch.no_grad():
        assert torch.equal(engine.maps(0, 0).activation, net.bn(net.conv(images(1, 1, 8, 8)))[0])


def test_input_is_what_the_layer_was_given_even_if_it_is_changed_afterwards():
    def after(n, x):
        x = n.second(x)
        return F.relu_(x)

    engine, net, pre = look(after, second=nn.Conv2d(4, 4, 1))
    assert torch.equal(engine.maps(0, 1).input, pre[0])

    class Spoils(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x):
            y = self.conv(x)
            x.zero_()
            return y.zero_()

    net = seeded(Spoils)
    engine = Engine(net, SampleSource(images(1, 1, 8, 8)))
    assert torch.equal(engine.maps(0, 0).input, images(1, 1, 8, 8)[0])
    assert torch.equal(engine.maps(0, 0).pre_activation, net.conv(images(1, 1, 8, 8))[0].detach())


def test_each_call_of_a_module_is_a_layer_of_its_own():
    net = seeded(Everything).eval()
    engine = Engine(net, SampleSource(images(2, 1, 8, 8)))
    assert [(layer.name, layer.call) for layer in engine.layers] == [("stem", 0), ("block", 0), ("block", 1)]
    seen = []
    net.block.register_forward_hook(lambda m, a, out: seen.append(out.clone()))
    with torch.no_grad():
        net(images(2, 1, 8, 8)[1:])
    for call, expected in enumerate(seen):
        assert torch.equal(engine.maps(1, 1 + call).pre_activation, expected[0])


def test_a_pass_for_one_layer_stops_there():
    class Counts(TwoConvs):
        reached = 0

        def forward(self, x):
            x = F.relu(self.conv1(x))
            Counts.reached += 1
            return self.fc(F.relu(self.conv2(x)).mean((2, 3)))

    engine = Engine(seeded(Counts), SampleSource(images(1, 1, 14, 14)))
    batch = images(1, 1, 14, 14)
    Counts.reached = 0
    cut = engine.runner.keep(batch, [0], to_the_end=False)
    assert Counts.reached == 0
    assert cut.output is None
    whole = engine.runner.keep(batch, [0], to_the_end=True)
    assert Counts.reached == 1
    assert torch.equal(cut.maps[0].activation, whole.maps[0].activation)


def test_a_layer_that_this_image_does_not_reach_is_an_error_with_a_sentence():
    data = torch.stack([torch.ones(1, 8, 8), torch.zeros(1, 8, 8)])
    engine = Engine(seeded(Chooses), SampleSource(data))
    assert len(engine.layers) == 2
    with pytest.raises(NetError, match="did not reach call 0 of two for this image"):
        engine.maps(1, 1)
    assert engine.maps(0, 1).pre_activation.shape == (2, 4, 4)


def test_a_path_that_depends_on_the_image_never_shows_another_layers_map():
    class Either(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return F.relu(self.one(x) if x.mean() > 0.1 else self.two(x))

    engine = Engine(seeded(Either), SampleSource(torch.stack([torch.ones(1, 8, 8), torch.zeros(1, 8, 8)])))
    assert [layer.name for layer in engine.layers] == ["one"]
    with pytest.raises(NetError, match="did not reach call 0 of one"):
        engine.maps(1, 0)


def test_an_unbatched_convolution_inside_a_net():
    class Unbatched(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 3, 3)

        def forward(self, x):
            return F.relu(self.conv(x[0]))

    net = seeded(Unbatched)
    engine = Engine(net, SampleSource(images(1, 1, 8, 8)))
    assert engine.layers[0].out_shape == (3, 6, 6)
    assert torch.equal(engine.maps(0, 0).activation, net(images(1, 1, 8, 8)).detach())


ACTIVATIONS = [
    nn.CELU(), nn.ELU(), nn.GELU(), nn.Hardshrink(), nn.Hardsigmoid(), nn.Hardswish(), nn.Hardtanh(), nn.LeakyReLU(),
    nn.LogSigmoid(), nn.Mish(), nn.PReLU(), nn.ReLU(), nn.ReLU6(), nn.RReLU(), nn.SELU(), nn.SiLU(), nn.Sigmoid(),
    nn.Softplus(), nn.Softshrink(), nn.Softsign(), nn.Tanh(), nn.Tanhshrink(), nn.Threshold(0.1, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("act", ACTIVATIONS, ids=lambda act: type(act).__name__)
@pytest.mark.parametrize(
    "norm", [nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.LocalResponseNorm(2), nn.Dropout2d()]
)
def test_every_nonlinearity_behind_every_normalisation(norm, act):
    engine, net, pre = look(lambda n, x: n.act(n.norm(x)), norm=norm, act=act)
    with torch.no_grad():
        expected = net.act(net.norm(pre))[0]
    assert torch.equal(engine.maps(0, 0).activation, expected)
    assert engine.layers[0].activation.name.endswith("→ act")


def test_hooks_that_name_modules_are_gone_after_a_pass():
    engine = Engine(seeded(TwoConvs), SampleSource(images(1, 1, 14, 14)))
    engine.maps(0, 0)
    twin = engine.runner._twin
    assert isinstance(twin, Twin)
    with twin.ready() as module:
        assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
