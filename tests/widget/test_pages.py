"""What comes from a page: moved sliders, forged traits, requests and their answers."""

import numpy as np

from explorers import ask, traits
from filterscope.assets import panels_module


def test_a_moved_slider_sets_the_trait(explorer):
    explorer.set_state({"layer_index": 1, "filter_index": 5})
    assert traits(explorer)[1:3] == (1, 5)


def test_a_forged_trait_is_refused_and_the_page_told_the_truth(explorer, sent, monkeypatch):
    states = []
    monkeypatch.setattr(explorer, "send_state", lambda key=None: states.append(key))
    for forged in ({"image_index": 99}, {"layer_index": 1, "filter_index": 77}, {"source": "<b>"}, {"channel": "x"}):
        before = traits(explorer)
        explorer.set_state(forged)
        assert traits(explorer) == before
        assert states.pop() == list(forged)
        content, _ = sent.pop()
        assert content["kind"] == "refused" and content["message"]
    explorer.set_state({"image_index": 3})
    assert explorer.image_index == 3


def test_describe_and_frame_are_answered(explorer, sent):
    ask(explorer, "describe")
    ask(explorer, "frame", image=1, layer=1, filter=2, channel=None, source="input", scale="layer")
    (described, _), (framed, buffers) = sent
    assert described["body"]["images"] == 4
    assert framed["body"]["filter"] == 2
    explorer.select(image=1, layer=1, filter=2)
    index = framed["body"]["detail"]["activation"]["tensor"]
    shown = np.frombuffer(buffers[index], "<f4").reshape(framed["tensors"][index]["shape"])
    assert np.array_equal(shown, explorer.activation)


def test_a_page_gets_its_second_module_when_it_asks(explorer, sent):
    ask(explorer, "panels")
    ((answered, _),) = sent
    assert answered["body"] == {"module": panels_module()}


def test_a_forged_request_gets_a_sentence_and_the_next_one_an_answer(explorer, sent):
    ask(explorer, "frame", image=99, layer=0, filter=0, source="input")
    ask(explorer, "fly")
    explorer._handle_custom_msg({"kind": "request"}, [])  # no id: nobody to answer
    explorer._handle_custom_msg("nonsense", [])
    ask(explorer, "frame", image=3, layer=0, filter=0, source="input")
    said = [content.get("error", {}).get("message", "body") for content, _ in sent]
    known = ", ".join(sorted(explorer.pages.requests.handlers))
    assert "frame" in known
    assert said == [
        "image is 99; this data set has images 0 … 3",
        f"unknown request 'fly'; known are {known}",
        "body",
    ]
