"""Receptive fields against the mask of the gradient, pixel for pixel, and against the formula on chains."""

import contextlib
import gc
import subprocess
import sys
import time
import weakref

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from filterscope import Explorer, wire
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.frames.positions import build_fields
from filterscope.receptive_field.fields import Box
from filterscope.receptive_field.rules.registry import rule
from filterscope.session.positions import Positions
from gradient_mask import disagreements, ends_and_middle
from nets import Everything, TwoConvs, geometries, images, seeded


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


def written(n, x):
    spread = x.new_zeros(x.shape[0], 2, 2 * x.shape[2], 2 * x.shape[3])
    spread[:, :, ::2, 1::2] = x
    return spread


def moved(n, x):
    x, out = torch.cat([x, x], 1)[:, 1:3], torch.zeros_like(x)
    out[:, :1, 1:] = x[:, :1, :-1]
    out[:, 1:, :, :-1] = x[:, 1:, :, 1:]
    return n.depth(out)


# What the net does before its last convolution, the modules it needs, and the statuses that then occur.
EXACT = {
    "nothing": (lambda n, x: x, {}),
    "dilation leaves holes": (
        lambda n, x: n.b(n.a(x)),
        {"a": conv(2, 2, 3, dilation=4), "b": conv(2, 2, 3, dilation=3)},
    ),
    "stride leaves pixels out": (lambda n, x: n.a(x), {"a": conv(2, 2, 2, stride=5)}),
    "a kernel that begins in the padding": (
        lambda n, x: n.b(n.a(x)),
        {"a": conv(2, 2, 3, padding=6), "b": conv(2, 2, 3)},
    ),
    "an even kernel, same": (lambda n, x: n.a(x), {"a": conv(2, 2, 4, padding="same")}),
    "max pool": (lambda n, x: F.max_pool2d(x, 3, 2, 1), {}),
    "max pool, ceil": (lambda n, x: F.max_pool2d(x, 2, 2, ceil_mode=True), {}),
    "average pool": (lambda n, x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False), {}),
    "adaptive pool": (lambda n, x: F.adaptive_avg_pool2d(x, (5, 4)), {}),
    "adaptive max pool, larger": (lambda n, x: F.adaptive_max_pool2d(x, (23, 7)), {}),
    "lp pool": (lambda n, x: F.lp_pool2d(x, 2, 2), {}),
    "zero padding, unequal": (lambda n, x: F.pad(x, (3, 0, 1, 2)), {}),
    "cropped by padding": (lambda n, x: F.pad(x, (-3, 1, 0, -2)), {}),
    "reflected": (lambda n, x: F.pad(x, (3, 2, 1, 4), mode="reflect"), {}),
    "replicated": (lambda n, x: F.pad(x, (3, 2, 1, 4), mode="replicate"), {}),
    "circular": (lambda n, x: F.pad(x, (3, 2, 1, 4), mode="circular"), {}),
    "nearest, doubled": (lambda n, x: F.interpolate(x, scale_factor=2), {}),
    "nearest, to a size": (lambda n, x: F.interpolate(x, size=(23, 7)), {}),
    "nearest-exact": (lambda n, x: F.interpolate(x, size=(9, 30), mode="nearest-exact"), {}),
    "bilinear": (lambda n, x: F.interpolate(x, scale_factor=2, mode="bilinear"), {}),
    "bilinear, to a size": (lambda n, x: F.interpolate(x, size=(29, 11), mode="bilinear"), {}),
    "bilinear, a given scale": (lambda n, x: F.interpolate(x, scale_factor=1.7, mode="bilinear"), {}),
    "bilinear, corners": (lambda n, x: F.interpolate(x, size=(33, 9), mode="bilinear", align_corners=True), {}),
    "bilinear, smoothed": (lambda n, x: F.interpolate(x, size=(6, 5), mode="bilinear", antialias=True), {}),
    "bicubic": (lambda n, x: F.interpolate(x, scale_factor=2, mode="bicubic"), {}),
    "area": (lambda n, x: F.interpolate(x, size=(5, 8), mode="area"), {}),
    "crop": (lambda n, x: x[..., 2:-3, 5:], {}),
    "every third": (lambda n, x: x[:, :, ::3, 1::2], {}),
    "flipped": (lambda n, x: x[..., :10].flip(3), {}),
    "rolled": (lambda n, x: x.roll((2, -3), (2, 3)), {}),
    "chosen rows": (lambda n, x: x[:, :, [4, 3, 9, 9, 1]], {}),
    "repeated": (lambda n, x: x[..., :6].repeat(1, 1, 1, 2), {}),
    "transposed": (lambda n, x: x[..., :5, :].transpose(2, 3), {}),
    "channels last": (lambda n, x: n.lin(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), {"lin": nn.Linear(2, 2)}),
    "einsum over channels": (
        lambda n, x: torch.einsum("bchw,cd->bdhw", x[..., 3:], torch.ones(2, 2, dtype=x.dtype)),
        {},
    ),
    "as one long axis, and back": (lambda n, x: (x[:, :, 1:].flatten(2) * 2).view(x.shape[0], 2, -1, x.shape[3]), {}),
    "layer norm over channels": (
        lambda n, x: n.ln(n.a(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
        {"a": conv(2, 2, 3), "ln": nn.LayerNorm(2)},
    ),
    "batch norm": (lambda n, x: n.bn(n.a(x)), {"a": conv(2, 2, 3, stride=2), "bn": nn.BatchNorm2d(2)}),
    "local response norm": (lambda n, x: F.local_response_norm(n.a(x), 3), {"a": conv(2, 2, 3)}),
    "skip": (lambda n, x: x + n.a(x), {"a": conv(2, 2, 5, padding=2)}),
    "skip, written in place": (lambda n, x: n.a(x).add_(x), {"a": conv(2, 2, 5, padding=2)}),
    "skip, into a part": (lambda n, x: second_half(n, x), {"a": conv(2, 2, 5, padding=2)}),
    "product of branches": (
        lambda n, x: n.a(x) * n.b(x),
        {"a": conv(2, 2, (1, 5), padding=(0, 2)), "b": conv(2, 2, (5, 1), padding=(2, 0))},
    ),
    "sum with a product of branches": (
        lambda n, x: torch.addcmul(x, n.a(x), n.b(x)),
        {"a": conv(2, 2, (1, 5), padding=(0, 2)), "b": conv(2, 2, (5, 1), padding=(2, 0))},
    ),
    "channels that see differently": (
        lambda n, x: n.both(torch.cat([x, n.a(x)], 1)),
        {"a": conv(2, 2, 5, padding=2), "both": conv(4, 2, 3, padding=1)},
    ),
    "shuffled and split again": (
        lambda n, x: shuffled(n, x),
        {"a": conv(2, 2, 5, padding=2), "depth": conv(2, 2, 3, padding=1, groups=2)},
    ),
    "a part of the channels": (
        lambda n, x: torch.cat(torch.cat([x, n.a(x)], 1).chunk(2, 1)[::-1], 1)[:, 2:],
        {"a": conv(2, 2, 5, padding=2)},
    ),
    "joined along the rows": (lambda n, x: torch.cat([x[:, :, 8:], x[:, :, :5]], 2), {}),
    "stacked and summed": (lambda n, x: torch.stack([x, n.a(x)]).sum(0), {"a": conv(2, 2, 3, padding=1)}),
    "pixel shuffle": (lambda n, x: F.pixel_shuffle(n.a(x), 2), {"a": conv(2, 8, 3)}),
    "written with gaps": (written, {}),
    "moved by channel": (moved, {"depth": conv(2, 2, 3, padding=1, groups=2)}),
    "transposed convolution": (lambda n, x: n.up(x), {"up": nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1)}),
    "transposed, gaps": (lambda n, x: n.up(x), {"up": nn.ConvTranspose2d(2, 2, 2, stride=3, output_padding=1)}),
    "transposed, dilated": (lambda n, x: n.up(x), {"up": nn.ConvTranspose2d(2, 2, (2, 3), stride=2, dilation=3)}),
    "hourglass": (
        lambda n, x: n.up(F.max_pool2d(n.a(x), 2)) + F.interpolate(F.avg_pool2d(x, 4), scale_factor=4, mode="bilinear"),
        {"a": conv(2, 2, 3, padding=1), "up": nn.ConvTranspose2d(2, 2, 2, stride=2)},
    ),
}


def second_half(n, x):
    y = n.a(x)
    y[:, 1:] += x[:, 1:]
    return y


def shuffled(n, x):
    y = torch.cat([x, n.a(x)], 1)
    y = y.view(y.shape[0], 2, 2, *y.shape[2:]).transpose(1, 2).flatten(1, 2)
    return n.depth(y.chunk(2, 1)[1])


@pytest.mark.parametrize("case", EXACT)
def test_every_operation_as_the_gradient_says(case):
    before, modules = EXACT[case]
    net = seeded(lambda: Net(before, **modules))
    assert set(compare(net, 2, 16, 20)) == {"exact"}


WHOLE = {
    "squeeze and excitation": lambda n, x: x * n.a(x.mean((2, 3), keepdim=True)).sigmoid(),
    "pooled to one": lambda n, x: x + F.adaptive_avg_pool2d(x, 1),
    "pooled and spread": lambda n, x: F.interpolate(n.a(F.adaptive_avg_pool2d(x, 1)), size=(6, 7), mode="bilinear"),
    "softmax over the rows and columns": lambda n, x: x.flatten(2).softmax(2).view(x.shape),
    "group norm": lambda n, x: F.group_norm(x, 1),
    "instance norm": lambda n, x: F.instance_norm(x),
    "layer norm over the map": lambda n, x: F.layer_norm(x, x.shape[1:]),
    "through a hidden layer": lambda n, x: n.lin(x.flatten(1)).view(x.shape[0], 2, 4, 5),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_step_over_the_whole_map_lets_the_whole_image_in(case):
    net = seeded(lambda: Net(WHOLE[case], a=conv(2, 2, 1), lin=nn.Linear(2 * 12 * 13, 40)))
    layer = point(net, 2, 12, 13).layers[-1]
    fields = point(net, 2, 12, 13).fields(0, layer.index, 0)
    for place in ends_and_middle(fields.shape):
        field = fields.at(place)
        assert (field.inside, field.status) == (Box(0, 0, 12, 13), "whole image")
    counted = compare(net, 2, 12, 13)
    assert counted["exact"] == 0 or case in ("squeeze and excitation", "pooled and spread")  # of their own convolution


def attention(n, x):
    tokens = x.flatten(2).transpose(1, 2)
    return F.scaled_dot_product_attention(tokens, tokens, tokens).transpose(1, 2).view(x.shape)


UNKNOWN = {
    "attention": attention,
    "attention, spelled out": lambda n, x: (x.flatten(2).transpose(1, 2) @ x.flatten(2)).softmax(2)[:, :2, :, None],
    "sampled on a grid": lambda n, x: F.grid_sample(
        x, torch.zeros(x.shape[0], 9, 9, 2, dtype=x.dtype), align_corners=False
    ),
    "fourier": lambda n, x: torch.fft.fft2(x).abs(),
    "patches": lambda n, x: F.unfold(x, 3)[:, :2, :, None],
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_cannot_be_followed_is_an_upper_bound(case):
    pointer = point(seeded(lambda: Net(UNKNOWN[case])), 2, 12, 13)
    field = pointer.fields(0, 0, 0).at((3, 0))
    assert (field.inside, field.status) == (Box(0, 0, 12, 13), "upper bound")


def test_a_path_that_ends_in_the_padding_is_exact_or_an_upper_bound():
    wide = conv(2, 2, (1, 3), padding=(0, 1))
    late = conv(2, 2, (3, 1), padding=(9, 0), dilation=(8, 1))
    counted = compare(Net(lambda n, x: n.wide(x)[:, :, :8] + n.late(x)[:, :, :8], wide=wide, late=late), 2, 12, 13)
    assert counted["exact"]


MULTIPLIED = {
    "mul": lambda y: y * y.mean((2, 3), keepdim=True),
    "addcmul": lambda y: torch.addcmul(y, y, y.mean((2, 3), keepdim=True)),
}


@pytest.mark.parametrize("operation", MULTIPLIED)
def test_a_zero_of_the_padding_times_something_is_an_upper_bound(operation):
    counted = compare(Net(lambda n, x: MULTIPLIED[operation](F.pad(x, (9, 0, 9, 0)))), 2, 12, 13)
    assert counted["upper bound"] and counted["whole image"]


def test_an_operation_has_one_rule():
    with pytest.raises(ValueError, match="addcmul has a rule already"):
        rule("addcmul")(lambda call: call.given)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_signals_pictures_and_volumes(rank):
    kinds = [(nn.Conv1d, nn.MaxPool1d), (nn.Conv2d, nn.MaxPool2d), (nn.Conv3d, nn.MaxPool3d)][rank - 1]
    build = lambda: nn.Sequential(kinds[0](2, 3, 3, padding=1), kinds[1](2), kinds[0](3, 4, 2, dilation=2))  # noqa: E731
    assert set(compare(seeded(build), 2, *(13, 12, 9)[:rank])) == {"exact"}


def test_every_geometry_of_a_convolution():
    shapes = [g for k, g in enumerate(geometries()) if k % 7 == 0]
    for geometry in shapes:
        net = seeded(lambda g=geometry: nn.Sequential(nn.Conv2d(4, 4, 3, stride=2), nn.Conv2d(4, 8, **g)))
        assert set(compare(net, 4, 33, 37)) == {"exact"}, geometry
    assert len(shapes) > 70


@pytest.mark.parametrize("build", [TwoConvs, Everything])
def test_the_shared_nets(build):
    assert set(compare(seeded(build), 1, 12, 12)) == {"exact"}


NETS = {
    "resnet18": 56,
    "squeezenet1_1": 56,
    "mobilenet_v3_small": 48,
    "shufflenet_v2_x0_5": 48,
    "googlenet": 48,
    "densenet121": 37,
    "mnasnet0_5": 48,
}


@pytest.mark.parametrize("name", NETS)
def test_every_layer_of_torchvisions_nets(name):
    options = {"init_weights": False} if name == "googlenet" else {}
    net = seeded(lambda: torchvision.models.get_model(name, weights=None, **options)).eval()
    counted = compare(net, 3, NETS[name], NETS[name] - 5)
    assert counted["upper bound"] == 0
    assert counted["exact"] > 20


# The formula


def formula(steps, index):
    """Araujo, Norris and Sim: the ends of the field of one index, before any step is cut. Steps are (k, s, p, d)."""
    low = high = index
    for kernel, stride, padding, dilation in reversed(steps):
        low, high = low * stride - padding, high * stride - padding + dilation * (kernel - 1)
    return low, high + 1


def test_theoretical_is_the_formula_on_chains():
    generator = np.random.default_rng(0)
    for _ in range(12):
        steps = [
            (int(generator.integers(1, 5)), int(generator.integers(1, 4)), int(generator.integers(0, 4)), int(d))
            for d in generator.integers(1, 3, size=3)
        ]
        modules = [nn.Conv2d(1, 1, k, stride=s, padding=p, dilation=d) for k, s, p, d in steps]
        pointer = point(nn.Sequential(*modules), 1, 61, 70)
        fields = pointer.fields(0, 2, 0)
        for row, column in ends_and_middle(fields.shape):
            (top, bottom), (left, right) = formula(steps, row), formula(steps, column)
            assert fields.at((row, column)).theoretical == Box(top, left, bottom, right)


def test_theoretical_of_a_known_net():
    # 483 is the paper's figure for a ResNet-50 that strides in the 1×1 convolution; torchvision's strides in the 3×3.
    pointer = point(torchvision.models.resnet18(weights=None).eval(), 3, 64, 64)
    box = pointer.fields(0, len(pointer.layers) - 1, 0).at((0, 0)).theoretical
    assert box.right - box.left == box.bottom - box.top == 435
    centres = pointer.fields(0, len(pointer.layers) - 1, 0).axes[0].centres
    assert np.array_equal(np.diff(centres), [32.0])


def test_theoretical_goes_around_all_branches():
    net = Net(lambda n, x: x[:, :, 2:] + n.a(x), a=conv(2, 2, (3, 5), padding=(0, 2)))
    assert point(net, 2, 12, 13).fields(0, 1, 0).at((3, 4)).theoretical == Box(2, 1, 7, 8)


def test_inside_is_the_gradients_box_and_not_the_formula_cut():
    """Dilated by 5 from an index in the padding of the layer before: the formula, cut at the image, would be larger."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1, padding=1), nn.Conv2d(1, 1, 2, dilation=5))
    fields = point(net, 1, 10, 10).fields(0, 1, 0)
    field = fields.at((0, 0))
    assert field.inside == Box(4, 4, 5, 5)
    assert field.theoretical == Box(-1, -1, 5, 5)


def test_where_a_map_lies_over_the_image():
    net = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3, padding=1))
    rows, columns = point(net, 1, 30, 42).fields(0, 1, 0).axes
    assert np.array_equal(rows.centres, 2.5 + 4 * np.arange(7))  # pixels 0 … 4 are one pooled cell
    assert np.array_equal(columns.centres, 2.5 + 4 * np.arange(10))


def test_an_axis_of_which_nothing_is_left_has_no_place_over_the_image():
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 1, 1))
    for axis in point(net, 1, 12, 13).fields(0, 0, 0).axes:
        assert axis.centres is None and axis.along is None


def test_a_map_without_a_place_over_the_image_says_why():
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 1, 1))
    fields = point(net, 1, 12, 13).fields(0, 0, 0)
    assert not fields.placed and "every position sees the same" in fields.place
    turned = Net(lambda n, x: x.transpose(2, 3))
    fields = point(turned, 2, 12, 13).fields(0, 0, 0)
    assert not fields.placed and "do not follow the image's" in fields.place
    assert fields.at((1, 5)).inside == Box(4, 0, 7, 3)
    assert point(Net(lambda n, x: x), 2, 12, 13).fields(0, 0, 0).place == ""


def test_squeeze_and_excitation_leaves_a_map_where_it_is():
    net = Net(lambda n, x: n.a(x) * x.mean((2, 3), keepdim=True), a=nn.Conv2d(2, 2, 3, stride=2))
    rows = point(net, 2, 13, 15).fields(0, 0, 0).axes[0]
    assert np.array_equal(rows.centres, 1.5 + 2 * np.arange(6))
    behind = point(net, 2, 13, 15).fields(0, 1, 0)
    assert behind.placed and np.array_equal(behind.axes[0].centres, rows.centres)


def test_a_page_can_find_every_box_in_the_tables():
    pointer = point(seeded(TwoConvs), 1, 12, 12)
    content, buffers = wire.reply("1", "point", build_fields(pointer, 0, 1, 2))
    fields = content["body"]["fields"]["pre_activation"]
    tensors = [
        np.frombuffer(buffer, tensor["dtype"]).reshape(tensor["shape"])
        for buffer, tensor in zip(buffers, content["tensors"], strict=True)
    ]
    for row, column in ends_and_middle(fields["shape"]):
        inside = [
            tensors[axis["inside"]["tensor"]][(row, column)[axis["along"]]].astype(int).tolist()
            for axis in fields["axes"]
        ]
        box = pointer.fields(0, 1, 2).at((row, column)).inside
        assert inside == [[box.top, box.bottom], [box.left, box.right]]


@pytest.mark.parametrize("given", [torch.jit.script, lambda net: torch.jit.trace(net, images(1, 1, 12, 12))])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_scripted_and_traced_nets(given):
    net = given(seeded(TwoConvs).eval())
    field = point(net, 1, 12, 12).fields(0, 1, 0).at((2, 1))
    assert (field.inside, field.status) == (Box(4, 2, 12, 10), "exact")
    explorer = explore(net)
    assert explorer.arithmetic(2, 1).activation == explorer.activation[2, 1]
    assert explorer.effective_receptive_field(2, 1)[4:, 2:10].any()


def test_a_list_of_images_that_the_net_resizes_and_puts_into_a_batch():
    net = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    pointer = point(net, 3, 80, 100)
    fields = pointer.fields(0, 0, 0)
    assert fields.image == (80, 100) and fields.placed
    field = fields.at((0, 0))
    assert field.status == "exact" and field.inside == Box(0, 0, 1, 1)


def test_a_closed_explorer_lets_go_and_says_so():
    explorer = explore()
    explorer.receptive_field(0, 0)
    positions = weakref.ref(explorer.pointer)
    explorer.close()
    for ask in (explorer.receptive_field, explorer.effective_receptive_field, explorer.arithmetic):
        with pytest.raises(RuntimeError, match="closed"):
            ask(0, 0)
    gc.collect()
    assert positions() is None


def test_the_activation_behind_a_pool_has_fields_of_its_own():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU())
    pointer = point(net, 1, 12, 12)
    assert pointer.fields(0, 0, 0).at((1, 2)).inside == Box(1, 2, 4, 5)
    assert pointer.fields(0, 0, 0, "activation").at((1, 2)).inside == Box(2, 4, 6, 8)


# The explorer's methods


def explore(net=None, *shape):
    return Explorer(net or seeded(TwoConvs), images(2, *(shape or (1, 12, 12))), layer_index=1)


def test_the_explorer_answers_for_what_is_selected():
    explorer = explore()
    field = explorer.receptive_field(2, 1)
    assert field.inside == Box(4, 2, 12, 10) and field.status == "exact"
    assert str(field) == ("rows 4 … 11, columns 2 … 9 (exact); by the formula rows 4 … 11, columns 2 … 9")
    fields = explorer.receptive_fields()
    assert fields.shape == explorer.pre_activation.shape
    assert fields.axes[0].inside.tolist()[2] == [4, 12]
    explorer.layer_index = 0
    assert explorer.receptive_field(np.int64(9), torch.tensor(0)).inside == Box(9, 0, 12, 3)


def test_the_effective_field_is_the_size_of_the_gradient():
    net = seeded(Everything).eval()
    explorer = Explorer(net, images(1, 1, 9, 10), layer_index=1, filter_index=2)
    found = explorer.effective_receptive_field(4, 6)
    image = images(1, 1, 9, 10).requires_grad_()
    net.block(net.act(net.bn(net.stem(image))))[0, 2, 4, 6].backward()
    np.testing.assert_allclose(found, image.grad[0].abs().sum(0).numpy(), rtol=1e-5, atol=1e-8)
    assert found.dtype == np.float32 and found.shape == (9, 10)


def test_nothing_of_the_net_changes():
    net = seeded(Everything).train()
    net.stem.weight.requires_grad_(False)
    net.head.weight.grad = torch.ones_like(net.head.weight)
    explorer = Explorer(net, images(1, 1, 9, 10), layer_index=1)
    before = [(p.clone(), p.requires_grad, p.grad) for p in net.parameters()]
    buffers, flags = [b.clone() for b in net.buffers()], [m.training for m in net.modules()]
    state = torch.get_rng_state()
    explorer.receptive_field(1, 2), explorer.effective_receptive_field(1, 2), explorer.arithmetic(1, 2)
    for parameter, (values, required, gradient) in zip(net.parameters(), before, strict=True):
        assert torch.equal(parameter, values) and parameter.requires_grad is required and parameter.grad is gradient
        assert parameter.is_leaf and not hasattr(parameter, "_filterscope_footprint")
    assert all(torch.equal(a, b) for a, b in zip(net.buffers(), buffers, strict=True))
    assert [m.training for m in net.modules()] == flags
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_bad_positions_are_named_with_what_is_possible():
    explorer = explore()
    for ask in (explorer.receptive_field, explorer.effective_receptive_field, explorer.arithmetic):
        for row, column, said in [
            (3, 0, "row is 3; the map of conv2 has rows 0 … 2"),
            (0, -1, "column is -1; the map of conv2 has columns 0 … 2"),
            (1.5, 0, "row is 1.5"),
            (True, 0, "row is True"),
            (0, None, "column is None"),
        ]:
            with pytest.raises(ValueError, match=said):
                ask(row, column)
        with pytest.raises(ValueError, match="depth is 0; conv2 has no volumes"):
            ask(0, 0, depth=0)
    with pytest.raises(ValueError, match="choose 'pre_activation' or 'activation'"):
        explorer.receptive_fields("response")


def test_a_layer_that_the_image_does_not_reach_says_so():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.own = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 1)

        def forward(self, x):
            return self.conv(x) + self.own(torch.ones(1, 1, 1, 1))

    explorer = Explorer(Constant(), images(1, 1, 8, 8)).select(layer="own")
    with pytest.raises(ValueError, match="nothing of the image reaches filter 0 of own"):
        explorer.receptive_field(0, 0)
    with pytest.raises(ValueError, match="no gradient leads from own back to the image"):
        explorer.effective_receptive_field(0, 0)
    assert explorer.select(layer="conv").receptive_field(0, 0).inside == Box(0, 0, 3, 3)


def test_a_way_without_gradients_says_so():
    class Frozen(TwoConvs):
        def forward(self, x):
            with torch.no_grad():
                x = F.relu(self.conv1(x))
            return self.conv2(x)

    explorer = explore(seeded(Frozen))
    with pytest.raises(ValueError, match="no gradient leads from conv2 back to the image"):
        explorer.effective_receptive_field(0, 0)
    assert explorer.receptive_field(0, 0).inside == Box(0, 0, 5, 5)


def test_the_geometry_is_found_once_a_shape_and_again_after_a_change_of_structure(monkeypatch):
    passes = []
    real = Engine.passing

    @contextlib.contextmanager
    def counted(self, image):
        passes.append(image)
        with real(self, image) as given:
            yield given

    monkeypatch.setattr(Engine, "passing", counted)
    net = seeded(TwoConvs)
    explorer = Explorer(net, [*images(2, 1, 12, 12), *images(1, 1, 14, 12)], layer_index=1)
    for image, expected in [(0, 1), (1, 1), (2, 2), (0, 2)]:
        explorer.image_index = image
        explorer.receptive_field(0, 0)
        assert len(passes) == expected
    with torch.no_grad():
        net.conv1.weight += 1
    assert explorer.receptive_field(0, 0).inside == Box(0, 0, 8, 8)
    assert len(passes) == 2
    net.conv1 = nn.Conv2d(1, 4, 5, padding=1)
    assert explorer.receptive_field(0, 0).inside == Box(0, 0, 9, 9)
    assert len(passes) == 3


def test_a_volumes_slices_and_a_signals_row():
    volume = Explorer(nn.Sequential(nn.Conv3d(1, 1, 3)), images(1, 1, 5, 6, 7))
    assert volume.receptive_field(0, 1, depth=2).inside == Box(0, 1, 3, 4, 2, 5)
    assert volume.receptive_field(0, 1) == volume.receptive_field(0, 1, depth=1)
    signal = Explorer(nn.Sequential(nn.Conv1d(1, 1, 3)), images(1, 1, 9))
    assert signal.receptive_field(0, 4).inside == Box(0, 4, 1, 7)
    assert signal.effective_receptive_field(0, 4).shape == (9,)
    with pytest.raises(ValueError, match="row is 1; the map of layer 0 is one row: 0"):
        signal.receptive_field(1, 0)


def test_a_position_of_a_deep_net_is_answered_from_tables():
    explorer = Explorer(torchvision.models.resnet18(weights=None), images(1, 3, 64, 64), layer_index=19)
    explorer.receptive_field(0, 0)
    fields = explorer.receptive_fields()
    start = time.perf_counter()
    for _ in range(100):
        fields.at((1, 1))
    assert (time.perf_counter() - start) / 100 < 0.005


def test_the_first_search_imports_no_compiler():
    """torch would import its own at the first operation under a dispatch mode: seconds, in which no slider moves."""
    code = """
import sys
import torch
from filterscope import Explorer
explorer = Explorer(torch.nn.Conv2d(1, 2, 3), torch.rand(2, 1, 8, 8))
assert "torch._dynamo" not in sys.modules
field = explorer.receptive_field(0, 0)
assert "torch._dynamo" not in sys.modules
import torch._dynamo
explorer.refresh()
assert explorer.receptive_field(0, 0) == field
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
