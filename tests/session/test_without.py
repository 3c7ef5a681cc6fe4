"""The net without some filters, against the net with another way of taking them out; its intervals against chance."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from filterscope import Explorer, Without, demo
from filterscope.verdicts.ablation.effect_table import paired_change
from nets import Everything, TwoConvs, images, seeded

DATA = demo.fashion_test_data()


def replaced(net, layer, values):
    """The demo net's output with maps of a layer's activation replaced, by its own formula."""

    def forward(x):
        first = F.relu(net.conv1(x))
        if layer == "conv1":
            for index, value in values.items():
                first[:, index] = value
        second = F.relu(net.conv2(F.max_pool2d(first, 2)))
        if layer == "conv2":
            for index, value in values.items():
                second[:, index] = value
        hidden = F.relu(net.fc1(F.max_pool2d(second, 2).flatten(1)))
        return net.fc2(hidden)

    return forward


@pytest.fixture(name="explorer", scope="module")
def of_the_demo_net():
    explorer = Explorer(demo.fashion_net(), DATA, image_index=17)
    yield explorer
    explorer.close()


def probabilities(found):
    return np.array([dict(found)[name] for name in DATA.classes])


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
@pytest.mark.parametrize("filters", [[3], [0, 7, 5]])
@pytest.mark.parametrize("replaced_by", ["zero", "mean"])
def test_it_is_the_net_with_these_maps_replaced(explorer, layer, filters, replaced_by):
    net = demo.fashion_net().eval()
    found = explorer.without(filters, layer=layer, replaced_by=replaced_by)
    assert isinstance(found, Without) and found.filters == tuple(sorted(filters)) and found.layer == layer
    values = dict(zip(found.filters, found.values, strict=True))
    image = torch.from_numpy(explorer.image)[None]
    with torch.no_grad():
        before = torch.softmax(net(image)[0].double(), 0).numpy()
        after = torch.softmax(replaced(net, layer, values)(image)[0].double(), 0).numpy()
    assert np.abs(probabilities(found.before) - before).max() < 1e-6
    assert np.abs(probabilities(found.after) - after).max() < 1e-6
    assert found.before == sorted(found.before, key=lambda one: -one[1])
    assert found.before == explorer.prediction
    if replaced_by == "zero":
        assert set(found.values) == {0.0} and found.mean_images == 0


def test_the_mean_is_that_of_the_map_over_the_first_images_of_the_order(explorer):
    found = explorer.without(range(10), layer="conv1")
    order = np.random.default_rng(len(DATA)).permutation(len(DATA))[: found.mean_images]
    net = demo.fashion_net()
    with torch.no_grad():
        maps = F.relu(net.conv1(torch.stack([DATA[int(index)][0] for index in order])))
    assert found.mean_images == 64
    assert np.allclose(found.values, maps.double().mean((0, 2, 3)).numpy(), rtol=1e-5)


def test_after_a_diagnosis_the_means_are_its_own():
    explorer = Explorer(demo.fashion_net(), DATA)
    diagnosis = explorer.diagnose(images=120).wait()
    found = explorer.without([2, 4], layer="conv2")
    assert found.mean_images == 120
    assert found.values == pytest.approx(tuple(diagnosis.examination.ablations[1].means[[2, 4]]))
    effect = explorer.without(2, layer="conv2", images=120).effect
    row = diagnosis.of_layer("conv2")[2]
    assert effect.loss_change.value == pytest.approx(row.delta_loss, rel=1e-4)
    assert (effect.loss_change.low, effect.loss_change.high) == pytest.approx((row.ci_low, row.ci_high), rel=1e-3)
    explorer.close()


@pytest.mark.parametrize("count", [300, 700])
def test_over_many_images_it_is_what_the_net_loses(explorer, count):
    found = explorer.without([1, 3], layer="conv1", replaced_by="zero", images=count)
    effect = found.effect
    order = np.random.default_rng(len(DATA)).permutation(len(DATA))[:count]
    pixels = torch.stack([DATA[int(index)][0] for index in order])
    labels = torch.tensor([DATA[int(index)][1] for index in order])
    net = demo.fashion_net().eval()
    with torch.no_grad():
        before, after = net(pixels), replaced(net, "conv1", {1: 0.0, 3: 0.0})(pixels)
    losses = [F.cross_entropy(scores.double(), labels, reduction="none").numpy() for scores in (before, after)]
    right = [(scores.argmax(1) == labels).numpy() for scores in (before, after)]
    assert effect.images == count and effect.labelled
    assert effect.accuracy_before == right[0].mean() and effect.accuracy_after == right[1].mean()
    assert effect.accuracy_change.value == pytest.approx(right[1].mean() - right[0].mean())
    assert effect.loss_before == pytest.approx(losses[0].mean(), rel=1e-5)
    rise = losses[1] - losses[0]
    assert effect.loss_change.value == pytest.approx(rise.mean(), rel=1e-4)
    half = stats.t.ppf(0.975, count - 1) * stats.sem(rise)
    assert effect.loss_change.high - effect.loss_change.low == pytest.approx(2 * half, rel=1e-3)
    for one in effect.classes:
        of_class = (labels == DATA.classes.index(one.name)).numpy()
        assert one.images == of_class.sum()
        assert one.accuracy_change.value == pytest.approx(right[1][of_class].mean() - right[0][of_class].mean())
        assert one.loss_change.value == pytest.approx(rise[of_class].mean(), rel=1e-3, abs=1e-6)
        low, high = one.loss_change.low, one.loss_change.high
        if one.images < 50:  # too few for Student's interval to be as wide as it says
            assert math.isnan(low) and math.isnan(high)
        else:
            expected = stats.t.interval(0.95, one.images - 1, rise[of_class].mean(), stats.sem(rise[of_class]))
            assert (low, high) == pytest.approx(expected, rel=1e-2, abs=1e-6)
    assert (min(one.images for one in effect.classes) < 50) == (count == 300)
    assert sum(one.images for one in effect.classes) == count
    assert "points (95 %:" in str(found) and "1, 3" in repr(found)


def test_a_dead_filter_is_not_missed(explorer):
    effect = explorer.without(11, layer="conv2", images=100).effect
    assert effect.accuracy_change.value == 0 and effect.loss_change.value == 0
    assert effect.accuracy_change.low < 0 < effect.accuracy_change.high  # 100 images do not prove it


def test_the_interval_of_a_paired_difference_covers_the_truth():
    """Exactly, by every outcome of 25 images: at least 93 of 100."""
    n = 25
    for gain, loss in itertools.product((0.02, 0.1, 0.3), repeat=2):
        covered = 0.0
        for gained in range(n + 1):
            for lost in range(n + 1 - gained):
                same = n - gained - lost
                ways = math.comb(n, gained) * math.comb(n - gained, lost)
                chance = ways * gain**gained * loss**lost * (1 - gain - loss) ** same
                found = paired_change(gained, lost, n)
                covered += chance * (found.low <= gain - loss <= found.high)
        assert covered > 0.93, (gain, loss)


def test_in_a_net_with_skips_norms_and_calls_twice():
    net = seeded(Everything).eval()
    data = images(8, 1, 10, 10)
    explorer = Explorer(net, data, image_index=3)
    found = explorer.without(2, layer=1, replaced_by="zero")  # the first call of block, which is added to its input
    x = data[3:4]
    with torch.no_grad():
        stem = net.act(net.bn(net.stem(x)))
        added = net.block(stem)
        added[:, 2] = 0
        expected = torch.softmax(net.head(net.act(net.block(stem + added)).mean((2, 3)))[0].double(), 0).numpy()
    assert found.layer == "block"
    assert np.abs(np.array([dict(found.after)[k] for k in range(3)]) - expected).max() < 1e-6
    explorer.close()


def test_a_change_of_the_weights_is_followed():
    net = seeded(TwoConvs)
    explorer = Explorer(net, images(70, 1, 14, 14))
    first = explorer.without(0, layer="conv1")
    with torch.no_grad():
        net.conv1.bias.add_(1)
    second = explorer.without(0, layer="conv1")
    assert second.values[0] > first.values[0] + 0.5 and second.before == explorer.prediction
    explorer.close()


def test_without_labels_it_goes_by_the_nets_own_output():
    explorer = Explorer(demo.fashion_net(), DATA.images[:100] if hasattr(DATA, "images") else images(100, 1, 28, 28))
    effect = explorer.without([0, 1, 2, 3], layer="conv2", replaced_by="zero", images=100).effect
    assert not effect.labelled and effect.accuracy_before == 1 and effect.loss_before == 0
    assert effect.accuracy_after <= 1 and effect.loss_change.value > 0
    explorer.close()


def test_a_net_that_is_no_classifier_has_no_prediction_to_compare():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    explorer = Explorer(net, images(10, 1, 9, 9))
    found = explorer.without(1, layer=0)
    assert found.before == found.after == [] and "not one score a class" in str(found)
    with pytest.raises(ValueError, match="no accuracy and no loss to measure"):
        explorer.without(1, layer=0, images=10)
    explorer.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"filters": 20, "layer": "conv2"}, "filters is 20; conv2 has filters 0 … 19"),
        ({"filters": -1}, "filters is -1; conv1 has filters 0 … 9"),
        ({"filters": []}, "filters is empty; conv1 has filters 0 … 9"),
        ({"filters": 1.5}, "filters is 1.5; conv1 has filters 0 … 9"),
        ({"filters": "3"}, "filters is '3'; conv1 has filters 0 … 9"),
        ({"filters": 1, "layer": 5}, "layer is 5; this net has convolutions 0 … 1"),
        ({"filters": 1, "layer": "fc1"}, "layer is 'fc1'; this net has convolutions 0 … 1: conv1, conv2"),
        ({"filters": 1, "replaced_by": "median"}, "replaced_by is 'median'; choose 'mean' or 'zero'"),
        ({"filters": 1, "images": 0}, "images is 0; give how many images are looked at, 1 or more"),
    ],
)
def test_bad_input_is_a_sentence(explorer, arguments, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        explorer.without(**arguments)


def test_numpys_numbers_are_numbers(explorer):
    assert explorer.without(np.arange(2), layer="conv1").filters == (0, 1)
    assert explorer.without(np.int64(3), layer="conv1").filters == (3,)
