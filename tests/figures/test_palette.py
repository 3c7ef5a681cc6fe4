"""Codes to colours in Python: the page's rule and anchors."""

import json
from pathlib import Path

import numpy as np
import pytest

from filterscope.figures.palette import lookup, palette_for

CHECKOUT = Path(__file__).resolve().parents[2]
ANCHORS = json.loads((CHECKOUT / "js" / "src" / "draw" / "palette.json").read_text("utf-8"))


def rgb(colour):
    return [int(colour[k : k + 2], 16) for k in (1, 3, 5)]


def test_the_anchors_are_the_pages_own():
    shipped = CHECKOUT / "widget_pkg" / "filterscope" / "static" / "palettes.json"
    assert json.loads(shipped.read_text("utf-8")) == ANCHORS, "run `make bundle`"


@pytest.mark.parametrize("name", ["sequential", "diverging", "gray"])
def test_between_the_anchors_colours_are_interpolated(name):
    stops = np.array([rgb(one) for one in ANCHORS[name]])
    place = np.linspace(0, len(stops) - 1, 253)
    expected = np.stack([np.interp(place, np.arange(len(stops)), stops[:, k]) for k in range(3)], 1)
    np.testing.assert_allclose(lookup(name)[2:255], expected, atol=0.5 + 1e-9)


def test_zero_is_white_and_what_is_no_number_has_its_own_colour():
    colours = lookup("diverging")
    assert colours[128].tolist() == rgb(ANCHORS["diverging"][6])
    assert [colours[code].tolist() for code in (0, 1, 255)] == [rgb(ANCHORS[key]) for key in ("nan", "-inf", "+inf")]


def test_a_lookup_is_shared_and_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        lookup("gray")[0] = 1


def test_signed_ranges_diverge():
    assert (palette_for(True), palette_for(False)) == ("diverging", "sequential")
