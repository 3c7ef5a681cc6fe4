"""Slow samples and ten million of them keep nobody waiting."""

import threading
import time

import pytest
import torch
from torch.utils.data import Dataset

from filterscope import Explorer
from nets import TwoConvs, images, seeded

FRAME = {"image": 0, "layer": 0, "filter": 0, "channel": None, "source": "input"}


class Gated(Dataset):
    """After the first image was read, others are read only while a gate is open: a read that takes its time."""

    def __init__(self, seconds=0.0):
        self.gate = threading.Event()
        self.reading = threading.Event()
        self.seconds = seconds
        self.read = []

    def __len__(self):
        return 10_000_000

    def __getitem__(self, index):
        time.sleep(self.seconds)
        if index:
            self.reading.set()
            assert self.gate.wait(300)
        self.read.append(index)
        return images(1, 14, 14, seed=index), index % 3


@pytest.fixture(name="slow")
def of_slow_samples():
    data = Gated(seconds=0.02)  # known to be slow, so that thumbnails come from the background
    explorer = Explorer(seeded(TwoConvs), data)
    yield explorer, data
    data.gate.set()
    explorer.close()


def test_the_strip_answers_before_its_images_are_read(slow):
    explorer, data = slow
    body = explorer.pages.requests.handlers["strip"]({"start": 0, "count": 6})
    assert body["images"] == [0, 1, 2, 3, 4, 5]
    assert body["survey"]["running"] and body["survey"]["needed"]
    assert body["sizes"][1:] == [(0, 0)] * 5 and body["errors"] == [None] * 6
    data.gate.set()
    deadline = time.monotonic() + 300
    while body["survey"]["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        body = explorer.pages.requests.handlers["strip"]({"start": 0, "count": 6})
    assert body["sizes"] == [(56, 56)] * 6
    assert body["labels"] == [0, 1, 2, 0, 1, 2]
    assert body["predicted"] == [explorer.session.engine.prediction(image)[0][0] for image in range(6)]


def test_other_sliders_move_while_a_sample_is_read(slow):
    explorer, data = slow
    explorer.pages.requests.handlers["strip"]({"start": 0, "count": 6})
    assert data.reading.wait(300)  # the background is in the middle of a read, which ends only after this
    for layer, filter_index in ((0, 1), (1, 3), (0, 2)):
        explorer.select(layer=layer, filter=filter_index)
        assert (
            explorer.pages.requests.handlers["frame"](FRAME | {"layer": layer, "filter": filter_index})["filter"]
            == filter_index
        )
        assert explorer.activation.ndim == 2
    assert not data.gate.is_set() and data.read.count(1) == 0


def test_closing_while_a_sample_is_read_ends_the_thread(slow):
    explorer, data = slow
    explorer.pages.requests.handlers["strip"]({"start": 0, "count": 6})
    assert data.reading.wait(300)
    threading.Timer(0.05, data.gate.set).start()
    explorer.close()
    assert not any(thread.name == "filterscope survey" for thread in threading.enumerate())


def test_of_ten_million_images_only_what_is_shown_is_read():
    data = Gated()
    data.gate.set()
    explorer = Explorer(seeded(TwoConvs), data, image_index=9_999_999)
    body = explorer.pages.requests.handlers["strip"]({"start": 9_999_995, "count": 5})
    assert set(data.read) <= {0, *range(9_999_995, 10_000_000)}
    assert (body["total"], body["labels"]) == (10_000_000, [index % 3 for index in range(9_999_995, 10_000_000)])
    assert explorer.label == 9_999_999 % 3
    explorer.close()


def test_a_class_filter_over_ten_million_begins_at_once():
    data = Gated()
    data.gate.set()
    explorer = Explorer(seeded(TwoConvs), data, classes=["a", "b", "c"])
    body = explorer.pages.requests.handlers["strip"]({"start": 0, "count": 5, "class": "b"})
    assert body["survey"]["running"]
    deadline = time.monotonic() + 300
    while len(body["images"]) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        body = explorer.pages.requests.handlers["strip"]({"start": 0, "count": 5, "class": "b"})
    assert body["images"] == [1, 4, 7, 10, 13]
    assert max(data.read) < 100_000
    explorer.close()


def test_large_samples_are_not_all_kept(monkeypatch):
    monkeypatch.setattr("filterscope.engine.samples.SAMPLES_BYTES", 4 * 2 * 14 * 14 * 4)
    explorer = Explorer(seeded(TwoConvs), list(images(20, 1, 14, 14)))
    for image in range(20):
        explorer.image_index = image
        assert torch.equal(torch.from_numpy(explorer.image), images(20, 1, 14, 14)[image])
    assert len(explorer.session.engine.samples) <= 4


@pytest.mark.parametrize(("fit", "read"), [(1, False), (2, True)])
def test_a_neighbour_is_not_read_ahead_where_it_would_drop_the_image_on_screen(monkeypatch, fit, read):
    monkeypatch.setattr("filterscope.engine.samples.SAMPLES_BYTES", fit * 2 * 14 * 14 * 4)
    engine = Explorer(seeded(TwoConvs), list(images(20, 1, 14, 14))).session.engine
    engine.samples.preload(1)
    assert 0 in engine.samples
    assert (1 in engine.samples) == read


def test_a_neighbour_that_is_read_ahead_keeps_no_frame_waiting(slow):
    explorer, data = slow
    pages, replies = explorer.pages, []
    ahead = threading.Thread(target=lambda: replies.append(pages.requests.handlers["prefetch"](FRAME | {"image": 1})))
    ahead.start()
    assert data.reading.wait(300)
    assert pages.requests.handlers["frame"](FRAME | {"layer": 1})["layer"] == 1  # would wait for ever
    assert replies == []
    data.gate.set()
    ahead.join(20)
    assert replies[0]["image"] == 1
    assert data.read.count(1) == 1


def test_what_was_read_ahead_is_dropped_where_the_data_changed_meanwhile(slow):
    explorer, data = slow
    ahead = threading.Thread(target=lambda: explorer.session.engine.samples.preload(1))
    ahead.start()
    assert data.reading.wait(300)
    explorer.session.engine.samples.clear()
    data.gate.set()
    ahead.join(20)
    assert 1 not in explorer.session.engine.samples
