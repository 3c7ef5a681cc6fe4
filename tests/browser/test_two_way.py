"""Python and page, two views, two tabs, other widgets: all in step; and what must not mix, does not."""

import numpy as np
import pytest
from playwright.sync_api import expect

from expected import colours

pytestmark = pytest.mark.browser

DEMO = """
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer
"""


def activation_is_painted(notebook, n=0, name="explorer"):
    notebook.expect_in_step(n, name)
    shown, of = notebook.python(
        f"[{name}.activation.tolist(),"
        f" {name}.session.engine.moment({name}.image_index, {name}.layer_index).activations.tolist()]"
    )
    return np.array_equal(notebook.canvas_pixels("activation", n)[..., :3], colours(shown, of=of))


def test_setting_a_trait_moves_slider_and_pictures(lab):
    notebook = lab.open([DEMO])
    notebook.ready(image=0, layer=0, filter=0)
    notebook.python("explorer.image_index = 77; explorer.layer_index = 1; explorer.filter_index = 12")
    notebook.ready(image=77, layer=1, filter=12)
    for name, value in (("image", "77"), ("layer", "1"), ("filter", "12")):
        expect(notebook.slider(name)).to_have_value(value)
    assert activation_is_painted(notebook)
    notebook.python("explorer.layer_index = 0")  # clamps the filter: one message, nothing in between
    notebook.ready(image=77, layer=0, filter=9)
    assert activation_is_painted(notebook)


def test_two_views_of_one_explorer_stay_in_step(lab):
    notebook = lab.open([DEMO, "explorer"])
    notebook.ready(0, image=0)
    notebook.ready(1, image=0)
    notebook.slider("image", 1).press("ArrowRight")
    for n in (0, 1):
        notebook.ready(n, image=1)
        assert activation_is_painted(notebook, n)
    notebook.slider("filter", 0).press("ArrowRight")
    for n in (0, 1):
        notebook.ready(n, image=1, filter=1)


def test_several_explorers_do_not_mix(lab):
    notebook = lab.open([DEMO, "other = Explorer(demo.fashion_net(epoch=0), demo.fashion_test_data())\nother"])
    notebook.ready(0)
    notebook.ready(1)
    notebook.slider("image", 0).press("ArrowRight")
    notebook.slider("filter", 1).press("ArrowRight")
    notebook.ready(0, image=1, filter=0)
    notebook.ready(1, image=0, filter=1)
    notebook.expect_python("[explorer.image_index, explorer.filter_index]", [1, 0])
    notebook.expect_python("[other.image_index, other.filter_index]", [0, 1])
    assert activation_is_painted(notebook, 0)
    assert activation_is_painted(notebook, 1, "other")


def test_a_page_reload_brings_the_view_back(lab):
    notebook = lab.open([DEMO])
    notebook.ready(image=0)
    notebook.python("explorer.select(image=3, layer=1, filter=5); None")
    notebook.ready(image=3, layer=1, filter=5)
    notebook.reload()
    notebook.ready(image=3, layer=1, filter=5)
    assert activation_is_painted(notebook)
    notebook.slider("filter").press("ArrowRight")
    notebook.expect_python("explorer.filter_index", 6)


def test_a_second_tab_follows(lab):
    notebook = lab.open([DEMO])
    notebook.ready(image=0)
    tab = notebook.another_tab()
    tab.ready(image=0)
    notebook.page.bring_to_front()
    notebook.slider("image").press("ArrowRight")
    notebook.ready(image=1)
    tab.page.bring_to_front()
    tab.ready(image=1)
    tab.slider("filter").press("ArrowRight")
    tab.ready(image=1, filter=1)
    notebook.page.bring_to_front()
    notebook.ready(image=1, filter=1)


LINKED = """
import ipywidgets
slider = ipywidgets.IntSlider(max=50, description="linked")
other = ipywidgets.BoundedIntText(max=9, description="jslinked")
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
ipywidgets.link((slider, "value"), (explorer, "image_index"))
ipywidgets.jslink((other, "value"), (explorer, "filter_index"))
ipywidgets.VBox([ipywidgets.HBox([slider, other]), ipywidgets.HBox([explorer])])
"""


def test_link_jslink_and_nesting(lab):
    notebook = lab.open(["from filterscope import Explorer, demo" + LINKED])
    notebook.ready(image=0, filter=0)
    handle = notebook.page.locator(".widget-slider .noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    notebook.ready(image=1)
    notebook.slider("image").press("ArrowRight")
    expect(notebook.page.locator(".widget-readout")).to_have_text("2")
    box = notebook.page.locator(".widget-text input")
    box.fill("7")
    box.press("Enter")
    notebook.ready(image=2, filter=7)
    notebook.expect_python("explorer.filter_index", 7)
    notebook.slider("filter").press("ArrowLeft")
    expect(box).to_have_value("6")
    # It takes the room that its box gives it.
    width = notebook.widget().bounding_box()["width"]
    assert width > 600


def test_close_takes_every_view_away(lab):
    notebook = lab.open([DEMO, "explorer"])
    notebook.ready(0)
    notebook.ready(1)
    notebook.python("explorer.close()")
    expect(notebook.page.locator(".filterscope")).to_have_count(0)
    assert notebook.python("repr(explorer) == 'Explorer(closed)' and explorer.comm is None")


def test_changed_weights_show_at_the_next_move(lab):
    notebook = lab.open([DEMO.replace("demo.fashion_net()", "net := demo.fashion_net()")])
    notebook.ready(image=0, layer=0, filter=0)
    before = notebook.canvas_pixels("activation")
    notebook.python("net.conv1.weight.data.mul_(-1); net.conv1.bias.data.zero_(); None")
    notebook.slider("filter").press("ArrowRight")
    notebook.slider("filter").press("ArrowLeft")
    # The page paints what it holds, hears that it is out of date, and asks anew.
    notebook.expect_python("explorer.session.engine.revision", 1)
    notebook.page.wait_for_function(
        "before => { const c = document.querySelector('.filterscope[data-ready=true] canvas[data-view=activation]');"
        " return c && [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].join() !== before }",
        arg=",".join(map(str, before.ravel().tolist())),
    )
    notebook.ready(image=0, layer=0, filter=0)
    assert activation_is_painted(notebook)


OWN_NET = """
from torch import nn
from filterscope import Explorer, demo
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
explorer = Explorer(net, demo.fashion_test_data())
explorer
"""


def test_refresh_repaints_without_a_move(lab):
    notebook = lab.open([OWN_NET])
    notebook.ready(image=0)
    notebook.python("net[0].stride = (2, 2)\nexplorer.refresh()")  # nothing that the weights would show
    notebook.page.wait_for_function(
        "document.querySelector('.filterscope[data-ready=true] canvas[data-view=activation]')?.width === 13"
    )
    assert activation_is_painted(notebook)
