"""AUC and its test by ranks, against SciPy and pair by pair."""

import numpy as np
import pytest
from scipy import stats

from filterscope.scans.candidates import adjusted, holm, p_shuffled
from filterscope.scans.ranks import Groups, RankSums


def case(seed, count=80, tied=False, nan=False):
    rng = np.random.default_rng(seed)
    maxima = rng.normal(size=count).astype(np.float32)
    if tied:
        maxima = np.round(maxima)
    if nan:
        maxima[rng.random(count) < 0.2] = np.nan
    labels = rng.integers(-1, 4, count)
    return maxima, Groups(labels, 4, rng.random((count, 2)) < 0.3)


def pair_by_pair(inside, outside):
    wins = sum((a > b) + 0.5 * (a == b) for a in inside for b in outside)
    return wins / (len(inside) * len(outside))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_auc_and_p_are_those_of_scipy_and_of_all_pairs(seed, tied, nan):
    maxima, groups = case(seed, tied=tied, nan=nan)
    sums = RankSums.of(maxima, groups)
    known = ~np.isnan(maxima)
    for group in range(6):
        values = maxima.astype(np.float64)  # SciPy would sum ranks in float32
        inside, outside = values[known & groups.has(group)], values[known & ~groups.has(group)]
        test = stats.mannwhitneyu(inside, outside, alternative="greater", method="asymptotic")
        assert sums.auc()[group] == pytest.approx(pair_by_pair(inside, outside), abs=1e-12)
        assert sums.auc()[group] == pytest.approx(test.statistic / len(inside) / len(outside), abs=1e-12)
        assert sums.p()[group] == pytest.approx(test.pvalue, rel=1e-9)


def test_pairs_are_the_union_of_their_classes():
    maxima, groups = case(9, tied=True)
    first, second = np.triu_indices(4, 1)
    joined = RankSums.of(maxima, groups).of_pairs(np.r_[first, 2], np.r_[second, 2])
    for place, (a, b) in enumerate([*zip(first, second, strict=True), (2, 2)]):
        inside = groups.has(a) | groups.has(b)
        assert joined.counts[place] == inside.sum()
        assert joined.auc()[place] == pytest.approx(pair_by_pair(maxima[inside], maxima[~inside]), abs=1e-12)


def test_a_constant_filter_tells_nothing_and_an_empty_group_has_no_auc():
    maxima, labels = np.ones(30, np.float32), np.repeat([0, 1, 3], 10)
    sums = RankSums.of(maxima, Groups(labels, 4, np.ones((30, 1), bool)))
    np.testing.assert_array_equal(sums.auc(), [0.5, 0.5, np.nan, 0.5, np.nan])
    np.testing.assert_array_equal(sums.p(), [1, 1, np.nan, 1, np.nan])
    nothing = RankSums.of(np.full(30, np.nan, np.float32), Groups(labels, 4, np.ones((30, 1), bool)))
    assert np.isnan(nothing.auc()).all() and np.isnan(nothing.p()).all() and nothing.images == 0


def test_infinite_maxima_have_ranks():
    maxima = np.float32([np.inf, 3, -np.inf, 0])
    assert RankSums.of(maxima, Groups(np.array([0, 0, 1, 1]), 2, np.zeros((4, 0), bool))).auc().tolist() == [1, 0]


def test_holm_is_the_step_down_of_its_definition():
    rng = np.random.default_rng(0)
    for _ in range(20):
        p = rng.random(12) ** 4
        order = np.argsort(p)
        for alpha in (0.01, 0.05, 0.3):
            rejected = set()
            for step, place in enumerate(order):
                if p[place] > alpha / (12 - step):
                    break
                rejected.add(int(place))
            assert set(np.flatnonzero(holm(p) <= alpha).tolist()) == rejected
    np.testing.assert_allclose(holm(np.array([0.01, np.nan, 0.03, 0.9])), [0.03, np.nan, 0.06, 0.9])
    assert np.isnan(holm(np.full(3, np.nan))).all()


def test_names_go_by_the_greater_p_over_all_that_was_tried():
    nan = np.nan
    own = np.array([[1e-9, 1e-6, nan], [1e-3, 0.2, nan], [nan, nan, nan], [1e-4, 1e-9, 1e-9]])
    of_shuffled = np.array([[0.004, 0.001, 0.5], [1e-6, 1e-6, 0.5], [0.5, 0.5, 0.5], [0.9, 0.2, nan]])
    expected = [[0.012, 0.003, nan], [0.004, 1.0, nan], [nan] * 3, [1.0, 0.2, nan]]
    np.testing.assert_allclose(adjusted(own, of_shuffled), expected)


def test_p_shuffled_is_gumbels_of_the_greatest_among_other_nets():
    rng = np.random.default_rng(1)
    nets, own = np.split(rng.uniform(0.2, 0.8, (40, 3)), 4), np.array([[0.5, 0.99, 0.7], [0.9, 0.1, 0.5]])
    logits = [np.log(net / (1 - net)) for net in nets]

    def above(values, others):
        return (values - np.mean(others, 0)) / np.std(others, 0, ddof=1)

    null = [
        max(above(values, np.concatenate(logits[:k] + logits[k + 1 :])))
        for k, net in enumerate(logits)
        for values in net
    ]
    scale = np.std(null, ddof=1) * np.sqrt(6) / np.pi
    location = np.mean(null) - np.euler_gamma * scale
    gumbel = stats.gumbel_r(location, scale * (1 + 8 / 40))
    expected = gumbel.sf(above(np.log(own / (1 - own)), np.concatenate(logits)))
    np.testing.assert_allclose(p_shuffled(own, nets), expected, rtol=1e-9)


def test_p_shuffled_is_not_told_by_few_filters_or_such_as_never_vary():
    rng = np.random.default_rng(2)
    own, nets = np.full((2, 3), 0.9), list(rng.uniform(0.2, 0.8, (4, 10, 3)))
    assert np.isnan(p_shuffled(own, [])).all() and np.isnan(p_shuffled(own, nets[:1])).all()
    assert np.isnan(p_shuffled(own, [net[:4] for net in nets])).all()
    assert np.isnan(p_shuffled(own, [np.full((10, 3), 0.5)] * 4)).all()
    for net in nets:
        net[:, 0] = np.nan  # a class of few images
        net[5:] = np.nan  # filters that never vary
    p = p_shuffled(own, nets)
    assert np.isnan(p[:, 0]).all() and (p[:, 1:] > 0).all()
    np.testing.assert_array_equal(p, p_shuffled(own, [net[:5] for net in nets]))
