"""Whatever is asked, no lock is held while the data set is read."""

import random
import threading

import numpy as np
import pytest
from torch import nn
from torch.utils.data import Dataset, IterableDataset

from filterscope import Explorer
from filterscope.engine import readers
from nets import TwoConvs, images, seeded

FRAME = {"image": 1, "layer": 1, "filter": 2, "channel": None, "source": "input"}
AT = FRAME | {"row": 0, "column": 0}


class Watched(Dataset):
    """While it is read it looks whether another thread could have the locks of its explorer."""

    def __init__(self):
        self.locks, self.held = [], []

    def __len__(self):
        return 24

    def __getitem__(self, index):
        return self.item(index)

    def item(self, index):
        if self.locks:
            looker = threading.Thread(target=self.look)
            looker.start()
            looker.join(30)
        return images(1, 14, 14, seed=index), index % 3

    def look(self):
        for lock in self.locks:
            free = lock.acquire(blocking=False)
            if free:
                lock.release()
            self.held.append(not free)


class WatchedStream(IterableDataset):
    """The same as a stream."""

    def __init__(self):
        self.data = Watched()

    def __iter__(self):
        return (self.data.item(index) for index in range(400))


def asked(name, args):
    return lambda explorer: explorer.pages.requests.handlers[name](args)


READS = {
    "image": lambda explorer: explorer.image,
    "display": lambda explorer: explorer.display,
    "label": lambda explorer: explorer.label,
    "prediction": lambda explorer: explorer.prediction,
    "response": lambda explorer: explorer.response,
    "response over the image": lambda explorer: explorer.select(source="image").response,
    "pre_activation": lambda explorer: explorer.pre_activation,
    "activation": lambda explorer: explorer.activation,
    "arithmetic": lambda explorer: explorer.arithmetic(0, 0),
    "receptive_field": lambda explorer: explorer.receptive_field(0, 0),
    "without": lambda explorer: explorer.without([0]),
    "effect": lambda explorer: explorer.without([0], images=4),
    "diagnose": lambda explorer: explorer.diagnose(images=4).wait(),
    "grid": lambda explorer: explorer.figure("grid"),
    "refresh": lambda explorer: explorer.refresh(),
}
REQUESTS = {
    "describe": {},
    "frame": FRAME,
    "prefetch": FRAME | {"image": 2},
    "prediction": {"image": 1},
    "filters": FRAME | {"filters": [0]},
    "strip": {"start": 0, "count": 6},
    "fields": AT,
    "arithmetic": AT,
    "effective": AT,
    "input": AT | {"input_channel": 0},
    "without": {"image": 1, "layer": 0, "filters": [0], "replaced_by": "zero"},
}
READS |= {f"request {name}": asked(name, args) for name, args in REQUESTS.items()}


@pytest.mark.parametrize("kind", [Watched, WatchedStream])
@pytest.mark.parametrize("name", READS)
def test_no_lock_is_held_while_a_sample_is_read(monkeypatch, name, kind):
    monkeypatch.setattr("filterscope.session.survey.QUICK_SAMPLE_SECONDS", 1e9)  # thumbnails are made while one waits
    monkeypatch.setattr("filterscope.frames.strip.THUMBNAILS_SECONDS", 1e9)
    data = kind()
    watched = data if kind is Watched else data.data
    explorer = Explorer(seeded(TwoConvs), data, image_index=1)
    engine = explorer.session.engine
    engine.samples.clear()
    engine.map_store.clear()
    if kind is WatchedStream:
        engine.source._items.stream._kept.clear()
    watched.locks = [engine.lock]
    READS[name](explorer)
    watched.locks = []
    explorer.close()
    assert watched.held and not any(watched.held)


def test_no_lock_is_held_while_a_page_is_saved(tmp_path):
    data = Watched()
    explorer = Explorer(seeded(TwoConvs), data)
    explorer.session.engine.samples.clear()
    data.locks = [explorer.session.engine.lock]
    explorer.save_html(tmp_path / "page.html", images=[1, 2], progress=False)
    assert data.held and not any(data.held)


@pytest.mark.parametrize("move", ["select", "trait", "page"])
def test_no_lock_is_held_while_a_stream_is_read_on(move):
    from filterscope.widget import selection_widget

    data = WatchedStream()
    explorer = Explorer(seeded(TwoConvs), data)
    index = len(explorer.session.engine.source) + 100
    data.data.locks = [explorer.session.engine.lock, selection_widget._MOVING]
    if move == "select":
        explorer.select(image=index)
    elif move == "trait":
        explorer.image_index = index
    else:
        explorer.set_state({"image_index": index})
    data.data.locks = []
    assert explorer.image_index == index
    explorer.close()
    assert data.data.held and not any(data.data.held)


class Drawing(Dataset):
    """Draws Python's and NumPy's random numbers; chosen samples wait at a gate in the middle."""

    def __init__(self):
        self.gates = {}

    def __len__(self):
        return 9

    def __getitem__(self, index):
        noise = random.random() + np.random.rand()
        if index in self.gates:
            began, gate = self.gates[index]
            began.set()
            assert gate.wait(300)
        return images(1, 14, 14, seed=index) * (1 + 0 * noise), 0


@pytest.mark.parametrize("ends_first", [1, 2])
def test_two_reads_at_once_leave_the_users_random_numbers(monkeypatch, ends_first):
    monkeypatch.setattr(readers, "SLOW_READ_SECONDS", 0.0)
    data = Drawing()
    engine = Explorer(nn.Conv2d(1, 2, 3), data).session.engine
    engine.source.seconds = 0.0
    engine.sample(3)
    data.gates = {index: (threading.Event(), threading.Event()) for index in (1, 2)}
    threads = {index: threading.Thread(target=engine.sample, args=(index,)) for index in (1, 2)}
    random.seed(5)
    before = random.getstate()
    for index in (1, 2):
        threads[index].start()
        assert data.gates[index][0].wait(300)
    for index in (ends_first, 3 - ends_first):
        data.gates[index][1].set()
        threads[index].join(30)
    assert random.getstate() == before
