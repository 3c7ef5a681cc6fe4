"""JupyterLab in WebKit, Safari's engine: pixels, sliders by mouse and then by keys, a theme that changes unseen."""

import nbformat
import numpy as np
import pytest

from expected import colours
from lab import CONNECTED_AND_RUN, THEME
from machine import find_webkit, how_to_get
from patience import wait_until
from tour import CELL, activations
from webkit import WebKit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_webkit() is None, reason=f"no WebKit: {how_to_get('WebKit')}"),
]
ROOT = "document.querySelector('.filterscope')"
SLIDER = ".filterscope input[type=range][name={}]"
RIGHT = "\ue014"
PATH = "webkit.ipynb"


def test_the_tour_in_webkit(lab_server, output):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab_server.root / PATH)
    kernel = lab_server.take_kernel()
    session = {"path": PATH, "name": PATH, "type": "notebook", "kernel": {"id": kernel.id}}
    lab_server.rest("POST", "/api/sessions", session)
    browser = WebKit(find_webkit())
    try:
        browser.go(f"{lab_server.url}/lab/tree/{PATH}{lab_server.pass_word}")
        browser.wait("Boolean(window.jupyterapp?.commands.hasCommand('docmanager:open'))")
        browser.call(CONNECTED_AND_RUN, PATH)

        def shows(image, layer, filter):
            state = "{image: arguments[0], layer: arguments[1], filter: arguments[2], ready: 'true', panels: 'true'}"
            browser.wait(
                f"Object.entries({state}).every(([name, value]) => {ROOT}?.dataset[name] === String(value))",
                image, layer, filter,
            )  # fmt: skip
            maps = activations(image, layer)
            seen = browser.pixels(".filterscope canvas[data-view=activation]")[..., :3]
            assert np.array_equal(seen, colours(maps[filter], of=maps))
            wait_until(
                lambda: (
                    kernel.python("[explorer.image_index, explorer.layer_index, explorer.filter_index]")
                    == [image, layer, filter]
                ),
                lambda: "Python does not follow",
            )

        shows(0, 0, 0)
        browser.drag(SLIDER.format("image"), 0.01, 0.4)
        image = int(browser.run(f"return {ROOT}.querySelector('input[name=image]').value"))
        assert 3_000 < image < 5_000
        shows(image, 0, 0)
        # Safari gives a slider no focus by itself, and the keys would scroll the notebook.
        browser.press(RIGHT, RIGHT)
        shows(image + 2, 0, 0)
        browser.drag(SLIDER.format("filter"), 0.01, 0.99)
        shows(image + 2, 0, 9)
        kernel.python("explorer.select(image=7, layer='conv2', filter=13); None")
        shows(7, 1, 13)
        browser.screenshot(output / "webkit_light.png")
        # While the widget is hidden no transition runs; it must know of the theme all the same, and back.
        for theme, scheme in (("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")) * 2:
            browser.run(f"{ROOT}.closest('.jp-Notebook').style.display = 'none'")
            browser.call(THEME, theme)
            browser.run(f"{ROOT}.closest('.jp-Notebook').style.display = ''")
            browser.wait(f"getComputedStyle({ROOT}).colorScheme === arguments[0]", scheme)
            browser.wait(f"{ROOT}.style.colorScheme === arguments[0]", scheme)
            if scheme == "dark":
                browser.screenshot(output / "webkit_dark.png")
        assert browser.errors() == []  # a resize that lays itself out again and again is one here
    finally:
        browser.close()
        lab_server.end_kernel(kernel)
        lab_server.start_kernel_ahead()
