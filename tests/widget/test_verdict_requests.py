"""What pages are answered about verdicts and removals, and the evidence that is drawn."""

import json
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from filterscope import Explorer, demo, wire
from filterscope.nets.interruption import StopPass
from filterscope.verdicts.result.evidence import class_rises, looks_like, structure_chance, structure_chances
from filterscope.verdicts.result.plain_words import plain_words
from filterscope.verdicts.run.task import Task

DATA = demo.fashion_test_data()


class Page:
    """Asks an explorer as a page does, and waits for what is made in the background."""

    def __init__(self, explorer):
        self.handlers = explorer.pages.requests.handlers

    def ask(self, name, **args):
        content, buffers = wire.answer({"kind": "request", "id": "page-1", "name": name, "args": args}, self.handlers)
        json.dumps(content, allow_nan=False)
        assert len(buffers) == len(content.get("tensors", []))
        return content.get("error") or content["body"]

    def until(self, holds, name, **args):
        end = time.monotonic() + 300
        while not holds(answer := self.ask(name, **args)):
            assert time.monotonic() < end, answer
            time.sleep(0.01)
        return answer


@pytest.fixture(name="explorer", scope="module")
def diagnosed():
    explorer = Explorer(demo.fashion_net(), DATA, layer_index=1)
    explorer.diagnose(images=200).wait()
    yield explorer
    explorer.close()


def fresh():
    return Explorer(demo.fashion_net(), DATA, layer_index=1)


def test_nothing_is_known_before_somebody_asks():
    explorer = fresh()
    answer = Page(explorer).ask("verdicts", layer=1, held=-1)
    assert answer["status"] == "none" and answer["filters"] == [] and answer["images_in_all"] == 10_000
    assert "nothing is known of conv2 yet" in Page(explorer).ask("verdict", layer=1, filter=0)["message"]
    assert explorer.diagnosis is None
    explorer.close()


def test_a_page_begins_follows_and_cancels_a_diagnosis():
    explorer = fresh()
    page = Page(explorer)
    begun = page.ask("diagnose", layer=1, held=-1, images=10_000)
    assert begun["status"] == "running" and begun["asked"] == 10_000
    partial = page.until(lambda one: one["images"] > 0, "verdicts", layer=1, held=-1)
    assert len(partial["filters"]) == 20 and partial["progress"]["per_second"] > 0
    assert partial["summary"].startswith("conv2: ")
    page.ask("cancel_diagnosis", layer=1, held=-1)
    ended = page.until(lambda one: one["status"] != "running", "verdicts", layer=1, held=-1)
    assert ended["status"] == "cancelled" and explorer.diagnosis.cancelled
    again = page.ask("verdicts", layer=1, held=ended["number"])
    assert again["filters"] is None  # the page has them
    explorer.close()


def test_only_this_layer():
    explorer = fresh()
    page = Page(explorer)
    page.ask("diagnose", layer=1, held=-1, images=40, only_this_layer=True, ablation=False)
    explorer.diagnosis.wait()
    assert explorer.diagnosis.layers == ("conv2",)
    other = page.ask("verdicts", layer=0, held=-1)
    assert other["filters"] == [] and other["summary"] == ""
    explorer.close()


def test_what_a_page_is_told_of_a_filter_is_its_verdict(explorer):
    found = explorer.diagnosis
    page = Page(explorer)
    badges = page.ask("verdicts", layer=1, held=-1)["filters"]
    for one in found.of_layer("conv2"):
        assert badges[one.filter]["use"] == one.use and badges[one.filter]["state"] == one.state
        told = page.ask("verdict", layer=1, filter=one.filter)
        assert told["verdict"]["sentence"] == one.sentence and told["words"] == plain_words(one)
        assert told["verdict"]["noise_score"] == (one.noise_score if np.isfinite(one.noise_score) else None)
    assert page.ask("verdicts", layer=1, held=-1)["earlier"] is False


def test_earlier_weights_are_said():
    net = demo.fashion_net()
    explorer = Explorer(net, DATA)
    explorer.diagnose(images=40, ablation=False).wait()
    page = Page(explorer)
    with torch.no_grad():
        net.conv1.bias.add_(1)
    explorer.refresh()
    assert page.ask("verdicts", layer=0, held=-1)["earlier"] is True
    explorer.close()


@pytest.mark.parametrize("layer", [0, 1])
def test_the_mark_in_what_chance_gives_is_the_filters_own(explorer, layer):
    kernels = explorer.layers[layer].kernels
    for one in explorer.diagnosis.of_layer(explorer.layers[layer].name):
        looks = looks_like(kernels[one.filter])
        assert looks.chance.mark == pytest.approx(one.match, rel=1e-6)
        assert looks.chance.random.sum() == pytest.approx(1, abs=1e-5)
        # The part of the pattern that the template explains: a projection, so its energy is the match.
        assert (looks.template**2).sum() == pytest.approx(one.match, rel=1e-4)
        assert (looks.template * looks.pattern).sum() == pytest.approx(one.match, rel=1e-4)
        chance = structure_chance(kernels, 1, one.filter)
        if layer == 0:
            assert chance is None and np.isnan(one.noise_score)  # nine numbers
        else:
            assert chance.mark == pytest.approx(one.noise_score, rel=1e-5)
            assert chance.random.sum() == pytest.approx(1, abs=1e-5) == chance.alike.sum()


@pytest.mark.parametrize("shape", [(12, 4, 3, 3), (24, 80, 3, 3)])  # each judged by all others, and by folds
def test_several_filters_get_what_each_gets_alone(shape):
    kernels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    kernels[2] = 0  # not judged
    wanted = [5, 2, 11, 0]
    for k, chance in zip(wanted, structure_chances(kernels, 1, wanted), strict=True):
        alone = structure_chance(kernels, 1, k)
        assert (chance is None) == (alone is None) == (k == 2)
        if chance is not None:
            assert (chance.low, chance.high, chance.mark) == (alone.low, alone.high, alone.mark)
            np.testing.assert_array_equal(chance.random, alone.random)
            np.testing.assert_array_equal(chance.alike, alone.alike)


def test_the_random_filters_lie_where_random_filters_do():
    """A layer's own filter replaced by a random one comes to stand among the random ones."""
    kernels = demo.fashion_net().conv2.weight.detach().numpy().copy()
    kernels[0] = np.random.default_rng(0).normal(size=kernels[0].shape)
    chance = structure_chance(kernels, 1, 0)
    bins = np.linspace(chance.low, chance.high, len(chance.random) + 1)
    inside = chance.random > 0.001
    assert bins[:-1][inside].min() <= chance.mark <= bins[1:][inside].max()


def test_the_rises_of_the_classes_make_up_the_rise_of_all(explorer):
    ablation = explorer.diagnosis.examination.ablations[1]
    for one in explorer.diagnosis.of_layer("conv2"):
        of_class = [ablation.of_class(number, one.filter) for number in range(10)]
        whole = ablation.rises[one.filter]
        assert sum(rise.images for rise in of_class) == whole.images == 200
        assert sum(rise.total for rise in of_class) == pytest.approx(whole.total, rel=1e-9, abs=1e-9)
        assert sum(rise.squared for rise in of_class) == pytest.approx(whole.squared, rel=1e-9, abs=1e-9)
        shown = class_rises(ablation, one.filter, 10)
        np.testing.assert_array_equal(shown.value, np.float32([rise.mean for rise in of_class]))
        worst = max(of_class, key=lambda rise: rise.mean)
        assert (one.class_rise == worst.mean and one.hurts_most is not None) or worst.mean <= 0


def test_without_is_pythons_and_its_effect_is_measured_beside(explorer):
    page = Page(explorer)
    removal = {"layer": 1, "filters": [3, 10], "replaced_by": "zero"}
    told = page.ask("without", image=5, **removal)
    found = explorer.select(image=5).without([3, 10], replaced_by="zero")
    assert told["before"][0][:2] == [*found.before[0]]
    assert told["before"][0][2] == dict(found.after)[found.before[0][0]] and told["after"][0] == [*found.after[0]]
    assert page.ask("effect", images=150, **removal)["status"] in ("running", "done")
    measured = page.until(lambda one: one["status"] != "running", "effect", images=150, **removal)
    effect = explorer.without([3, 10], replaced_by="zero", images=150).effect
    assert measured["effect"]["images"] == 150
    assert measured["effect"]["accuracy_after"] == effect.accuracy_after
    assert measured["effect"]["loss_change"]["value"] == pytest.approx(effect.loss_change.value)
    page.ask("effect", images=10_000, **removal)
    measuring = explorer.pages._verdicts
    task = measuring._measuring[1]
    other = removal | {"filters": [4]}
    assert page.ask("effect", images=10_000, cancel=True, **other)["status"] == "cancelled"
    assert not task.cancelled.is_set()  # it was another's
    for _ in range(2):  # the second finds nothing to end, and begins nothing
        assert page.ask("effect", images=10_000, cancel=True, **removal)["status"] == "cancelled"
        assert task.cancelled.is_set() and measuring._measuring is None
    assert task.wait(5)


def test_the_means_are_found_while_the_page_waits_and_asks_again():
    explorer = fresh()
    page = Page(explorer)
    told = page.until(lambda one: not one["preparing"], "without", image=0, layer=1, filters=[4])
    assert told["replaced_by"] == "mean" and told["mean_images"] == 64
    explorer.close()


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("verdicts", {"layer": 2}, "layer is 2; this net has convolutions 0 … 1"),
        ("verdict", {"layer": 1, "filter": 20}, "filter is 20; conv2 has filters 0 … 19"),
        ("diagnose", {"layer": 0, "images": 0}, "images is 0; give how many images are looked at, 1 or more"),
        ("without", {"layer": 1, "filters": [99], "image": 0}, "filters is 99; conv2 has filters 0 … 19"),
        ("without", {"layer": 1, "filters": [], "image": 0}, "filters is empty"),
        ("without", {"layer": 1, "filters": [1], "image": -1}, "image is -1"),
        ("without", {"layer": 1, "filters": [1], "image": 0, "replaced_by": "noise"}, "choose 'mean' or 'zero'"),
    ],
)
def test_a_wrong_question_is_answered_with_a_sentence(explorer, name, args, sentence):
    assert sentence in Page(explorer).ask(name, **args)["message"]


def test_plain_words_say_what_was_found(explorer):
    one = explorer.diagnosis.of_layer("conv2")[0]
    named = replace(one, structure="structured", name="horizontal edge: dark above, bright below", use="used")
    assert plain_words(named).startswith("It looks for: horizontal edge: dark above, bright below. Its weights are")
    assert plain_words(named).endswith("The net uses it.")
    assert "says the same" in plain_words(replace(named, duplicate_of=7))
    assert "better without it" in plain_words(replace(named, use="harmful"))
    assert "hardly misses" in plain_words(replace(named, use="no measurable use"))
    assert "not known" in plain_words(replace(named, use="withheld"))
    noise = replace(one, structure="noise-like", name="no simple pattern")
    assert "look like noise" in plain_words(noise)
    assert plain_words(replace(noise, state="dead")).startswith("It never fires")
    assert "the same of every image" in plain_words(replace(noise, state="constant"))
    assert "cannot tell" in plain_words(replace(noise, structure="can't tell"))


def test_a_task_waits_for_the_person_and_ends_at_once_when_cancelled():
    busy = [1.0]
    seen = []

    def work(task):
        task.begin("images", 0, 10)
        for k in range(10):
            task.check()
            seen.append(k)
            task.note("images", k + 1, 10)
            if k == 4:
                busy[0] = 1.0

    task = Task("test", work, lambda: busy[0])
    assert not task.wait(0.1) and seen == []
    busy[0] = 0.0
    end = time.monotonic() + 300
    while len(seen) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    assert seen == [0, 1, 2, 3, 4] and task.progress.done == 5
    task.cancel()
    assert task.wait(2) and task.error is None and seen == [0, 1, 2, 3, 4]


def test_a_task_keeps_what_ended_it():
    def work(task):
        raise ValueError("so it is")

    task = Task("test", work)
    assert task.wait(5) and str(task.error) == "so it is"
    task.cancel()
    with pytest.raises(StopPass):
        task.check()


def test_the_effects_of_a_layers_filters_are_pythons():
    explorer = fresh()
    page = Page(explorer)
    answer = page.until(lambda one: one["status"] != "running", "filter_effects", image=17, layer=1)
    assert (answer["status"], answer["image"], answer["layer"]) == ("done", 17, 1)
    explorer.image_index = 17
    assert answer["predicted"] == explorer.prediction[0][0] == "Shirt"
    content, buffers = wire.answer(
        {"kind": "request", "id": "page-1", "name": "filter_effects", "args": {"image": 17, "layer": 1}}, page.handlers
    )
    assert content["body"]["effects"] == {"tensor": 0}
    assert np.array_equal(np.frombuffer(buffers[0], np.float32), explorer.filter_effects())
    explorer.close()


class Gate:
    """A net's pass that waits until it may go on, from its so-manyth on."""

    def __init__(self):
        self.passes, self.closed_from, self.open = 0, None, threading.Event()

    def __call__(self, module, inputs, output):
        self.passes += 1
        if self.closed_from is not None and self.passes > self.closed_from:
            assert self.open.wait(60)


def test_effects_that_take_long_say_how_far_they_are_and_keep_no_picture_waiting():
    explorer = fresh()
    page, gate = Page(explorer), Gate()
    runner = explorer.session.examiner.net_copy().runner
    real = runner.run

    def run(*args, **options):
        gate(None, None, None)
        return real(*args, **options)

    runner.run, gate.closed_from = run, 6  # three to find out, one whole, two to write down: none is left out yet
    first = page.ask("filter_effects", image=0, layer=1)
    assert first["status"] == "running" and first["effects"] is None and first["predicted"] is None
    assert first["progress"]["stage"] == "filters" and first["progress"]["total"] == 20
    assert page.ask("frame", image=3, layer=1, filter=0, source="input")["image"] == 3  # meanwhile
    gate.open.set()
    done = page.until(lambda one: one["status"] == "done", "filter_effects", image=0, layer=1)
    assert done["progress"]["done"] == 20
    passes = gate.passes
    assert page.ask("filter_effects", image=0, layer=1)["status"] == "done" and gate.passes == passes  # it is kept
    explorer.close()


@pytest.mark.parametrize("by", ["a move", "cancel"])
def test_effects_are_no_longer_measured_after(by):
    explorer = fresh()
    page, gate = Page(explorer), Gate()
    runner = explorer.session.examiner.net_copy().runner
    real = runner.run

    def run(*args, **options):
        gate(None, None, None)
        return real(*args, **options)

    runner.run, gate.closed_from = run, 0
    assert page.ask("filter_effects", image=0, layer=1)["status"] == "running"
    task = explorer.pages._verdicts._effects.task
    if by == "cancel":
        answer = page.ask("filter_effects", image=0, layer=1, cancel=True)
        assert answer["status"] == "cancelled" and answer["effects"] is None
        assert page.ask("filter_effects", image=0, layer=1, cancel=True)["status"] == "cancelled"  # nothing begins
        assert explorer.pages._verdicts._effects is None
    else:
        assert page.ask("filter_effects", image=1, layer=1)["status"] == "running"
    gate.open.set()
    assert task.wait(60) and task.cancelled.is_set() and task.error is None
    if by == "a move":
        answer = page.until(lambda one: one["status"] != "running", "filter_effects", image=1, layer=1)
        assert answer["status"] == "done" and answer["image"] == 1
    explorer.close()


def test_effects_give_way_while_a_picture_is_waited_for():
    explorer = fresh()
    page, waits = Page(explorer), [True]
    explorer.pages._verdicts._someone_waits = lambda: waits[0]
    start = time.monotonic()
    answer = page.ask("filter_effects", image=0, layer=1)
    assert answer["status"] == "running" and time.monotonic() - start < 60
    assert page.ask("filter_effects", image=0, layer=1)["progress"]["done"] == 0
    waits[0] = False
    page.until(lambda one: one["status"] == "done", "filter_effects", image=0, layer=1)
    explorer.close()


def test_effects_that_cannot_be_measured_are_sentences():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU())
    explorer = Explorer(net, torch.rand(3, 1, 9, 9, generator=torch.Generator().manual_seed(0)))
    page = Page(explorer)
    failed = page.until(lambda one: one["status"] != "running", "filter_effects", image=0, layer=0)
    assert failed["status"] == "failed" and failed["effects"] is None
    assert failed["error"].startswith("the net's output is not one score a class, so there is no prediction")
    assert "layer is 7; this net has convolutions 0 … 0" in page.ask("filter_effects", image=0, layer=7)["message"]
    assert "image is 9" in page.ask("filter_effects", image=9, layer=0)["message"]
    explorer.close()
