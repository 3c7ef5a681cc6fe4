"""`filterscope.diagnose`: what it tells of the demo net, against plain arithmetic, and what it takes."""

import re

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.utils.data import TensorDataset

from diagnoses import COLUMNS, DATA, look
from filterscope import Diagnosis, Explorer, NetError, demo, diagnose
from filterscope.verdicts.result.plain_words import plain_words
from nets import images, seeded


def test_the_demo_net_in_full(found):
    assert isinstance(found, Diagnosis)
    assert found.layers == ("conv1", "conv2") and len(found.filters) == 30
    assert set(found.rows()[0]) >= COLUMNS
    conv2 = found.of_layer("conv2")
    assert [f.filter for f in conv2 if f.structure != "structured"] == [11]
    assert [f.filter for f in found.of_layer("conv2") if f.state != "live"] == [11]
    assert conv2[11].state == "dead" and "300 images" in conv2[11].state_reason
    assert {f.structure for f in found.of_layer("conv1")} == {"can't tell"}
    assert {f.use for f in found.filters} >= {"used", "no measurable use"}
    assert conv2[11].use == "no measurable use" and conv2[11].delta_loss == 0
    assert all(f.images == f.ablated == 300 for f in found.filters)
    assert found.complete and len(found.fingerprint) == 16


def test_every_filter_has_a_sentence_and_every_layer_a_summary(found):
    assert found.summary("conv2").startswith("conv2: 19 of 20 structured, 1 of 20 noise-like, 1 dead")
    for one in found.filters:
        assert one.sentence.endswith(".") and "nan" not in one.sentence and "None" not in one.sentence
    assert "never fired in 300 images" in found.of_layer("conv2")[11].sentence
    assert "conv1: " in str(found)
    with pytest.raises(KeyError, match="choose one of conv1, conv2"):
        found.of_layer("conv3")


def test_a_layer_or_class_that_is_but_a_number_is_called_one_in_a_sentence():
    net = seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)))
    pairs = TensorDataset(torch.rand(40, 1, 8, 8), torch.arange(40) % 3)
    found = diagnose(net, pairs, images=40, progress=False)
    assert found.summary("0").startswith("layer 0: 4 of 4 can't tell (structured or noise)")
    live = [one for one in found.filters if one.state == "live"]
    assert live and all(re.search(r"most for class \d, least for class \d", one.sentence) for one in live)
    assert all(" class " in plain_words(one) for one in live)
    effect = Explorer(net, pairs).without([0], images=40).effect
    assert [one.name for one in effect.classes] == ["class 0", "class 1", "class 2"]


def test_the_rise_without_a_filter_is_what_the_net_loses(found):
    """Against a copy of the net whose filter gives its mean."""
    order = np.random.default_rng(len(DATA)).permutation(len(DATA))[:300]
    pixels = torch.stack([DATA[int(k)][0] for k in order])
    labels = torch.tensor([DATA[int(k)][1] for k in order])
    net = demo.fashion_net()
    with torch.no_grad():
        first = torch.relu(net.conv1(pixels))
        intact = nn.functional.cross_entropy(net(pixels), labels)
        for index in (3, 8):
            ablated = first.clone()
            ablated[:, index] = first[:, index].mean()
            x = net.pool(torch.relu(net.conv2(net.pool(ablated)))).flatten(1)
            loss = nn.functional.cross_entropy(net.fc2(torch.relu(net.fc1(x))), labels)
            assert found.of_layer("conv1")[index].delta_loss == pytest.approx(float(loss - intact), rel=1e-3)


def test_taylor_is_the_gradient_times_the_activation(found):
    order = np.random.default_rng(len(DATA)).permutation(len(DATA))[:300]
    pixels = torch.stack([DATA[int(k)][0] for k in order])
    labels = torch.tensor([DATA[int(k)][1] for k in order])
    net = demo.fashion_net()
    second = torch.relu(net.conv2(net.pool(torch.relu(net.conv1(pixels)))))
    output = net.fc2(torch.relu(net.fc1(net.pool(second).flatten(1))))
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(output, labels, reduction="sum"), second)
    expected = (second * gradient).sum((2, 3)).abs().mean(0).detach().numpy()
    np.testing.assert_allclose([f.taylor for f in found.of_layer("conv2")], expected, rtol=1e-3, atol=1e-7)


def test_without_ablation_an_estimate_ranks(found):
    first = look(demo.fashion_net(), images=300, ablation=False)
    for layer in first.layers:
        estimates = [f.estimate for f in first.of_layer(layer)]
        ranks = [f.rank for f in first.of_layer(layer)]
        assert sorted(ranks) == list(range(1, len(ranks) + 1))
        assert np.argsort(ranks).tolist() == np.argsort(-np.array(estimates), kind="stable").tolist()
        assert f"place {ranks[0]} in its layer" in first.of_layer(layer)[0].sentence
        measured = [f.delta_loss for f in found.of_layer(layer)]
        assert [f.rank for f in found.of_layer(layer)] == (1 + np.argsort(np.argsort(-np.array(measured)))).tolist()


def test_the_estimate_ranks_better_than_taylors_of_a_map_of_zeros():
    filters = look(demo.fashion_net(), images=1000, layers="conv1").filters
    measured = [f.delta_loss for f in filters]
    by_estimate = stats.spearmanr(measured, [f.estimate for f in filters])[0]
    assert by_estimate > 0.7 and by_estimate > stats.spearmanr(measured, [f.taylor for f in filters])[0]


def test_layers_are_chosen_by_index_name_or_module():
    net = demo.fashion_net()
    for chosen in (1, "conv2", net.conv2, [1], ["conv2", net.conv2]):
        assert look(net, images=20, ablation=False, layers=chosen).layers == ("conv2",)
    for wrong in ("conv3", 2, -1, net.fc1, True):
        with pytest.raises(ValueError, match=r"this net has convolutions 0 … 1: conv1, conv2"):
            look(net, images=20, layers=wrong)
    with pytest.raises(ValueError, match="layers has nothing in it"):
        look(net, images=20, layers=[])


@pytest.mark.parametrize("wrong", [0, -3, 2.5, "all", True, None])
def test_a_number_of_images_is_a_number(wrong):
    with pytest.raises(ValueError, match="how many images"):
        look(demo.fashion_net(), images=wrong)


def test_what_is_no_net_or_no_data_is_refused():
    with pytest.raises(TypeError, match="net is"):
        look("net")
    with pytest.raises(TypeError):
        look(demo.fashion_net(), data=3)
    with pytest.raises(NetError, match="refused an image"):
        look(demo.fashion_net(), data=images(4, 3, 28, 28))
