"""A map's maximum, its place and its mean are the same on a processor and on another device, and take little memory."""

import numpy as np
import pytest
import torch

from filterscope.scans import maps
from filterscope.scans.maps import scores_of
from filterscope.scans.piece import LayerScores
from scan_cases import brute_force, pixels


def odd(kind):
    values = pixels(20, 3, 7, 6)
    if kind == "nan":
        values[values > 0.9] = torch.nan
    if kind == "infinite":
        values[3, 1, 2, 2], values[4, 0] = torch.inf, -torch.inf
    if kind == "nan and infinite":
        values[5, 2, 0, 0], values[5, 2, 3, 3] = torch.inf, torch.nan
    if kind == "negative":
        values = -1 - values
    if kind == "constant":
        values[:] = 0.25
    return values


KINDS = ["plain", "nan", "infinite", "nan and infinite", "negative", "constant"]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_brute_force(kind):
    values = odd(kind)
    scores = scores_of(values)
    maximum, position, mean = brute_force(values)
    np.testing.assert_array_equal(scores.maximum, maximum)
    np.testing.assert_array_equal(scores.position, position)
    np.testing.assert_array_equal(scores.mean, mean)
    finite = torch.isfinite(values).flatten(2).all(2)
    np.testing.assert_array_equal(scores.counted, finite.sum(0).numpy())
    total = torch.where(finite[..., None, None], values, 0).double().sum(0)
    np.testing.assert_allclose(scores.total, total.numpy(), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_another_device_gives_the_same(kind, monkeypatch):
    values = odd(kind)
    flat = values.flatten(2)
    with np.errstate(all="ignore"):
        here, there = maps._on_processor(flat.numpy()), maps._on_device(flat)
    for name, one, other in zip(("maximum", "position", "mean"), here, there, strict=False):
        np.testing.assert_array_equal(one, other, err_msg=name)
    np.testing.assert_allclose(here[3], there[3], rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_maps_of_other_dtypes_and_layouts_are_taken_as_float32(dtype):
    values = pixels(9, 4, 6, 5).to(dtype)
    expected = scores_of(values.float())
    for other in (values, values.to(memory_format=torch.channels_last), values.clone().requires_grad_()):
        scores = scores_of(other)
        assert scores.maximum.dtype == scores.mean.dtype == np.float32
        np.testing.assert_array_equal(scores.maximum, expected.maximum)
        np.testing.assert_array_equal(scores.position, expected.position)
        np.testing.assert_array_equal(scores.mean, expected.mean)


def test_every_nan_has_the_same_bytes():
    values = pixels(2, 1, 3, 3)
    values[0, 0, 1, 1] = torch.tensor(0x7FC00001, dtype=torch.int32).view(torch.float32)
    values[1, 0, 1, 1] = -torch.tensor(torch.nan)
    for scores in (scores_of(values).maximum, scores_of(values).mean):
        assert len({value.tobytes() for value in scores.ravel()}) == 1


def test_512_filters_of_50_000_images_take_less_than_200_mb():
    for side, bytes_each in ((14, 5), (112, 6)):
        size = np.full((1024, 2), side, np.int32)
        scores = LayerScores.of(np.zeros((1024, 512), np.float32), np.zeros((1024, 512), np.uint32), size)
        assert scores.nbytes == 1024 * (512 * bytes_each + 8)
        assert scores.nbytes * 50_000 / 1024 < 200e6
