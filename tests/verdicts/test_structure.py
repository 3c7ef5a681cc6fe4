"""Structure from weights alone: error rates on noise, planted noise found, and can't tell with its reason."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import binom

from filterscope import demo
from filterscope.verdicts.weights import neighbours, separable
from filterscope.verdicts.weights.separable import shared_patterns
from filterscope.verdicts.weights.shared_moments import SharedMoments, inverse_form
from filterscope.verdicts.weights.structure import judge_structure
from planted import NOISE, plant


def kernels_of(net, layer):
    return net.get_submodule(layer).weight.detach().numpy()


def verdicts(kernels, **options):
    return Counter(one.verdict for one in judge_structure(kernels, **options))


def patterned(filters=20, channels=10, seed=0):
    """Filters whose channels share an edge: as clear as structure gets."""
    random = np.random.default_rng(seed)
    edges = np.array([[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]], float)
    which = random.normal(size=(filters, channels, 2))
    return np.einsum("fcp,phw->fchw", which, edges) + 0.3 * random.normal(size=(filters, channels, 3, 3))


@pytest.mark.parametrize(
    "shape",
    [(20, 10, 3, 3), (10, 1, 5, 5), (10, 1, 7, 7), (24, 3, 7, 7), (20, 8, 9), (12, 2, 3, 3, 3), (40, 32, 1, 1)],
)
def test_random_filters_are_called_structured_in_one_of_a_hundred(shape):
    random = np.random.default_rng(1)
    found = sum((verdicts(random.normal(size=shape), seed=seed) for seed in range(40)), Counter())
    total = 40 * shape[0]
    # Beyond 1 % and 5 % only by more than four standard errors.
    assert found["structured"] <= 0.01 * total + 4 * np.sqrt(0.01 * total)
    assert found["noise-like"] <= 0.05 * total + 4 * np.sqrt(0.05 * total)


def test_grouped_layers_are_judged_with_the_same_error_rates():
    """A channel's place means something else in each group: only the spatial patterns are shared."""
    random = np.random.default_rng(3)
    found = sum((verdicts(random.normal(size=(16, 4, 3, 3)), groups=4, seed=seed) for seed in range(40)), Counter())
    assert found["structured"] <= 0.01 * 640 + 4 * np.sqrt(0.01 * 640)
    assert found["noise-like"] <= 0.05 * 640 + 4 * np.sqrt(0.05 * 640)
    kernels = patterned(filters=16, channels=4)
    kernels[[2, 9]] = random.normal(size=(2, 4, 3, 3))
    judged = judge_structure(kernels, groups=4)
    assert "structured" not in (judged[2].verdict, judged[9].verdict)
    assert sum(one.verdict == "structured" for k, one in enumerate(judged) if k not in (2, 9)) >= 12


def test_the_untrained_demo_net_is_not_called_structured():
    net = demo.fashion_net(epoch=0)
    assert (verdicts(kernels_of(net, "conv1")) + verdicts(kernels_of(net, "conv2")))["structured"] == 0


def test_torchs_own_starts_are_not_called_structured():
    found = Counter()
    for seed in range(20):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            found += verdicts(torch.nn.Conv2d(16, 32, 3).weight.detach().numpy())
    assert found["structured"] <= 0.02 * 20 * 32


def test_trained_filters_are_structured_and_the_dead_one_is_not():
    judged = judge_structure(kernels_of(demo.fashion_net(), "conv2"))
    assert [k for k, one in enumerate(judged) if one.verdict != "structured"] == [11]  # it never fires
    assert judged[11].noise_score == max(one.noise_score for one in judged)


@pytest.mark.parametrize("fault", NOISE)
def test_planted_noise_is_found(fault):
    hit = structured = total = 0
    for repeat in range(8):
        random = np.random.default_rng([4, repeat])
        filters = random.choice(20, 4, replace=False)
        judged = judge_structure(
            kernels_of(plant(demo.fashion_net(), "conv2", fault, filters, filters, random), "conv2")
        )
        hit += sum(judged[k].verdict == "noise-like" for k in filters)
        structured += sum(judged[k].verdict == "structured" for k in filters)
        total += len(filters)
    assert hit >= 0.9 * total
    assert structured <= 2


def test_a_filter_unlike_all_others_is_structured_too():
    kernels = patterned()
    blob = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1.0]])
    kernels[3] = np.random.default_rng(5).normal(size=10)[:, None, None] * blob
    assert judge_structure(kernels)[3].verdict == "structured"


def test_scale_does_not_matter():
    kernels = patterned()
    scaled = kernels * np.random.default_rng(0).uniform(1e-6, 1e6, (20, 1, 1, 1))
    assert [one.verdict for one in judge_structure(kernels)] == [one.verdict for one in judge_structure(scaled)]


def test_the_same_weights_get_the_same_verdicts():
    kernels = np.random.default_rng(0).normal(size=(20, 10, 3, 3))
    assert judge_structure(kernels) == judge_structure(kernels)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((10, 1, 3, 3), "9 weights a filter are too few"),
        ((32, 16, 1, 1), "16 weights"),
        ((16, 1, 3, 3), "too few"),
        ((4, 10, 3, 3), "the layer has 4 filters"),
        ((8, 2, 5), "10 weights"),
    ],
)
def test_too_little_is_said(shape, reason):
    for one in judge_structure(np.random.default_rng(0).normal(size=shape)):
        assert one.verdict == "can't tell"
        assert reason in one.reason
        assert np.isnan(one.p_structured) and np.isnan(one.noise_score)


def test_zero_and_broken_filters_spoil_no_other():
    kernels = patterned()
    kernels[2], kernels[5, 0, 0, 0], kernels[7, 0, 0, 0] = 0, np.nan, np.inf
    judged = judge_structure(kernels)
    assert "zero" in judged[2].reason
    assert "NaN" in judged[5].reason and "NaN" in judged[7].reason
    assert {one.verdict for k, one in enumerate(judged) if k not in (2, 5, 7)} == {"structured"}


@pytest.mark.parametrize("shape", [(4, 10, 9), (4, 3, 25)])
def test_the_shared_pattern_is_the_first_singular_vector(shape):
    filters = np.random.default_rng(0).normal(size=shape)
    found = shared_patterns(filters)
    left, energy, right = np.linalg.svd(filters)
    np.testing.assert_allclose(found.share, energy[:, 0] ** 2 / (energy**2).sum(1))
    np.testing.assert_allclose(np.abs((found.pattern * right[:, 0]).sum(1)), 1)
    np.testing.assert_allclose(np.abs((found.channels * left[:, :, 0]).sum(1)), 1)
    assert (found.channels.sum(1) >= 0).all()


def furthest_apart(one, other):
    """Kolmogorov and Smirnov's distance of two samples."""
    at = np.sort(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(sample), at, side="right") / len(sample) for sample in (one, other)]
    return np.abs(shares[0] - shares[1]).max()


@pytest.mark.parametrize(("channels", "size"), [(1, (5, 5)), (3, (3, 3)), (16, (3, 5)), (40, (3, 3)), (2, (30,))])
def test_nulls_drawn_by_shape_are_those_of_random_filters(channels, size):
    drawn = np.random.default_rng(7).normal(size=(5000, channels, np.prod(size)))
    alike = 1.95 * np.sqrt(1 / 5000 + 1 / 20000)  # reached in 1 of 1,000 samples of the same
    assert furthest_apart(neighbours.moran(drawn, size), neighbours._null(channels, size)) < alike
    if channels > 1:
        energy = np.linalg.svd(drawn, compute_uv=False) ** 2
        null = separable._null(channels, int(np.prod(size)))
        assert furthest_apart(energy[:, 0] / energy.sum(1), null) < 1.95 * np.sqrt(1 / 5000 + 1 / len(null))


@pytest.mark.parametrize("size", [(7,), (4, 5), (1, 6), (3, 2, 4)])
def test_morans_index_is_the_correlation_of_neighbours(size):
    filters = np.random.default_rng(0).normal(size=(3, 2, np.prod(size)))
    steps = np.eye(len(size), dtype=int).tolist()  # from a place to the next one along each axis
    places = list(enumerate(np.ndindex(size)))
    pairs = [(a, b) for a, here in places for b, there in places if np.subtract(there, here).tolist() in steps]
    centred = filters - filters.mean(2, keepdims=True)
    expected = [sum(one[c, a] * one[c, b] for c in (0, 1) for a, b in pairs) / (one**2).sum() for one in centred]
    np.testing.assert_allclose(neighbours.moran(filters, size), expected)


@pytest.mark.parametrize("shape", [(258, 1, 256), (128, 1, 64, 1), (32, 1, 1, 64)])
def test_waves_over_time_are_structured_and_noise_is_not(shape):
    taps = np.arange(np.prod(shape[2:]))
    waves = np.cos(np.linspace(0.02, 0.8, shape[0])[:, None] * taps).reshape(shape)  # up to a quarter of the rate
    noise = np.random.default_rng(0).normal(size=shape)
    assert sum(one.verdict == "structured" for one in judge_structure(waves)) > 0.95 * shape[0]
    by_chance = binom.isf(1e-3, shape[0], 0.01)  # of filters at an error rate of 1 in 100
    assert sum(one.verdict == "structured" for one in judge_structure(noise)) <= by_chance


@pytest.mark.parametrize(("count", "groups"), [(20, 1), (200, 1), (20, 2)])
def test_the_moment_of_a_fold_is_that_of_the_other_filters(count, groups):
    units = np.random.default_rng(0).normal(size=(count, 6, 9)) * np.linspace(1, 3, 6)[:, None]
    units /= np.linalg.norm(units, axis=(1, 2), keepdims=True)
    moments = SharedMoments(units, groups)
    assert sorted(np.concatenate(moments.folds)) == list(range(count))
    for fold in moments.folds[:3]:
        others = np.delete(units, fold, axis=0)
        pair = moments.without(fold)
        samples = others.transpose(0, 2, 1).reshape(-1, 6), others.reshape(-1, 9)
        for found, of in zip(pair, samples, strict=True):
            size, (number, _) = len(found), of.shape
            sample = np.cov(of.T, bias=True) + np.outer(of.mean(0), of.mean(0))
            sample *= size / np.trace(sample)
            if groups > 1 and size == 6:
                sample = np.eye(6)
            squared = (sample**2).sum()
            above, below = (1 - 2 / size) * squared + size**2, (number + 1 - 2 / size) * (squared - size)
            shrink = 1 if below <= 1e-9 else min(1, above / below)
            np.testing.assert_allclose(found, (1 - shrink) * sample + shrink * np.eye(size), atol=1e-9)
        inverse = np.kron(np.linalg.inv(pair[0]), np.linalg.inv(pair[1]))
        flat = units[fold].reshape(len(fold), -1)
        np.testing.assert_allclose(inverse_form(units[fold], *pair), np.einsum("fi,ij,fj->f", flat, inverse, flat))


def test_a_1x1_filter_that_weighs_channels_as_its_layer_does_is_structured_and_never_called_noise():
    random = np.random.default_rng(2)
    kernels = random.normal(size=(40, 32, 1, 1)) * np.exp(-np.arange(32) / 4)[:, None, None]
    kernels[[3, 30]] = random.normal(size=(2, 32, 1, 1))
    judged = judge_structure(kernels)
    assert {one.verdict for k, one in enumerate(judged) if k not in (3, 30)} == {"structured"}
    assert {judged[3].verdict, judged[30].verdict} == {"can't tell"}
    assert "random filters look as structured" in judged[3].reason
    assert {"in groups" in one.reason for one in judge_structure(kernels, groups=2)} == {True}
