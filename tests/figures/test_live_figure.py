"""The live matplotlib figure: what it draws, when, and that nothing of it stays after close()."""

import gc
import io
import os
import subprocess
import sys
import weakref

import ipywidgets
import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.transforms import Bbox
from PIL import Image

from filterscope import Explorer
from filterscope.figures.palette import lookup
from filterscope.filters.value_range import encode, value_range
from nets import TwoConvs, images, seeded


@pytest.fixture
def explorer():
    explorer = Explorer(seeded(TwoConvs), images(6, 1, 12, 12), layer_index=1, filter_index=2)
    yield explorer
    explorer.close()


def drawn(figure, name):
    figure.canvas.draw()
    return figure.panels[name].images[0]


def words(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def test_it_shows_the_selection_and_follows_it(explorer):
    figure = explorer.figure()
    for move in ({}, {"image": 3}, {"filter": 5}, {"layer": "conv1"}, {"source": "image"}, {"layer": 1, "channel": 2}):
        explorer.select(**move)
        np.testing.assert_array_equal(drawn(figure, "image").get_array(), explorer.display)
        np.testing.assert_array_equal(drawn(figure, "response").get_array(), explorer.response)
        np.testing.assert_array_equal(drawn(figure, "activation").get_array(), explorer.activation)
    np.testing.assert_array_equal(drawn(figure, "kernel").get_array(), explorer.kernel[2])
    assert any(f"image {explorer.image_index}" in text for text in words(figure))
    assert any(explorer.layer.title in text for text in words(figure))
    assert {"kernel 3×3", "response 12×12", "activation 3×3", "kernel 2 of 4"} <= set(words(figure))


def test_every_value_has_the_pages_colour(explorer):
    figure = explorer.figure()
    layer = np.stack([explorer.select(filter=k).response for k in range(6)])
    explorer.select(filter=2)
    shown = value_range(layer)
    picture = drawn(figure, "response")
    expected = lookup("diverging")[encode(explorer.response, shown)]
    np.testing.assert_array_equal((picture.to_rgba(picture.get_array())[..., :3] * 255).round(), expected)


def test_several_kernels_stand_side_by_side(explorer):
    values = drawn(explorer.figure(), "kernel").get_array()
    assert values.shape == (7, 7)
    np.testing.assert_array_equal(values[4:, :3], explorer.kernel[2])


def test_a_kernel_alone_has_its_numbers(explorer):
    figure = explorer.figure()
    drawn(figure, "kernel")
    before = len(figure.panels["kernel"].texts)
    explorer.channel = 1
    drawn(figure, "kernel")
    assert before == 0
    assert len(figure.panels["kernel"].texts) == 9


def test_of_many_moves_only_the_newest_is_computed(explorer, monkeypatch):
    figure = explorer.figure()
    figure.canvas.draw()
    looked = []
    look = figure._look
    monkeypatch.setattr(figure, "_look", lambda: looked.append(explorer.image_index) or look())
    events = []
    monkeypatch.setattr(figure.canvas, "send_event", lambda name, **more: events.append(name))
    for image in (1, 2, 3, 4, 5):
        explorer.image_index = image
    assert looked == []
    assert set(events) == {"draw"}  # the page asks for a drawing when it has shown the last one
    figure.canvas.draw()
    assert looked == [5]
    figure.canvas.draw()
    assert looked == [5]


def test_changed_weights_show_at_the_next_move(explorer):
    figure = explorer.figure()
    figure.canvas.draw()
    with torch.no_grad():
        explorer.layer.module.weight.add_(0.5)
    explorer.filter_index = 3
    np.testing.assert_array_equal(drawn(figure, "response").get_array(), explorer.response)


def test_zoom_stays_while_the_size_does(explorer):
    figure = explorer.figure()
    figure.canvas.draw()
    figure.panels["image"].set_xlim(2, 5)
    explorer.image_index = 1
    figure.canvas.draw()
    assert figure.panels["image"].get_xlim() == (2, 5)
    figure.panels["response"].set_xlim(0, 1)
    explorer.layer_index = 0
    figure.canvas.draw()
    assert figure.panels["response"].get_xlim() == (-0.5, 9.5)


def test_a_sample_that_cannot_be_read_is_a_sentence():
    explorer = Explorer(seeded(TwoConvs), [np.zeros((1, 12, 12), np.float32), "no image"])
    figure = explorer.figure()
    explorer.image_index = 1
    figure.canvas.draw()
    assert any("sample 1" in text for text in words(figure))
    assert not figure.panels["image"].get_visible()
    explorer.image_index = 0
    figure.canvas.draw()
    assert figure.panels["image"].get_visible()
    explorer.close()


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_it_is_saved_as_it_is_now(explorer, form):
    figure = explorer.figure()
    explorer.image_index = 2
    file = io.BytesIO()
    figure.savefig(file, format=form)
    assert len(file.getvalue()) > 3000
    np.testing.assert_array_equal(figure.panels["image"].images[0].get_array(), explorer.display)


def test_the_notebook_gets_the_canvas_with_its_toolbar(explorer):
    figure = explorer.figure()
    bundle = figure._repr_mimebundle_()
    shown = bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    box = ipywidgets.widgets.widget._instances[shown]
    assert figure.canvas in box.children
    assert "image/png" in bundle or "text/html" in bundle
    assert figure.canvas.toolbar_visible == "visible"


@pytest.mark.parametrize("width", [300, 342, 500, 620, 844, 893, 1502])
def test_it_is_no_wider_than_its_page_and_nothing_in_it_overlaps(explorer, width):
    explorer.select(channel=0)  # one kernel, its numbers in it
    figure = explorer.figure()
    widest = figure.bbox.width
    figure.fit(width)
    figure.canvas.draw()
    assert figure.bbox.width == pytest.approx(min(width, widest), abs=1)
    parts = [axes.get_position() for axes in figure.axes]
    assert all(part.x0 >= 0 and part.x1 <= 1 and part.y0 >= 0 and part.y1 <= 1 for part in parts)
    apart = [(one, other) for k, one in enumerate(parts) for other in parts[:k]]
    assert not any(Bbox.intersection(one, other) for one, other in apart)
    words = [*figure.texts, *(text for axes in figure.axes for text in (axes._left_title, *axes.texts))]
    assert len(words) > 25
    assert [text for text in words if text.get_text() and text.get_window_extent().x1 > figure.bbox.width] == []
    numbers = [text.get_window_extent() for text in figure.panels["kernel"].texts]
    assert len(numbers) == 9
    assert not any(one.overlaps(other) for k, one in enumerate(numbers) for other in numbers[:k])
    figure.fit(1502)
    assert figure.bbox.width == widest


@pytest.mark.parametrize("before", ["", "import matplotlib.pyplot as plt; plt.plot([1, 2])"])
def test_the_users_own_plots_keep_their_backend(before):
    code = f"""
{before}
import matplotlib
from filterscope import Explorer, demo
Explorer(demo.fashion_net(), demo.fashion_test_data()).figure()
import matplotlib.pyplot as plt
print(matplotlib.get_backend(), len(plt.get_fignums()))
"""
    env = {**os.environ, "MPLBACKEND": "svg"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout.split() == ["svg", str(int(bool(before)))], done.stdout + done.stderr


@pytest.mark.parametrize("who", ["figure", "explorer"])
def test_nothing_leaks_after_close(who):
    widgets = set(ipywidgets.widgets.widget._instances)
    explorer = Explorer(seeded(TwoConvs), images(2, 1, 12, 12))
    alone = set(ipywidgets.widgets.widget._instances) - widgets
    figure = explorer.figure()
    figure.canvas.draw()
    held = weakref.ref(figure)
    if who == "explorer":
        explorer.close()
    else:
        figure.close()
        assert set(ipywidgets.widgets.widget._instances) - widgets >= alone
        explorer.image_index = 1  # nobody draws any more
    file = io.BytesIO()
    figure.savefig(file, format="png")  # what was drawn last
    assert np.asarray(Image.open(file)).std() > 1
    figure.close()
    explorer.close()
    leaked = [type(one).__name__ for key, one in ipywidgets.widgets.widget._instances.items() if key not in widgets]
    assert not [name for name in leaked if name in ("Canvas", "Toolbar", "Explorer")]
    net = weakref.ref(explorer)
    del figure, explorer
    gc.collect()
    assert held() is None
    assert net() is None
