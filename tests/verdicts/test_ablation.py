"""The rises of the loss, their intervals, and whether a net knows enough for them: against scipy's tests."""

import numpy as np
import pytest
import torch
from scipy import stats

from activation_maps import maps
from filterscope.nets.outputs import KnownClasses
from filterscope.verdicts.ablation.losses import Knowledge, class_numbers, log_probabilities
from filterscope.verdicts.ablation.reference import Reference
from filterscope.verdicts.ablation.rises import LayerAblation, Rise
from filterscope.verdicts.ablation.use import gate, interval
from filterscope.verdicts.result.evidence import FEWEST_OF_CLASS, class_rises


def test_rises_are_students_t():
    rises = np.random.default_rng(0).normal(0.3, 1, size=200)
    one, other = Rise(), Rise()
    one.add(rises[:70])
    other.add(rises[70:])
    one.merge(other)
    low, high = interval(one)
    expected = stats.ttest_1samp(rises, 0).confidence_interval(0.95)
    np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-3)
    one.add(np.array([np.nan, np.inf]))
    assert one.images == 200


class Reruns:
    """In a `Rerun`'s place: gives log-probabilities whose rises are known, one map after the other."""

    def __init__(self, after):
        self.after = iter(after)

    def __call__(self, change):
        return next(self.after)


def test_the_rises_of_a_class_have_students_interval_where_its_images_are_enough():
    """Against scipy on each class's own images, some without a finite loss, taken in as batches and merged."""
    sizes = [FEWEST_OF_CLASS + 1, FEWEST_OF_CLASS, 70, 1, 0]  # of class 0 two images will not count
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(5), sizes))
    intact = torch.log_softmax(2 * maps(len(labels), 5), 1)
    after = torch.log_softmax(2 * maps(len(labels), 5) + intact, 1).repeat(3, 1, 1)
    after[1, np.flatnonzero(labels == 0)[:2]] = torch.nan
    rows = np.arange(len(labels))
    rises = (intact[rows, labels] - after[:, rows, labels]).double().numpy()
    rises[2] = 0  # a map that is constant is its own mean

    whole = LayerAblation.of(np.zeros(3))
    for part in np.array_split(rows, [1, 40, 150]):
        one = LayerAblation.of(np.zeros(3))
        one.add(Reruns(after[:2, part]), Reference(intact[part], labels[part], True), np.array([True, True, False]))
        whole.merge(one)

    for index in range(3):
        shown = class_rises(whole, index, 5)
        assert shown.fewest == FEWEST_OF_CLASS
        for number in range(5):
            own = rises[index, labels == number]
            own = own[np.isfinite(own)]
            found = shown.value[number], shown.low[number], shown.high[number]
            if len(own) < FEWEST_OF_CLASS:
                assert np.isnan(found[1:]).all()
                assert found[0] == np.float32(own.mean()) if len(own) else np.isnan(found[0])
                continue
            spread = np.ptp(own) > 0
            expected = stats.ttest_1samp(own, 0).confidence_interval(0.95) if spread else (own.mean(), own.mean())
            np.testing.assert_allclose(found, [own.mean(), *expected], rtol=2e-3, atol=1e-6)
    assert np.isnan(class_rises(whole, 1, 5).low[0]) and not np.isnan(class_rises(whole, 0, 5).low[0])
    assert class_rises(LayerAblation.of(np.zeros(3)), 0, 5) is None is class_rises(None, 0, 5)


def knowledge(losses, labels, classes=3):
    known = Knowledge.of(classes, labelled=True)
    known.add(np.asarray(losses, float), np.asarray(labels), np.full((len(losses), classes), 1 / classes))
    return known


def test_what_a_net_knows_is_measured_against_guessing():
    labels = np.arange(300) % 3
    losses = np.random.default_rng(0).uniform(0.1, 0.5, 300)
    nats, p = knowledge(losses, labels).learned()
    test = stats.ttest_1samp(np.log(3) - losses, 0, alternative="greater")
    assert nats == pytest.approx(np.log(3) - losses.mean())
    assert p == pytest.approx(test.pvalue, abs=1e-12)
    assert gate(knowledge(losses, labels)) == ""


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (None, "not one score a class"),
        (knowledge(np.full(300, 1.0986), np.arange(300) % 3), "not clearly below that of guessing"),
        (knowledge(np.full(300, 5.0), np.arange(300) % 3), "not clearly below"),
        (knowledge(np.full(300, 0.1), np.zeros(300, int)), "one class"),
        (knowledge(np.full(9, 0.1), np.arange(9) % 3), "9 images are too few"),
        (knowledge(np.full(50, np.nan), np.arange(50) % 3), "NaN or infinite for all 50"),
    ],
)
def test_the_gate_says_why_it_is_closed(known, said):
    assert said in gate(known)


def test_labels_are_numbered_as_the_net_does():
    names = ["cat", "dog", "dog"]
    assert class_numbers(["cat", "dog", "bird", None, 2, 3, -1], names, 3).tolist() == [0, -1, -1, -1, 2, -1, -1]


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"logits": x}, lambda x: (x, 1), lambda x: x.softmax(1)])
def test_outputs_are_read_as_log_probabilities(wrap):
    logits = maps(6, 4)
    torch.testing.assert_close(
        log_probabilities(wrap(logits), 6, KnownClasses()), torch.log_softmax(logits, 1), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("output", [torch.zeros(6, 4, 5, 5), torch.zeros(6, 1), torch.zeros(5, 4), None, torch.ones(6)])
def test_other_outputs_are_no_scores(output):
    assert log_probabilities(output, 6, KnownClasses()) is None
