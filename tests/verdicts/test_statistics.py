"""Statistics of maps and the state that follows from them, against plain arithmetic."""

import numpy as np
import pytest
import torch

from activation_maps import maps, statistics_of
from filterscope.verdicts.activations.state import judge_state
from filterscope.verdicts.activations.statistics import LayerStatistics


@pytest.mark.parametrize("shape", [(30, 4, 5, 6), (30, 4, 7), (30, 4, 3, 4, 5), (30, 4)])
def test_moments_and_correlations_are_numpys(shape):
    activation = maps(*shape) * torch.arange(1, 5).view(-1, *[1] * (len(shape) - 2)) + 7
    seen = statistics_of(activation)
    flat = activation.transpose(0, 1).reshape(4, -1).double().numpy()
    np.testing.assert_allclose(seen.mean, flat.mean(1), rtol=1e-5)
    np.testing.assert_allclose(seen.deviation, flat.std(1), rtol=1e-4)
    np.testing.assert_allclose(seen.correlation, np.corrcoef(flat), atol=1e-4)
    np.testing.assert_allclose(seen.high, flat.max(1))
    np.testing.assert_allclose(seen.low, flat.min(1))
    np.testing.assert_array_equal(seen.fired, (flat > 0).sum(1))


def test_correlations_near_1_are_exact_over_many_positions():
    first = maps(256, 1, 26, 26).relu()
    activation = torch.cat([first, first + 0.01 * maps(256, 1, 26, 26, seed=1)], 1)
    flat = activation.transpose(0, 1).reshape(2, -1).double().numpy()
    left_out = 1 - np.corrcoef(flat)[0, 1]
    assert 1 - statistics_of(activation).correlation[0, 1] == pytest.approx(left_out, rel=0.01)


def test_batches_merge_to_what_one_pass_gives():
    activation, labels = maps(90, 4, 5, 6) + 3, np.arange(90) % 3
    whole = statistics_of(activation, labels, 3)
    parts = LayerStatistics(4, 3)
    for start, stop in ((0, 1), (1, 40), (40, 90)):
        parts.add(activation[start:stop], labels[start:stop])
    for name in ("mean", "moment", "high", "low", "fired", "fired_images", "class_count", "class_sum"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-4, atol=1e-3, err_msg=name)
    by_hand = [activation[labels == k].mean((0, 2, 3)).numpy() for k in range(3)]
    np.testing.assert_allclose(whole.class_mean, by_hand, rtol=1e-5)


def test_the_estimate_is_that_of_replacing_a_map_by_its_mean():
    """Taken in with means that were others at that time."""
    activation, gradient = maps(90, 4, 5, 6) + 3, maps(90, 4, 5, 6, seed=1)
    seen = LayerStatistics(4)
    for start, stop in ((0, 1), (1, 40), (40, 90)):
        part = LayerStatistics.of(activation[start:stop])
        part.add_taylor(activation[start:stop], gradient[start:stop])
        seen.merge(part)
    change = ((activation.mean((0, 2, 3)).view(4, 1, 1) - activation) * gradient).sum((2, 3)).double()
    np.testing.assert_allclose(seen.estimate, change.square().mean(0).sqrt().numpy(), rtol=1e-4)
    np.testing.assert_allclose(seen.taylor / 90, (activation * gradient).sum((2, 3)).abs().mean(0), rtol=1e-4)
    constant = LayerStatistics.of(torch.full((9, 1, 5, 6), 0.1))
    constant.add_taylor(torch.full((9, 1, 5, 6), 0.1), maps(9, 1, 5, 6))
    assert constant.estimate[0] < 1e-6
    assert np.isnan(LayerStatistics(3).estimate).all()


def test_images_with_nan_are_left_out_and_counted():
    activation = maps(10, 3, 4, 4)
    activation[3, 1, 0, 0], activation[7, 0, 1, 1] = torch.nan, torch.inf
    seen = statistics_of(activation, np.arange(10) % 2, 2)
    kept = np.array([k for k in range(10) if k not in (3, 7)])
    np.testing.assert_allclose(seen.mean, activation[kept].mean((0, 2, 3)).numpy(), rtol=1e-4, atol=1e-6)
    assert (seen.images, seen.left_out) == (8, 2)
    assert seen.class_count.tolist() == [np.sum(kept % 2 == 0), np.sum(kept % 2 == 1)]


@pytest.mark.parametrize("constant", [0.1, 100.0, -3.7e4, 1e-3])
def test_a_constant_is_constant_however_large_beside_small_signals(constant):
    activation = maps(50, 3, 9, 9).relu() * 0.01
    activation[:, 1], activation[:, 2] = constant, 0
    states = judge_state(statistics_of(activation))
    assert [state.verdict for state in states] == ["live", "constant", "dead"]
    assert "50 images" in states[2].reason and "0.06" in states[2].reason  # rule of three


def test_a_filter_that_fires_once_is_live():
    activation = torch.zeros(500, 2, 4, 4)
    activation[:, 0] = maps(500, 4, 4).relu()
    activation[321, 1, 2, 2] = 0.5
    assert [state.verdict for state in judge_state(statistics_of(activation))] == ["live", "live"]


def test_of_nothing_seen_nothing_is_told():
    assert judge_state(LayerStatistics(2))[0].verdict == "can't tell"
    seen = statistics_of(torch.full((4, 2, 3, 3), torch.nan))
    assert "NaN" in judge_state(seen)[0].reason
