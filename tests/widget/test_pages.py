"""What comes from a page: moved sliders, forged traits, requests and their answers."""

import threading

import numpy as np
import torch
from torch.utils.data import IterableDataset

from explorers import ask, traits
from filterscope import Explorer
from filterscope.assets import later_modules
from nets import TwoConvs, images, seeded


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


def test_a_page_that_asks_whether_its_explorer_is_there_is_answered_before_the_message_is_done_with(explorer, sent):
    explorer._handle_custom_msg({"kind": "probe"}, [])
    assert [content for content, _ in sent] == [{"kind": "here"}]


def test_a_page_gets_its_later_modules_when_it_asks(explorer, sent):
    ask(explorer, "panels")
    ((answered, _),) = sent
    assert answered["body"] == {"modules": later_modules()}


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


def test_a_cell_ends_while_the_engine_is_busy_and_its_changes_are_seen_afterwards(explorer, sent):
    ask(explorer, "frame", image=1, layer=1, filter=2, source="input")
    held, end = threading.Event(), threading.Event()

    def hold():
        with explorer.session.engine.lock:
            held.set()
            assert end.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    with torch.no_grad():
        explorer.layer.module.weight += 1
    cell = threading.Thread(target=explorer.pages.cell_ended)
    cell.start()
    cell.join(30)
    assert not cell.is_alive()
    assert [content["kind"] for content, _ in sent] == ["reply"]
    end.set()
    holder.join(30)
    assert explorer.pages._later.wait(30)
    assert [content["kind"] for content, _ in sent] == ["reply", "changed"]


class Endless(IterableDataset):
    """The same image for ever."""

    def __iter__(self):
        image = images(1, 14, 14), 0
        while True:
            yield image


def test_a_page_that_asks_far_into_an_endless_stream_is_told_how_far_it_is(sent, monkeypatch):
    for module in ("session.selection", "widget.selection_widget"):
        monkeypatch.setattr(f"filterscope.{module}.STREAM_REQUEST_SECONDS", 0.01)
    explorer = Explorer(seeded(TwoConvs), Endless())
    explorer.send = lambda *message: sent.append(message)
    ask(explorer, "frame", image=10**9, layer=0, filter=0, source="input")
    explorer.set_state({"image_index": 10**9})
    ask(explorer, "frame", image=2, layer=0, filter=0, source="input")
    told = [content.get("error") or content for content, *_ in sent]
    for words in (told[0]["message"], told[1]["message"]):
        assert words.endswith("images of this stream have been read, and it goes on. Ask again to read on")
    assert told[0]["message"].startswith("image is 1000000000; ")
    assert told[1]["kind"] == "refused" and explorer.image_index == 0
    assert told[2]["body"]["image"] == 2
    explorer.close()
