"""A scan says what every filter gave for every image: compared, number by number, with what is computed by hand."""

import numpy as np
import pytest
import torch

from filterscope import scan
from filterscope.scans.extremes import KEPT
from scan_cases import CASES, brute_force, order, pixels
from scan_comparison import COMPARED, ODDITIES, compare, compare_case


@pytest.mark.parametrize("pre_activation", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("name", CASES)
def test_everything_that_is_asked_is_what_brute_force_counts(name, oddity, pre_activation):
    found, comparison = compare_case(name, oddity, pre_activation)
    assert comparison.different == []
    assert comparison.filters == sum(layer.filters for layer in found.identity.layers) >= 3
    assert min(comparison.compared[what] for what in COMPARED) >= comparison.filters
    assert found.notes == (("No image has a class, so nothing is told by class.",) if oddity == "no labels" else ())
    assert comparison.tied >= 30 or oddity != "ties"


@pytest.mark.parametrize("oddity", ["negative everywhere", "constant channels", "NaN and infinity"])
def test_an_oddity_is_in_the_maps(oddity):
    found, _ = compare_case("strides, groups, dilation, transposed", oddity, True)
    for layer in found.layers:
        moments, values = found.moments(layer, 0)[None], found.top(layer, 0, 20).values
        if oddity == "negative everywhere":
            assert moments.greatest < 0 and moments.fires == 0 and len(values) == 20
        elif oddity == "constant channels":
            assert (moments.least, moments.greatest) == (0.25, 0.25)
            assert found.top(layer, 1, 3).images.tolist() == found.bottom(layer, 1, 3).images.tolist() == [0, 1, 2]
        else:
            assert 0 < moments.nan < moments.images
            assert moments.infinite or layer != "one"


def test_a_difference_would_be_noticed():
    case = CASES["two convolutions"]()
    maps = case.activations()
    found = scan(case.net, case.images, progress=False)
    nobody = np.full(len(case.images), -1)
    assert compare(found, maps, nobody).different == []
    maps[1][7, 2, 1, 2] = maps[1][:, 2].max() + 0.125
    different = compare(found, maps, nobody).different
    assert {what for what, *_ in different} == set(COMPARED)
    assert {(layer, number) for _, _, layer, number in different} == {(1, 2)}


class Draws:
    """Images that are drawn anew whenever they are read.

    Attributes:
        given: All that each index has given.
    """

    def __init__(self, count):
        self.given = [[] for _ in range(count)]

    def __len__(self):
        return len(self.given)

    def __getitem__(self, index):
        self.given[index].append(torch.randint(0, 9, (1, 12, 13)) / 8)
        return self.given[index][-1], index % 2


def test_of_a_random_data_set_the_scores_are_those_of_the_images_as_they_were_read():
    net, data = CASES["two convolutions"]().net, Draws(40)
    found = scan(net, data, progress=False)
    assert any(note.startswith("This data set is random: read again, it gives another image.") for note in found.notes)
    read = [torch.stack(images) for images in data.given]
    with torch.no_grad():
        maxima = [net.conv1(images).relu().amax((2, 3)) for images in read]
    for number in range(4):
        top = found.top("conv1", number, 40)
        assert sorted(top.images.tolist()) == list(range(40))
        for image, value in zip(top.images, top.values, strict=True):
            assert float(value) in maxima[image][:, number].tolist()


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


def same_exemplars(exemplars, expected, values, places, size, k):
    assert exemplars.images.tolist() == expected[:k]
    np.testing.assert_array_equal(exemplars.values, values[expected[:k]])
    positions = np.stack(np.unravel_index(places[expected[:k]], size), 1) if expected else np.zeros((0, len(size)))
    np.testing.assert_array_equal(exemplars.positions, positions)


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
