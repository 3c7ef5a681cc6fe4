"""What pages in the lab may ask, and what is said of requests that make no sense: nothing is changed by those."""

import base64

import numpy as np
import pytest

from explorers import data
from filterscope import Explorer
from nets import TwoConvs, seeded

AT = {"image": 0, "layer": 0, "filter": 1}


@pytest.fixture
def explorer():
    return Explorer(seeded(TwoConvs), data(), filter_index=1)


def answer(explorer, name, **args):
    return explorer.pages.requests.handlers[name](args)


def test_an_edit_of_the_page_is_pythons_and_its_history_goes_both_ways(explorer):
    own, kernel = explorer.kernel.ravel(), [float(value) for value in range(9)]
    body = answer(explorer, "edit_kernel", layer=0, filter=1, kernel=kernel, gesture="cell 1")
    assert (body["can_undo"], body["can_redo"], body["edits"]) == (True, False, [{"layer": "conv1", "filter": 1}])
    np.testing.assert_array_equal(explorer.kernel.ravel(), kernel)
    for step, expected in (("undo", own), ("redo", kernel), ("own", own), ("undo", kernel), ("reset", own)):
        body = answer(explorer, "lab_history", step=step, **AT)
        assert (body["layer"], body["filter"], len(body["edits"])) == (0, 1, int(expected is kernel))
        np.testing.assert_array_equal(body["kernels"].ravel(), expected)
        np.testing.assert_array_equal(explorer.kernel.ravel(), expected)
    assert body["can_undo"] and not body["can_redo"]
    body = answer(explorer, "lab", channel=None, source="input", scale="layer", **AT)
    assert body["why_not"] == "" and [step["name"] for step in body["steps"]] == ["relu"]
    np.testing.assert_array_equal(body["own"], explorer.kernel)


BAD = [
    (
        "edit_kernel",
        {"layer": 0, "filter": 1, "kernel": [1.0] * 8},
        "kernel has 8 numbers; the filters of conv1 have 9",
    ),
    ("edit_kernel", {"layer": 0, "filter": 1, "kernel": "sobel"}, "kernel has 0 numbers"),
    ("edit_kernel", {"layer": 0, "filter": 1, "kernel": ["one"] * 9}, "no numbers; type a number"),
    ("edit_kernel", {"layer": 0, "filter": 1, "kernel": [float("nan")] * 9}, "NaN or infinite"),
    ("edit_kernel", {"layer": 0, "filter": 9, "kernel": [1.0] * 9}, "conv1 has filters 0 … 3"),
    ("lab_history", {"step": "forget", **AT}, "choose 'undo'"),
    ("lab_geometry", {"stride": 1.5, **AT}, "stride is 1.5"),
    ("lab_image", {"image": 0, "kind": "stolen"}, "choose 'painted'"),
    ("lab_image", {"image": 0, "kind": "painted"}, "the page sent no picture"),
    ("lab_image", {"image": 0, "kind": "picture", "shape": [2, 2], "pixels": "AAA="}, "2 bytes for a picture of 4"),
    ("lab_image", {"image": 0, "kind": "picture", "shape": [2, -2], "pixels": "AAA="}, "the page sent no picture"),
    ("lab_occlusion", {"box": "wide", **AT}, "type how many pixels"),
    ("lab_effect", {"images": "all"}, "images is 'all'"),
    ("lab_quiz", {"round": 0}, "there is none yet"),
    ("module", {"room": "cellar"}, "choose 'lab'"),
]


@pytest.mark.parametrize(("name", "args", "sentence"), BAD, ids=range(len(BAD)))
def test_a_request_that_makes_no_sense_is_answered_by_a_sentence(explorer, name, args, sentence):
    revision = explorer.session.engine.revision
    with pytest.raises(ValueError, match=sentence):
        answer(explorer, name, **args)
    assert explorer.session.engine.revision == revision and explorer.edited == ()


def test_a_painted_picture_is_tried_and_taken_back(explorer):
    pixels = np.floor(explorer.display * 255 + 0.5).astype(np.uint8)
    pixels[0, 0] = 255
    text = base64.b64encode(pixels.tobytes()).decode()
    assert answer(explorer, "lab_image", image=0, kind="painted", shape=[14, 14], pixels=text)["tried"] == 0
    assert explorer.image[0, 0, 0] == 1
    assert answer(explorer, "lab_image", image=0, kind="own")["tried"] is None


def test_what_takes_time_is_said_to_run_and_then_known(explorer):
    explorer.kernel = np.zeros((3, 3))
    while (body := answer(explorer, "lab_effect", images=4))["status"] == "running":
        pass
    assert body["effect"]["images"] == 4
    while (body := answer(explorer, "lab_occlusion", box=6, **AT))["status"] == "running":
        pass
    assert [each["of"] for each in body["maps"]] == ["filter", "class"]
    assert answer(explorer, "lab_effect", images=4, cancel=True) == {"status": "cancelled"}
