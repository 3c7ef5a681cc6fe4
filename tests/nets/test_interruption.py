"""Work that nobody waits for ends early, harms nothing, and is done later."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Explorer
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.nets.interruption import StopPass, StopWhen, Waiters
from filterscope.session.selection import Selection
from filterscope.session.survey import Survey
from nets import TwoConvs, images, seeded

FRAME = {"image": 1, "layer": 1, "filter": 0, "channel": None, "source": "input"}


def after(count):
    """False so many times, then true."""
    asked = iter(range(10**9))
    return lambda: next(asked) >= count


@pytest.mark.parametrize("count", [0, 3, 8])
def test_a_pass_ends_at_an_operation_and_leaves_net_and_engine_as_they_were(count):
    net = seeded(lambda: nn.Sequential(TwoConvs(), nn.Dropout(0.5))).train()
    engine = Engine(net, SampleSource(images(3, 1, 14, 14)))
    fresh = Engine(net, SampleSource(images(3, 1, 14, 14)))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    with pytest.raises(StopPass), StopWhen(after(count)):
        engine.complete(1)
    assert not engine.map_store.has_scores(1)
    assert (1, 1) not in engine.map_store
    assert all(module.training for module in net.modules())
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert engine.lock.acquire(blocking=False)
    engine.lock.release()
    assert engine.prediction(1) == fresh.prediction(1)
    assert np.array_equal(engine.moment(1, 1).activations, fresh.moment(1, 1).activations)


def test_a_net_that_cannot_be_copied_is_itself_again_after_giving_way():
    class NoCopy(TwoConvs):
        def __deepcopy__(self, memo):
            raise RuntimeError("no")

    net = seeded(NoCopy).train()
    with pytest.warns(UserWarning, match="cannot be copied"):
        engine = Engine(net, SampleSource(images(3, 1, 14, 14)))
    with pytest.raises(StopPass), StopWhen(after(3)):
        engine.complete(1)
    assert all(module.training for module in net.modules())


def test_a_net_that_cannot_be_copied_gets_its_flags_buffers_and_random_state_back():
    updates = []  # how often the norm has updated its statistics, after each time that it ran

    class NoCopy(TwoConvs):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(4)
            self.drop = nn.Dropout(0.5)

        def __deepcopy__(self, memo):
            raise RuntimeError("no")

        def forward(self, x):
            self.drop.train()  # a pass that changes flags, draws random numbers and updates statistics
            x = self.norm.train()(self.drop(self.conv1(x)))
            updates.append(int(self.norm.num_batches_tracked))
            return self.fc(torch.relu(self.conv2(self.pool(x))).mean((2, 3)))

    net = seeded(NoCopy).train()
    net.pool.eval()
    net.norm(images(5, 4, 6, 6))
    with pytest.warns(UserWarning, match="cannot be copied"):
        engine = Engine(net, SampleSource(images(3, 1, 14, 14)))
    flags = {name: module.training for name, module in net.named_modules()}
    buffers = dict(net.named_buffers())
    values = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    updates.clear()
    with pytest.raises(StopPass), StopWhen(lambda: bool(updates)):
        engine.complete(1)
    assert updates == [values["norm.num_batches_tracked"] + 1]  # it ended behind the norm, which had written
    assert {name: module.training for name, module in net.named_modules()} == flags
    assert not flags["pool"] and flags["norm"]
    assert all(buffer is buffers[name] for name, buffer in net.named_buffers())
    assert net.state_dict().keys() == values.keys()
    assert all(torch.equal(value, values[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in net.modules())


class Runs(nn.Module):
    """Three operations, of which TorchScript runs all in its interpreter."""

    def forward(self, x):
        return torch.relu(torch.sin(x) + 1)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_pass_ends_inside_of_a_scripted_module(count):
    scripted, batch = torch.jit.script(Runs()), images(1, 1, 6, 6)
    with pytest.raises(StopPass), StopWhen(after(count)):
        scripted(batch)
    with StopWhen(after(3)):
        output = scripted(batch)
    assert torch.equal(output, Runs()(batch))


@pytest.mark.parametrize("count", [0, 3, 8])
def test_a_pass_of_a_scripted_net_ends_as_that_of_any_other(count):
    net = torch.jit.script(seeded(TwoConvs).train())
    engine = Engine(net, SampleSource(images(3, 1, 14, 14)))
    with pytest.raises(StopPass), StopWhen(after(count)):
        engine.complete(1)
    assert all(module.training for module in net.modules())
    assert not engine.map_store.has_scores(1)
    assert engine.prediction(1) == Engine(net, SampleSource(images(3, 1, 14, 14))).prediction(1)


def test_who_waits_is_known_until_the_lock_is_theirs():

    lock = threading.RLock()
    waiters = Waiters(lock)
    lock.acquire()
    let_go = threading.Event()

    def wait():
        with waiters.turn("there"):
            let_go.wait(300)

    thread = threading.Thread(target=wait)
    thread.start()
    while not waiters.someone_waits():
        pass
    assert waiters.someone_waits(except_for="here") and not waiters.someone_waits(except_for="there")
    lock.release()
    while waiters.someone_waits():
        pass
    assert not lock.acquire(blocking=False)
    let_go.set()
    thread.join(20)
    assert lock.acquire(blocking=False)


@pytest.fixture(name="pages")
def of_an_explorer(monkeypatch):
    monkeypatch.setattr("filterscope.engine.map_store._CHEAP_MULTIPLICATIONS", 0)  # as in a large net
    explorer = Explorer(seeded(TwoConvs), list(images(4, 1, 14, 14)))
    yield explorer.pages
    explorer.close()


def replies(pages, monkeypatch):
    sent = []
    monkeypatch.setattr(pages, "_send", lambda content, buffers=None: sent.append(content))
    return sent


@pytest.mark.parametrize(
    ("name", "args"),
    [("prediction", {"image": 1}), ("prefetch", FRAME), ("filters", FRAME | {"filters": [1, 2], "codes": False})],
)
def test_what_gave_way_is_skipped_and_answered_when_it_is_asked_again(pages, monkeypatch, name, args):
    sent = replies(pages, monkeypatch)
    request = {"kind": "request", "id": "page:1", "name": name, "args": args}
    pages._waiters._awaited.append((2, 0))  # somebody waits for image 2
    pages.take(request)
    assert sent[-1] == {"kind": "reply", "id": "page:1", "name": name, "skipped": True}
    pages._waiters._awaited.clear()
    pages.take(request)
    assert not sent[-1].get("error") and not sent[-1].get("skipped")


def test_a_neighbour_that_the_person_has_come_to_is_brought_to_its_end(pages, monkeypatch):
    sent = replies(pages, monkeypatch)
    pages._waiters._awaited.append((FRAME["image"], FRAME["layer"]))
    pages.take({"kind": "request", "id": "page:1", "name": "prefetch", "args": FRAME})
    assert not sent[-1].get("error") and not sent[-1].get("skipped")


def test_a_frame_and_a_move_wait_for_the_engine_by_name(pages):
    for wait in (
        lambda: pages.requests.handlers["frame"](FRAME),
        lambda: pages.look(Selection(1, 1, 0, None, "input")),
    ):
        with pages._engine.lock:
            thread = threading.Thread(target=wait)
            thread.start()
            while not pages._waiters.someone_waits():
                assert thread.is_alive()
            assert not pages._waiters.someone_waits(except_for=(1, 1))
        thread.join(20)
        assert not pages._waiters.someone_waits()


def test_maps_that_fill_the_memory_are_not_computed_ahead(pages, monkeypatch):
    sent = replies(pages, monkeypatch)
    monkeypatch.setattr("filterscope.engine.map_store.MAPS_BYTES", 100)
    pages.take({"kind": "request", "id": "page:1", "name": "prefetch", "args": FRAME})
    assert "too large to be computed ahead" in sent[-1]["error"]["message"]
    assert 1 not in pages._engine.samples


def test_predictions_of_all_images_give_way_and_go_on(monkeypatch):
    engine = Engine(
        seeded(TwoConvs), SampleSource([(image, 0) for image in images(20, 1, 14, 14)], classes=list("abc"))
    )
    waits = threading.Event()
    waits.set()
    survey = Survey(engine, waits.is_set)
    gave_way = threading.Event()
    look_at = survey._look_at

    def watched(samples):
        try:
            return look_at(samples)
        except StopPass:
            gave_way.set()
            raise

    monkeypatch.setattr(survey, "_look_at", watched)
    survey.need([], whole=True)
    assert gave_way.wait(300)
    assert survey.predicted(0) is None
    waits.clear()
    while survey.progress().running:
        survey.need([], whole=True)
    assert survey.progress().error is None
    assert [survey.predicted(image) for image in range(20)] == [engine.prediction(image)[0][0] for image in range(20)]
    survey.close()
