"""Merging is commutative and associative, to the byte; sums are exact."""

import random
from fractions import Fraction

import numpy as np
import pytest
import torch

from filterscope import load_scan, scan
from filterscope.scans.exact_sum import ExactSum
from filterscope.scans.extremes import KEPT, Extremes
from filterscope.scans.state import ScanState
from nets import Chooses, TwoConvs, images, seeded
from scan_cases import Breaks, order, small_data, small_net
from scan_states import Parts


def in_any_grouping(states, rng):
    """The states merged in a random order, two or three random ones at a time."""
    states = list(states)
    while len(states) > 1:
        rng.shuffle(states)
        taken = [states.pop() for _ in range(min(len(states), rng.choice([2, 2, 3])))]
        states.append(taken[0].merge(*taken[1:]))
    return states[0]


def partition(count, rng, ranges):
    indices = list(range(count)) if ranges else rng.sample(range(count), count)
    cuts = sorted(rng.sample(range(1, count), rng.randint(1, 9)))
    return [indices[a:b] for a, b in zip([0, *cuts], [*cuts, count], strict=True)]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_grouping_of_any_partition_gives_the_same_bytes(tmp_path, seed, ranges):
    rng = random.Random(seed)
    net = seeded(TwoConvs)  # whose arithmetic rounds
    parts = Parts(net, list(images(60, 1, 12, 12)), tmp_path)
    states = [parts.scan(part) for part in partition(60, rng, ranges)]
    merged = {parts.bytes_of(in_any_grouping(states, rng)) for _ in range(12)}
    assert len(merged) == 1
    assert merged == {parts.bytes_of(ScanState().merge(*states))}


def test_left_out_images_several_sizes_and_other_paths_merge_alike(tmp_path):
    rng = random.Random(5)
    mixed = [image for size in (8, 9) for image in images(20, 1, size, 8, seed=size)]
    for net, data in ((small_net(), Breaks()), (seeded(TwoConvs), mixed), (seeded(Chooses), list(images(40, 1, 8, 8)))):
        parts = Parts(net, data, tmp_path)
        states = [parts.scan(part) for part in partition(len(data), rng, False)]
        assert len({parts.bytes_of(in_any_grouping(states, rng)) for _ in range(8)}) == 1


@pytest.mark.parametrize("seed", range(3))
def test_what_is_asked_does_not_depend_on_the_partition(tmp_path, seed):
    rng = random.Random(seed)
    whole = scan(small_net(), small_data(), progress=False)
    parts = Parts(small_net(), small_data(), tmp_path)
    state = in_any_grouping([parts.scan(part) for part in partition(60, rng, False)], rng)
    for name in ("images", "labels", "predicted"):
        np.testing.assert_array_equal(getattr(state, name), getattr(whole.state, name))
    for layer, filters in ((0, 4), (1, 6)):
        for number in range(filters):
            for one, two in zip(
                vars(state.column(layer, number)).values(),
                vars(whole.state.column(layer, number)).values(),
                strict=True,
            ):
                np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(state.sums[layer].maps.value(), whole.state.sums[layer].maps.value())
        np.testing.assert_array_equal(state.sums[layer].greatest.images, whole.state.sums[layer].greatest.images)


def test_the_files_of_two_machines_merge_to_the_bytes_of_one(tmp_path, monkeypatch):
    monkeypatch.setattr("filterscope.scans.choice.SHARD_IMAGES", 10)
    scan(small_net(), small_data(), progress=False).save(tmp_path / "whole")
    for name, part in (("a", range(20)), ("b", range(20, 60))):
        scan(small_net(), small_data(), images=part, progress=False).save(tmp_path / name)
    a, b = (load_scan(tmp_path / name) for name in "ab")
    a.merge(b).save(tmp_path / "ab")
    b.merge(a).save(tmp_path / "ba")
    assert (tmp_path / "ab").read_bytes() == (tmp_path / "ba").read_bytes() == (tmp_path / "whole").read_bytes()


def test_merging_changes_neither_scan(tmp_path):
    parts = Parts(small_net(), small_data(), tmp_path)
    a, b = parts.scan(range(30)), parts.scan(range(30, 60))
    before = parts.bytes_of(a), parts.bytes_of(b)
    merged = a.merge(b)
    assert (parts.bytes_of(a), parts.bytes_of(b)) == before and len(merged.images) == 60
    for array in (merged.pieces[0].layers[0].maximum, a.sums[0].counted, merged.sums[0].counted):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_an_image_that_both_have_seen_is_refused(tmp_path):
    parts = Parts(small_net(), Breaks(), tmp_path)
    with pytest.raises(ValueError, match="both scans have seen 5 images, the first of them 25; merge scans of differ"):
        parts.scan(range(30)).merge(parts.scan(range(25, 60)))
    with pytest.raises(ValueError, match="both scans have seen image 3;"):  # which can be read by neither
        parts.scan([3]).merge(parts.scan(range(10)))


@pytest.mark.parametrize("scale", [1e-44, 1e-20, 1.0, 1e30])
def test_a_sum_is_exact_whatever_its_terms(scale):
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        terms = (rng.normal(size=(50, 7)) * scale * 10.0 ** rng.integers(-6, 7, (50, 7))).astype(np.float32)
    terms[:, 0] = 0
    total = ExactSum.of(terms[0])
    for term in terms[1:]:
        total = total.merge(ExactSum.of(term))
    for column, value in enumerate(total.value()):
        exact = sum((Fraction(float(term)) for term in terms[:, column]), Fraction(0))
        limbs = sum(Fraction(int(limb[column])) * Fraction(2) ** (32 * number) for number, limb in total.limbs.items())
        assert limbs == exact
        assert value == pytest.approx(float(exact), rel=1e-15, abs=0)


@pytest.mark.parametrize("count", [1, KEPT - 1, KEPT, KEPT + 1, 1024])
@pytest.mark.parametrize("kind", ["numbers", "ties", "all"])
def test_extremes_are_the_first_of_a_sort_that_keeps_the_order_of_equal_scores(count, kind):
    random = np.random.default_rng(0)
    scores = random.standard_normal((count, 6)).astype(np.float32)
    if kind != "numbers":
        scores = np.round(scores * 2) / 2
    if kind == "all":
        for value in (np.nan, -np.float32(np.nan), np.inf, -np.inf, -0.0, 0.0, 1e-45, -1e-45):
            scores[random.random(scores.shape) < 0.1] = value
        scores[:, 0], scores[:, 1] = 0, np.nan
    images = np.sort(random.choice(10**6, count, replace=False))
    for descending in (True, False):
        ends = Extremes.of(images, scores, descending)
        order = np.argsort(-scores if descending else scores, axis=0, kind="stable")[:KEPT]
        missing = np.isnan(np.take_along_axis(scores, order, 0)).T
        np.testing.assert_array_equal(ends.images, np.where(missing, -1, images[order].T))
        np.testing.assert_array_equal(ends.values, np.take_along_axis(scores, order, 0).T)


def test_extremes_of_parts_are_those_of_the_whole():
    rng = np.random.default_rng(1)
    scores = rng.integers(-3, 3, (500, 4)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.1] = np.nan
    scores[:, 3] = np.nan
    ids = np.arange(500)
    for descending in (True, False):
        for _ in range(5):
            groups = np.array_split(rng.permutation(500), 6)
            merged = None
            for group in groups:
                part = Extremes.of(np.sort(group), scores[np.sort(group)], descending)
                merged = part if merged is None else merged.merge(part)
            for number in range(4):
                assert merged.of_filter(number, 100).tolist() == order(scores[:, number], descending)[:100]
            whole = Extremes.of(ids, scores, descending)
            np.testing.assert_array_equal(merged.images, whole.images)
            assert merged.values.tobytes() == whole.values.tobytes()


def test_the_same_scan_twice_gives_the_same_bytes_and_another_net_others(tmp_path):
    for name, net in (("a", small_net()), ("b", small_net()), ("c", seeded(TwoConvs))):
        scan(net, torch.rand(30, 1, 12, 12, generator=torch.Generator().manual_seed(0)), progress=False).save(
            tmp_path / name
        )
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c
