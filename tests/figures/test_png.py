"""The PNG of a selection: in the widget's bundle, in the page's colours, small, and never in the way."""

import base64
import io
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from filterscope import Explorer, demo
from filterscope.figures.palette import lookup
from filterscope.figures.png import png
from nets import TwoConvs, images, seeded

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def explorer():
    explorer = Explorer(seeded(TwoConvs), images(4, 1, 12, 12), layer_index=1, filter_index=2)
    yield explorer
    explorer.close()


def png_of(explorer):
    data, _ = explorer._repr_mimebundle_()
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB"))


def test_the_bundle_has_the_widget_and_a_picture(explorer):
    data, metadata = explorer._repr_mimebundle_()
    assert data[WIDGET]["model_id"] == explorer.model_id
    assert data["text/plain"] == repr(explorer)
    assert metadata == {}
    assert png_of(explorer).shape == (352, 890, 3)


def test_every_pixel_of_response_and_activation_is_there_in_the_pages_colours(explorer):
    pixels = png_of(explorer)
    for place, values in ((2, explorer.response), (3, explorer.activation)):
        signed = bool((values < 0).any())
        layer = [explorer.select(filter=k) and (explorer.response, explorer.activation)[place - 2] for k in range(6)]
        explorer.select(filter=2)
        high = np.abs(layer).max()
        low = -high if signed or np.min(layer) < 0 else 0.0
        codes = 2 + np.floor((values.astype(np.float64) - low) / (high - low) * 252 + 0.5).astype(int)
        expected = lookup("diverging" if low < 0 else "sequential")[codes]
        side = 200 // max(values.shape)
        left, top = 18 + place * 218, 4 * 18 + 2
        middles = pixels[top + side // 2 :: side, left + side // 2 :: side][: values.shape[0], : values.shape[1]]
        np.testing.assert_array_equal(middles, expected)


def test_it_follows_the_selection_and_changed_weights(explorer):
    first = png_of(explorer)
    explorer.image_index = 1
    second = png_of(explorer)
    assert (first != second).any()
    with torch.no_grad():
        explorer.layer.module.weight.mul_(-1)
    assert (png_of(explorer) != second).any()


def test_what_is_asked_for_is_what_comes(explorer):
    assert "image/png" not in explorer._repr_mimebundle_(include={"text/plain"}, exclude=None)[0]
    assert "image/png" not in explorer._repr_mimebundle_(include=None, exclude={"image/png"})[0]
    assert "image/png" in explorer._repr_mimebundle_(include=None, exclude=None)[0]


def test_where_there_is_no_picture_the_widget_comes_alone():
    good = np.zeros((1, 12, 12), np.float32)
    explorer = Explorer(seeded(TwoConvs), [good, "no image"])
    explorer.image_index = 1
    data, _ = explorer._repr_mimebundle_()
    assert WIDGET in data
    assert "image/png" not in data
    explorer.close()


def test_a_photograph_stays_small():
    noise = images(1, 3, 224, 224, seed=3)
    explorer = Explorer(seeded(lambda: TwoConvs(3)), noise)
    data, _ = explorer._repr_mimebundle_()
    assert len(data["image/png"]) < 140_000  # noise is the worst case
    explorer.close()
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
    assert len(explorer._repr_mimebundle_()[0]["image/png"]) < 30_000
    explorer.close()


@pytest.mark.parametrize("rank", [1, 3])
def test_signals_and_volumes_have_a_picture(rank):
    conv = {1: torch.nn.Conv1d, 3: torch.nn.Conv3d}[rank]
    explorer = Explorer(seeded(lambda: conv(2, 3, 3)), images(2, 2, *[9] * rank))
    assert png_of(explorer).std() > 1
    explorer.close()


def test_values_that_are_no_numbers_are_marked():
    data = images(1, 1, 12, 12)
    data[0, 0, 2, 2] = float("nan")
    explorer = Explorer(seeded(TwoConvs), data)
    assert (png_of(explorer) == lookup("diverging")[0]).all(-1).any()
    explorer.close()


def test_opencv_reads_it_too(explorer):
    blue_first = cv2.imdecode(np.frombuffer(png(explorer._scene()), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(blue_first[..., ::-1], png_of(explorer))


def test_neither_an_explorer_nor_its_picture_imports_matplotlib():
    code = """
import sys
from filterscope import Explorer, demo
Explorer(demo.fashion_net(), demo.fashion_test_data())._repr_mimebundle_()
print([name for name in ("matplotlib", "ipympl") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_widgets_state_keeps_the_picture_for_pages_without_a_kernel(explorer):
    assert explorer.get_state("_png") == {"_png": b""}  # no cell has shown it
    data, _ = explorer._repr_mimebundle_()
    assert bytes(explorer.get_state("_png")["_png"]) == base64.b64decode(data["image/png"])


class Sees(torch.nn.Module):
    """Segments by the brightest channel, or sees always the same two objects."""

    def __init__(self, boxes=None):
        super().__init__()
        self.conv, self.boxes = torch.nn.Conv2d(3, 3, 1), boxes
        with torch.no_grad():
            self.conv.weight.copy_(torch.eye(3)[..., None, None])
            self.conv.bias.zero_()

    def forward(self, x):
        out = self.conv(x)
        if self.boxes is None:
            return out
        seen = {"boxes": torch.tensor(self.boxes), "labels": torch.tensor([3, 9]), "scores": torch.tensor([0.9, 0.8])}
        return [seen for _ in out]


def picture_of_image(explorer):
    """The part of the PNG with the image of 20×40 pixels, each of which is 5×5 there."""
    return png_of(explorer)[74:174, 18:218].astype(int)


def test_the_class_of_each_pixel_is_laid_over_the_image():
    data = [(image, image.argmax(0)) for image in images(2, 3, 20, 40)]
    explorer = Explorer(Sees(), data)
    classes, plain = explorer.class_map, np.floor(explorer.display * 255 + 0.5)
    colours = np.array([[230, 159, 0], [86, 180, 233], [0, 158, 115]])  # Okabe and Ito
    share = np.where(classes == 0, 0, 0x90 / 255)[..., None]
    expected = share * colours[classes] + (1 - share) * plain
    assert abs(picture_of_image(explorer)[2::5, 2::5] - expected).max() <= 1
    explorer.close()


def test_boxes_are_drawn_on_the_image():
    boxes = [[4.0, 2, 20, 12], [24, 4, 36, 18]]
    explorer = Explorer(Sees(boxes), images(2, 3, 20, 40))
    assert explorer.detections.labels.tolist() == [3, 9]
    seen, plain = picture_of_image(explorer), np.floor(explorer.display * 255 + 0.5)
    expected = np.kron(plain, np.ones((5, 5, 1)))
    for (left, top, right, bottom), colour in zip(boxes, ([240, 228, 66], [86, 180, 233]), strict=True):
        edges = [int(5 * edge) for edge in (left, top, right, bottom)]
        for out, width, painted in ((1, 4, [0, 0, 0]), (0, 2, colour)):
            rows, columns = slice(edges[1] - out, edges[3] + out), slice(edges[0] - out, edges[2] + out)
            frame = np.ones((rows.stop - rows.start, columns.stop - columns.start), bool)
            frame[width:-width, width:-width] = False
            expected[rows, columns][frame] = painted
    assert abs(seen - expected).max() <= 1
    explorer.close()
