"""The live matplotlib figure in JupyterLab: it follows the sliders without any magic, and an output keeps a picture."""

import base64
import io

import nbconvert
import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from explorer_page import read_canvas

pytestmark = pytest.mark.browser

CELLS = [
    "from filterscope import Explorer, demo\n"
    "explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), layer_index=1)\n"
    "explorer",
    "figure = explorer.figure()\nfigure",
    "explorer.figure(kind='grid')",
]
# The figure's own values, and those of the selection.
FOLLOWS = """
import numpy as np
panels = {name: axes.images[0].get_array() for name, axes in figure.panels.items() if axes.images}
[bool(np.array_equal(panels.get(name), getattr(explorer, name)))
 for name in ("response", "activation")] + [bool(np.array_equal(panels.get("image"), explorer.display))]
"""


def test_it_follows_the_sliders(lab):
    notebook = lab.open(CELLS)
    canvas = notebook.page.locator(".jupyter-matplotlib-canvas-container canvas").first
    expect(canvas).to_be_visible()
    notebook.expect_python(FOLLOWS, [True, True, True])
    other = "([canvas, before]) => canvas.toDataURL() !== before"
    blank = canvas.evaluate("canvas => canvas.cloneNode().toDataURL()")
    notebook.page.wait_for_function(other, arg=[canvas.element_handle(), blank])
    for name, place in (("image", 0.4), ("filter", 0.7), ("layer", 0.0)):
        before = canvas.evaluate("canvas => canvas.toDataURL()")
        notebook.drag(name, place, steps=30)
        notebook.ready()
        notebook.expect_in_step()
        notebook.page.wait_for_function(other, arg=[canvas.element_handle(), before])
        notebook.expect_python(FOLLOWS, [True, True, True])
    canvas.scroll_into_view_if_needed()
    notebook.screenshot("figure")
    assert read_canvas(canvas)[..., :3].std() > 5
    titles = notebook.page.locator(".jupyter-matplotlib-toolbar button").evaluate_all("all => all.map(b => b.title)")
    for what in ("pan", "Zoom", "Download plot"):
        assert any(what in title for title in titles), titles
    notebook.python("explorer.close()")
    assert notebook.python("len(explorer._live_figures)") == 0


def test_the_grid_shows_itself_and_an_output_keeps_a_picture_of_the_explorer(lab):
    notebook = lab.open([CELLS[0], CELLS[2]])
    notebook.ready()
    grid = notebook.outputs(1)[0]["data"]
    assert Image.open(io.BytesIO(base64.b64decode(grid["image/png"]))).width == 792
    output = notebook.outputs(0)[0]["data"]
    picture = output["image/png"].strip()
    assert Image.open(io.BytesIO(base64.b64decode(picture))).size == (890, 352)
    # Saved without its widgets' state, and shown where no widget can run.
    cell = nbformat.v4.new_code_cell(CELLS[0], outputs=[nbformat.v4.new_output("display_data", data=output)])
    page, _ = nbconvert.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert picture in page.replace("\n", "")
    assert np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")).std() > 10
