"""Nets of every kind that PyTorch has: each call of a convolution is listed, and the pictures are what it computes."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torchvision.ops import FrozenBatchNorm2d

from filterscope import Explorer
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from nets import Chooses, Everything, TwoConvs, images, seeded

IMAGES = images(2, 1, 14, 14)


def look(net, **options):
    """An engine over two images, after every layer's response was found to be what the net computes."""
    engine = Engine(net, SampleSource(IMAGES), **options)
    for layer in engine.layers:
        pre = engine.pre_activations(0, layer.index)
        response = engine.responses(0, layer.index, None, "input")
        bias = engine.weights(layer.index)[1]
        summed = response if bias is None else response + bias.reshape(-1, 1, 1)
        precision = torch.finfo(engine.maps(0, layer.index).pre_activation.dtype).eps
        assert np.abs(summed - pre).max() <= max(1e-5, 2 * precision) * max(np.abs(pre).max(), np.ptp(pre))
    return engine


def names(engine):
    return [layer.name for layer in engine.layers]


def two():
    return seeded(TwoConvs).eval()


def conv_by_hook(net, name, image=IMAGES[:1]):
    """What a forward hook on the user's own module sees."""
    seen = []
    handle = net.get_submodule(name).register_forward_hook(lambda module, args, output: seen.append(output.clone()))
    with torch.no_grad():
        net(image)
    handle.remove()
    return seen[0][0].float().numpy()


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
    assert np.array_equal(engine.pre_activations(0, 1), conv_by_hook(net, "conv2"))
    assert not engine._twin.in_place
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
    assert np.array_equal(engine.pre_activations(0, 0), conv_by_hook(net, "0"))
    assert np.allclose(engine.activations(0, 0), conv_by_hook(net, "2"), atol=1e-6)
    assert np.allclose(engine.activations(0, 1), conv_by_hook(net, "4"), atol=1e-6)
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
    assert not engine._twin.in_place
    assert np.array_equal(engine.pre_activations(0, 0), conv_by_hook(net, "stem"))
    with torch.no_grad():
        assert np.allclose(engine.activations(0, 0), net.bn(net.stem(IMAGES[:1])).relu()[0].numpy(), atol=1e-6)
        net.stem.weight.data.mul_(2)  # the scripted net shares it
    assert engine.check()
    assert np.array_equal(engine.kernels(0), net.stem.weight.detach().numpy())
    assert np.array_equal(engine.pre_activations(0, 0), conv_by_hook(net, "stem"))
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
        assert np.array_equal(engine.activations(0, 1), net[:3](IMAGES[:1])[0].numpy())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_floating_dtype_is_shown_in_float32(dtype):
    net = two().to(dtype)
    engine = look(net)
    with torch.no_grad():
        expected = net.conv1(IMAGES[:1].to(dtype))[0].float().numpy()
    assert np.array_equal(engine.pre_activations(0, 0), expected)
    assert engine.kernels(0).dtype == np.float32
    assert sum(probability for _, probability in engine.prediction(0)) == pytest.approx(1)


class EqualizedRate:
    """A user's own hook that computes a weight, as StyleGAN's nets do."""

    def __call__(self, module, args):
        module.weight = module.weight_orig * 0.5


def equalized():
    conv = nn.Conv2d(1, 4, 3)
    conv.weight_orig = nn.Parameter(conv.weight.detach().clone())
    del conv._parameters["weight"]
    conv.weight = conv.weight_orig.detach()  # not yet what the hook makes of it
    conv.register_forward_pre_hook(EqualizedRate())
    return conv


def pruned():
    conv = nn.Conv2d(1, 4, 3)
    prune.random_unstructured(conv, "weight", 0.5)
    return conv


def lazy():
    conv = nn.LazyConv2d(4, 3)
    conv(IMAGES)
    return conv


def old_weight_norm():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and in many people's nets
        return nn.utils.weight_norm(nn.Conv2d(1, 4, 3))


COMPUTED = {
    "weight_norm, old": old_weight_norm,
    "weight_norm": lambda: parametrizations.weight_norm(nn.Conv2d(1, 4, 3)),
    "spectral_norm, old": lambda: nn.utils.spectral_norm(nn.Conv2d(1, 4, 3)),
    "spectral_norm": lambda: parametrizations.spectral_norm(nn.Conv2d(1, 4, 3)),
    "orthogonal": lambda: parametrizations.orthogonal(nn.Conv2d(1, 4, 3)),
    "pruned": pruned,
    "lazy": lazy,
    "the user's own hook": equalized,
}


@pytest.mark.parametrize("build", COMPUTED.values(), ids=COMPUTED)
def test_weights_that_are_computed_are_those_that_the_net_uses(build):
    net = seeded(lambda: nn.Sequential(build(), nn.ReLU())).eval()
    engine = look(net)
    expected = conv_by_hook(net, "0")
    assert np.array_equal(engine.pre_activations(0, 0), expected)
    assert np.array_equal(engine.kernels(0), net[0].weight.detach().numpy())


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
    assert np.array_equal(engine.activations(0, 0), expected)


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
        assert np.array_equal(engine.activations(0, 0), net.bn(net.one(IMAGES[:1])).relu()[0].numpy())


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
    shown = engine.activations(0, 0)
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
    assert np.array_equal(engine.pre_activations(0, 0), conv_by_hook(net, "0"))


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
        assert np.array_equal(engine.pre_activations(0, 1), net.two(net.one(data[:1]))[0].numpy())
    assert engine.pre_activations(1, 0).shape == (2, 6, 6)  # the layer before it is there
    with pytest.raises(ValueError, match="gave call 0 of two nothing for this image, a batch of 0 items"):
        engine.pre_activations(1, 1)


def test_a_net_whose_path_depends_on_the_image_shows_what_it_runs():
    engine = Engine(seeded(Chooses), SampleSource(torch.stack([torch.ones(1, 8, 8), torch.zeros(1, 8, 8)])))
    assert engine.pre_activations(1, 0).shape == (2, 6, 6)
    with pytest.raises(ValueError, match="did not reach call 0 of two"):
        engine.pre_activations(1, 1)


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


class HeadFirst(nn.Module):
    """Defines its convolutions in another order than it runs them."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(8, 5, 1)
        self.body = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.head(self.body(x))


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, 1, 1))
        self.kernels = nn.Parameter(torch.ones(4, 3, 3, 3))

    def forward(self, x):
        return F.conv2d(x * self.scale, self.kernels)


class SignalsOfImages(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv1d(4, 2, 1)
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        return self.mix(self.conv(x).flatten(2))


class Autoencoder(nn.Module):
    """Its convolutions give each other all that they take."""

    def __init__(self, channels):
        super().__init__()
        self.decoder = nn.ConvTranspose2d(8, channels, 3)
        self.encoder = nn.Conv2d(channels, 8, 3)

    def forward(self, x):
        return self.decoder(self.encoder(x))


@pytest.mark.parametrize(
    ("make", "shape", "count", "image"),
    [
        (HeadFirst, (3, 16, 20), 1, (3, 16, 20)),
        (HeadFirst, (16, 20, 3), 1, (3, 16, 20)),
        (HeadFirst, (5, 8, 16, 3), 5, (3, 8, 16)),
        (HeadFirst, (8, 3, 16, 20), 8, (3, 16, 20)),
        (Functional, (3, 16, 20), 1, (3, 16, 20)),
        (Functional, (4, 16, 20, 3), 4, (3, 16, 20)),
        (SignalsOfImages, (5, 1, 16, 20), 5, (1, 16, 20)),
        (SignalsOfImages, (5, 16, 20), 5, (1, 16, 20)),
        (lambda: Autoencoder(3), (3, 16, 20), 1, (3, 16, 20)),
        (lambda: Autoencoder(3), (5, 16, 20, 3), 5, (3, 16, 20)),
        (lambda: nn.Sequential(nn.Conv2d(1, 16, 3), nn.Conv2d(16, 8, 3)), (16, 14, 14), 16, (1, 14, 14)),
    ],
)
def test_the_images_channels_are_those_that_no_convolution_gives(make, shape, count, image):
    data = images(*shape).numpy()
    explorer = Explorer(seeded(make), data)
    assert (len(explorer.session.engine.source), explorer.image.shape) == (count, image)
    listed = Explorer(seeded(make), list(data) if count > 1 else [data])
    assert np.array_equal(listed.image, explorer.image)
