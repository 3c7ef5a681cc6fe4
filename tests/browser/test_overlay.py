"""What a net sees in parts of an image is laid over it: objects in boxes, and a colour for the class of each pixel."""

import cv2
import numpy as np
import pytest
from playwright.sync_api import expect

from demo_page import THEMES, set_width
from expected import rgb
from explorer_page import read_canvas

pytestmark = pytest.mark.browser

NETS = """
import torch
from torch import nn
from filterscope import Explorer

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        self.conv(images)
        seen = {"boxes": torch.tensor([[4.0, 6, 20, 26], [24, 10, 44, 22]]), "labels": torch.tensor([1, 2]),
                "scores": torch.tensor([0.9, 0.6])}
        return [seen for _ in images]

random = torch.Generator().manual_seed(0)
images = 0.3 * torch.rand(3, 3, 32, 48, generator=random)
images[:, 0, :, 16:] += 0.1
images[:, 1, 4:20, 24:40] += 0.6
images[1:, 2, 16:, :30] += 0.7
masks = images.argmax(1)
segmenter = nn.Conv2d(3, 3, 1)
with torch.no_grad():
    segmenter.weight.copy_(torch.eye(3)[..., None, None])
    segmenter.bias.zero_()
"""
BOXES = "explorer = Explorer(Detector(), images, classes=['nothing', 'cat', 'dog'])\nexplorer"
MASKS = (
    "explorer = Explorer(nn.Sequential(segmenter), list(zip(images, masks)), classes=['sky', 'road', 'tree'])\nexplorer"
)
OKABE_ITO = ["#e69f00", "#56b4e9", "#009e73"]
ALPHA = 0x90 / 255


def screenshot(locator):
    """What stands on the screen there, uint8 `(H, W, 3)`."""
    return cv2.imdecode(np.frombuffer(locator.screenshot(animations="disabled"), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def at_pixels(seen, shape):
    """The colour at the middle of each of the image's pixels."""
    rows, columns = ((np.arange(n) + 0.5) * side / n for n, side in zip(shape, seen.shape, strict=False))
    return seen[rows.astype(int)[:, None], columns.astype(int)]


def test_boxes_are_drawn_where_python_has_them(lab):
    notebook = lab.open([NETS, BOXES])
    root = notebook.ready()
    boxes = np.array(notebook.python("explorer.detections.boxes.tolist()"))
    expect(root.locator(".fs-bars li")).to_have_text(["cat90 %", "dog60 %"])  # a prediction may come behind its picture
    for theme in THEMES:
        notebook.theme(theme)
        for width in (700, 1600):
            set_width(notebook, width)
            seen = screenshot(root.locator(".fs-image .fs-mount"))
            scale = seen.shape[1] / 48
            for number, (left, top, right, bottom) in zip([1, 2], boxes * scale, strict=True):
                for row, column in [
                    (top, (left + right) / 2),
                    (bottom, (left + right) / 2),
                    ((top + bottom) / 2, left),
                    ((top + bottom) / 2, right),
                ]:
                    around = seen[int(row) - 2 : int(row) + 3, int(column) - 2 : int(column) + 3].reshape(-1, 3)
                    assert (abs(around.astype(int) - rgb(OKABE_ITO[number])).max(1) <= 40).any(), (theme, width, row)
    expect(root.get_by_text("2 objects seen").first).to_be_visible()
    before = screenshot(root.locator(".fs-image .fs-mount"))
    root.locator("input[name=overlay]").uncheck()
    after = screenshot(root.locator(".fs-image .fs-mount"))
    assert not np.array_equal(after, before)
    assert np.array_equal(at_pixels(after, (32, 48)), notebook.canvas_pixels("image")[..., :3])


def test_each_pixels_class_is_laid_over_it(lab):
    notebook = lab.open([NETS, MASKS])
    root = notebook.ready()
    picture, colours = root.locator(".fs-image .fs-mount"), np.array([rgb(colour) for colour in OKABE_ITO])

    def shown(image):
        """What stands on the screen at each pixel of the image, which is its class's colour over it."""
        notebook.python(f"explorer.select(image={image}); None")
        notebook.ready(image=image)
        classes = np.array(notebook.python("explorer.class_map.tolist()"))
        assert set(np.unique(classes)) == {0, 1, 2}
        shares = [f"{name}{round(100 * share)} %" for name, share in notebook.python("explorer.prediction")]
        expect(root.locator(".fs-bars li")).to_have_text(shares)  # a prediction may come behind its picture
        laid = read_canvas(root.locator(".fs-overlay canvas"))
        assert np.array_equal(laid[..., 3], np.where(classes == 0, 0, 0x90))
        assert (abs(laid[..., :3].astype(int) - colours[classes]) <= 2)[classes > 0].all()
        plain = notebook.canvas_pixels("image")[..., :3]
        blended = np.where(classes[..., None] > 0, ALPHA * colours[classes] + (1 - ALPHA) * plain, plain)
        seen = at_pixels(screenshot(picture), classes.shape)
        assert abs(seen - blended).max() <= 4
        return seen

    for theme in THEMES:
        notebook.theme(theme)
        for width in (700, 1600):
            set_width(notebook, width)
            first = shown(0)
    assert not np.array_equal(shown(1), first)
    root.locator("input[name=overlay]").uncheck()
    assert np.array_equal(at_pixels(screenshot(picture), (32, 48)), notebook.canvas_pixels("image")[..., :3])
