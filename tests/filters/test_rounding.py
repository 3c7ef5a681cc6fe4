"""Rounding is not called more than rounding, whatever the kernel and the dtype; a real difference is."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Explorer
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.frames.frame import agreement_of
from filterscope.session.selection import Selection
from framing import frame_of
from gradient_mask import ends_and_middle

DTYPES = {"float64": torch.float64, "float32": torch.float32, "half": torch.float16, "bfloat16": torch.bfloat16}
# Kernel, channels and the side of the image; products of one sign, so that errors do not cancel.
SHAPES = {
    "1x1 over 1": (1, 1, 5),
    "3x3 over 1": (3, 1, 9),
    "1x1 over 2048": (1, 2048, 7),
    "3x3 over 512": (3, 512, 7),
    "31x31": (31, 1, 40),
    "16x16 over 4": (16, 4, 32),
    "11x11 over 3": (11, 3, 24),
}


def blur(kind, channels, size, dtype, bias=False):
    torch.manual_seed(0)
    conv = kind(channels, 2, size, bias=bias)
    with torch.no_grad():
        conv.weight.copy_(torch.rand_like(conv.weight) / conv.weight[0].numel())
        if bias:
            conv.bias.fill_(0.75)
    return nn.Sequential(conv).to(dtype)


def opened(net, *shape):
    torch.manual_seed(1)
    return Explorer(net, [torch.rand(shape)], filter_index=1)


def values(explorer):
    return [explorer.arithmetic(*position) for position in ends_and_middle(explorer.pre_activation.shape)]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_one_sign_agree_and_four_bounds_do_not(dtype, shape, bias):
    size, channels, side = SHAPES[shape]
    explorer = opened(blur(nn.Conv2d, channels, size, DTYPES[dtype], bias), channels, side, side)
    terms, unit = channels * size * size + bias, torch.finfo(DTYPES[dtype]).eps / 2
    for value in values(explorer):
        assert value.agrees
        planted = replace(value, difference=4 * value.rounding)
        assert not planted.agrees and "more than rounding" in str(planted)
        sizes = np.abs(value.products).sum(dtype=np.float64) + value.bias
        # Hardly wider than the textbook's bound in the net's dtype, n·u, and its comparison in float32 arrays.
        narrow = (terms + 2) * unit if unit > 2**-24 else 0
        least = torch.finfo(DTYPES[dtype]).smallest_normal * 2 * unit
        assert value.rounding < (narrow + (terms + 4.1) * 2**-24) * sizes + least


@pytest.mark.parametrize("dtype", DTYPES)
def test_more_terms_allow_more_and_half_adds_in_float32(dtype):
    few, many = (
        values(opened(blur(nn.Conv2d, channels, 1, DTYPES[dtype]), channels, 4, 4))[0] for channels in (16, 2048)
    )
    share = [value.rounding / np.abs(value.products).sum(dtype=np.float64) for value in (few, many)]
    unit = {"float64": 0, "float32": 0, "half": 2**-11, "bfloat16": 2**-8}[dtype]
    assert share[0] < share[1] or dtype == "float64"
    assert share[1] < 2049 * 2**-24 + 4 * unit + 2**-22


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [nn.Conv1d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d])
def test_every_rank_and_transposed_convolutions(kind, dtype):
    rank = int(kind.__name__[-2])
    explorer = opened(blur(kind, 8, 5, DTYPES[dtype]), 8, *([9] * rank))
    places = ends_and_middle(explorer.pre_activation.shape)
    for place in places:
        row, column, *depth = (0, *place) if rank == 1 else (*place[-2:], *place[:-2])
        assert explorer.arithmetic(row, column, *depth).agrees


def test_autocast_rounds_the_factors_too():
    class Cast(nn.Module):
        def __init__(self):
            super().__init__()
            self.blur = blur(nn.Conv2d, 64, 3, torch.float32)

        def forward(self, x):
            with torch.autocast("cpu", torch.bfloat16):
                return self.blur(x)

    for value in values(opened(Cast(), 64, 8, 8)):
        assert value.agrees and value.rounding < 0.1 * np.abs(value.products).sum()


def test_numbers_too_small_to_be_normal_agree():
    net = blur(nn.Conv2d, 4, 3, torch.float32)
    with torch.no_grad():
        net[0].weight *= 1e-30
    torch.manual_seed(1)
    explorer = Explorer(net, [torch.rand(4, 8, 8) * 1e-12])
    assert all(value.agrees for value in values(explorer))


def test_float32_that_may_be_computed_in_bfloat16_is_allowed_its_rounding():
    onednn = getattr(torch.backends.mkldnn, "conv", None)
    if onednn is None:
        pytest.skip("this torch always computes float32 convolutions in float32")
    explorer = opened(blur(nn.Conv2d, 64, 3, torch.float32), 64, 8, 8)
    before = values(explorer)
    chosen = onednn.fp32_precision
    onednn.fp32_precision = "bf16"
    try:
        explorer.refresh()
        now = values(explorer)
    finally:
        onednn.fp32_precision = chosen
    assert all(value.agrees for value in (*before, *now))
    assert all(a.rounding > 100 * b.rounding for a, b in zip(now, before, strict=True))


# The picture as a whole: response plus bias against the net's pre-activation


def proof(net, image):
    """What a page is told of the only layer of a net, and its maps."""
    engine = Engine(net, SampleSource([image], inputs=[(image.ndim - 1, None)]))
    frame = frame_of(engine, Selection(0, 0, 0, None, "input"))
    return frame["agreement"], engine.maps(0, 0)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [*SHAPES, "13x13 over 64"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_response_differs_by_rounding_alone_and_four_bounds_would_be_seen(dtype, shape, bias):
    size, channels, side = {**SHAPES, "13x13 over 64": (13, 64, 20)}[shape]
    torch.manual_seed(1)
    image = torch.rand(channels, side, side)
    told, maps = proof(blur(nn.Conv2d, channels, size, DTYPES[dtype], bias), image)
    assert (told["difference"] <= told["rounding"]).all()
    if dtype in ("float64", "float32"):  # all products are of one sign: hardly more than n·u of the map itself
        terms = channels * size * size
        transformed = 200 * size if size > 11 else 0
        assert (told["rounding"] <= 20 * (terms + transformed + 2) * 2**-24 * maps.pre_activation.max().item()).all()


@pytest.mark.parametrize("level", [1.0, 1e-3, 1e4])
def test_a_response_that_cancels_to_nothing_is_not_accused(level):
    """A kernel without a mean over an even picture: what is left is rounding, however small the map."""
    net = nn.Sequential(nn.Conv2d(3, 2, 5, bias=False)).requires_grad_(False)
    net[0].weight -= net[0].weight.mean((1, 2, 3), keepdim=True)
    told, maps = proof(net, torch.full((3, 12, 12), level))
    assert maps.pre_activation.abs().max() < 1e-4 * level
    assert (told["difference"] <= told["rounding"]).all()
    assert (told["rounding"] < 1e-3 * level).all()


def test_a_picture_that_is_not_of_the_net_is_accused():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x):
            return self.conv(x)

    torch.manual_seed(0)
    engine = Engine(Shifted(), SampleSource([torch.rand(3, 8, 8)], inputs=[(2, None)]))
    moment = engine.moment(0, 0)
    moment.maps.pre_activation[1, 2, 3] += 1e-4
    agreement = agreement_of(moment, Selection(0, 0, 0, None, "input"))
    for _ in agreement.watching(moment.responses.in_blocks(None, "input")):
        pass
    told = agreement.proof()
    assert (told["difference"] <= told["rounding"]).tolist() == [True, False]
