"""The explorer among other ipywidgets: links of every trait, boxes and tabs, outputs that follow it, dashboards."""

import pytest
from playwright.sync_api import expect

from demo_page import boxes
from expected import colours
from tour import INDICES, activations, shows

pytestmark = pytest.mark.browser

TRAITS = ("image_index", "layer_index", "filter_index", "channel", "source")

IN_TABS = """
import ipywidgets
from filterscope import Explorer, demo
data = demo.fashion_test_data()
explorer = Explorer(demo.fashion_net(), data)
sliders = [ipywidgets.IntSlider(max=last, description=name) for name, last in (("i", 99), ("l", 1), ("f", 9))]
for slider, trait in zip(sliders, ("image_index", "layer_index", "filter_index")):
    ipywidgets.jslink((slider, "value"), (explorer, trait))
heard = []
explorer.observe(lambda change: heard.append([change["name"], change["old"], change["new"]]), ["image_index"])
number = ipywidgets.IntText()
ipywidgets.link((explorer, "image_index"), (number, "value"))
def tell(image):
    print(f"image {image} is a {data.classes[data[image][1]]}")
told = ipywidgets.interactive_output(tell, {"image": number})
ipywidgets.Tab([ipywidgets.VBox([*sliders, number, told]), ipywidgets.HBox([explorer])], titles=["sliders", "explorer"])
"""


def test_in_a_tab_it_is_moved_by_sliders_of_ipywidgets_and_moves_them_and_outputs_follow(lab):
    notebook = lab.open([IN_TABS])
    page = notebook.page
    tabs = page.locator(".jupyter-widget-tab .lm-TabBar-tab")
    handles = page.locator(".widget-slider .noUi-handle")
    told = page.locator(".jupyter-widget-tab .jp-OutputArea-output")
    for n, presses in ((0, 3), (1, 1), (2, 2)):
        handles.nth(n).focus()
        for _ in range(presses):
            handles.nth(n).press("ArrowRight")
    notebook.expect_python(INDICES, [3, 1, 2])
    expect(told).to_have_text("image 3 is a Trouser")
    tabs.nth(1).click()  # it was made in a tab that nobody saw
    shows(notebook, 3, 1, 2)
    notebook.slider("image").press("ArrowRight")
    notebook.slider("filter").press("ArrowLeft")
    shows(notebook, 4, 1, 1)
    tabs.nth(0).click()
    expect(page.locator(".widget-slider .widget-readout")).to_have_text(["4", "1", "1"])
    expect(told).to_have_text("image 4 is a Shirt")
    assert notebook.python("heard")[-1] == ["image_index", 3, 4]
    assert notebook.python("[new for _, _, new in heard] == sorted({new for _, _, new in heard})")


LINKED = f"""
import ipywidgets
from filterscope import Explorer, demo
data = demo.fashion_test_data()
explorer, other = Explorer(demo.fashion_net(), data), Explorer(demo.fashion_net(epoch=0), data)
for trait in {TRAITS}:
    ipywidgets.jslink((explorer, trait), (other, trait))
ipywidgets.VBox([ipywidgets.HBox([explorer]), other, explorer])
"""
STATES = "[[getattr(one, trait) for trait in {}] for one in (explorer, other)]"


def both(notebook, *state):
    """Waits until both explorers have that state, in Python and in all three views."""
    notebook.expect_python(STATES.format(TRAITS), [list(state)] * 2)
    image, layer, filter, channel, source = state
    for n in range(3):
        root = notebook.ready(n, image=image, layer=layer, filter=filter)
        expect(root.locator("select[name=source]")).to_have_value(source)
        expect(root.locator("select[name=channel]")).to_have_value("" if channel is None else str(channel))


def test_two_explorers_linked_by_every_trait_one_of_them_shown_twice(lab):
    notebook = lab.open([LINKED])
    both(notebook, 0, 0, 0, None, "input")
    notebook.slider("image", 1).press("ArrowRight")
    notebook.slider("layer", 0).press("ArrowRight")
    both(notebook, 1, 1, 0, None, "input")
    notebook.slider("filter", 2).press("End")
    both(notebook, 1, 1, 19, None, "input")
    notebook.widget(1).locator("select[name=channel]").select_option("7")
    notebook.widget(0).locator("select[name=source]").select_option("image")
    both(notebook, 1, 1, 19, 7, "image")
    notebook.python("other.select(image=5, layer='conv1', filter=4, channel=None, source='input'); None")
    both(notebook, 5, 0, 4, None, "input")
    # Each shows its own net's maps.
    maps = activations(5, 0)
    for n in (0, 2):
        assert (notebook.canvas_pixels("activation", n)[..., :3] == colours(maps[4], of=maps)).all()
    assert (notebook.canvas_pixels("activation", 1)[..., :3] != colours(maps[4], of=maps)).any()


def test_half_a_row_each_is_enough_for_two(lab):
    """As in demo_notebooks/06_dashboard.ipynb."""
    notebook = lab.open(
        [LINKED.replace("VBox([ipywidgets.HBox([explorer]), other, explorer])", "HBox([explorer, other])")]
    )
    for n in (0, 1):
        notebook.ready(n, image=0)
        notebook.settled(n)
    left, right, row = boxes(notebook.widget(0), notebook.widget(1), notebook.page.locator(".widget-hbox").first)
    assert left["width"] == pytest.approx(right["width"], abs=2)
    assert left["x"] + left["width"] <= right["x"] + 1
    assert right["x"] + right["width"] <= row["x"] + row["width"] + 1
