"""Nets of every kind that PyTorch has: each call of a convolution is listed, and the pictures are what it computed."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engines import IMAGES, conv_by_hook, look, names, two
from filterscope import Explorer
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from nets import Chooses, Everything, TwoConvs, seeded

WRAPPED = {
    "torch.compile": (torch.compile, "_orig_mod."),
    "DataParallel": (nn.DataParallel, "module."),
    "both": (lambda net: torch.compile(nn.DataParallel(net)), "_orig_mod.module."),
}


@pytest.mark.parametrize(("wrap", "prefix"), WRAPPED.values(), ids=WRAPPED)
def test_a_wrapped_net_is_shown_under_the_names_it_has_and_selected_without_the_wrappers(wrap, prefix):
    net = two()
    wrapped = wrap(net)
    engine = look(wrapped)
    assert names(engine) == [f"{prefix}conv1", f"{prefix}conv2"]
    assert all(engine.layers[k].module is net.get_submodule(f"conv{k + 1}") for k in (0, 1))
    assert np.array_equal(engine.moment(0, 1).pre_activations, conv_by_hook(net, "conv2"))
    assert not engine.runner.in_place
    explorer = Explorer(wrapped, IMAGES).select(layer="conv2")
    assert explorer.layer_index == 1
    explorer.select(image=0, layer=f"{prefix}conv1")
    assert explorer.layer_index == 0
    explorer.close()


def test_a_net_compiled_in_place_or_in_part_is_shown():
    net = two()
    net.compile()
    net.conv1 = torch.compile(net.conv1)
    engine = look(net)
    assert names(engine) == ["conv1._orig_mod", "conv2"]
    with torch.no_grad():
        net.conv2.weight.mul_(2)
    assert engine.check()  # it is the live net all the same
    assert np.array_equal(engine.kernels(1), net.conv2.weight.detach().numpy())


@pytest.mark.parametrize("brought_down", [False, True], ids=["as exported", "decomposed"])
def test_an_exported_net_is_shown_under_its_modules_names(brought_down):
    def build():
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.ConvTranspose2d(4, 2, 3), nn.Tanh()
        )

    net = seeded(build).eval()
    exported = torch.export.export(net, (IMAGES[:1],))
    engine = look(exported.run_decompositions() if brought_down else exported)
    assert names(engine) == ["0", "3"]
    assert np.array_equal(engine.moment(0, 0).pre_activations, conv_by_hook(net, "0"))
    assert np.allclose(engine.moment(0, 0).activations, conv_by_hook(net, "2"), atol=1e-6)
    assert np.allclose(engine.moment(0, 1).activations, conv_by_hook(net, "4"), atol=1e-6)
    assert engine.layers[0].activation.name.endswith("→ relu")


def test_a_traced_graph_is_shown():
    assert names(look(torch.fx.symbolic_trace(two()))) == ["conv1", "conv2"]


def scripted(net):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and in many people's nets
        return torch.jit.script(net)


def traced(net):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(net, IMAGES[:1])


@pytest.mark.parametrize("make", [scripted, traced])
def test_a_scripted_net_is_shown_with_its_live_weights_and_stays_in_the_mode_it_is_in(make):
    net = seeded(Everything).eval()
    script = make(net)
    if make is scripted:
        script.train()
    engine = look(script)
    assert names(engine) == ["stem", "block", "block"]
    assert not engine.runner.in_place
    assert np.array_equal(engine.moment(0, 0).pre_activations, conv_by_hook(net, "stem"))
    with torch.no_grad():
        assert np.allclose(engine.moment(0, 0).activations, net.bn(net.stem(IMAGES[:1])).relu()[0].numpy(), atol=1e-6)
        net.stem.weight.data.mul_(2)  # the scripted net shares it
    assert engine.check()
    assert np.array_equal(engine.kernels(0), net.stem.weight.detach().numpy())
    assert np.array_equal(engine.moment(0, 0).pre_activations, conv_by_hook(net, "stem"))
    assert script.training == (make is scripted)


def test_a_part_that_is_scripted_is_shown_like_the_rest():
    def build():
        hidden = scripted(nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU()))
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), hidden, nn.Conv2d(4, 2, 3))

    net = seeded(build)
    engine = look(net)
    assert names(engine) == ["0", "2.0", "3"]
    assert [layer.activation.name for layer in engine.layers] == ["0 → ReLU", "2.0 → relu", "3"]
    with torch.no_grad():
        assert np.array_equal(engine.moment(0, 1).activations, net[:3](IMAGES[:1])[0].numpy())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_floating_dtype_is_shown_in_float32(dtype):
    net = two().to(dtype)
    engine = look(net)
    with torch.no_grad():
        expected = net.conv1(IMAGES[:1].to(dtype))[0].float().numpy()
    assert np.array_equal(engine.moment(0, 0).pre_activations, expected)
    assert engine.kernels(0).dtype == np.float32
    assert sum(probability for _, probability in engine.prediction(0)) == pytest.approx(1)


class InAList(nn.Module):
    """Keeps its parts in a plain list, where PyTorch does not see them."""

    def __init__(self):
        super().__init__()
        self.parts = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)]

    def forward(self, x):
        return F.relu(self.parts[1](self.parts[0](x)))


def test_parts_in_a_plain_list_are_shown_live_as_in_eval_and_stay_in_train():
    net = seeded(InAList)
    engine = look(net)
    conv, bn = net.parts
    with torch.no_grad():
        conv.weight.mul_(2)
    assert engine.check()
    before = bn.running_mean.clone()
    shown = engine.moment(0, 0).activations
    assert bn.training and torch.equal(bn.running_mean, before)
    with torch.no_grad():
        assert np.allclose(shown, bn.eval()(conv(IMAGES[:1])).relu()[0].numpy(), atol=1e-6)


class ThroughNumpy(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 3)

    def forward(self, x):
        return self.two(torch.from_numpy(np.tanh(self.one(x).numpy())))


def test_a_convolution_behind_a_step_outside_of_torch_is_listed():
    assert names(look(seeded(ThroughNumpy))) == ["one", "two"]


class Shares(nn.Module):
    """A weight used in three ways."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        y = F.conv2d(x, self.conv.weight).relu()
        return F.conv_transpose2d(y, self.conv.weight) + self.conv(x).mean()


def test_a_function_with_a_modules_weight_is_a_call_of_that_module_with_the_bias_it_was_given():
    engine = look(seeded(Shares))
    assert [(layer.name, layer.call) for layer in engine.layers] == [("conv", 0), ("conv", 1), ("conv", 2)]
    assert engine.weights(0)[1] is None
    assert engine.weights(1)[1] is None and engine.layers[1].transposed
    assert engine.weights(2)[1] is not None


class Brightens(nn.Conv2d):
    def forward(self, x):
        return super().forward(2 * x + 1)


def test_a_convolution_that_alters_its_input_before_it_pads_it_shows_what_it_convolved():
    net = seeded(lambda: nn.Sequential(Brightens(1, 4, 3, padding=1, padding_mode="reflect"), nn.ReLU()))
    engine = look(net)
    assert np.array_equal(engine.moment(0, 0).pre_activations, conv_by_hook(net, "0"))


class Crops(nn.Module):
    """Makes four items of one image, or none where it is dark."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3)

    def forward(self, x):
        x = self.one(x)
        crops = torch.cat([x, x + 1, x + 2, x + 3])
        return self.two(crops if x.mean() > -0.5 else crops[:0])


def test_of_a_batch_that_the_net_makes_the_first_is_shown_and_an_empty_one_is_said():
    net = seeded(Crops)
    net.one.bias.data.fill_(0)
    net.one.weight.data.fill_(-1)
    data = torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)])
    engine = Engine(net, SampleSource(data))
    assert [layer.items for layer in engine.layers] == [1, 4]
    with torch.no_grad():
        assert np.array_equal(engine.moment(0, 1).pre_activations, net.two(net.one(data[:1]))[0].numpy())
    assert engine.moment(1, 0).pre_activations.shape == (2, 6, 6)  # the layer before it is there
    with pytest.raises(ValueError, match="gave call 0 of two nothing for this image, a batch of 0 items"):
        engine.moment(1, 1)


def test_a_net_whose_path_depends_on_the_image_shows_what_it_runs():
    engine = Engine(seeded(Chooses), SampleSource(torch.stack([torch.ones(1, 8, 8), torch.zeros(1, 8, 8)])))
    assert engine.moment(1, 0).pre_activations.shape == (2, 6, 6)
    with pytest.raises(ValueError, match="did not reach call 0 of two"):
        engine.moment(1, 1)


def test_outputs_of_every_kind_are_taken():
    class Gives(TwoConvs):
        def __init__(self, pack):
            super().__init__()
            self.pack = pack

        def forward(self, x):
            return self.pack(super().forward(x))

    class Output:
        def __init__(self, logits):
            self.logits = logits

    for pack in (lambda x: x, lambda x: {"logits": x}, lambda x: {"out": x}, lambda x: (x, 1), Output):
        assert len(look(seeded(lambda pack=pack: Gives(pack)).eval()).prediction(0)) == 3
    assert look(seeded(lambda: Gives(lambda x: {"boxes": [x]})).eval()).prediction(0) == []
