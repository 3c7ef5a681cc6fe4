"""What a page is told of exemplars: pixels, groups, many classes, maps without a mean."""

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import scan
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.frames.exemplars import (
    MOST_CLASSES,
    MOST_SIDE,
    build_exemplars,
    classes_shown,
    exemplar_groups,
    levels_of,
)
from filterscope.receptive_field.fields import Box
from filterscope.scans.crops import Crop
from nets import images, seeded


def crop_of(pixels):
    height, width = pixels.shape[:2]
    return Crop(0, pixels, Box(0, 0, height, width, 0, 1), "exact", (0, 0), (0.5, 0.5))


@pytest.mark.parametrize("shape", [(3, 3), (64, 40), (5, 7, 3)])
def test_a_crop_that_fits_is_sent_as_it_is(shape):
    pixels = images(*shape).numpy()
    levels = levels_of(crop_of(pixels))
    assert levels.shape == (*shape[:2], shape[2] if len(shape) == 3 else 1)
    np.testing.assert_array_equal(levels.reshape(shape), np.floor(pixels * 255 + 0.5))


@pytest.mark.parametrize("shape", [(128, 64), (128, 64, 3)])
def test_a_large_one_is_sent_as_means_of_areas(shape):
    pixels = images(*shape).numpy()
    levels = levels_of(crop_of(pixels))
    means = pixels.reshape(64, 2, 32, 2, -1).mean((1, 3))
    assert levels.shape == means.shape
    assert np.abs(levels.astype(int) - np.floor(means * 255 + 0.5)).max() <= 1


@pytest.mark.parametrize("shape", [(1, 4000), (4000, 1), (300, 301)])
def test_it_keeps_a_line_and_its_longer_side_fits(shape):
    levels = levels_of(crop_of(np.ones(shape, np.float32)))
    assert max(levels.shape[:2]) == MOST_SIDE and min(levels.shape) >= 1 and (levels == 255).all()
    assert max(levels_of(crop_of(np.ones(shape, np.float32)), 48).shape[:2]) == 48


def of_classes(count, each=6):
    """Images of so many classes; the brighter, the higher the class."""
    base = images(each, 1, 8, 8)
    return [(base[k] * (label + 1) / count, label) for k in range(each) for label in range(count)]


def a_filter():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    with torch.no_grad():
        net[0].weight.fill_(0.2)
        net[0].bias.zero_()
    return net.eval()


def test_of_many_classes_those_are_shown_that_drive_it_most():
    found = scan(a_filter(), of_classes(30), progress=False)
    assert classes_shown(found, 0, 0) == list(range(29, 29 - MOST_CLASSES, -1))
    few = scan(a_filter(), of_classes(4), progress=False)
    assert classes_shown(few, 0, 0) == [0, 1, 2, 3]
    groups = exemplar_groups(found, 0, 0, "class", {"bin": 0, "label": None})
    assert [label for label, _ in groups] == classes_shown(found, 0, 0)
    assert all(set(group.labels) == {label} and 1 <= len(group) <= 4 for label, group in groups)


def test_without_classes_there_is_nothing_by_class():
    found = scan(a_filter(), images(9, 1, 8, 8), progress=False)
    assert classes_shown(found, 0, 0) == []
    assert exemplar_groups(found, 0, 0, "class", {"bin": 0, "label": None}) == []
    engine = Engine(a_filter(), SampleSource(images(9, 1, 8, 8)))
    top = exemplar_groups(found, 0, 0, "top", {"bin": 0, "label": None})
    body = build_exemplars(top, engine.classes)
    assert len(body["crops"]) == 9 and all(crop["label"] is None for crop in body["crops"])
    assert all(crop["predicted"] is None for crop in body["crops"])
    nothing = build_exemplars([], engine.classes)
    assert nothing["values"].shape == (0,) and nothing["pixels"].dtype == np.uint8


def test_a_layer_that_sees_the_whole_image_has_the_place_to_mark():
    class SeesAll(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 4, 3)

        def forward(self, x):
            y = torch.relu(self.one(x))
            return torch.relu(self.two(y * torch.sigmoid(y.mean((2, 3), keepdim=True))))

    data = [(image, 0) for image in images(6, 1, 10, 11)]
    found = scan(seeded(SeesAll).eval(), data, progress=False)
    engine = Engine(seeded(SeesAll).eval(), SampleSource(data))
    groups = exemplar_groups(found, 1, 0, "top", {"bin": 0, "label": None})
    for crop in build_exemplars(groups, engine.classes)["crops"]:
        assert (
            crop["status"] == "whole image"
            and crop["whole"]
            and crop["box"] == [0, 0, 10, 11]
            and crop["shape"] == [10, 11, 1]
        )
        row, column = crop["position"]
        assert crop["centre"] == [row + 2.5, column + 2.5]


def test_a_box_that_is_cut_to_the_whole_image_has_it_too():
    net = nn.Sequential(nn.Conv2d(1, 2, 9, padding=4), nn.ReLU())
    data = [(image, 0) for image in images(5, 1, 5, 5)]
    found = scan(seeded(lambda: net).eval(), data, progress=False)
    engine = Engine(net, SampleSource(data))
    for crop in build_exemplars(exemplar_groups(found, 0, 0, "top", {"bin": 0, "label": None}), engine.classes)[
        "crops"
    ]:
        assert crop["status"] == "exact" and crop["whole"] and crop["box"] == [0, 0, 5, 5]
