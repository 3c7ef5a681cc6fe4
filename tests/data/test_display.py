"""What is drawn of an image: colours, transparency, one channel at a time, and what is said of it."""

import numpy as np
import pytest

from filterscope.data.display import checkerboard, draw
from filterscope.data.normalize import Finding, Normalize
from filterscope.data.source import SampleSource
from nets import images

NOTHING = Finding()


def test_transparency_is_composed_over_a_checkerboard():
    image = images(4, 40, 60).numpy()
    shown = draw(image, NOTHING)
    alpha, board = image[3], checkerboard(40, 60)
    expected = np.moveaxis(image[:3] * alpha + board * (1 - alpha), 0, -1)
    np.testing.assert_allclose(shown.pixels, expected, atol=1e-6)
    assert (shown.pixels.dtype, shown.plane, shown.planes) == (np.float32, None, 0)


def test_the_checkerboard_has_two_levels_and_whole_squares():
    board = checkerboard(32, 64)
    assert len(np.unique(board)) == 2
    assert np.array_equal(board[:2, :2], np.full((2, 2), board[0, 0]))
    assert board[0, 2] != board[0, 0] and board[2, 0] != board[0, 0] and board[2, 2] == board[0, 0]
    assert checkerboard(1, 1).shape == (1, 1)


def test_four_channels_with_a_normalize_are_rgba_again():
    plain = images(4, 9, 8).numpy()
    mean, std = np.float32([0.5, 0.4, 0.3, 0.0]), np.float32([0.2, 0.3, 0.4, 1.0])
    normal = (plain - mean[:, None, None]) / std[:, None, None]
    shown = draw(normal, Finding(Normalize(mean, std)))
    np.testing.assert_allclose(shown.pixels, draw(plain, NOTHING).pixels, atol=1e-6)


def test_four_channels_whose_last_is_no_transparency_are_drawn_one_at_a_time():
    image = images(4, 9, 8).numpy() * 3 - 1
    shown = draw(image, NOTHING, 3)
    assert (shown.pixels.shape, shown.plane, shown.planes) == ((9, 8), 3, 4)


@pytest.mark.parametrize("channels", [2, 5, 24])
def test_one_channel_at_a_time(channels):
    image = images(channels, 9, 8).numpy()
    for plane in (0, channels - 1):
        shown = draw(image, NOTHING, plane)
        assert np.array_equal(shown.pixels, image[plane])
        assert f"Channel {plane} of {channels}." in shown.note
    assert draw(image, NOTHING, 99).plane == channels - 1


def test_what_lies_outside_is_clipped_and_counted():
    image = np.float32([[[-3, 0], [0.5, 9]]])
    shown = draw(image, Finding(Normalize(np.float32([0.5]), np.float32([0.5]))))
    np.testing.assert_array_equal(shown.pixels, [[0, 0.5], [0.75, 1]])
    assert shown.note == "Normalize undone. 2 of 4 values lay outside 0 … 1 and are clipped."
    rounding = draw(np.float32([[[-1.000001, 1.000001]]]), Finding(Normalize(np.float32([0.5]), np.float32([0.5]))))
    assert "clipped" not in rounding.note


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0, -4.0, 7.0])
def test_a_constant_image(value):
    shown = draw(np.full((1, 3, 3), value, np.float32), NOTHING)
    assert np.isfinite(shown.pixels).all() and shown.pixels.min() >= 0 and shown.pixels.max() <= 1


def test_an_image_of_nan_alone():
    shown = draw(np.full((3, 2, 2), np.nan, np.float32), NOTHING)
    assert not shown.pixels.any() and "12 values are NaN or infinite." in shown.note


def test_the_image_itself_is_not_touched():
    for channels in (1, 2, 3, 4):
        image = images(channels, 5, 5).numpy() * 4 - 2
        before = image.copy()
        draw(image, Finding(Normalize(np.float32([0.5]), np.float32([0.5]))))
        assert np.array_equal(image, before)


def test_display_undoes_normalize():
    plain = images(3, 5, 6).numpy()
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    normal = (plain - np.float32(mean)[:, None, None]) / np.float32(std)[:, None, None]
    sample = SampleSource([normal], mean=mean, std=std).read(0)
    np.testing.assert_allclose(sample.display, np.moveaxis(plain, 0, -1), atol=1e-6)
    assert sample.note == "Normalize undone."
    assert np.array_equal(sample.image, normal)


def test_display_maps_the_values_it_states():
    image = np.float32([[[-2, 0], [1, 2]]])
    sample = SampleSource([image]).read(0)
    assert (sample.low, sample.high) == (-2, 2)
    np.testing.assert_array_equal(sample.display, [[0, 0.5], [0.75, 1]])
    inside = SampleSource([image[:, 1:] / 4]).read(0)
    assert (inside.low, inside.high) == (0, 1)
    np.testing.assert_array_equal(inside.display, [[0.25, 0.5]])


def test_display_of_what_is_not_finite_stays_in_range():
    sample = SampleSource([np.float32([[[np.nan, np.inf], [0.5, -np.inf]]])]).read(0)
    np.testing.assert_array_equal(sample.display, [[0, 1], [0.5, 0]])
    assert np.isnan(sample.image[0, 0, 0])
