"""What a page is sent of an image: its bytes, or of a large one the means of blocks, never more than it can show."""

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Explorer
from filterscope.filters.block_means import block_means
from filterscope.frames.image import MOST_PIXELS
from nets import images, seeded

FRAME = {"image": 0, "layer": 0, "filter": 0, "channel": None, "source": "input"}


def sample_of(data, channels, **args):
    net = nn.Sequential(seeded(lambda: nn.Conv2d(channels, 2, 3)), nn.ReLU(), seeded(lambda: nn.Conv2d(2, 3, 1)))
    explorer = Explorer(net, data)
    return explorer, explorer.pages.requests.handlers["frame"](FRAME | args)["sample"]


@pytest.mark.parametrize("shape", [(7, 9), (12, 8, 3), (3, 3), (5, 100, 3)])
def test_block_means_are_the_means_of_blocks(shape):
    pixels = images(*shape).numpy()
    in_planes = block_means(np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels, 4)
    found = np.moveaxis(in_planes, 0, -1) if pixels.ndim == 3 else in_planes
    assert found.shape[:2] == (-(-shape[0] // 4), -(-shape[1] // 4))
    for row in range(found.shape[0]):
        for column in range(found.shape[1]):
            block = pixels[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            np.testing.assert_allclose(found[row, column], block.mean((0, 1)), rtol=1e-5)


def test_a_large_image_is_sent_as_means_and_python_has_all_of_it():
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 700, 1100)).astype(np.uint8))
    explorer, sample = sample_of([image], 3)
    block = sample["reduced"]
    assert sample["size"] == [700, 1100] and block == 2
    height, width, _ = sample["display"].shape
    assert height * width <= MOST_PIXELS < (700 / (block - 1)) * (1100 / (block - 1))
    expected = image.float().reshape(3, 350, 2, 550, 2).mean((2, 4)).permute(1, 2, 0).numpy()
    assert np.abs(sample["display"] - expected).max() <= 0.51
    assert "The page shows means of 2×2 pixels." in sample["note"]
    assert explorer.display.shape == (700, 1100, 3)
    np.testing.assert_allclose(explorer.display, image.permute(1, 2, 0).numpy() / 255, atol=1e-6)


def test_a_small_image_is_sent_as_it_is():
    _, sample = sample_of(images(1, 1, 8, 8), 1)
    assert (sample["reduced"], sample["size"], sample["plane"], sample["planes"]) == (1, [8, 8], None, 0)
    assert "means" not in sample["note"]


def test_the_channel_that_is_drawn_is_the_kernels_or_the_chosen_one():
    data = images(1, 6, 9, 8)
    levels = np.floor(data[0].numpy() * 255 + 0.5).astype(np.uint8)
    for args, plane in [({}, 0), ({"channel": 4}, 4), ({"channel": 4, "plane": 2}, 2), ({"layer": 1, "channel": 1}, 0)]:
        _, sample = sample_of(data, 6, **args)
        assert (sample["plane"], sample["planes"]) == (plane, 6)
        assert np.array_equal(sample["display"], levels[plane])
        assert f"Channel {plane} of 6." in sample["note"]
    explorer, _ = sample_of(data, 6)
    explorer.channel = 5
    assert np.array_equal(explorer.display, data[0, 5].numpy())


@pytest.mark.parametrize("plane", [-1, 1.5, "0", True])
def test_a_forged_plane_is_refused(plane):
    with pytest.raises(ValueError, match="expected an int from 0 on, or None"):
        sample_of(images(1, 6, 9, 8), 6, plane=plane)
