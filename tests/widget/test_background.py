"""`explorer.diagnose`: a diagnosis beside the person, against one that blocks; cancelled, gone on with, outlived."""

import copy
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset, Subset

from diagnoses import same
from filterscope import Diagnosis, Explorer, NetError, demo, diagnose
from nets import Everything, TwoConvs, images, seeded

DATA = demo.fashion_test_data()


@pytest.fixture(name="explorer")
def of_the_demo_net():
    explorer = Explorer(demo.fashion_net(), DATA)
    yield explorer
    explorer.close()


def until(holds, seconds=300):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def test_it_returns_at_once_and_ends_as_the_one_that_blocks(explorer):
    rests = [1000.0]
    explorer.session.examiner.seconds_until_idle = lambda: rests[0]  # until it has returned, it does not go on
    found = explorer.diagnose(images=200)
    assert not found.done
    rests[0] = 0.0
    assert isinstance(found, Diagnosis) and explorer.diagnosis is found
    assert found.wait() is found and found.done and found.complete and not found.cancelled
    assert (found.images, found.ablated) == (200, 200) and found.notes == ()
    assert same(found, diagnose(demo.fashion_net(), DATA, images=200, progress=False))
    assert found.fingerprint == diagnose(demo.fashion_net(), DATA, images=1, progress=False).fingerprint


def test_everything_of_a_diagnosis_is_there_before_the_first_image_is(explorer):
    found = explorer.diagnose(images=5000)
    assert len(found.to_dataframe()) == len(found.rows()) and "delta_loss" in found.to_dataframe().columns
    assert isinstance(str(found), str) and "RunningDiagnosis(running" in repr(found)
    assert "Still running" in found._repr_html_()
    assert found.to_csv() is not None
    found.cancel()


def test_partial_results_come_and_are_exact_for_the_images_seen(explorer):
    found = explorer.diagnose(images=4000, ablation=False)
    until(lambda: 0 < found.images < 4000)
    found.cancel().wait()
    assert found.done and found.cancelled and not found.complete
    assert 0 < found.images < 4000
    assert same(found, diagnose(demo.fashion_net(), DATA, images=found.images, ablation=False, progress=False))
    assert any("stopped early" in note for note in found.notes)


def test_progress_says_how_fast_and_how_long(explorer):
    found = explorer.diagnose(images=10_000)
    until(lambda: found.progress.stage == "images" and found.progress.per_second > 0)
    at = found.progress
    assert 0 < at.done <= at.total == 10_000
    assert at.seconds_left == pytest.approx((at.total - at.done) / at.per_second)
    found.cancel()


def test_cancelled_at_any_moment_it_ends_within_a_moment(explorer):
    for wait in (0.0, 0.02, 0.1, 0.4, 0.8):
        found = explorer.diagnose(images=10_000)
        time.sleep(wait)
        assert found.cancel() is found
        found.wait(300)
        assert found.done and found.cancelled and found.images < 10_000
        assert len(found.filters) in (0, 10, 30)


def test_cancelled_while_a_slow_data_set_is_read():
    read = []

    class Slow(Dataset):
        def __len__(self):
            return 1000

        def __getitem__(self, index):
            time.sleep(0.2)
            read.append(index)
            return DATA[index]

    explorer = Explorer(demo.fashion_net(), Slow())
    found = explorer.diagnose(images=500)
    until(lambda: found.progress.stage == "images")
    found.cancel().wait()
    assert found.cancelled and len(read) < 500
    explorer.close()


def test_a_second_call_goes_on_where_the_first_ended(explorer, monkeypatch):
    first = explorer.diagnose(images=150, ablation=False).wait()
    before = first.rows()
    read = []
    source = explorer.session.engine.source
    original = source.read
    monkeypatch.setattr(source, "read", lambda index: read.append(index) or original(index))
    second = explorer.diagnose(images=250, ablation=False).wait()
    assert len(set(read) - {0}) <= 101
    assert second.images == 250
    assert str(first.rows()) == str(before) and first.images == 150
    assert same(second, diagnose(demo.fashion_net(), DATA, 250, ablation=False, progress=False))


def test_a_second_call_that_ablates_goes_on_too(explorer):
    explorer.diagnose(images=60).wait()
    second = explorer.diagnose(images=120).wait()
    assert second.images == second.ablated == 120
    assert same(second, diagnose(demo.fashion_net(), DATA, 120, progress=False))


def test_it_can_be_gone_on_with_by_the_one_that_blocks(explorer):
    first = explorer.diagnose(images=100).wait()
    assert same(
        diagnose(explorer.session.engine.net, DATA, images=160, resume=first, progress=False),
        diagnose(demo.fashion_net(), DATA, 160, resume=first, progress=False),
    )


def test_a_call_while_one_runs_goes_on_from_there(explorer):
    first = explorer.diagnose(images=8000, ablation=False)
    until(lambda: first.images > 0)
    second = explorer.diagnose(images=400, ablation=False)
    assert first.done
    assert second.wait().images >= 400


def test_other_layers_or_weights_begin_anew(explorer):
    explorer.diagnose(images=200).wait()
    assert explorer.diagnose(images=60, layers="conv2").wait().images == 60
    with torch.no_grad():
        explorer.session.engine.net.conv2.weight.mul_(0.5)
    assert explorer.diagnose(images=50, layers="conv2").wait().images == 50


def test_changed_weights_leave_it_as_it_is_and_it_is_said(explorer):
    net = explorer.session.engine.net
    reference = diagnose(copy.deepcopy(net), DATA, images=300, progress=False)
    found = explorer.diagnose(images=300)
    with torch.no_grad():  # at once, while it runs
        net.conv1.weight.normal_(generator=torch.Generator().manual_seed(0))
    assert same(found.wait(), reference)
    assert explorer.prediction  # a look, at which the change is noticed
    assert explorer.session.examiner.of_earlier_weights()
    net.load_state_dict(demo.fashion_net().state_dict())
    assert explorer.prediction
    assert not explorer.session.examiner.of_earlier_weights()


def test_the_net_is_left_as_it_came():
    net = seeded(Everything).train()
    data = [(image, k % 3) for k, image in enumerate(images(80, 1, 12, 12))]
    explorer = Explorer(net, data)
    state = copy.deepcopy(net.state_dict())
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    explorer.diagnose(images=80).wait()
    explorer.without([0, 1], layer="stem", images=40)
    assert all(module.training for module in net.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in net.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    explorer.close()


def test_a_training_loop_beside_it_computes_what_it_would_alone():
    def train(net, steps=30):
        optimizer = torch.optim.SGD(net.parameters(), 0.05)
        generator = torch.Generator().manual_seed(1)
        for _ in range(steps):
            x = torch.rand(8, 1, 14, 14, generator=generator)
            loss = nn.functional.cross_entropy(net(x), torch.arange(8) % 3)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    alone, watched = seeded(TwoConvs), seeded(TwoConvs)
    explorer = Explorer(watched, [(image, k % 3) for k, image in enumerate(images(400, 1, 14, 14))])
    found = explorer.diagnose(images=400)
    train(watched)
    train(alone)
    found.wait()
    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), watched.parameters(), strict=True))
    assert found.images == 400
    explorer.close()


def test_sliders_are_answered_meanwhile(explorer):
    explorer.select(layer="conv2")
    expected = [explorer.select(image=index).activation.copy() for index in range(20)]
    found = explorer.diagnose(images=10_000)
    until(lambda: found.progress.stage == "images" and found.progress.done > 0)
    for index in range(20):
        assert np.array_equal(explorer.select(image=index).activation, expected[index])
    assert not found.done
    found.cancel()


def test_it_gives_way_while_the_person_moves(explorer):
    examiner, asked = explorer.session.examiner, []
    own = examiner.seconds_until_idle
    examiner.seconds_until_idle = lambda: asked.append(own()) or asked[-1]
    found = explorer.diagnose(images=10_000)
    until(lambda: found.progress.stage == "images" and found.progress.done > 0)
    explorer.session.engine.moved = time.monotonic() + 1000  # as if somebody dragged on and on
    until(lambda: asked[-1] > 100)
    done, looks = found.progress.done, len(asked)
    until(lambda: len(asked) > looks + 2)
    assert found.progress.done == done
    explorer.session.engine.moved = 0.0
    until(lambda: found.progress.done > done)
    found.cancel()


def test_close_ends_it(explorer):
    found = explorer.diagnose(images=10_000)
    until(lambda: found.images > 0)
    explorer.close()
    assert found.done and found.cancelled and found.images > 0
    assert not [thread for thread in threading.enumerate() if thread.name == "filterscope diagnosis"]
    with pytest.raises(RuntimeError, match="closed"):
        explorer.diagnose()


def test_python_ends_while_it_runs():
    code = (
        "import filterscope as f; e = f.Explorer(f.demo.fashion_net(), f.demo.fashion_test_data());"
        "d = e.diagnose(images=10_000); d.wait(0.5); print(d.done)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0 and ended.stdout == "False\n", ended.stderr


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "100", True, None])
def test_a_number_of_images_is_a_number(explorer, wrong):
    with pytest.raises(ValueError, match=r"images is .*; give how many images are looked at"):
        explorer.diagnose(images=wrong)
    assert explorer.diagnosis is None


def test_wrong_options_are_refused_at_once(explorer):
    with pytest.raises(ValueError, match="layers is 'conv3'; this net has convolutions 0 … 1: conv1, conv2"):
        explorer.diagnose(layers="conv3")
    with pytest.raises(ValueError, match="ablation is 'no'; choose 'auto' "):
        explorer.diagnose(ablation="no")
    assert explorer.diagnosis is None


def test_what_goes_wrong_in_the_background_is_raised_by_wait():
    refuses = threading.Event()

    class Breaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 6, 3)

        def forward(self, x):
            if refuses.is_set():
                raise RuntimeError("no more")
            return self.conv(x).mean((2, 3))

    explorer = Explorer(Breaks(), images(20, 1, 8, 8))
    refuses.set()
    found = explorer.diagnose(images=20)
    with pytest.raises(NetError, match=r"the net refused .*: RuntimeError: no more"):
        found.wait()
    assert found.done and "no more" in str(found.error) and "failed" in repr(found)
    assert any("no more" in note for note in found.notes)
    explorer.close()


class Uncopied(TwoConvs):
    def __deepcopy__(self, memo):
        raise TypeError("not to be copied")


def test_a_net_that_cannot_be_copied_is_not_run_in_the_background():
    with pytest.warns(UserWarning, match="cannot be copied"):
        explorer = Explorer(seeded(Uncopied), images(20, 1, 14, 14))
    with pytest.raises(NetError, match=r"filterscope.diagnose\(net, data\) runs it while nothing else does"):
        explorer.diagnose()
    explorer.close()


def test_a_stream_is_read_as_far_as_needed():
    class Stream(IterableDataset):
        def __iter__(self):
            return (DATA[index] for index in range(300))

    explorer = Explorer(demo.fashion_net(), Stream(), classes=DATA.classes)
    assert explorer.diagnose(images=120, ablation=False).wait().images == 120
    found = explorer.diagnose(images=1000, ablation=False).wait()
    assert found.images == 300
    explorer.close()


def test_samples_that_cannot_be_read_are_left_out():
    class Broken(Dataset):
        classes = DATA.classes

        def __len__(self):
            return 60

        def __getitem__(self, index):
            if index % 10 == 3:
                raise OSError("gone")
            return DATA[index]

    explorer = Explorer(demo.fashion_net(), Broken())
    found = explorer.diagnose(images=60).wait()
    assert found.images == 54 and any("6 samples could not be read" in note for note in found.notes)
    explorer.close()


def test_fewer_images_than_asked_for(explorer):
    few = Explorer(demo.fashion_net(), Subset(DATA, range(40)), classes=DATA.classes)
    found = few.diagnose(images=1000).wait()
    assert found.images == 40 and found.complete and found.progress.total == 40
    few.close()
