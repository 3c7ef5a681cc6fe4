"""Tensors of other classes, sparse, nested or inside of a transform: what can be read is shown, the rest is named."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope import Explorer, NetError, diagnose
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.plain_tensors import parts_of, plain
from nets import images, seeded


class Codes(torch.Tensor):
    """Whole numbers and a scale, as classes for quantised weights are; knows what the layers need and no more."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, codes, scale):
        return torch.Tensor._make_wrapper_subclass(cls, codes.shape, dtype=torch.float32)

    def __init__(self, codes, scale):
        self.codes, self.scale = codes, scale

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        name = func.__name__.partition(".")[0]
        if name in ("detach", "alias"):
            return cls(args[0].codes, args[0].scale)
        if name == "clone":
            return cls(args[0].codes.clone(), args[0].scale)
        if name == "t":
            return cls(args[0].codes.t(), args[0].scale)
        if name not in ("mm", "addmm", "convolution"):
            raise NotImplementedError(f"no {name} here")
        return func(*[part.codes * part.scale if isinstance(part, cls) else part for part in args], **(kwargs or {}))


class TellsNumbers(Codes):
    def dequantize(self):
        return self.codes * self.scale


class TellsWrongSize(Codes):
    def dequantize(self):
        return self.codes[:1] * self.scale


class Flattens(Codes):
    def __tensor_flatten__(self):
        return ["codes"], self.scale


class Labelled(torch.Tensor):
    """A class that answers nothing itself, as fastai's images are."""


def a_net():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3)
    ).eval()


def with_weight(index, kind):
    net = seeded(a_net)
    shape = net[index].weight.shape
    codes = torch.randint(-127, 127, shape, generator=torch.Generator().manual_seed(1)).float()
    net[index].weight = nn.Parameter(kind(codes, 0.01), requires_grad=False)
    return net


def outputs_of(net, index, pictures):
    with torch.no_grad():
        return net[: index + 1](pictures).numpy()


def used_everywhere(explorer):
    """Whatever is listed can be read and asked for."""
    for layer in explorer.layers:
        explorer.select(image=1, layer=layer.index, filter=1)
        assert layer.kernels.shape[0] == layer.out_channels
        assert explorer.arithmetic(1, 1).agrees
        assert explorer.receptive_field(1, 1).inside
        assert explorer.response.shape == explorer.pre_activation.shape
    explorer.refresh()
    return explorer


@pytest.mark.parametrize("kind", [Codes, TellsNumbers, Flattens])
def test_such_a_weight_of_another_layer_does_not_matter_and_its_changes_are_seen(kind, recwarn):
    net, pictures = with_weight(5, kind), images(3, 1, 10, 10)
    explorer = used_everywhere(Explorer(net, pictures))
    with torch.no_grad():
        best = net(pictures).softmax(1)[1].max()
    assert explorer.prediction[0][1] == pytest.approx(float(best))
    assert [layer.name for layer in explorer.layers] == ["0", "2"] and not recwarn.list
    before = fingerprint(net)
    net[5].weight.codes.neg_()
    with torch.no_grad():
        best = net(pictures).softmax(1)[1].max()
    assert explorer.prediction[0][1] == pytest.approx(float(best))
    assert fingerprint(net) != before
    assert explorer.diagnose(images=3).wait()


def test_a_convolution_whose_weight_tells_its_numbers_is_shown():
    net, pictures = with_weight(2, TellsNumbers), images(3, 1, 10, 10)
    explorer = used_everywhere(Explorer(net, pictures))
    explorer.select(image=2, layer="2", filter=1)
    np.testing.assert_allclose(explorer.pre_activation, outputs_of(net, 2, pictures)[2, 1], rtol=1e-5)
    np.testing.assert_array_equal(explorer.layer.kernels, net[2].weight.dequantize().numpy())
    assert diagnose(net, pictures, images=3).to_dataframe()["layer"].nunique() == 2


@pytest.mark.parametrize("kind", [Codes, TellsWrongSize, Flattens])
def test_one_that_does_not_is_left_out_by_name_and_hides_no_other(kind):
    net, pictures = with_weight(2, kind), images(3, 1, 10, 10)
    with pytest.warns(UserWarning, match=rf"left out: 2 \(a tensor of class {kind.__name__}, whose numbers cannot"):
        explorer = Explorer(net, pictures)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        used_everywhere(explorer)
    assert [layer.name for layer in explorer.layers] == ["0"]


def test_a_class_that_answers_nothing_itself_is_plain_as_weight_and_as_data():
    net = seeded(a_net)
    net[0].weight = nn.Parameter(net[0].weight.detach().as_subclass(Labelled))
    pictures = images(3, 1, 10, 10)
    explorer = used_everywhere(Explorer(net, [picture.as_subclass(Labelled) for picture in pictures]))
    explorer.select(image=1, layer="2", filter=1)
    assert (
        explorer.receptive_field(1, 1).inside
        == Explorer(seeded(a_net), pictures).select(layer="2").receptive_field(1, 1).inside
    )
    np.testing.assert_allclose(explorer.pre_activation, outputs_of(net, 2, pictures)[1, 1], rtol=1e-5)
    assert explorer.diagnose(images=3).wait()


UNUSUAL = {
    "sparse": lambda: torch.rand(4, 4).to_sparse(),
    "sparse rows": lambda: torch.rand(4, 4).to_sparse_csr(),
    "quantised": lambda: torch.quantize_per_tensor(torch.rand(4), 0.1, 0, torch.quint8),
    "for MKL-DNN": lambda: torch.rand(4, 4).to_mkldnn(),
    "nested": lambda: torch.nested.nested_tensor([torch.rand(2), torch.rand(3)]),
    "jagged": lambda: torch.nested.nested_tensor([torch.rand(2), torch.rand(3)], layout=torch.jagged),
    "masked": lambda: torch.masked.masked_tensor(torch.rand(4), torch.rand(4) > 0.5),
    "of a class of its own": lambda: Codes(torch.rand(4), 0.5),
}


@pytest.mark.parametrize("kind", UNUSUAL)
@pytest.mark.parametrize("kept", ["buffer", "attribute", "list"])
@pytest.mark.filterwarnings("ignore")
def test_tensors_that_are_not_plain_do_not_matter_wherever_the_net_keeps_them(kind, kept):
    net = seeded(a_net)
    if kept == "buffer":
        net.register_buffer("extra", UNUSUAL[kind]())
    else:
        net.extra = UNUSUAL[kind]() if kept == "attribute" else [UNUSUAL[kind]()]
    pictures = images(3, 1, 10, 10)
    explorer = used_everywhere(Explorer(net, pictures))
    assert len(fingerprint(net)) == 16
    assert len(diagnose(net, pictures, images=3, ablation=False).filters) == 7
    assert explorer.diagnose(images=3, ablation=False).wait()


def test_numbers_are_those_that_the_tensor_stands_for():
    numbers = torch.rand(3, 4)
    quantised = torch.quantize_per_tensor(numbers, 0.1, 0, torch.quint8)
    assert plain(numbers) is numbers
    assert torch.equal(plain(numbers.to_sparse()), numbers) and torch.equal(plain(numbers.to_mkldnn()), numbers)
    assert torch.equal(plain(quantised), quantised.dequantize())
    assert plain(torch.rand(2, device="meta")) is None and plain(Codes(numbers, 1.0)) is None
    assert [part.tolist() for part in parts_of(Codes(numbers, 1.0))] == [numbers.tolist()]


# Convolutions that are no plain ones


class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3)
        self.middle = nn.Conv2d(4, 4, 3, dtype=torch.complex64)
        self.last = nn.Conv2d(4, 3, 3)

    def forward(self, x):
        return self.last(self.middle(self.first(x).to(torch.complex64)).abs()).mean((2, 3))


class DeformConv2d(nn.Module):
    """Deformable, by kernels of its own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4, 4, 1, 1))

    def forward(self, x):
        return torch.einsum("nchw,fc->nfhw", x, self.weight[:, :, 0, 0])


class Deforms(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.first, self.middle, self.last = nn.Conv2d(1, 4, 3), make(), nn.Conv2d(4, 3, 3)
        self.make = make

    def forward(self, x):
        x = self.first(x)
        offsets = [] if isinstance(self.middle, DeformConv2d) else [torch.zeros(len(x), 2, *x.shape[2:])]
        return self.last(self.middle(x, *offsets)).mean((2, 3))


def from_torchvision():
    return pytest.importorskip("torchvision.ops").DeformConv2d(4, 4, 1)


class Ensemble(nn.Module):
    """Three members in one run, as `torch.func` recommends it."""

    def __init__(self, stem):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3) if stem else nn.Identity()
        self.members = nn.ModuleList([nn.Conv2d(4 if stem else 1, 3, 3) for _ in range(3)])

    def forward(self, x):
        x = self.first(x)
        parameters, buffers = torch.func.stack_module_state(list(self.members))

        def member(*state):
            return torch.func.functional_call(self.members[0], state, (x,))

        return torch.vmap(member)(parameters, buffers).mean((0, 3, 4))


NOT_PLAIN = {
    "complex": (Complex, r"middle \(complex\)", ["first", "last"]),
    "deformable": (lambda: Deforms(DeformConv2d), r"middle \(deformable\)", ["first", "last"]),
    "torchvision's": (lambda: Deforms(from_torchvision), r"middle \(deformable\)", ["first", "last"]),
    "vmap": (lambda: Ensemble(True), r"members\.0 \(inside of torch\.vmap or another transform", ["first"]),
}


@pytest.mark.parametrize("kind", NOT_PLAIN)
def test_a_convolution_of_another_kind_is_left_out_by_name_and_hides_no_other(kind):
    make, words, names = NOT_PLAIN[kind]
    net, pictures = seeded(make).eval(), images(3, 1, 10, 10)
    with pytest.warns(UserWarning, match=words):
        explorer = Explorer(net, pictures)
    assert [layer.name for layer in explorer.layers] == names
    with torch.no_grad():
        expected = F.conv2d(pictures, net.first.weight, net.first.bias)[1, 2].numpy()
    np.testing.assert_allclose(explorer.select(image=1, filter=2).pre_activation, expected, rtol=1e-5, atol=1e-6)
    assert explorer.diagnose(images=3).wait()


@pytest.mark.parametrize("kind", [lambda: Ensemble(False), lambda: nn.Conv2d(1, 3, 3, dtype=torch.complex64)])
def test_a_net_of_such_convolutions_alone_is_refused_with_their_names(kind):
    net = seeded(kind).eval()
    forward = None if isinstance(net, Ensemble) else lambda net, image: net(image.to(torch.complex64)).abs()
    with pytest.raises(NetError, match=r"no convolution of the net can be shown: \S+ \((inside of|complex)"):
        Explorer(net, images(2, 1, 10, 10), forward=forward)
