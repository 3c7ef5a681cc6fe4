"""What goes wrong is a sentence in its place, and the widget goes on."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

TROUBLE = """
import torch
from torch import nn
from filterscope import Explorer
class Sometimes:
    def __len__(self):
        return 5
    def __getitem__(self, index):
        if index == 1:
            raise OSError("disk on fire")
        if index == 2:
            return torch.rand(3, 9, 9), 0
        return torch.rand(1, 9, 9), index % 2
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
explorer = Explorer(net, Sometimes(), classes=["<img src=x onerror='window.hacked = true'>", "<b>bold</b>"])
explorer
"""


def test_an_unreadable_sample_is_said_and_the_next_one_shown_and_a_class_name_is_text(lab):
    notebook = lab.open([TROUBLE])
    root = notebook.ready(image=0, layer=0, filter=0)
    expect(root).to_contain_text("<img src=x onerror='window.hacked = true'>")
    expect(root).to_contain_text("<b>bold</b>")
    assert root.locator("img").count() == 0
    assert root.get_by_text("bold", exact=True).count() == 0
    assert notebook.page.evaluate("window.hacked") is None
    notebook.slider("image").press("ArrowRight")
    alert = root.get_by_role("alert")
    expect(alert).to_contain_text("sample 1: the data set raised OSError: disk on fire")
    expect(root).not_to_have_attribute("data-ready", "true")
    for view in ("image", "activation"):  # no picture stands under the label of a sample that failed
        assert not notebook.canvas_pixels(view).any()
    notebook.slider("image").press("ArrowRight")
    expect(alert).to_contain_text("the net refused an image of shape (C, H, W) = (3, 9, 9)")
    notebook.slider("image").press("ArrowRight")
    notebook.ready(image=3, layer=0, filter=0)
    expect(alert).to_be_hidden()


FORGE = """
async ([traits, request]) => {
    const panel = jupyterapp.shell.currentWidget;
    const kernel = panel.sessionContext.session.kernel;
    const comms = await kernel.requestCommInfo({target_name: "jupyter.widget"});
    for (const id of Object.keys(comms.content.comms)) {
        const header = {msg_id: crypto.randomUUID(), msg_type: "comm_msg", version: "5.3", date: "", username: ""};
        const send = data => kernel.sendShellMessage({
            channel: "shell", content: {comm_id: id, data}, metadata: {}, parent_header: {},
            header: {...header, session: kernel.clientId},
        });
        if (traits) send({method: "update", state: traits, buffer_paths: []});
        if (request) send({method: "custom", content: request});
    }
}
"""


FORGED = (
    {"image_index": 99},
    {"filter_index": "x"},
    {"image_index": -1},
    {"layer_index": 1, "filter_index": 7},
    {"source": "<b>"},
)


def test_a_forged_trait_is_refused_with_a_sentence_and_nothing_moves(lab):
    notebook = lab.open([TROUBLE])
    root = notebook.ready(image=0, layer=0, filter=0)
    alert = root.get_by_role("alert")
    state = "[explorer.image_index, explorer.layer_index, explorer.filter_index, explorer.source]"
    for number, traits in enumerate(FORGED):
        notebook.page.evaluate(FORGE, [traits, None])
        expect(alert).to_contain_text(next(iter(traits)))
        assert notebook.python(state) == [0, 0, number % 2, "input"]
        notebook.slider("filter").press("ArrowLeft" if number % 2 else "ArrowRight")
        notebook.ready(image=0, layer=0, filter=1 - number % 2)
        expect(alert).to_be_hidden()
        notebook.expect_python("explorer.filter_index", 1 - number % 2)


def test_forged_requests_are_answered_with_errors_that_no_view_mistakes_for_its_own(lab):
    notebook = lab.open([TROUBLE])
    root = notebook.ready(image=0, layer=0, filter=0)
    for forged in (
        {
            "kind": "request",
            "id": "forged",
            "name": "frame",
            "args": {"image": 10**9, "layer": 0, "filter": 0, "source": "input"},
        },
        {"kind": "request", "id": "forged", "name": "__class__", "args": {}},
        {"kind": "request"},
        {"kind": "nonsense"},
    ):
        notebook.page.evaluate(FORGE, [None, forged])
    notebook.slider("image").press("End")
    notebook.ready(image=4, layer=0, filter=0)
    expect(root.get_by_role("alert")).to_be_hidden()
