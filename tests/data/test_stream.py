"""A stream is read as far as somebody asks, and no further than that needs."""

import signal
import threading

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset
from traitlets import TraitError

from filterscope import Explorer
from filterscope.data import stream
from filterscope.data.source import SampleSource
from filterscope.data.stream import Stream
from filterscope.data.turns import Turns
from nets import TwoConvs, images, seeded


class Counted(IterableDataset):
    """Says how far it was read, and how often it was started."""

    def __init__(self, length, raises=()):
        self.length, self.raises = length, raises
        self.furthest, self.started = -1, 0

    def __iter__(self):
        self.started += 1
        return Counting(self)


class Counting:
    def __init__(self, data):
        self.data, self.at = data, -1

    def __next__(self):
        self.at += 1
        if self.at >= self.data.length:
            raise StopIteration
        self.data.furthest = max(self.data.furthest, self.at)
        if self.at in self.data.raises:
            raise OSError(f"no {self.at}")
        return torch.full((1, 14, 14), float(self.at)), self.at % 3


@pytest.fixture(autouse=True)
def _with_time_enough(monkeypatch):
    monkeypatch.setattr(stream, "STREAM_AHEAD_SECONDS", 1e9)


def test_it_gives_the_items_in_their_order_and_reads_on_in_time():
    data = Counted(1000)
    items = Stream(data)
    assert data.furthest <= stream.AHEAD
    known = len(items)
    assert items[known - 1][1] == (known - 1) % 3
    assert known < len(items) <= known + stream.AHEAD + 1
    assert data.started == 1


def test_it_ends_where_it_ends():
    items = Stream(Counted(10))
    assert (len(items), items.ended) == (10, True)
    assert items.has(9) and not items.has(10)
    with pytest.raises(IndexError, match="ended after 10 items"):
        items[10]


def test_a_slow_one_is_opened_after_its_first_item(monkeypatch):
    monkeypatch.setattr(stream, "STREAM_AHEAD_SECONDS", 0.0)
    data = Counted(1000)
    items = Stream(data)
    assert (len(items), items.ended, data.furthest) == (1, False, 0)
    assert items.has(1) and data.furthest == 1


def test_going_back_further_than_is_kept_reads_from_the_start(monkeypatch):
    monkeypatch.setattr(stream, "KEPT_ITEMS", 5)
    data = Counted(100)
    items = Stream(data)
    items.has(50)
    started = data.started
    assert items[50][0][0, 0, 0] == 50 and data.started <= started + 1
    assert items[2][0][0, 0, 0] == 2
    assert data.started == started + 1 or data.started == started + 2
    assert items[90][0][0, 0, 0] == 90
    assert len(items._kept) <= 5


def test_what_is_kept_is_bounded_in_bytes_too(monkeypatch):
    monkeypatch.setattr(stream, "KEPT_BYTES", 10 * 14 * 14 * 4)
    items = Stream(Counted(60))
    assert len(items._kept) <= 10
    assert [items[i][0][0, 0, 0].item() for i in (0, 59, 30)] == [0, 59, 30]


def test_one_that_ends_earlier_when_it_is_read_again_says_so(monkeypatch):
    monkeypatch.setattr(stream, "KEPT_ITEMS", 2)
    data = Counted(40)
    items = Stream(data)
    data.length = 5
    with pytest.raises(IndexError, match="read again, the data set ended after 5 items"):
        items[20]
    assert items[1][0][0, 0, 0] == 1


def test_an_item_that_raises_is_an_error_in_its_place():
    items = Stream(Counted(10, raises=(4,)))
    assert len(items) == 10
    with pytest.raises(OSError, match="no 4"):
        items[4]
    assert items[5][0][0, 0, 0] == 5


def test_measure_starts_anew():
    data = Counted(3)
    source = SampleSource(data)
    data.length = 7
    assert len(source) == 3
    source.measure()
    assert len(source) == 7


def test_an_explorer_of_a_stream(monkeypatch):
    data = Counted(500)
    explorer = Explorer(seeded(TwoConvs), DataLoader(data), image_index=3)
    assert explorer.label == 0
    assert data.furthest < 200
    explorer.image_index = 300  # as far as somebody asks
    assert explorer.image[0, 0, 0] == 300
    assert data.furthest < 400
    sample = explorer.pages.requests.handlers["frame"]({"image": 300, "layer": 0, "filter": 0, "source": "input"})
    assert sample["images"] == len(explorer.session.engine.source) > 300
    assert f"{sample['images']} images so far" in sample["sample"]["note"]
    with pytest.raises(TraitError, match="image_index is 600; this data set has images 0 … 499"):
        explorer.image_index = 600
    assert explorer.image_index == 300
    explorer.image_index = 499
    assert explorer.session.engine.source.ended
    assert (
        "so far"
        not in explorer.pages.requests.handlers["frame"]({"image": 0, "layer": 0, "filter": 0, "source": "input"})[
            "sample"
        ]["note"]
    )


def test_a_strip_of_a_stream_reads_on():
    explorer = Explorer(seeded(TwoConvs), Counted(500))
    known = len(explorer.session.engine.source)
    body = explorer.pages.requests.handlers["strip"]({"start": known - 5, "count": 20})
    assert body["images"] == list(range(known - 5, known + 15))
    assert body["total"] > known
    explorer.close()


def test_anything_that_iter_starts_anew_is_a_stream():
    class Plain:
        def __iter__(self):
            return iter(images(5, 1, 14, 14))

    source = SampleSource(Plain())
    assert (len(source), source.is_stream) == (5, True)
    assert np.array_equal(source.read(4).image, images(5, 1, 14, 14)[4].numpy())


class Generated(IterableDataset):
    """A generator of its own indices, which may wait at a gate before one of them; it raises where two step it."""

    def __init__(self, length=10**9, waits_at=None):
        self.length, self.waits_at = length, waits_at
        self.began, self.gate = threading.Event(), threading.Event()
        self.interrupt = None

    def __iter__(self):
        for index in range(self.length):
            if index == self.waits_at:
                self.began.set()
                assert self.gate.wait(300)
            if index == self.interrupt:
                self.interrupt = None
                raise KeyboardInterrupt
            yield index


def in_threads(*jobs):
    """What each job gives; all begin at once."""
    start, results = threading.Barrier(len(jobs)), [None] * len(jobs)

    def run(place, job):
        start.wait(300)
        results[place] = job()

    threads = [threading.Thread(target=run, args=(place, job)) for place, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_several_threads_get_the_items_that_they_ask_for(monkeypatch):
    monkeypatch.setattr(stream, "STREAM_AHEAD_SECONDS", 0.0)
    monkeypatch.setattr(stream, "KEPT_ITEMS", 50)
    items = Stream(Generated())
    asked = [np.random.default_rng(seed).integers(0, 2000, 60).tolist() for seed in range(4)]
    answers = in_threads(*(lambda mine=mine: [items[index] for index in mine] for mine in asked))
    assert answers == asked


def test_what_is_kept_is_given_while_another_thread_waits_for_the_next_item(monkeypatch):
    monkeypatch.setattr(stream, "STREAM_AHEAD_SECONDS", 0.0)
    monkeypatch.setattr(stream, "AHEAD", 2)
    data = Generated(waits_at=40)
    items = Stream(data)
    assert items.has(30)
    far = threading.Thread(target=items.has, args=(100,))
    far.start()
    assert data.began.wait(300)
    assert [items[index] for index in (0, 30, 39 - 4)] == [0, 30, 35]
    assert not items.has(50, seconds=0)
    data.gate.set()
    far.join(30)
    assert items[100] == 100


def test_an_endless_stream_gives_other_items_while_it_is_read_on_and_stops_in_time(monkeypatch):
    monkeypatch.setattr(stream, "STREAM_AHEAD_SECONDS", 0.0)
    monkeypatch.setattr(stream, "KEPT_ITEMS", 50)
    items, stop = Stream(Generated()), threading.Event()

    def read_on():
        while not stop.is_set():
            items.has(10**9, seconds=0.001)
        return len(items) < 10**9 and not items.ended

    def ask():
        answers = [items[index] for index in (900, 3, 901, 4, 902)]
        stop.set()
        return answers

    assert in_threads(read_on, ask) == [True, [900, 3, 901, 4, 902]]


def test_a_stream_that_was_interrupted_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(stream, "STREAM_AHEAD_SECONDS", 0.0)
    data = Generated(length=300)
    items = Stream(data)
    data.interrupt = 200
    with pytest.raises(KeyboardInterrupt):
        items.has(250)
    assert not items.ended and 200 <= len(items) < 210
    assert items.has(250) and items[250] == 250 and items[200] == 200
    assert not items.has(300) and (len(items), items.ended) == (300, True)


def test_a_thread_that_is_interrupted_while_it_waits_leaves_its_turn():
    turns, held, end = Turns(), threading.Event(), threading.Event()

    def hold():
        with turns.turn():
            held.set()
            assert end.wait(300)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(300)
    handler = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(KeyboardInterrupt), turns.turn():
        pass
    signal.signal(signal.SIGALRM, handler)
    end.set()
    holder.join(30)
    with turns.turn():
        assert not turns._waiting


def _interrupt(number, frame):
    raise KeyboardInterrupt
