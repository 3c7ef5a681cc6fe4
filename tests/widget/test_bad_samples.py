"""A sample that cannot be shown: an error in its place, and the explorer goes on."""

import numpy as np
import pytest

from explorers import ask
from filterscope import Explorer, NetError, SampleError
from nets import TwoConvs, images, seeded


class Sometimes:
    """A data set whose sample 1 cannot be read, 2 is no image, 3 has a shape the net refuses."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        if index == 1:
            raise OSError("disk on fire")
        return {2: "words", 3: images(3, 14, 14)}.get(index, images(1, 14, 14))


def test_a_bad_sample_is_an_error_in_its_place_and_the_explorer_goes_on():
    explorer = Explorer(seeded(TwoConvs), Sometimes())
    good = explorer.activation
    explorer.image_index = 1
    for name in ("image", "display", "label", "response", "pre_activation", "activation", "prediction"):
        with pytest.raises(SampleError, match="sample 1: the data set raised OSError: disk on fire"):
            getattr(explorer, name)
    assert explorer.kernel.shape == (1, 3, 3)
    explorer.image_index = 2
    with pytest.raises(SampleError, match="sample 2: it is str 'words', not an image"):
        _ = explorer.activation
    explorer.image_index = 3
    assert explorer.image.shape == (3, 14, 14)
    with pytest.raises(NetError, match=r"refused an image of shape \(C, H, W\) = \(3, 14, 14\), float32: RuntimeError"):
        _ = explorer.activation
    explorer.image_index = 4
    assert np.array_equal(explorer.activation, good)


def test_an_explorer_opens_on_a_bad_sample_with_what_another_one_tells_of_the_net():
    explorer = Explorer(seeded(TwoConvs), Sometimes(), image_index=1)
    assert [layer.out_shape for layer in explorer.layers] == [(4, 12, 12), (6, 4, 4)]
    with pytest.raises(SampleError, match="sample 1: the data set raised OSError: disk on fire"):
        _ = explorer.image
    explorer.image_index = 0
    assert explorer.image.shape == (1, 14, 14)


def test_a_bad_sample_reaches_the_page_as_a_sentence():
    explorer = Explorer(seeded(TwoConvs), Sometimes())
    messages = []
    explorer.send = lambda content, buffers=None: messages.append(content)
    for image in (1, 3, 0):
        ask(explorer, "frame", image=image, layer=0, filter=0, source="input")
    assert messages[0]["error"] == {
        "type": "SampleError",
        "message": "sample 1: the data set raised OSError: disk on fire",
    }
    assert messages[1]["error"]["type"] == "NetError"
    assert "body" in messages[2]
