"""What people have, as a person sees it: photographs with Normalize undone, channels, streams, random and slow data."""

import numpy as np
import pytest
from playwright.sync_api import expect

from expected import gray

pytestmark = pytest.mark.browser

START = """
import time
import numpy as np, torch
from pathlib import Path
from PIL import Image
from torch import nn
from torch.utils.data import IterableDataset
from torchvision.transforms import v2
from filterscope import Explorer
def net(channels):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.ReLU())
numbers = np.random.default_rng(0)
"""
FOLDER = """
folder = Path("pictures")
for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(numbers.integers(0, 256, (30, 40, 3)).astype(np.uint8)).save(folder / name)
(folder / "cat" / "1.png").write_bytes(b"no picture")
explorer = Explorer(net(3), folder, transform=v2.Compose([
    v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]))
explorer
"""


def note(notebook):
    return notebook.widget().locator(".fs-image .fs-notes .fs-note")


def test_a_folder_of_pictures_with_one_that_is_broken(lab):
    notebook = lab.open([START, FOLDER])
    root = notebook.widget()
    expect(root.get_by_role("alert")).to_contain_text("cannot be read: it is no picture")
    assert not notebook.canvas_pixels("image").any()
    notebook.slider("image").press("ArrowRight")
    notebook.ready(image=1)
    expect(root.get_by_role("alert")).to_be_hidden()
    expect(note(notebook)).to_contain_text("Normalize undone.")
    shown = notebook.canvas_pixels("image")[..., :3]
    file = notebook.python("np.asarray(Image.open(folder / 'cat' / '2.png')).tolist()")
    assert np.array_equal(shown, np.uint8(file))
    notebook.expect_python("explorer.label", "cat")
    notebook.slider("image").press("End")
    notebook.ready(image=2)
    expect(root.locator(".fs-slider .fs-words").first).to_contain_text("true: dog")


MANY = """
data = torch.from_numpy(numbers.random((2, 6, 12, 10), dtype=np.float32))
explorer = Explorer(net(6), data)
explorer
"""


def test_of_many_channels_one_is_drawn_the_kernels_or_the_chosen_one(lab):
    notebook = lab.open([START, MANY])
    root = notebook.ready(image=0)

    def expect_channel(channel):
        expect(note(notebook)).to_contain_text(f"Channel {channel} of 6.")
        notebook.ready(image=0)
        expected = notebook.python(f"data[0, {channel}].tolist()")
        assert np.array_equal(notebook.canvas_pixels("image")[..., :3], gray(expected))

    expect_channel(0)
    root.locator("select[name=channel]").select_option("4")
    expect_channel(4)
    chooser = root.locator("select[name=plane]")
    chooser.select_option("2")
    expect_channel(2)
    notebook.expect_python("explorer.channel", 4)
    chooser.select_option("")
    expect_channel(4)
    assert np.array_equal(
        np.float32(notebook.python("explorer.display.tolist()")), np.float32(notebook.python("data[0, 4].tolist()"))
    )


STREAM = """
class Stream(IterableDataset):
    furthest = 0
    def __iter__(self):
        for index in range(1000):
            Stream.furthest = max(Stream.furthest, index)
            yield torch.full((1, 9, 9), index / 1000), index % 2
explorer = Explorer(net(1), Stream())
explorer
"""


def test_a_stream_is_read_as_far_as_one_goes(lab):
    notebook = lab.open([START, STREAM])
    notebook.ready(image=0)
    slider = notebook.slider("image")
    last = int(slider.get_attribute("max"))
    assert last < 200 and notebook.python("Stream.furthest") < 200
    slider.press("End")
    notebook.ready(image=last)
    expect(slider).not_to_have_attribute("max", str(last))
    assert int(slider.get_attribute("max")) > last
    expect(note(notebook)).to_contain_text("images so far")
    assert np.array_equal(notebook.canvas_pixels("image")[0, 0, :3], gray([[last / 1000]])[0, 0])
    assert notebook.python("Stream.furthest") < 1000


RANDOM = """
data = [Image.fromarray(numbers.integers(0, 256, (20, 20)).astype(np.uint8)) for _ in range(6)]
explorer = Explorer(net(1), data, transform=v2.Compose(
    [v2.RandomCrop(9), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]))
explorer
"""


def test_a_random_data_set_is_said_to_be_and_what_is_shown_stays(lab):
    notebook = lab.open([START, RANDOM])
    notebook.ready(image=0)
    expect(note(notebook)).to_contain_text("This data set is random")
    first = notebook.canvas_pixels("image")
    notebook.slider("layer").press("ArrowRight")
    notebook.ready(image=0, layer=1)
    assert np.array_equal(notebook.canvas_pixels("image"), first)
    assert np.array_equal(first[..., :3], gray(notebook.python("explorer.display.tolist()")))


SLOW = """
import threading
gate = threading.Event()
class Slow:
    def __len__(self):
        return 10_000_000
    def __getitem__(self, index):
        time.sleep(0.1)
        if index:
            gate.wait()
        return torch.full((1, 9, 9), (index % 10) / 10), index % 2
explorer = Explorer(net(1), Slow())
explorer
"""


def test_slow_samples_do_not_keep_the_page_waiting(lab):
    notebook = lab.open([START, SLOW])
    root = notebook.ready(image=0)
    strip = root.locator("[data-strip]")
    assert strip.get_attribute("data-ready") != "true"  # its images are still being read
    notebook.slider("filter").press("ArrowRight")
    notebook.ready(image=0, filter=1)
    notebook.slider("layer").press("ArrowRight")
    notebook.ready(image=0, layer=1)
    assert strip.get_attribute("data-ready") != "true"
    notebook.python("gate.set()")
    root.locator("[data-strip][data-ready=true]").wait_for()
    assert strip.locator("[data-index] canvas").count() == strip.locator("[data-index]").count()
    notebook.slider("image").press("End")
    notebook.ready(image=9_999_999)
