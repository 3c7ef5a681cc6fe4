"""Linearised logits against ablation where linearising is exact, and the estimator on them against its own promise."""

from itertools import chain, combinations

import numpy as np
import pytest
import torch
from torch import nn

from diagnoses import look
from filterscope.verdicts.ablation.ablation import Ablation
from filterscope.verdicts.ablation.control import Pool, controlled_rises
from filterscope.verdicts.ablation.linearised import Moments, rise_of
from filterscope.verdicts.ablation.rises import Rise
from filterscope.verdicts.ablation.together import joint_order, surely_used
from filterscope.verdicts.chance import t_exceeded
from filterscope.verdicts.run.ablate import AblatingRows, AblatingSets


class Linear(nn.Module):
    """After its convolution everything is linear; the logits tell some of the classes apart."""

    def __init__(self, classes):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.out = nn.Linear(6 * 36, classes)

    def forward(self, x):
        return self.out(self.conv(x).flatten(1))


def pictures(classes, count=120):
    """Images whose class shows, and their labels."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % classes
    images = torch.rand(count, 1, 8, 8, generator=generator)
    for k in range(classes):
        images[labels == k, 0, k % 8, : 4 + k // 8 * 4] += 1
    return images, labels


def trained(classes):
    torch.manual_seed(0)
    net, (images, labels) = Linear(classes), pictures(classes)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    return net.eval()


def unlabelled(data):
    return data[0]


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("labelled", [True, False])
def test_where_all_that_follows_is_linear_they_say_what_ablation_measures(classes, labelled):
    """Of one filter and of several together; up to four classes nothing is taken together either."""
    data = pictures(classes)
    found = look(trained(classes), data if labelled else unlabelled(data), images=120, ablation=False)
    sums = found.examination
    linearised = sums.linearised(0)
    live = np.ones(6, bool)
    (rows,) = AblatingRows(0, sums.means[0], live, sums.premises)(sums.runner, sums.samples, sums.order)
    near, first = linearised.rises_of(rows.layers[0].indices)
    assert near == pytest.approx(rows.layers[0].rises, abs=2e-4, rel=1e-3)
    assert np.abs(near).max() > 0.05 and np.abs(near - first).max() > 0.01
    values = tuple(float(value) for value in sums.means[0][[1, 4, 5]])
    work = AblatingSets({0: Ablation(0, (1, 4, 5), values)}, sums.premises)
    (together,) = work(sums.runner, sums.samples, sums.order)
    assert found.cost_together("conv", [4, 1, 5]).rise.value == pytest.approx(together.layers[0].mean, abs=1e-4)
    assert found.filters[2].estimated_rise == pytest.approx(rows.layers[0].rises[:, 2].mean(), abs=1e-4)


def test_of_many_classes_the_rest_is_taken_together():
    """With a thousand classes as many passes back as with four, and near what ablation measures."""
    net = trained(12)
    wide = Linear(1000)
    with torch.no_grad():
        wide.conv.load_state_dict(net.conv.state_dict())
        wide.out.weight[:], wide.out.bias[:] = 0, -3
        wide.out.weight[:12], wide.out.bias[:12] = net.out.weight, net.out.bias
    found = look(wide, pictures(12), images=120, ablation=False)
    sums = found.examination
    (rows,) = AblatingRows(0, sums.means[0], np.ones(6, bool), sums.premises)(sums.runner, sums.samples, sums.order)
    near, _ = sums.linearised(0).rises_of(rows.layers[0].indices)
    measured = rows.layers[0].rises
    assert np.corrcoef(near.ravel(), measured.ravel())[0, 1] > 0.9
    assert near.mean(0) == pytest.approx(measured.mean(0), rel=0.5, abs=0.01)


def test_a_rest_without_probability_moves_nothing():
    shifts = np.float32([[[0.3 + 1e-6]], [[0.5]], [[-0.2]]])
    whole = rise_of(shifts, np.array([[0.4, 0.6, 0.0, 0.0]]), True)
    assert whole == pytest.approx(np.log(0.4 + 0.6 * np.exp(0.5)), rel=1e-6)


def moments(near, first):
    terms = (near, first, near**2, near * first, first**2)
    return Moments(len(near), np.stack([term.sum(0) for term in terms]))


def pool(first):
    return Pool(len(first), first.mean(0), first.var(0, ddof=1))


def test_of_the_same_images_it_is_the_mean_of_what_was_measured():
    generator = np.random.default_rng(0)
    direct, near, first = generator.standard_normal((3, 40, 5))
    rises = controlled_rises(direct, near, first, moments(near, first), pool(first))
    assert [rise.mean for rise in rises] == pytest.approx(direct.mean(0))


@pytest.mark.parametrize("near_is", ["right", "too small", "of something else"])
@pytest.mark.parametrize("few", [12, 32])
def test_its_interval_holds_the_truth_also_where_gradients_are_wrong(near_is, few):
    """On 3,000 drawn layers; and where they are right, it is far narrower than that of what was measured alone."""
    generator = np.random.default_rng(1)
    filters, images, kept = 3000, 1500, 400
    first = generator.standard_normal((images, filters))
    direct = 0.1 + first + 0.3 * first**2 + 0.3 * generator.standard_normal((images, filters))
    near = {
        "right": first + 0.3 * first**2,
        "too small": 0.3 * first,  # nothing of what is curved
        "of something else": generator.standard_normal((images, filters)),
    }[near_is]
    sums = moments(near[:kept], first[:kept])
    rises = controlled_rises(direct[:few], near[:few], first[:few], sums, pool(first))
    mean, error = (np.array([getattr(rise, name) for rise in rises]) for name in ("mean", "error"))
    assert abs(mean.mean() - 0.4) < 4 * mean.std() / np.sqrt(filters)
    holds = np.abs(mean - 0.4) <= t_exceeded(0.025, few - 2.0) * error
    assert 0.93 <= holds.mean() <= 0.98
    plain = np.array([rise.error for rise in _measured(direct[:few])])
    if near_is == "right":
        assert np.median(error) < 0.5 * np.median(plain)


def _measured(direct):
    rises = [Rise() for _ in range(direct.shape[1])]
    for rise, column in zip(rises, direct.T, strict=True):
        rise.add(column)
    return rises


def test_how_many_are_surely_used_is_what_closed_testing_says():
    """Against all subsets, each tested by Simes."""
    generator = np.random.default_rng(2)

    def simes(p):
        p = np.sort(p)
        return (len(p) * p / np.arange(1, len(p) + 1)).min() <= 0.05

    for _ in range(40):
        p = generator.uniform(size=6) ** generator.choice([1, 4, 8])
        subsets = chain.from_iterable(combinations(range(6), size) for size in range(1, 7))
        kept = [len(subset) for subset in subsets if not simes(p[list(subset)])]
        assert surely_used(p) == 6 - max(kept, default=0)
    assert surely_used(np.array([np.nan, 1e-9, np.nan, 0.9])) == 1


def test_the_joint_order_takes_next_what_costs_least_with_the_rest():
    found = look(trained(4), pictures(4), images=120, ablation=False)
    linearised = found.examination.linearised(0)
    covariance = linearised.covariances(120)
    order, chosen = joint_order(linearised, 120).tolist(), []
    for expected in order:
        costs = {k: covariance[np.ix_([*chosen, k], [*chosen, k])].sum() / 2 for k in range(6) if k not in chosen}
        assert expected == min(costs, key=costs.get)
        chosen.append(expected)
    assert found.order("conv", by="joint") == order[::-1]
    # Half the covariance is what a filter costs to second order.
    small = linearised.rises_of(linearised.indices)[0].mean(0)
    assert np.corrcoef(np.diag(covariance) / 2, small)[0, 1] > 0.8
