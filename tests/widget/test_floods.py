"""Forged and mistaken messages by the thousand: one worker, bounded queues, and an answer for whoever asks."""

import random
import threading

import pytest

from explorers import data
from filterscope import Explorer
from filterscope.verdicts.run import task as tasks
from nets import TwoConvs, images, seeded

FUZZED = 3000  # messages; more by hand


def removal_threads():
    return [thread for thread in threading.enumerate() if thread.name == "filterscope removal"]


class Held:
    """A data set that keeps whoever reads an image from the second on, until it is let go."""

    def __init__(self):
        self.pixels, self.go, self.read = images(12, 1, 14, 14), threading.Event(), threading.Event()
        self.held = False

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, index):
        if self.held:
            self.read.set()
            assert self.go.wait(300)
        return self.pixels[index], index % 3


@pytest.fixture(name="held")
def an_explorer_of_held_data():
    samples = Held()
    explorer = Explorer(seeded(TwoConvs), samples)
    yield explorer, samples
    samples.go.set()
    explorer.close()


def ask(explorer, name, **args):
    return explorer.pages.requests.handlers[name](args)


def test_effects_of_ever_other_filters_have_one_worker(held):
    explorer, samples = held
    samples.held = True
    ask(explorer, "effect", layer=1, filters=[5], images=12)
    assert samples.read.wait(300)
    for filter_index in range(6):
        for replaced_by in ("mean", "zero"):
            reply = ask(explorer, "effect", layer=1, filters=[filter_index], replaced_by=replaced_by, images=12)
            assert reply["status"] == "running" and reply["effect"] is None
            assert len(removal_threads()) == 1
    assert samples.read.wait(300)
    samples.held = False
    samples.go.set()
    removal_threads()[0].join(20)
    ask(explorer, "effect", layer=1, filters=[5], replaced_by="zero", images=12)  # the one that is still wanted
    for thread in removal_threads():
        thread.join(20)
    reply = ask(explorer, "effect", layer=1, filters=[5], replaced_by="zero", images=12)
    assert (reply["status"], reply["effect"]["images"]) == ("done", 12)


def test_a_cancelled_effect_is_begun_anew_only_when_it_has_ended(held):
    explorer, samples = held
    samples.held = True
    args = {"layer": 1, "filters": [0], "images": 12}
    ask(explorer, "effect", **args)
    assert samples.read.wait(300)
    for _ in range(20):
        ask(explorer, "effect", **args, cancel=True)
        assert ask(explorer, "effect", **args)["status"] == "running"
        assert len(removal_threads()) == 1


def test_a_diagnosis_is_not_begun_beside_one_that_does_not_end(held, monkeypatch):
    monkeypatch.setattr(tasks, "CLOSE_SECONDS", 0.01)
    explorer, samples = held
    samples.held = True
    first = explorer.diagnose(images=12, ablation=False)
    assert samples.read.wait(300)
    for _ in range(3):
        with pytest.raises(ValueError, match="the diagnosis before this one has not ended yet"):
            explorer.diagnose(images=12, ablation=False)
    assert explorer.diagnosis is first and first.cancelled
    samples.held = False
    samples.go.set()
    first.wait(300)
    assert explorer.diagnose(images=12, ablation=False).wait(300).images == 12


@pytest.mark.parametrize("name", ["filters", "without", "effect"])
@pytest.mark.parametrize("filters", [[0] * 100_000, list(range(100_000)), [[0]] * 100_000], ids=["0", "range", "[0]"])
def test_filters_by_the_thousand_are_refused_after_as_many_as_the_layer_has(explorer, name, filters):
    class Counted(list):
        looked_at = 0

        def __iter__(self):
            for value in super().__iter__():
                self.looked_at += 1
                yield value

    given = Counted(filters)
    with pytest.raises(ValueError, match=r"^filters"):
        ask(explorer, name, image=0, layer=0, filter=0, source="input", filters=given)
    assert given.looked_at <= 5


VALUES = [
    *(None, True, False, 0, 1, 2, 3, 99, -1, 10**9, 10**40, 0.0, 1.5, -1e308, float("nan"), float("inf")),
    *("", "input", "image", "layer", "map", "mean", "zero", "right", "wrong", "a", "x" * 10_000, "\ud800", "<b>"),
    *([], {}, [0], [0, 1, 2], [0] * 5_000, [None], ["0"], [[0]], {"a": 1}, {"": {}}),
]
KEYS = (
    *("image", "layer", "filter", "channel", "source", "scale", "plane", "slice", "kernel_slice", "kernels_held"),
    *("filters", "codes", "row", "column", "input_channel", "input_slice", "start", "count", "class", "outcome"),
    *("held", "images", "only_this_layer", "ablation", "replaced_by", "cancel", "\ud800", ""),
)
GOOD = {"image": 1, "layer": 1, "filter": 2, "source": "input", "row": 3, "column": 4, "start": 0, "count": 3}


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_thousands_of_fuzzed_messages_are_ignored_or_answered_and_change_nothing():
    explorer = Explorer(seeded(TwoConvs), data())
    told = []
    explorer.send = lambda content, buffers=None: told.append(content)
    draw = random.Random(0)
    names = [*explorer.pages.requests.handlers, "fly", "", None, 3, "\ud800"]
    values = [*VALUES, nested(400), {"deep": nested(900)}]
    before = explorer.activation
    for number in range(FUZZED):
        args = {**draw.choice([GOOD, {}]), **{draw.choice(KEYS): draw.choice(values) for _ in range(draw.randrange(4))}}
        request = {"kind": "request", "id": f"p{draw.randrange(50)}-{number}", "name": draw.choice(names), "args": args}
        for _ in range(draw.choice([0, 0, 0, 1, 2])):
            request[draw.choice(list(request))] = draw.choice(values)
        told.clear()
        explorer._handle_custom_msg(draw.choice([request, request, request, args, draw.choice(values)]), [])
        assert all(content["kind"] in ("reply", "verdicts") for content in told)
        for content in told:
            assert ("body" in content) + ("error" in content) + ("skipped" in content) == 1
            assert len(content.get("error", {}).get("message", "")) < 3000
    assert len(removal_threads()) <= 1
    told.clear()
    explorer._handle_custom_msg({"kind": "request", "id": "p-1", "name": "frame", "args": {**GOOD, "image": 2}}, [])
    assert told[0]["body"]["image"] == 2
    assert (explorer.activation == before).all()
    explorer.close()
