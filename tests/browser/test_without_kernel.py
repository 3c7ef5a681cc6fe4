"""A notebook that was run without a page, saved with its widgets' state: the widget says that no kernel is there.

What html-manager and anywidget do in such a page is played by LOADER: the state is read from the page's script, as
nbconvert wrote it, and the module in it is given a model that nobody answers.
"""

import base64
import io
import re

import nbclient
import nbconvert
import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from patience import LIMIT, MILLISECONDS
from tour import CELL

pytestmark = pytest.mark.browser

LOADER = """async () => {
    const script = document.querySelector('script[type="application/vnd.jupyter.widget-state+json"]');
    const models = Object.values(JSON.parse(script.textContent).state);
    const {state, buffers = []} = models.find(model => model.state._esm && 'image_index' in model.state);
    for (const {path: [name], data} of buffers) {
        state[name] = new DataView(Uint8Array.from(atob(data), letter => letter.charCodeAt(0)).buffer);
    }
    const nothing = () => {};
    const deaf = {set: nothing, save_changes: nothing, send: nothing, on: nothing, off: nothing};
    const model = {get: name => state[name], ...deaf};
    const style = document.createElement('style');
    style.textContent = state._css;
    const el = document.createElement('div');
    document.body.replaceChildren(script, style, el);
    const module = await import(URL.createObjectURL(new Blob([state._esm], {type: 'text/javascript'})));
    module.default().render({model, el});
}"""
STATE = re.compile(r'<script type="application/vnd.jupyter.widget-state\+json">.*?</script>', re.DOTALL)


@pytest.fixture(scope="module")
def executed():
    """The notebook after `nbconvert --execute`."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    patience = {"startup_timeout": LIMIT, "iopub_timeout": LIMIT}  # outputs that come later would be left out
    nbclient.NotebookClient(notebook, kernel_name="python3", **patience).execute()
    return notebook


def test_it_shows_the_cells_picture_and_says_that_no_kernel_is_there(executed, browser_context, output):
    page_text, _ = nbconvert.HTMLExporter().from_notebook_node(executed)
    state = STATE.search(page_text)
    assert state, "nbconvert keeps no widget state"
    page = browser_context.browser.new_page(viewport={"width": 1000, "height": 700})
    page.set_default_timeout(MILLISECONDS)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(f"<!doctype html><title>saved</title>{state.group()}")
    page.evaluate(LOADER)
    root = page.locator(".filterscope")
    expect(root).to_have_attribute("data-kernel", "none")
    expect(root.get_by_role("alert")).to_have_text(re.compile("^No kernel is here to answer"))
    still = root.locator(".fs-still img")
    expect(still).to_be_visible()
    page.wait_for_function("document.querySelector('.fs-still img').naturalWidth > 0")
    expect(root.get_by_role("slider").first).to_be_hidden()
    expect(root).not_to_have_attribute("data-busy", "true")
    # The very picture that the notebook's output has for where no widget can run.
    picture = base64.b64decode(executed.cells[0].outputs[-1].data["image/png"])
    size = page.evaluate("(({naturalWidth, naturalHeight}) => [naturalWidth, naturalHeight])(document.images[0])")
    assert size == list(Image.open(io.BytesIO(picture)).size)
    seen = np.asarray(Image.open(io.BytesIO(still.screenshot())).convert("RGB"))
    assert seen.std() > 10
    page.screenshot(path=output / "without_kernel.png")
    page.close()
    assert errors == []
