"""Whether several images may go in one pass: two together against each alone."""

import numpy as np
import pytest
import torch

from batch_nets import DEPENDENT, INDEPENDENT, Base, BatchStatistics, FixedView
from dynamic_nets import UNSEEN, Classifies
from engines import classify
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.nets.interruption import StopPass
from filterscope.nets.pace import Pace
from filterscope.nets.runner import NetRunner
from nets import images, seeded

DATA = (images(6, 1, 12, 12) * torch.tensor([0.4, 1.6, 0.9, 2.5, 0.2, 1.1]).view(6, 1, 1, 1)).numpy()


class Counts(Pace):
    """How many images each pass had."""

    def __init__(self):
        self.sizes = []

    def after_pass(self, images, seconds):
        self.sizes.append(images)


def runner_of(net, image=DATA[0], **options):
    runner = NetRunner(net, **options)
    runner.find_layers(image)
    return runner


def one_by_one(net, data=DATA):
    with torch.no_grad():
        return np.concatenate([torch.softmax(net(torch.from_numpy(image[None])), 1).numpy() for image in data])


@pytest.mark.parametrize("build", DEPENDENT.values(), ids=DEPENDENT)
def test_what_two_images_change_for_each_other_is_found_and_scores_are_those_of_each_alone(build):
    net = seeded(build).eval()
    runner = runner_of(net)
    np.testing.assert_allclose(np.stack(runner.answers_and_scores(list(DATA))[0]), one_by_one(net), rtol=1e-5)
    assert runner.one_at_a_time and runner.images_at_once() == 1


@pytest.mark.parametrize("build", INDEPENDENT.values(), ids=INDEPENDENT)
def test_nets_that_take_each_image_for_itself_are_given_batches(build):
    pace = Counts()
    runner = runner_of(seeded(build).eval(), pace=pace)
    assert runner.images_at_once() == 1  # not yet known
    assert runner.takes_batches(DATA)
    assert pace.sizes[-3:] == [1, 1, 2]
    assert runner.one_at_a_time == "" and runner.images_at_once() > 1
    assert runner.takes_batches([])  # it is found out once


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (BatchStatistics, "conv gives an image other values beside another image than alone"),
        (DEPENDENT["Classifies"], "maps gives (1, 8, 10, 10) for two images in one pass, and (1, 4, 10, 10) for one"),
        (DEPENDENT["TakesAWay"], "the net takes another way with two images in one pass, where more is reached by not"),
        (DEPENDENT["Share"], "the net gives an image another output beside another image than alone"),
        (FixedView, "the net refuses two images in one pass (RuntimeError: shape '[1, 4]' is invalid"),
    ],
)
def test_the_reason_is_a_sentence(build, sentence):
    runner = runner_of(seeded(build).eval())
    assert not runner.takes_batches(DATA)
    assert runner.one_at_a_time.startswith(sentence)


def test_equal_images_do_not_tell_and_of_several_shapes_two_of_one_are_compared():
    runner = runner_of(seeded(BatchStatistics).eval())
    assert not runner.takes_batches([DATA[0], DATA[0].copy()]) and runner.one_at_a_time == ""
    other = images(2, 1, 9, 9, seed=3).numpy()
    assert not runner.takes_batches([DATA[0], other[0], DATA[0], other[1]])
    assert runner.one_at_a_time.startswith("conv gives an image other values")


class FailsFor(Base):
    """Refuses bright images, together or alone."""

    def forward(self, x):
        if (x.mean((1, 2, 3)) > 0.7).any():
            raise RuntimeError("too bright")
        return super().forward(x)


def test_an_image_that_the_net_refuses_alone_says_nothing_about_two():
    runner = runner_of(seeded(FailsFor).eval())
    assert runner.takes_batches(DATA)  # images 1 and 3 are refused, the next one is not
    assert runner.one_at_a_time == ""
    assert runner_of(seeded(FailsFor).eval()).takes_batches(DATA[[0, 1, 3]]) is False


def test_without_a_batch_convention_nothing_is_tried():
    pace = Counts()
    runner = runner_of(seeded(Base), forward=lambda net, image: net(image), pace=pace)
    before = len(pace.sizes)
    assert not runner.takes_batches(DATA) and len(pace.sizes) == before
    assert runner.one_at_a_time == ""


def test_an_interruption_says_nothing_about_two():
    class Interrupts(Counts):
        def before_pass(self):
            if len(self.sizes) == 4 and not self.interrupted:
                self.interrupted = True
                raise StopPass

        interrupted = False

    pace = Interrupts()
    runner = runner_of(seeded(Base), pace=pace)
    pace.sizes = [0, 0]
    with pytest.raises(StopPass):
        runner.takes_batches(DATA)
    assert runner.images_at_once() == 1
    assert runner.takes_batches(DATA)


@pytest.mark.parametrize("name", UNSEEN)
def test_kernels_that_differ_from_image_to_image_are_seen_then_though_nobody_saw_how(name):
    runner = runner_of(seeded(lambda: Classifies(UNSEEN[name])).eval())
    assert not runner.is_dynamic(0)
    runner.takes_batches(DATA)
    assert runner.is_dynamic(0)


def test_the_classes_of_a_strip_are_those_of_each_image_alone():
    net = seeded(BatchStatistics).eval()
    engine = Engine(net, SampleSource(torch.from_numpy(DATA)))
    assert classify(engine, list(DATA)) == one_by_one(net).argmax(1).tolist()
    assert [engine.prediction(image)[0][0] for image in range(6)] == one_by_one(net).argmax(1).tolist()


def test_maps_without_a_batch_axis_are_handed_on_with_one():
    net = seeded(DEPENDENT["OnlyTheFirst"]).eval()
    runner = runner_of(net)
    shapes = []

    def change(layer, activation):
        shapes.append(tuple(activation.shape))
        activation[:, 2] = 0

    output = runner.run(runner.batch([DATA[0]]), [0], change)
    with torch.no_grad():
        maps = torch.relu(net.conv(torch.from_numpy(DATA[:1])))
        maps[:, 2] = 0
        torch.testing.assert_close(output, net.head(4 * maps.mean((2, 3))))
    assert shapes == [(1, 4, 10, 10)]
