"""Attributes of images, against their definitions value by value; they are part of a scan, and merge with it."""

import math

import numpy as np
import pytest

from filterscope import load_scan, scan
from filterscope.inputs import Inputs
from filterscope.scans.attributes import ATTRIBUTES, attributes_of
from nets import TwoConvs, images, seeded
from scan_cases import small_data, small_net

PLACE = {attribute.name: place for place, attribute in enumerate(ATTRIBUTES)}
GRAY = {"brightness", "contrast", "edge density", "horizontal edges", "rising edges", "row", "column"}


def attribute(name, *of):
    return attributes_of([np.asarray(image, np.float32) for image in of])[:, PLACE[name]]


def known(image):
    return {name for name, place in PLACE.items() if not np.isnan(attributes_of([np.float32(image)])[0, place])}


def by_definition(image):
    """Each attribute as its docstring has it, value by value in float64."""
    channels, height, width = image.shape
    image = image.astype(np.float64)
    centred = image - image.mean((1, 2), keepdims=True)

    def difference(down, right):
        pairs = [
            (image[c, y, x] - image[c, y + down, x + right]) ** 2
            for c in range(channels)
            for y in range(height - down)
            for x in range(width)
            if 0 <= x + right < width
        ]
        return sum(pairs) / len(pairs)

    variance = (centred**2).mean()
    across, down, falling, rising = difference(0, 1), difference(1, 0), difference(1, 1), difference(1, -1)
    mass = sum(plane - plane.min() for plane in image)
    rows, columns = np.mgrid[:height, :width]
    result = {
        "brightness": image.mean(),
        "contrast": math.sqrt(variance),
        "edge density": (across + down) / (4 * variance),
        "horizontal edges": (down - across) / (down + across),
        "rising edges": (falling - rising) / (falling + rising),
        "row": (mass * rows).sum() / mass.sum() - (height - 1) / 2,
        "column": (mass * columns).sum() / mass.sum() - (width - 1) / 2,
    }
    if channels == 3:
        means = image.mean((1, 2))
        red, green, blue = image
        result |= dict(zip(("red", "green", "blue"), means - means.mean(), strict=True))
        result["colourfulness"] = math.sqrt((red - green).var() + ((red + green) / 2 - blue).var())
    return result


@pytest.mark.parametrize("shape", [(1, 9, 7), (3, 6, 8), (4, 5, 5), (3, 2, 9), (1, 28, 28)])
@pytest.mark.parametrize("offset", [0.0, -2.0, 50.0])
def test_they_are_what_their_definitions_say(shape, offset):
    batch = images(5, *shape, seed=3).numpy() ** 2 + np.float32(offset)
    rows = attributes_of(list(batch))
    assert rows.dtype == np.float32 and rows.shape == (5, len(ATTRIBUTES))
    for row, image in zip(rows, batch, strict=True):
        expected = by_definition(image)
        assert {name for name, place in PLACE.items() if not np.isnan(row[place])} == set(expected)
        for name, value in expected.items():
            assert row[PLACE[name]] == pytest.approx(value, rel=1e-3, abs=2e-4), name


def test_an_images_attributes_do_not_depend_on_those_beside_it():
    batch = list(images(7, 3, 12, 13).numpy())
    together = attributes_of(batch)
    alone = np.concatenate([attributes_of([image]) for image in batch])
    np.testing.assert_array_equal(together, alone)


def test_they_say_what_people_would():
    stripes = np.tile(np.float32([[[0], [1]]]), (1, 6, 12))  # rows of 0 and rows of 1
    columns = stripes.swapaxes(1, 2)
    assert attribute("horizontal edges", stripes, columns).tolist() == pytest.approx([1, -1])
    diagonal = np.float32([np.add.outer(range(12), range(12)) % 6 < 3])  # equal along x + y: from below left up
    assert attribute("rising edges", diagonal)[0] > 0.3 > -0.3 > attribute("rising edges", diagonal[..., ::-1])[0]
    spot = np.zeros((1, 11, 11), np.float32)
    spot[0, 9, 2] = 1
    assert (attribute("row", spot)[0], attribute("column", spot)[0]) == pytest.approx((4, -3))
    assert (attribute("row", spot - 7)[0], attribute("row", 5 * spot)[0]) == pytest.approx((4, 4), rel=1e-4)
    noise, smooth = images(1, 64, 64).numpy(), np.float32([np.add.outer(range(64), range(64))]) / 64
    assert attribute("edge density", noise, smooth).tolist() == pytest.approx([1, 0], abs=0.1)
    tomato = np.float32([0.9, 0.2, 0.1])[:, None, None] * np.ones((3, 8, 8), np.float32)
    assert attribute("red", tomato)[0] > 0.4 and attribute("colourfulness", tomato)[0] == pytest.approx(0, abs=1e-6)
    gray = np.repeat(images(1, 8, 8).numpy(), 3, 0)
    assert attribute("colourfulness", gray)[0] == pytest.approx(0, abs=1e-3)
    assert attribute("colourfulness", images(3, 8, 8).numpy())[0] > 0.2


def test_a_constant_image_has_no_edges_and_its_mass_in_the_middle():
    for value in (0, 0.1, -3, 1e4):
        row = attributes_of([np.full((1, 9, 9), value, np.float32)])[0]
        assert [row[PLACE[name]] for name in sorted(GRAY - {"brightness"})] == pytest.approx([0] * 6, abs=1e-2)
        assert row[PLACE["brightness"]] == pytest.approx(value)


def test_what_an_image_cannot_have_is_nan():
    assert known(images(1, 9, 9)) == GRAY and known(images(3, 9, 9)) == set(PLACE)
    assert known(images(2, 31)) == {"brightness", "contrast", "edge density", "column"}
    assert known(images(1, 4, 6, 7)) == GRAY
    assert known(images(3, 1, 1)) == {"brightness", "contrast", "red", "green", "blue", "colourfulness"}
    for bad in (np.nan, np.inf):
        image = images(3, 9, 9).numpy()
        image[0, 4, 4] = bad
        assert known(image) <= {"green", "blue"}
    assert attributes_of([np.zeros((1, 0, 4), np.float32)]).shape == (1, len(ATTRIBUTES))


def test_of_several_inputs_it_is_the_image():
    image, mask = images(1, 9, 9).numpy(), np.ones((1, 9, 9), np.float32)
    np.testing.assert_array_equal(attributes_of([Inputs((mask, image), image)]), attributes_of([image]))
    vector = images(6).numpy()
    np.testing.assert_array_equal(attributes_of([Inputs((vector, mask), vector)]), attributes_of([vector[None]]))


def test_images_are_not_written_to():
    image = images(3, 9, 9).numpy()
    before = image.copy()
    attributes_of([image])
    np.testing.assert_array_equal(image, before)


def test_a_scan_keeps_them_through_a_file_and_a_merge(tmp_path):
    expected = attributes_of([image.numpy() for image, _ in small_data()])
    halves = [scan(small_net(), small_data(), images=part, progress=False) for part in (range(30), range(30, 60))]
    whole = halves[1].merge(halves[0])
    whole.save(tmp_path / "scan.npz")
    for found in (whole, load_scan(tmp_path / "scan.npz")):
        np.testing.assert_array_equal(found.state.attributes, expected)
    with pytest.raises(ValueError, match="read-only"):
        whole.state.pieces[0].attributes[0] = 0


def test_images_of_several_sizes_have_them_too():
    mixed = [image for size in (8, 9) for image in images(5, 1, size, 8, seed=size).numpy()]
    found = scan(seeded(TwoConvs), mixed, progress=False)
    np.testing.assert_array_equal(found.state.attributes, np.concatenate([attributes_of([image]) for image in mixed]))
