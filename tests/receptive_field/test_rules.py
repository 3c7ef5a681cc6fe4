"""The rule of every operation against the mask of the gradient, pixel for pixel."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fields import Net, compare, conv, point
from filterscope.receptive_field.fields import Box
from filterscope.receptive_field.rules.registry import rule
from gradient_mask import ends_and_middle
from nets import seeded


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
        rule("addcmul")(lambda call: call.footprint)
