"""Which axis of an array is which: layouts, stills and clips, signals and volumes."""

import numpy as np
import pytest
import torch

from filterscope.data.source import SampleSource
from nets import images


@pytest.mark.parametrize(
    ("layout", "axes"), [("HWC", (1, 2, 0)), ("NHWC", (1, 2, 0)), ("CHW", (0, 1, 2)), (None, (0, 1, 2))]
)
def test_layout_overrides_the_guess(layout, axes):
    image = np.arange(36, dtype=np.float32).reshape(3, 3, 4) / 36  # three rows or three channels: not clear
    stored = np.ascontiguousarray(image.transpose(axes))
    assert np.array_equal(SampleSource([stored], layout=layout).read(0).image, image)


def test_signals_and_volumes_with_and_without_channels():
    assert SampleSource([torch.zeros(9)], inputs=[(1, None)]).read(0).image.shape == (1, 9)
    assert SampleSource([torch.zeros(4, 5, 6)], inputs=[(3, None)]).read(0).image.shape == (1, 4, 5, 6)
    sample = SampleSource([images(3, 9)], inputs=[(1, None)], mean=[0.5, 0.5, 0.5], std=[2, 2, 2]).read(0)
    np.testing.assert_allclose(sample.display, np.clip(images(3, 9).numpy() * 2 + 0.5, 0, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "channels", "layout", "count", "first"),
    [
        ((5, 3, 6, 7), 3, None, 5, (3, 6, 7)),
        ((5, 6, 7, 3), 3, None, 5, (3, 6, 7)),
        ((3, 3, 6, 3), 3, None, 3, (3, 6, 3)),  # both: torch's order
        ((5, 24, 6, 7), 24, None, 5, (24, 6, 7)),
        ((5, 6, 7, 24), 24, None, 5, (24, 6, 7)),
        ((5, 6, 7, 2), None, "NHWC", 5, (2, 6, 7)),
        ((3, 6, 7), 3, None, 1, (3, 6, 7)),
        ((6, 7, 3), 3, None, 1, (3, 6, 7)),
        ((5, 6, 7), 3, None, 5, (1, 6, 7)),
        ((1, 6, 7), 1, None, 1, (1, 6, 7)),
        ((6, 7, 1), 1, None, 1, (1, 6, 7)),
        ((5, 6, 7), 1, None, 5, (1, 6, 7)),
        ((3, 6, 7), 3, "NHW", 3, (1, 6, 7)),
        ((5, 6, 7), 3, "CHW", 1, (5, 6, 7)),
        ((6, 7), 1, None, 1, (1, 6, 7)),
    ],
)
@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_which_axis_is_which(shape, channels, layout, count, first, library):
    data = images(*shape) if library == "torch" else images(*shape).numpy()
    source = SampleSource(data, inputs=[(2, channels)], layout=layout)
    assert len(source) == count
    image = source.read(count - 1).image
    assert image.shape == first
    whole = np.asarray(data).reshape(-1)
    assert np.isin(image, whole).all() and image.size * count == whole.size


@pytest.mark.parametrize(
    ("shape", "layout", "count"),
    [
        ((3, 3, 6, 7), None, 3),
        ((3, 6, 7, 3), None, 3),
        ((3, 3, 6, 7), "NCHW", 3),
        ((3, 6, 7, 3), "NHWC", 3),
        ((3, 6, 7, 5), None, 1),
        ((3, 3, 7, 3), "NCHW", 3),
        ((3, 3, 7, 3), "NHWC", 3),
        ((5, 3, 6, 7), None, 5),
    ],
)
def test_stills_and_clips_for_a_net_of_clips(shape, layout, count):
    data = images(*shape).numpy()
    source = SampleSource(data, inputs=[(3, 3)], layout=layout)
    assert len(source) == count
    image = source.read(0).image
    if count == 1:
        assert np.array_equal(image, data)
    else:
        last = layout == "NHWC" or (shape[1] != 3 and shape[-1] == 3)
        still = np.moveaxis(data[0], -1, 0) if last else data[0]
        assert np.array_equal(image, np.repeat(still[:, None], 16, 1))


def test_a_layout_after_a_transform_is_that_of_what_the_transform_gives():
    data = np.arange(5 * 3 * 3 * 3, dtype=np.float32).reshape(5, 3, 3, 3)
    same = SampleSource(data, layout="NHWC", transform=lambda image: image * 2).read(1).image
    assert np.array_equal(same, data[1].transpose(2, 0, 1) * 2)
    turned = SampleSource(data, layout="NHWC", transform=lambda image: torch.from_numpy(image.transpose(2, 0, 1))).read(
        1
    )
    assert np.array_equal(turned.image, data[1].transpose(2, 0, 1))
