"""A map's maximum, its place and its mean are the same on a processor and on another device, and take little memory."""

import weakref

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from filterscope import scan
from filterscope.nets.runner import NetRunner
from filterscope.scans import maps, shard
from filterscope.scans.maps import fetch, scores_of
from filterscope.scans.piece import LayerScores
from filterscope.scans.shard import PassScores, ShardRows
from scan_cases import brute_force, pixels, small_data, small_net


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
    expected = scores_of(values)
    monkeypatch.setattr(maps, "is_here", lambda tensor: False)
    scores = scores_of(values)
    assert scores.size == expected.size
    for name in ("maximum", "position", "mean", "counted"):
        assert isinstance(getattr(scores, name), torch.Tensor)
        np.testing.assert_array_equal(fetch(getattr(scores, name)), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(fetch(scores.total), expected.total, rtol=1e-6)


class Waits(TorchDispatchMode):
    """Notes each operation that has a value of a tensor looked at here, for which a device would have to be waited."""

    def __init__(self, noted):
        super().__init__()
        self.noted = noted

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("_local_scalar_dense", "is_nonzero", "equal", "nonzero", "item"):
            self.noted.append(name)
        return func(*args, **(kwargs or {}))


def test_nobody_waits_for_a_device_before_a_shard_ends(tmp_path, monkeypatch):
    """As on another device: what is kept stays in tensors, and nothing looks at a value, while there are passes."""
    expected = scan(small_net(), small_data(), progress=False)
    expected.save(tmp_path / "expected")
    noted, fetched = [], []
    passes = [0]

    def watched(self, *args, **options):
        passes[0] += 1
        return run(self, *args, **options)

    def take(self, *args):
        with Waits(noted):
            own_take(self, *args)

    def take_output(self, output):
        with Waits(noted):
            own_take_output(self, output)

    run, own_take, own_take_output = NetRunner.run, PassScores.take, PassScores.take_output
    monkeypatch.setattr(NetRunner, "run", watched)
    monkeypatch.setattr(PassScores, "take", take)
    monkeypatch.setattr(PassScores, "take_output", take_output)
    monkeypatch.setattr(maps, "is_here", lambda tensor: False)
    monkeypatch.setattr(shard, "fetch", lambda values: fetched.append(passes[0]) or fetch(values))
    monkeypatch.setattr(shard, "_MOST_AT_ONCE", 20)
    found = scan(small_net(), small_data(), progress=False)
    assert not noted
    assert len(set(fetched)) == 1 and fetched[0] == passes[0]  # after the last of the shard's three passes
    found.save(tmp_path / "found")
    assert (tmp_path / "found").read_bytes() == (tmp_path / "expected").read_bytes()


def test_sums_of_a_shard_keep_no_batchs_maps(monkeypatch):
    """The sum of a batch's maps may be larger than all else: it is let go once it is added."""
    sums = []

    def scores(values):
        found = scores_of(values)
        sums.append(weakref.ref(found.total if found.total.base is None else found.total.base))
        return found

    monkeypatch.setattr(shard, "scores_of", scores)
    monkeypatch.setattr(shard, "_MOST_AT_ONCE", 20)
    alive = []
    state = ShardRows.state
    monkeypatch.setattr(
        ShardRows, "state", lambda rows, asked: alive.extend(ref() is not None for ref in sums) or state(rows, asked)
    )
    scan(small_net(), small_data(), progress=False)
    assert len(alive) == 6 and not any(alive)


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
