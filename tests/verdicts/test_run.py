"""A diagnosis on its way: going on, ablation later, stopped early, and the bar."""

import signal
import threading
import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import Subset

from diagnoses import DATA, look, same
from filterscope import demo, diagnose
from filterscope.verdicts.ablation.losses import Knowledge
from filterscope.verdicts.ablation.rises import LayerAblation
from filterscope.verdicts.activations.statistics import LayerStatistics
from planted import plant


@pytest.mark.parametrize("first", [200, 550])
def test_going_on_with_more_images_is_the_same_as_all_at_once(first):
    """Ablation and the test of merging included, where the first images were ablated on already."""
    net = plant(demo.fashion_net(), "conv1", "10 % noise", [7, 9], [0, 3], np.random.default_rng(0))
    part = look(net, images=first, layers="conv1")
    on = look(net, images=650, layers="conv1", resume=part)
    whole = look(net, images=650, layers="conv1")
    assert on.images == on.ablated == 650 and part.images == first  # what was held before stays
    assert [f.filter for f in whole.filters if f.duplicate_of is not None] == [7, 9]
    assert same(on, whole)
    assert same(look(net, images=650, layers="conv1", resume=on), on)


def test_ablation_may_come_later(found):
    first = look(demo.fashion_net(), images=300, ablation=False)
    assert same(look(demo.fashion_net(), images=300, resume=first), found)


def test_resume_refuses_what_does_not_fit(found):
    changed = demo.fashion_net()
    with torch.no_grad():
        changed.conv1.weight[0, 0, 0, 0] += 1e-3
    with pytest.raises(ValueError, match="other weights"):
        look(changed, resume=found)
    with pytest.raises(ValueError, match="same layers"):
        look(demo.fashion_net(), resume=found, layers="conv1")
    with pytest.raises(ValueError, match="10000 samples"):
        look(demo.fashion_net(), data=Subset(DATA, range(50)), resume=found)
    with pytest.raises(TypeError, match="give what diagnose"):
        look(demo.fashion_net(), resume=3)


def test_cancelled_it_holds_for_the_images_seen():
    stop = threading.Event()

    def after_the_first(stage, done, total):
        assert (stage, total) == ("images", 600)
        if done:
            stop.set()

    part = diagnose(demo.fashion_net(), DATA, images=600, progress=after_the_first, cancel=stop)
    assert not part.complete and 0 < part.images < 600
    assert "stopped early" in str(part)
    whole = look(demo.fashion_net(), images=part.images, ablation=False)
    for name in ("taylor", "fires", "state", "drives_most"):
        assert [row[name] for row in part.rows()] == [row[name] for row in whole.rows()]
    stop.clear()
    on = look(demo.fashion_net(), images=600, resume=part, ablation=False)
    assert on.images == 600 and on.complete


def test_interrupted_by_the_person_it_keeps_what_it_has():
    def interrupt(stage, done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="stopped"):
        part = diagnose(demo.fashion_net(), DATA, images=600, progress=interrupt)
    assert not part.complete and 0 < part.images < 600


@pytest.fixture(name="ctrl_c")
def as_in_a_terminal():
    """What a shell starts in the background is told to ignore Ctrl-C; a kernel is not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("where", [LayerStatistics, LayerAblation, Knowledge])
def test_interrupted_while_sums_are_added_up_no_batch_counts_by_half(where, monkeypatch):
    """Ctrl-C at the worst moment: one of the sums has the batch, others don't."""
    merge, calls = where.merge, []

    def interrupted(self, other):
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        merge(self, other)

    monkeypatch.setattr(where, "merge", interrupted)
    with pytest.warns(UserWarning, match="stopped"):
        part = look(demo.fashion_net(), images=600, layers="conv2")
    monkeypatch.undo()
    assert not part.complete
    seen = part.examination.statistics[1]
    assert part.images == seen.images == part.examination.knowledge.images
    assert {rise.images for one in part.examination.ablations.values() for rise in one.rises} <= {part.ablated}
    assert same(
        look(demo.fashion_net(), images=600, layers="conv2", resume=part),
        look(demo.fashion_net(), images=600, layers="conv2"),
    )


def test_no_bar_where_tqdm_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        diagnose(demo.fashion_net(), DATA, images=20, ablation=False)
    assert capsys.readouterr().err == ""


def test_a_bar_where_it_is_there(capsys):
    pytest.importorskip("tqdm")
    diagnose(demo.fashion_net(), DATA, images=40)
    assert "40/40" in capsys.readouterr().err
