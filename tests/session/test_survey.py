"""What the net says to every image, found in the background, against one pass for each image."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from filterscope import scan
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.errors import SampleError
from filterscope.frames.strip import build_strip
from filterscope.session.survey import Survey
from nets import TwoConvs, images, seeded

COUNT = 150
LABELS = torch.arange(COUNT) % 3


@pytest.fixture(name="engine")
def with_many_images():
    net = seeded(TwoConvs)
    with torch.no_grad():
        net.fc.bias -= net(images(COUNT, 1, 14, 14)).mean(0)  # so that the predictions differ from image to image
    engine = Engine(net, SampleSource(TensorDataset(images(COUNT, 1, 14, 14), LABELS), classes=["a", "b", "c"]))
    yield engine
    engine.close()


@pytest.fixture(name="survey")
def of_that_engine(engine):
    survey = Survey(engine)
    yield survey
    survey.close()


def finish(survey, **need):
    """Asks until it is done; a survey that nobody asks for any more stops."""
    deadline = time.monotonic() + 300
    while True:
        survey.need(**need)
        if not survey.progress().running:
            return
        assert time.monotonic() < deadline, survey.progress()
        time.sleep(0.01)


def test_all_predictions_are_those_of_one_pass_each(engine, survey):
    finish(survey, first=[], whole=True)
    assert survey.progress().done == COUNT
    one_by_one = [engine.prediction(image)[0][0] for image in range(COUNT)]
    assert len(set(one_by_one)) > 1
    assert [survey.predicted(image) for image in range(COUNT)] == one_by_one
    names = np.array(["a", "b", "c"])[LABELS]
    assert survey.matching("b", None).tolist() == np.flatnonzero(names == "b").tolist()
    assert survey.matching(None, "right").tolist() == np.flatnonzero(names == one_by_one).tolist()
    assert survey.matching("c", "wrong").tolist() == np.flatnonzero((names == "c") & (names != one_by_one)).tolist()


def test_only_what_is_on_the_page_unless_all_is_asked_for(engine, survey):
    finish(survey, first=[7, 3], whole=False)
    assert survey.progress().done == 2
    assert survey.predicted(7) == engine.prediction(7)[0][0]
    assert survey.predicted(4) is None
    assert not survey.progress().running


def test_labels_alone_need_no_pass(engine, survey, monkeypatch):
    monkeypatch.setattr(engine, "look_at", lambda samples: pytest.fail("a pass for labels"))
    finish(survey, first=[], whole=True, predictions=False)
    assert len(survey.matching("a", None)) == COUNT // 3


class WithTargets(Dataset):
    targets = tuple(range(10)) * 2
    reads = 0

    def __len__(self):
        return 20

    def __getitem__(self, index):
        WithTargets.reads += 1
        return images(1, 14, 14), self.targets[index]


def test_labels_that_the_data_set_holds_are_not_read_one_by_one():
    engine = Engine(seeded(TwoConvs), SampleSource(WithTargets()))
    WithTargets.reads = 0
    survey = Survey(engine)
    assert survey.labels_known()
    assert survey.matching(4, None).tolist() == [4, 14]
    assert WithTargets.reads <= 5  # some, to see whether they agree
    survey.close()


@pytest.mark.parametrize("lie", ["targets", "target_transform"])
def test_targets_that_are_not_what_a_sample_says_are_not_believed(lie):
    class Lies(WithTargets):
        target_transform = (lambda self, target: target + 1) if lie == "target_transform" else None

        def __getitem__(self, index):
            return images(1, 14, 14), self.targets[index] + 1

    engine = Engine(seeded(TwoConvs), SampleSource(Lies()))
    assert engine.samples.labels() is None


def test_targets_in_another_order_are_not_believed():
    class Shuffled(WithTargets):
        def __getitem__(self, index):
            return images(1, 14, 14), self.targets[(3 * index) % 20]  # the first is the same

    assert Engine(seeded(TwoConvs), SampleSource(Shuffled())).samples.labels() is None


class Sometimes(Dataset):
    def __len__(self):
        return 9

    def __getitem__(self, index):
        if index == 4:
            raise OSError("gone")
        return images(1, 14, 14 if index < 7 else 20, seed=index), index % 2  # two sizes


def test_unreadable_samples_and_images_of_several_sizes(engine):
    mixed = Engine(seeded(TwoConvs), SampleSource(Sometimes()))
    survey = Survey(mixed)
    finish(survey, first=[], whole=True)
    assert survey.progress().error is None
    assert survey.predicted(4) is None
    assert [survey.predicted(i) for i in (0, 8)] == [mixed.prediction(i)[0][0] for i in (0, 8)]
    with pytest.raises(SampleError):
        mixed.samples.read(4)
    survey.close()


def test_what_the_net_refuses_has_no_prediction_and_the_rest_goes_on():
    class Picky(TwoConvs):
        def forward(self, x):
            if x.shape[0] > 1 or x.mean() < 0.1:
                raise RuntimeError("one bright image at a time, please")
            return super().forward(x)

    data = images(6, 1, 14, 14)
    data[4] = 0
    engine = Engine(seeded(Picky), SampleSource(TensorDataset(data, LABELS[:6])))
    survey = Survey(engine)
    finish(survey, first=[], whole=True)
    assert (survey.progress().done, survey.progress().error) == (6, None)
    assert survey.predicted(4) is None
    assert survey.predicted(5) == engine.prediction(5)[0][0]
    survey.close()


@pytest.mark.filterwarnings("ignore:this net cannot be copied")
def test_a_net_that_cannot_be_copied_is_not_run_in_the_background():
    class NoCopy(TwoConvs):
        def __deepcopy__(self, memo):
            raise TypeError("no")

    survey = Survey(Engine(seeded(NoCopy), SampleSource(images(4, 1, 14, 14))))
    survey.need([0, 1], whole=True)
    assert survey.progress().error.startswith("no predictions in the background: this net cannot be copied")
    assert not any(thread.name == "filterscope survey" for thread in threading.enumerate())


AT_THE_END = """
import time
import torch
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
request = {"kind": "request", "id": "1", "name": "strip", "args": {"start": 0, "count": 20, "outcome": "wrong"}}
explorer._on_message(explorer, request, [])
assert explorer.session.survey.progress().running
time.sleep(WAIT)
"""


@pytest.mark.parametrize("wait", ["0", "0.3"])
def test_python_ends_cleanly_while_a_survey_runs(wait):
    script = AT_THE_END.replace("WAIT", wait)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr


def test_changed_weights_start_it_anew(engine, survey):
    finish(survey, first=[], whole=True)
    with torch.no_grad():
        engine.layers[0].module.weight.mul_(-1)
    engine.check()
    assert survey.predicted(0) is None
    assert survey.progress().done in (0, COUNT)  # nothing is asked for yet
    finish(survey, first=[], whole=True)
    assert [survey.predicted(i) for i in range(COUNT)] == [engine.prediction(i)[0][0] for i in range(COUNT)]


def test_it_gives_way_and_ends_with_close(engine):
    survey = Survey(engine)
    survey.need([], whole=True)
    for image in range(20):
        engine.maps(image, 0)  # would hang if the survey kept the lock
    survey.close()
    assert not any(thread.name == "filterscope survey" for thread in threading.enumerate())
    survey.need([], whole=True)
    assert not survey.progress().running


def test_it_ends_when_nobody_asks_any_more(engine, monkeypatch):
    monkeypatch.setattr("filterscope.session.survey.SURVEY_IDLE_SECONDS", -1.0)
    survey = Survey(engine)
    survey.need([], whole=True)
    survey._thread.join(timeout=120)
    assert not survey._thread.is_alive()
    assert survey.progress().done == 0
    survey.close()


def test_the_users_random_numbers_and_net_stay(engine, survey):
    net, random = engine.net, torch.get_rng_state()
    net.train()
    before = [(p._version, p.detach().clone()) for p in net.parameters()]
    finish(survey, first=[], whole=True)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training for module in net.modules())
    assert all(p._version == v and torch.equal(p, old) for p, (v, old) in zip(net.parameters(), before, strict=True))


class Foreign(Dataset):
    """Its classes are not the net's."""

    classes = ("portrait", "detail")

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return images(4, 1, 14, 14)[index], index % 2


def test_labels_of_other_classes_than_the_nets_are_neither_right_nor_wrong():
    engine = Engine(seeded(TwoConvs), SampleSource(Foreign()))  # it has three classes
    survey = Survey(engine)
    finish(survey, first=[], whole=True)
    assert survey.predicted(0) is not None and survey.matching("detail", None).tolist() == [1, 3]
    assert survey.matching(None, "wrong").tolist() == survey.matching(None, "right").tolist() == []
    finish(survey, first=[0, 1, 2, 3], whole=True, pictures=True)
    assert build_strip(engine, survey, {"start": 0, "count": 4})["predicted"] == [None] * 4
    survey.close()


def test_thumbnails_do_not_wait_for_long_passes(monkeypatch):
    monkeypatch.setattr("filterscope.session.survey.LONG_PASS_SECONDS", 0.0)
    engine = Engine(seeded(TwoConvs), SampleSource([(image, 0) for image in images(6, 1, 14, 14)]))
    survey = Survey(engine)
    held = []
    look_at = survey._look_at
    monkeypatch.setattr(survey, "_look_at", lambda samples: held.append(len(survey._thumbnails)) or look_at(samples))
    finish(survey, first=list(range(6)), whole=False, pictures=True)
    assert held[:2] == [1, 6]  # how long a pass takes is known after the first
    assert [survey.predicted(image) for image in range(6)] == [engine.prediction(image)[0][0] for image in range(6)]
    survey.close()


def scanned(engine, net=None, **options):
    samples = TensorDataset(images(COUNT, 1, 14, 14), LABELS)
    return scan(net or engine.net, samples, classes=["a", "b", "c"], progress=False, **options)


def test_what_a_scan_has_seen_is_not_run_again(engine, survey, monkeypatch):
    found = scanned(engine)
    one_by_one = [engine.prediction(image)[0][0] for image in range(COUNT)]
    assert survey.take(found)
    monkeypatch.setattr(engine, "look_at", lambda samples: pytest.fail("a pass for what is known"))
    finish(survey, first=[], whole=True)
    assert survey.progress().done == COUNT
    assert [survey.predicted(image) for image in range(COUNT)] == one_by_one
    names = np.array(["a", "b", "c"])[LABELS]
    assert survey.matching("b", None).tolist() == np.flatnonzero(names == "b").tolist()
    assert survey.matching(None, "right").tolist() == np.flatnonzero(names == one_by_one).tolist()


def test_images_that_a_scan_has_not_seen_are_looked_at(engine, survey, monkeypatch):
    survey.need([], whole=False)  # somebody asked for predictions before
    survey.take(scanned(engine, images=range(100)))
    look_at, run = engine.look_at, []
    monkeypatch.setattr(engine, "look_at", lambda samples: run.extend(samples) or look_at(samples))
    finish(survey, first=[], whole=True)
    assert len(run) == COUNT - 100
    assert [survey.predicted(image) for image in (3, 99, 100, 149)] == [
        engine.prediction(image)[0][0] for image in (3, 99, 100, 149)
    ]


def test_a_part_of_a_scan_makes_nobody_need_predictions(engine, survey, monkeypatch):
    survey.take(scanned(engine, images=range(100)))
    monkeypatch.setattr(engine, "look_at", lambda samples: pytest.fail("a pass for labels"))
    finish(survey, first=[], whole=True, predictions=False)
    assert len(survey.matching("a", None)) == COUNT // 3


def test_a_scan_of_something_else_is_not_taken(engine, survey):
    other = seeded(TwoConvs, seed=1)
    assert not survey.take(scanned(engine, other))
    mixed = TensorDataset(images(COUNT, 1, 14, 14), LABELS.flip(0))
    assert not survey.take(scan(engine.net, mixed, classes=["a", "b", "c"], progress=False))
    assert survey.predicted(0) is None
    found = scanned(engine)
    with torch.no_grad():
        engine.net.fc.bias += 1
    assert not survey.take(found)  # the weights are others now
    assert survey.predicted(0) is None
