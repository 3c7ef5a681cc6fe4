"""Diagnoses of data of every kind: without labels, of one class, few, broken, a stream."""

import numpy as np
import pytest
import torch
from torch.utils.data import IterableDataset, Subset, TensorDataset

from diagnoses import DATA, look
from filterscope import demo
from nets import TwoConvs, images, seeded


def test_without_labels_use_goes_by_the_nets_own_output():
    unlabelled = [DATA[k][0] for k in range(200)]
    found = look(demo.fashion_net(), unlabelled)
    assert "without labels" in found.knowledge
    uses = {f.use for f in found.filters}
    assert "used" in uses and "harmful" not in uses and "withheld" not in uses
    assert all(f.delta_loss >= 0 for f in found.filters)
    assert any("no labels" in f.sentence for f in found.filters)
    assert {f.use for f in look(demo.fashion_net(epoch=0), unlabelled).filters} == {"withheld"}


def test_one_class_is_too_little():
    coats = [k for k in range(2000) if DATA[k][1] == 4][:100]
    found = look(demo.fashion_net(), Subset(DATA, coats), images=100)
    assert "one class" in found.filters[0].use_reason
    assert {f.state for f in found.filters} == {"live", "dead"}


def test_few_images_are_said():
    found = look(demo.fashion_net(), images=20)
    assert {f.use for f in found.filters} == {"withheld"}
    assert "20 images are too few" in found.filters[0].use_reason
    assert found.filters[0].delta_loss != found.filters[0].delta_loss  # NaN


def test_broken_images_and_losses_are_left_out_and_counted():
    pixels, labels = torch.stack([DATA[k][0] for k in range(80)]), torch.tensor([DATA[k][1] for k in range(80)])
    pixels[:5] = torch.nan
    found = look(demo.fashion_net(), TensorDataset(pixels, labels), images=80)
    assert any("5 images gave a NaN" in note for note in found.notes)
    clean = look(demo.fashion_net(), TensorDataset(pixels[5:], labels[5:]), images=75)
    assert found.filters[0].taylor == pytest.approx(clean.filters[0].taylor, rel=1e-3)
    assert found.filters[0].delta_loss == pytest.approx(clean.filters[0].delta_loss, rel=1e-2, abs=1e-5)
    everywhere = look(demo.fashion_net(), TensorDataset(torch.full_like(pixels, torch.nan), labels), images=80)
    assert {f.state for f in everywhere.filters} == {"can't tell"}
    assert {f.use for f in everywhere.filters} == {"withheld"}


def test_one_broken_image_at_the_start_changes_nothing_for_the_rest():
    """Images of several sizes come one by one: the first batch is that image alone."""
    net = seeded(TwoConvs)
    sizes = [(1, 14, 14), (1, 16, 12)]
    data = [(images(*sizes[k % 2], seed=k), k % 3) for k in range(40)]
    first = np.random.default_rng(40).permutation(40)[0]
    for broken, label in ((data[first][0] * np.nan, 1), (data[first][0], None)):
        spoilt = [*data[:first], (broken, label), *data[first + 1 :]]
        found = look(net, spoilt, images=40)
        assert not any("Taylor" in note for note in found.notes)
        assert all(f.taylor > 0 for f in found.filters if f.state == "live")
        assert found.filters[0].labelled and "without labels" not in found.knowledge


class Stream(IterableDataset):
    def __iter__(self):
        for k in range(90):
            yield images(1, 14, 14, seed=k), k % 3


def test_a_stream_is_read_from_its_start():
    net = seeded(TwoConvs)
    held = [(images(1, 14, 14, seed=k), k % 3) for k in range(50)]
    found = look(net, Stream(), images=50)
    assert found.images == 50
    fires = [f.fires for f in look(net, held, images=50).filters]
    assert [f.fires for f in found.filters] == pytest.approx(fires)
    assert look(net, Stream(), images=200, resume=found).images == 90


def test_images_of_several_sizes():
    sizes = [(1, 14, 14), (1, 16, 12), (1, 14, 14)]
    data = [(images(*sizes[k % 3], seed=k), k % 3) for k in range(40)]
    found = look(seeded(TwoConvs), data, images=40)
    assert found.images == 40 and found.filters[0].state == "live"
