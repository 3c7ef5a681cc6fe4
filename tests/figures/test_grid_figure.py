"""The grid of kernels and maps for a paper."""

import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from torch import nn

from filterscope import Explorer, SampleError
from filterscope.figures.palette import lookup
from filterscope.filters.value_range import encode, value_range
from nets import TwoConvs, images, seeded


@pytest.fixture
def explorer():
    explorer = Explorer(seeded(TwoConvs), images(3, 1, 12, 12), layer_index=1, filter_index=2)
    yield explorer
    explorer.close()


def axes_of(figure, filter, what):
    (found,) = [axes for axes in figure.axes if axes.get_label() == f"filter {filter} {what}"]
    return found.images[0]


@pytest.mark.parametrize("source", ["input", "image"])
@pytest.mark.parametrize("maps", ["response", "activation"])
def test_kernel_and_map_of_every_filter(explorer, maps, source):
    explorer.select(source=source, channel=1)
    figure = explorer.figure(kind="grid", maps=maps)
    for one in range(6):
        explorer.filter_index = one
        np.testing.assert_array_equal(axes_of(figure, one, "kernel").get_array(), explorer.kernel[1])
        expected = explorer.response if maps == "response" else explorer.activation
        np.testing.assert_allclose(axes_of(figure, one, "map").get_array(), expected, atol=1e-6)
    assert len(figure.axes) == 2 * 6 + 2  # and two colour bars


def test_all_maps_share_one_scale_in_the_pages_colours(explorer):
    figure = explorer.figure(kind="grid")
    layer = np.stack([explorer.select(filter=k).response for k in range(6)])
    for one in range(6):
        picture = axes_of(figure, one, "map")
        expected = lookup("diverging")[encode(np.asarray(picture.get_array()), value_range(layer))]
        np.testing.assert_array_equal((picture.to_rgba(picture.get_array())[..., :3] * 255).round(), expected)


def test_filters_are_chosen_and_counted(explorer):
    figure = explorer.figure(kind="grid", filters=np.array([4, 1]), columns=2)
    labels = [axes.get_label() for axes in figure.axes]
    assert labels[:4] == ["filter 4 kernel", "filter 4 map", "filter 1 kernel", "filter 1 map"]
    assert any("2 of 6 filters" in text.get_text() for text in figure.findobj(mpl.text.Text))


def test_a_wide_layer_shows_its_first_filters_and_says_so():
    explorer = Explorer(seeded(lambda: nn.Conv2d(1, 70, 3)), images(1, 1, 8, 8))
    figure = explorer.figure(kind="grid")
    assert len(figure.axes) == 2 * 64 + 2
    assert any("64 of 70 filters" in text.get_text() for text in figure.findobj(mpl.text.Text))
    explorer.close()


def test_words_are_readable_and_inside_of_the_figure(explorer):
    figure = explorer.figure(kind="grid")
    FigureCanvasAgg(figure).draw()
    page = figure.bbox
    bars = figure.axes[-2:]
    written = [*figure.texts, *(axes._left_title for axes in figure.axes), *(bar.xaxis.label for bar in bars)]
    for text in [*written, *(label for bar in bars for label in bar.get_xticklabels())]:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= page.x1 and box.y1 <= page.y1, text.get_text()
        assert text.get_fontsize() >= 8
    said = " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(mpl.text.Text))
    assert "weight · all 4 kernels 3×3" in said
    assert "response 3×3 · cv2.filter2D of all 4 kernels over the layer's own input" in said


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_it_is_saved_as(explorer, form, start):
    file = io.BytesIO()
    explorer.figure(kind="grid").savefig(file, format=form)
    assert file.getvalue().startswith(start)


def test_a_notebook_shows_it_without_any_magic(explorer):
    picture = Image.open(io.BytesIO(explorer.figure(kind="grid")._repr_png_()))
    assert picture.width == 792
    assert np.asarray(picture.convert("RGB")).std() > 5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "poster"}, "kind is 'poster'; choose 'live', 'grid' or 'exemplars'"),
        ({"filters": [1]}, "maps, filters and columns are for the grid; give kind='grid'"),
        ({"kind": "grid", "maps": "bias"}, "maps is 'bias'; choose 'response' or 'activation'"),
        ({"kind": "grid", "columns": 0}, "columns is 0; give how many pairs"),
        ({"kind": "grid", "filters": []}, "filters is empty"),
        ({"kind": "grid", "filters": [6]}, "filters is 6; conv2 has filters 0 … 5"),
        ({"kind": "grid", "filters": ["a"]}, "filters is 'a'; conv2 has filters 0 … 5"),
    ],
)
def test_what_cannot_be_drawn_is_said(explorer, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        explorer.figure(**options)


def test_a_sample_that_cannot_be_read_raises():
    explorer = Explorer(seeded(TwoConvs), [np.zeros((1, 12, 12), np.float32), "no image"])
    explorer.image_index = 1
    with pytest.raises(SampleError, match="sample 1"):
        explorer.figure(kind="grid")
    explorer.close()


@pytest.mark.parametrize("rank", [1, 3])
def test_signals_and_volumes_are_drawn(rank):
    conv = {1: nn.Conv1d, 3: nn.Conv3d}[rank]
    explorer = Explorer(seeded(lambda: conv(2, 3, 3)), images(2, 2, *[9] * rank))
    file = io.BytesIO()
    explorer.figure(kind="grid").savefig(file, format="png")
    assert np.asarray(Image.open(file)).std() > 1
    explorer.close()


def test_it_needs_neither_a_display_nor_ipympl(tmp_path):
    code = f"""
import sys
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer.figure(kind="grid").savefig({str(tmp_path / "grid.pdf")!r})
print([name for name in ("ipympl", "matplotlib.pyplot") if name in sys.modules])
"""
    env = {"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
    assert (tmp_path / "grid.pdf").stat().st_size > 5000
