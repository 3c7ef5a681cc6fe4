"""A scan says what every filter gave for every image: compared, number by number, with what is computed by hand."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from filterscope import scan
from filterscope.scans.extremes import KEPT
from scan_cases import CASES, brute_force, order, pixels


def same_exemplars(exemplars, expected, values, places, size, k):
    assert exemplars.images.tolist() == expected[:k]
    np.testing.assert_array_equal(exemplars.values, values[expected[:k]])
    positions = np.stack(np.unravel_index(places[expected[:k]], size), 1) if expected else np.zeros((0, len(size)))
    np.testing.assert_array_equal(exemplars.positions, positions)


@pytest.mark.parametrize("pre_activation", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_values_images_and_positions_are_those_of_brute_force(name, pre_activation):
    case = CASES[name]()
    count = len(case.images)
    classes = [f"class {number}" for number in range(4)]
    labels = np.arange(count) * 7 % 4
    data = [(image, int(label)) for image, label in zip(case.images, labels, strict=True)]
    found = scan(case.net, data, pre_activation=pre_activation, classes=classes, progress=False)
    with torch.no_grad():
        maps_of_layers = case.maps(case.net, case.images)
    assert found.images == count and len(found.layers) == len(maps_of_layers) and found.notes == ()
    for layer, pair in enumerate(maps_of_layers):
        maps = pair[pre_activation]
        size = tuple(maps.shape[2:])
        maxima, places, means = brute_force(maps)
        for number in range(maps.shape[1]):
            values, at = maxima[:, number], places[:, number]
            for descending, end in ((True, found.top), (False, found.bottom)):
                same_exemplars(end(layer, number, 20), order(values, descending), values, at, size, 20)
                of_mean = end(layer, number, 20, "mean")
                same_exemplars(of_mean, order(means[:, number], descending), means[:, number], at, size, 20)
            ranked = order(values, True)
            groups = found.typical(layer, number, k=3, groups=5)
            for group, part in zip(groups, np.array_split(ranked, 5), strict=True):
                middles = range(len(part)) if len(part) <= 3 else [(2 * i + 1) * len(part) // 6 for i in range(3)]
                assert group.images.tolist() == [part[at] for at in middles]
            for label, exemplars in found.by_class(layer, number, k=4).items():
                of_class = [index for index in ranked if classes[labels[index]] == label]
                same_exemplars(exemplars, of_class, values, at, size, 4)
            moments = found.moments(layer, number)
            for label, own in [(None, values), *((name, values[labels == k]) for k, name in enumerate(classes))]:
                if len(own):
                    assert moments[label].images == len(own) and moments[label].nan == 0
                    assert moments[label].fires == np.mean([value > 0 for value in own])
                    assert moments[label].mean == pytest.approx(np.mean(own.astype(np.float64)), rel=1e-12)
                    assert moments[label].deviation == pytest.approx(np.std(own.astype(np.float64)), rel=1e-9, abs=1e-9)
                    assert (moments[label].least, moments[label].greatest) == (own.min(), own.max())
            histogram = found.histogram(layer, number, 6)
            assert histogram.counts.sum() == count
            assert (sum(histogram.by_class.values()) == histogram.counts).all()
            inside = [(values >= low) & (values < high) for low, high in pairwise(histogram.edges)]
            inside[-1] |= values == histogram.edges[-1]
            assert histogram.counts.tolist() == [int(chosen.sum()) for chosen in inside]
            mean_map = maps[:, number].double().mean(0).numpy()
            np.testing.assert_allclose(found.mean_map(layer, number), mean_map, rtol=1e-6, atol=1e-7)


class Chosen(torch.nn.Module):
    """A convolution that lets the image through, so that its maps are the images themselves."""

    def __init__(self, channels):
        super().__init__()
        self.conv = torch.nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
        torch.nn.init.ones_(self.conv.weight)

    def forward(self, x):
        return self.conv(x)


def maps_of_every_kind():
    """Six maps an image: constant, negative everywhere, zero, with NaN, with infinities, and plain."""
    values = pixels(40, 1, 6, 5)[:, 0]
    nan, infinite = values.clone(), values.clone()
    nan[values > 0.9] = torch.nan
    nan[:20] = nan[:20].nan_to_num(0.25)  # the first half has none
    infinite[3, 2, 2], infinite[9, 0, 0], infinite[12] = torch.inf, -torch.inf, -torch.inf
    kinds = [torch.full_like(values, 0.5), -1 - values, torch.zeros_like(values), nan, infinite, values]
    return torch.stack(kinds, 1)


def test_maps_of_every_kind_have_true_images_and_nan_is_counted():
    maps = maps_of_every_kind()
    found = scan(Chosen(6).eval(), maps, progress=False)
    maxima, places, means = brute_force(maps)
    for number in range(6):
        for descending, end in ((True, found.top), (False, found.bottom)):
            same_exemplars(
                end(0, number, 40),
                order(maxima[:, number], descending),
                maxima[:, number],
                places[:, number],
                (6, 5),
                40,
            )
            of_mean = end(0, number, 40, "mean")
            assert of_mean.images.tolist() == order(means[:, number], descending)
        assert found.moments(0, number)[None].nan == np.isnan(maxima[:, number]).sum()
        assert found.histogram(0, number).nan == np.isnan(maxima[:, number]).sum()
    assert found.top(0, 1).images.tolist() == order(maxima[:, 1], True)[:9] and (found.top(0, 1).values < 0).all()
    assert found.top(0, 0, 5).images.tolist() == found.bottom(0, 0, 5).images.tolist() == [0, 1, 2, 3, 4]
    assert (found.top(0, 0).positions == 0).all()
    moments = found.moments(0, 4)[None]
    assert (moments.infinite, moments.greatest, moments.least) == (2, np.inf, -np.inf)
    assert found.histogram(0, 4).infinite == 2
    assert 0 < found.moments(0, 3)[None].nan < 40
    finite = [image for image in range(40) if torch.isfinite(maps[image, 3]).all()]
    np.testing.assert_allclose(found.mean_map(0, 3), maps[finite, 3].mean(0).numpy(), rtol=1e-6)
    assert found.mean_map(0, 1).max() < 0


def test_of_the_means_a_hundred_at_each_end_are_kept():
    maps = pixels(300, 2, 3, 3)
    found = scan(Chosen(2).eval(), maps, progress=False)
    _, _, means = brute_force(maps)
    for number in range(2):
        assert found.top(0, number, KEPT, "mean").images.tolist() == order(means[:, number], True)[:KEPT]
        assert found.bottom(0, number, KEPT, "mean").images.tolist() == order(means[:, number], False)[:KEPT]
    with pytest.raises(ValueError, match="k is 101; of the means the 100 greatest and the 100 least are kept"):
        found.top(0, 0, KEPT + 1, "mean")


def test_a_large_map_has_positions_of_more_than_two_bytes():
    maps = torch.zeros(3, 1, 300, 400)
    maps[0, 0, 299, 399], maps[1, 0, 170, 7] = 1, 2
    found = scan(Chosen(1).eval(), maps, progress=False)
    assert found.top(0, 0).images.tolist() == [1, 0, 2]
    assert found.top(0, 0).positions.tolist() == [[170, 7], [299, 399], [0, 0]]


@pytest.mark.parametrize(("side", "bytes_each"), [(16, 1), (256, 2), (257, 4)])
def test_positions_take_as_few_bytes_as_the_map_needs(side, bytes_each):
    found = scan(Chosen(1).eval(), torch.rand(2, 1, side, side), progress=False)
    assert found.state.pieces[0].layers[0].position.itemsize == bytes_each
