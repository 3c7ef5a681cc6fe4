"""The user's net leaves as it came: after every kind of call, also one that raises."""

import functools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.errors import NetError
from nets import Everything, TwoConvs, images, seeded
from portraits import portrait


def use(engine):
    """Every way in which the engine runs the net."""
    for layer in range(len(engine.layers)):
        engine.maps(0, layer), engine.kernels(layer)
        (
            engine.moment(0, layer).responses.of_all_filters(None, "input"),
            engine.moment(0, layer).responses.of_all_filters(None, "image"),
        )
    engine.prediction(0), engine.check(), engine.refresh(), engine.maps(0, 0)


def with_gradients(net):
    net.train()
    net(images(4, 1, 8, 8)).sum().backward()
    return net


def frozen(net):
    net.stem.weight.requires_grad_(False)
    net.bn.eval()  # a flag of its own, as in fine-tuning
    return net


def changed(change):
    """`Everything`, changed; the same numbers at every call."""

    def build():
        net = Everything()
        change(net)
        return net

    return lambda: seeded(build)


NETS = {
    "train mode, gradients, batch norm, dropout": changed(with_gradients),
    "frozen parts": changed(lambda net: frozen(with_gradients(net))),
    "eval mode": changed(lambda net: net.eval()),
    "pruned": changed(lambda net: prune.l1_unstructured(net.block, "weight", 0.5)),
    "weight norm": changed(lambda net: parametrizations.weight_norm(net.block)),
    "spectral norm": changed(lambda net: parametrizations.spectral_norm(net.block)),
    "old weight norm": changed(lambda net: torch.nn.utils.weight_norm(net.block)),
    "old spectral norm": changed(lambda net: torch.nn.utils.spectral_norm(net.block)),
}


@pytest.mark.filterwarnings("ignore:`torch.nn.utils")
@pytest.mark.parametrize("kind", NETS)
def test_nothing_of_the_net_changes(kind):
    net = NETS[kind]()
    random = torch.get_rng_state()
    before = portrait(net)
    engine = Engine(net, SampleSource(images(2, 1, 8, 8)))
    use(engine)
    assert not engine.runner.in_place
    assert portrait(net) == before
    assert torch.equal(torch.get_rng_state(), random)
    engine.close()
    assert portrait(net) == before


@pytest.mark.filterwarnings("ignore:`torch.nn.utils")
@pytest.mark.parametrize("kind", NETS)
def test_what_is_shown_is_the_net_in_eval_mode(kind):
    net = NETS[kind]()
    engine = Engine(net, SampleSource(images(2, 1, 8, 8)))
    alone = NETS[kind]().eval()
    seen = []
    alone.block.register_forward_hook(lambda m, a, out: seen.append((m.weight.detach().clone(), out[0].detach())))
    with torch.no_grad():
        logits = alone(images(2, 1, 8, 8)[:1])
    assert torch.equal(engine.maps(0, 1).pre_activation, seen[0][1])
    assert np.array_equal(engine.kernels(1), seen[0][0].numpy())
    assert engine.layers[0].bias is None
    assert np.array_equal(engine.layers[1].bias, alone.block.bias.detach().numpy())
    probabilities = [p for _, p in sorted(engine.prediction(0))]
    np.testing.assert_allclose(probabilities, torch.softmax(logits[0].double(), 0).numpy(), atol=1e-7)


def test_hooks_of_the_users_do_not_fire():
    net, fired = seeded(TwoConvs), []
    for module in net.modules():
        module.register_forward_hook(lambda *a: fired.append("forward"))
        module.register_forward_pre_hook(lambda *a: fired.append("pre"))
        module.register_forward_pre_hook(lambda *a, **k: fired.append("kwargs"), with_kwargs=True)
        module.register_full_backward_hook(lambda *a: fired.append("backward"))
    use(Engine(net, SampleSource(images(1, 1, 14, 14))))
    assert not fired
    net(images(1, 1, 14, 14))
    assert {"forward", "pre", "kwargs"} <= set(fired)


class Writes(nn.Module):
    """Writes to a buffer and to attributes in its forward pass, and fails on demand."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.register_buffer("seen", torch.zeros(()))
        self.calls = 0
        self.history = []

    def forward(self, x):
        self.seen += 1
        self.calls += 1
        self.history.append(1)
        if x.sum() < 0:
            raise RuntimeError("negative image")
        return F.dropout(self.conv(x)).flatten(1) + torch.randn(1)


def test_a_forward_that_writes_draws_and_raises_leaves_no_trace():
    net = seeded(Writes)
    data = torch.stack([images(1, 8, 8), -images(1, 8, 8)])
    before, random = portrait(net), torch.get_rng_state()
    engine = Engine(net, SampleSource(data))
    with pytest.raises(NetError, match="negative image"):
        engine.maps(1, 0)
    assert engine.maps(0, 0).pre_activation.shape == (2, 6, 6)
    assert portrait(net) == before
    assert torch.equal(torch.get_rng_state(), random)
    assert net.calls == 0 and not net.history


class Remembers(nn.Module):
    """Writes to a plain tensor attribute, and convolves with another."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.kernel = torch.rand(3, 2, 3, 3)
        self.mean = torch.zeros(2, 6, 6)

    def forward(self, x):
        x = self.conv(x)
        self.mean.mul_(0.9).add_(x[0].detach())
        return F.conv2d(x, self.kernel)


def test_plain_tensor_attributes_are_not_written_and_changes_of_them_are_noticed():
    net = seeded(Remembers)
    engine = Engine(net, SampleSource(images(2, 1, 8, 8)))
    use(engine)
    assert not net.mean.any()
    assert not vars(net.mean)
    assert not engine.check()
    net.kernel.mul_(2)
    assert engine.check()
    assert np.array_equal(engine.kernels(1), net.kernel.numpy())


class Standardised(nn.Conv2d):
    """Computes the weight that it uses in its forward pass, as nets with weight standardisation do."""

    def forward(self, x):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight, self.bias)


def test_the_kernels_are_those_that_the_convolution_used():
    net = nn.Sequential(seeded(lambda: Standardised(1, 4, 3)))
    engine = Engine(net, SampleSource(images(2, 1, 8, 8)))
    for _ in range(2):
        used = net[0].weight.detach() - net[0].weight.detach().mean((1, 2, 3), keepdim=True)
        assert np.array_equal(engine.kernels(0), used.numpy())
        assert engine.layers[0].module is net[0]
        gap = engine.moment(0, 0).responses.of_all_filters(None, "input") + engine.layers[0].bias[:, None, None]
        np.testing.assert_allclose(gap, net(images(2, 1, 8, 8))[0].detach().numpy(), atol=1e-5)
        net[0].weight.data.mul_(3)


def test_a_forward_that_was_replaced_by_a_function_over_the_old_one_is_shown_and_does_the_net_no_harm():
    net = seeded(Everything).train()
    original = net.forward
    net.forward = lambda x: original(x * 2)
    before = portrait(net)
    engine = Engine(net, SampleSource(images(1, 1, 8, 8)))
    use(engine)
    assert portrait(net) == before
    assert not engine.runner.in_place
    with torch.no_grad():
        assert torch.equal(engine.maps(0, 0).pre_activation, net.stem(2 * images(1, 1, 8, 8))[0])


def test_a_net_made_in_inference_mode_and_one_with_its_weights_in_buffers():
    with torch.inference_mode():
        net = seeded(TwoConvs)
    assert Engine(net, SampleSource(images(1, 1, 14, 14))).maps(0, 0).pre_activation.shape == (4, 12, 12)

    class Buffers(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("weight", torch.ones(2, 1, 3, 3, dtype=torch.float64))

        def forward(self, x):
            return F.conv2d(x, self.weight)

    assert Engine(Buffers(), SampleSource(images(1, 1, 8, 8))).layers[0].out_shape == (2, 6, 6)


class NoCopy(TwoConvs):
    def __deepcopy__(self, memo):
        raise TypeError("this net holds a lock")


def test_a_net_that_cannot_be_copied_is_run_itself_and_restored_and_it_is_said():
    net = seeded(NoCopy).train()
    net.conv1.eval()
    before = portrait(net)
    with pytest.warns(UserWarning, match="cannot be copied.*holds a lock"):
        engine = Engine(net, SampleSource(images(1, 1, 14, 14)))
    use(engine)
    assert engine.runner.in_place
    assert portrait(net) == before
    with torch.no_grad():
        assert torch.equal(engine.maps(0, 0).pre_activation, net.conv1(images(1, 1, 14, 14))[0])


GLOBAL = None  # the net, in one case


def _global_forward(x):
    return GLOBAL.bn(GLOBAL.conv(x))


class Holds(nn.Module):
    """Calls its parts by functions that hold on to them."""

    def __init__(self, hold):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)
        hold(self)

    def forward(self, x):
        return self.call[0](x) if isinstance(self.call, list) else self.call(x)


HOLDS = {
    "in a list": lambda net: setattr(net, "call", [lambda x: net.bn(net.conv(x))]),
    "by defaults": lambda net: setattr(net, "call", lambda x, conv=net.conv, bn=net.bn: bn(conv(x))),
    "in a partial": lambda net: setattr(net, "call", functools.partial(lambda flag, x: net.bn(net.conv(x)), True)),
    "a global": lambda net: (setattr(net, "call", _global_forward), globals().update(GLOBAL=net)),
}


@pytest.mark.parametrize("hold", HOLDS.values(), ids=HOLDS)
def test_functions_that_hold_parts_of_the_net_are_made_anew_over_the_twins_parts(hold):
    net = seeded(lambda: Holds(hold))
    before = portrait(net)
    engine = Engine(net, SampleSource(images(2, 1, 8, 8)))
    maps = engine.maps(1, 0)
    assert portrait(net) == before
    assert not engine.runner.in_place
    net.eval()
    with torch.no_grad():
        assert torch.equal(maps.pre_activation, net.conv(images(2, 1, 8, 8)[1:])[0])
        assert torch.allclose(maps.activation, net.bn(net.conv(images(2, 1, 8, 8)[1:]))[0], atol=1e-6)


class Counts(NoCopy):
    """Writes to a buffer, a plain tensor, a list and a number when it runs."""

    def __init__(self):
        super().__init__()
        self.register_buffer("ema", torch.zeros(1))
        self.seen, self.kept, self.count = torch.zeros(1), [torch.zeros(1)], 0

    def forward(self, x):
        self.ema = self.ema + 1
        self.seen += 1
        self.kept[0] += 1
        self.count += 1
        self.new = x
        return super().forward(x)


@pytest.mark.filterwarnings("ignore:this net cannot be copied")
def test_what_a_net_that_cannot_be_copied_writes_is_put_back():
    net = seeded(Counts)
    ema = net.ema
    use(Engine(net, SampleSource(images(1, 1, 14, 14))))
    assert net.ema is ema and (net.ema.item(), net.seen.item(), net.kept[0].item(), net.count) == (0, 0, 0, 0)
    assert not hasattr(net, "new")


class Accumulates(TwoConvs):
    def __init__(self):
        super().__init__()
        self.kept = {"sum": [torch.zeros(1)]}

    def forward(self, x):
        self.kept["sum"][0] += x.sum()
        return super().forward(x)


def test_tensors_in_lists_and_dictionaries_are_not_written_to_and_are_live():
    net = seeded(Accumulates)
    engine = Engine(net, SampleSource(images(1, 1, 14, 14)))
    assert net.kept["sum"][0].item() == 0
    net.kept["sum"][0] += 1
    assert engine.check()


class MaxNorm(TwoConvs):
    def forward(self, x):
        self.conv1.weight.data = torch.renorm(self.conv1.weight.data, 2, 0, 0.01)
        return super().forward(x)


def test_a_net_that_writes_to_its_own_weights_is_said_to():
    with pytest.warns(UserWarning, match="writes to its own weights"):
        Engine(seeded(MaxNorm), SampleSource(images(1, 1, 14, 14)))
