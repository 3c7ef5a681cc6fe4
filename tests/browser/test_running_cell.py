"""While a cell runs the sliders stay alive, show the weights of that moment, and disturb nothing."""

import numpy as np
import pytest
from playwright.sync_api import expect

from expected import colours
from lab import FIND_PANEL
from patience import wait_until

pytestmark = pytest.mark.browser

DEMO = """
from pathlib import Path
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer
"""
# Runs until the test says so, and holds the interpreter as a training loop does.
UNTIL_TOLD = """
while not Path({!r}).exists():
    sum(range(1000))
"""
NO_SUBSHELLS = f"path => {{ ({FIND_PANEL})(path).sessionContext.session.kernel.commsOverSubshells = 'disabled'; }}"


@pytest.fixture(name="enough")
def end_of_the_cell(lab):
    """The file whose appearance ends the cell."""
    path = lab.server.root / "enough"
    path.unlink(missing_ok=True)
    yield path
    path.touch()


def test_every_slider_is_answered_while_a_cell_runs(lab, enough):
    notebook = lab.open([DEMO, UNTIL_TOLD.format(str(enough))], run=False)
    notebook.run_cell(0)
    notebook.ready(image=0)
    notebook.run_cell(1, wait=False)
    for name, key, shown in (
        ("image", "End", {"image": 9999, "layer": 0, "filter": 0}),
        ("layer", "ArrowRight", {"image": 9999, "layer": 1, "filter": 0}),
        ("filter", "End", {"image": 9999, "layer": 1, "filter": 19}),
        ("image", "Home", {"image": 0, "layer": 1, "filter": 19}),
    ):
        notebook.with_keyboard(name).press(key)
        notebook.ready(**shown)
    assert notebook.is_running(1)
    enough.touch()
    notebook.expect_python("[explorer.image_index, explorer.layer_index, explorer.filter_index]", [0, 1, 19])


def test_a_view_that_comes_together_with_a_long_cell_is_painted_during_it(lab, enough):
    notebook = lab.open([DEMO, UNTIL_TOLD.format(str(enough))], run=False)
    notebook.run_all(wait=False)
    notebook.ready(image=0, layer=0, filter=0)
    notebook.with_keyboard("image").press("ArrowRight")
    notebook.ready(image=1)
    assert notebook.is_running(1)


def test_without_subshells_the_page_says_that_the_kernel_is_busy_and_catches_up(lab, enough):
    notebook = lab.open([DEMO, UNTIL_TOLD.format(str(enough))], run=False)
    notebook.page.evaluate(NO_SUBSHELLS, notebook.path)
    notebook.run_cell(0)
    root = notebook.ready(image=0)
    notebook.run_cell(1, wait=False)
    notebook.with_keyboard("filter").press("End")
    notebook.ready(image=0, layer=0, filter=9)  # from what the page holds
    notebook.with_keyboard("image").press("End")
    expect(root.locator(".fs-busy")).to_have_text("the kernel is busy …")
    expect(root).to_have_attribute("data-ready", "false")
    for _ in range(5):
        notebook.slider("image").press("ArrowLeft")
    assert notebook.is_running(1)
    enough.touch()
    notebook.ready(image=9994, layer=0, filter=9)
    notebook.expect_python("[explorer.image_index, explorer.filter_index]", [9994, 9])


TRAINING = """
import hashlib, random, torch
from torch.nn import functional as F

def train(net, steps, go_on=lambda: False):
    torch.manual_seed(1)
    random.seed(1)
    net.train()
    rate = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    seen, step = [], 0
    while step < steps or go_on():
        places = torch.randint(0, 10_000, (16,)).tolist()
        batch = torch.stack([data[place][0] for place in places])
        labels = torch.tensor([data[place][1] for place in places])
        rate.zero_grad()
        F.cross_entropy(F.dropout(net(batch), 0.1), labels).backward()
        rate.step()
        if step < steps:
            seen.append(hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in net.parameters())).hexdigest())
        step += 1
        random.random()
    return seen
"""
WATCHED = """
from pathlib import Path
from filterscope import Explorer, demo
data = demo.fashion_test_data()
net = demo.fashion_net(epoch=0)
explorer = Explorer(net, data)
explorer
"""


def test_training_is_not_disturbed_and_its_weights_are_shown(lab, enough):
    steps = 40
    cells = [WATCHED, TRAINING + f"watched = train(net, {steps}, lambda: not Path({str(enough)!r}).exists())"]
    notebook = lab.open(cells, run=False)
    notebook.run_cell(0)
    notebook.ready(image=0)
    before = notebook.canvas_pixels("kernel")
    notebook.run_cell(1, wait=False)
    image = 0

    def has_other_kernels() -> bool:
        nonlocal image
        image += 1
        notebook.with_keyboard("image").press("ArrowRight")
        notebook.ready(image=image)
        return image >= 15 and not np.array_equal(notebook.canvas_pixels("kernel"), before)

    wait_until(has_other_kernels, lambda: "the pictures are of the weights before training")
    assert notebook.is_running(1)
    enough.touch()
    alone = notebook.python(f"train(demo.fashion_net(epoch=0), {steps})")
    assert notebook.python("watched") == alone
    assert notebook.python("net.training and all(p.grad is not None for p in net.parameters())")
    # When it has ended the page shows the trained weights, without a move.
    kernels = np.array(notebook.python("explorer.layer.kernels"), np.float32)
    shown = colours(kernels[0, 0], of=kernels)
    wait_until(
        lambda: np.array_equal(notebook.canvas_pixels("kernel")[..., :3], shown),
        lambda: "the page still shows other weights",
    )
    notebook.ready(image=image, layer=0, filter=0)
