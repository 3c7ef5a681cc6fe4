"""One range of colours over all checkpoints: that of all their maps together, found once and used for each."""

import gc
import weakref

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from filterscope import Explorer, demo
from filterscope.nets.runner import NetRunner

EPOCHS = (0, 1, 20)
NETS = [demo.fashion_net(epoch=epoch) for epoch in EPOCHS]
IMAGES = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def frame(explorer, **change):
    args = {"image": 0, "layer": 0, "filter": 0, "channel": None, "source": "input", "scale": "checkpoints", **change}
    return explorer.pages.requests.handlers["frame"](args)


def ends(body, picture="activations"):
    (found,) = body[picture]["ranges"]
    return found["low"], found["high"]


@pytest.fixture
def explorer():
    explorer = Explorer(NETS[-1], IMAGES, checkpoints=NETS)
    yield explorer
    explorer.close()


def test_the_range_is_that_of_all_checkpoints_maps(explorer):
    with torch.no_grad():
        maps = [net.conv1(IMAGES[1][None]) for net in NETS]
    kernel = max(float(net.conv1.weight.detach().abs().max()) for net in NETS)
    for checkpoint in (0, 2, None):
        body = frame(explorer, image=1, checkpoint=checkpoint)
        assert ends(body) == pytest.approx((0, max(float(F.relu(values).max()) for values in maps)), rel=1e-5)
        assert ends(body, "kernels") == pytest.approx((-kernel, kernel), rel=1e-6)
    alone = ends(frame(explorer, image=1, checkpoint=0, scale="layer"))
    assert alone[1] == pytest.approx(float(F.relu(maps[0]).max()), rel=1e-5)
    assert alone[1] < 0.9 * ends(body)[1]  # else nothing was held


def test_what_is_counted_is_of_the_checkpoint_on_screen():
    broken = demo.fashion_net(epoch=1)
    with torch.no_grad():
        broken.conv1.bias[3] = float("nan")
    explorer = Explorer(NETS[-1], IMAGES, checkpoints=[NETS[0], broken])
    counts = [frame(explorer, checkpoint=index)["activations"]["ranges"][0]["nan"] for index in (0, 1)]
    assert counts[0] == 0 and counts[1] > 0
    assert np.isfinite(ends(frame(explorer, checkpoint=0))).all()


def test_only_the_first_frame_of_an_image_takes_the_passes(explorer, monkeypatch):
    passes = []
    run = NetRunner.keep
    monkeypatch.setattr(NetRunner, "keep", lambda self, *a, **k: passes.append(1) or run(self, *a, **k))
    frame(explorer, checkpoint=0)
    assert len(passes) >= len(NETS) - 1
    passes.clear()
    for checkpoint in (1, 2, 0):
        frame(explorer, checkpoint=checkpoint)
    assert passes == []


def test_the_range_grows_with_the_checkpoints():
    explorer = Explorer(demo.fashion_net(), IMAGES, checkpoints=[NETS[0]])
    before = ends(frame(explorer, checkpoint=0))
    explorer.record(name="now")
    assert ends(frame(explorer, checkpoint=0))[1] > before[1]
    alone = frame(Explorer(demo.fashion_net(), IMAGES))
    assert ends(alone) == ends(frame(Explorer(demo.fashion_net(), IMAGES), scale="layer"))  # no checkpoint: the layer's


def test_a_checkpoint_that_was_let_go_of_is_not_kept_alive():
    explorer = Explorer(NETS[-1], IMAGES, checkpoints=NETS[:2])
    frame(explorer, checkpoint=0)
    engine = explorer.session.engine
    gone = weakref.ref(engine.checkpoints[1])
    engine.checkpoints.keep(lambda checkpoint: checkpoint is engine.checkpoints[0])
    engine.showing.drop()
    engine.showing.begin_revision()
    gc.collect()
    assert gone() is None
