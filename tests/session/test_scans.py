"""`explorer.scan`: a scan beside the person, against one that blocks; cancelled, gone on with, outlived."""

import copy
import gc
import random
import threading
import time

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Explorer, NetError, SampleError, Scan, demo, scan
from filterscope.scans.shard import ShardScanner
from nets import TwoConvs, images, seeded
from scan_cases import COUNT, Breaks, Stream, small_data, small_net
from scan_states import digest

DATA = demo.fashion_test_data()


@pytest.fixture(name="explorer")
def of_the_small_net():
    explorer = Explorer(small_net(), small_data())
    yield explorer
    explorer.close()


class Gate:
    """A data set that a scan reads no further than it is let; before it looks at images in turn, it may read any."""

    def __init__(self):
        self.samples, self.first, self.open, self.scanning = small_data(), 24, threading.Event(), False

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        waits = self.scanning and index >= self.first and threading.current_thread().name == "filterscope scan"
        if waits and not self.open.wait(300):
            raise OSError("nobody opened the gate")
        return self.samples[index]


@pytest.fixture(name="gate")
def that_knows_of_scans(monkeypatch):
    gate = Gate()
    whole = ShardScanner.scan

    def scan(self, images):
        gate.scanning = True
        return whole(self, images)

    monkeypatch.setattr(ShardScanner, "scan", scan)
    yield gate
    gate.open.set()


@pytest.fixture(name="small_pieces")
def that_take_in_few_images(monkeypatch):
    monkeypatch.setattr("filterscope.session.running_scan._FIRST_PIECE", 8)
    monkeypatch.setattr("filterscope.session.running_scan.SHARD_IMAGES", 8)


def same(one, other):
    """Whether two scans say the same of every filter."""
    assert one.images == other.images and one.classes == other.classes and one.layers == other.layers
    assert not one.identity.difference(other.identity)
    for layer in one.identity.layers:
        for number in range(layer.filters):
            columns = [found.state.column(layer.index, number) for found in (one, other)]
            for name in ("images", "maximum", "position", "size", "labels", "predicted"):
                np.testing.assert_array_equal(*(getattr(column, name) for column in columns), err_msg=name)
            np.testing.assert_array_equal(one.mean_map(layer.index, number), other.mean_map(layer.index, number))
            for score in ("maximum", "mean"):
                ends = [found.top(layer.index, number, 20, score) for found in (one, other)]
                np.testing.assert_array_equal(ends[0].values, ends[1].values)
    return True


def until(holds, seconds=300):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


# What it is


def test_it_returns_at_once_and_ends_as_the_one_that_blocks(explorer, tmp_path):
    assert explorer.newest_scan is None
    found = explorer.scan()
    assert isinstance(found, Scan) and explorer.newest_scan is found
    assert found.layers == ("conv1", "conv2") and found.asked == COUNT
    assert found.wait() is found and found.done and not found.cancelled and found.error is None
    blocking = scan(small_net(), small_data(), progress=False)
    assert same(found, blocking)
    for name, one in (("here", found), ("blocking", blocking)):
        one.save(tmp_path / name)
    assert digest(tmp_path / "here") == digest(tmp_path / "blocking")
    assert repr(found) == "RunningScan(done: 60 images, 10 filters of conv1, conv2)"
    crops = found.top("conv2", 3, 5).crops()
    for crop, expected in zip(crops, blocking.top("conv2", 3, 5).crops(), strict=True):
        np.testing.assert_array_equal(crop.pixels, expected.pixels)
        assert crop.box == expected.box


@pytest.mark.parametrize("asked", [7, range(5, 29), slice(0, 40, 3), [3, 1, 2]])
def test_it_takes_the_images_that_the_other_takes(explorer, asked):
    assert same(explorer.scan(asked).wait(), scan(small_net(), small_data(), asked, progress=False))


def test_it_takes_layers_and_maps_that_the_other_takes(explorer):
    found = explorer.scan(layers="conv2", pre_activation=True).wait()
    assert same(found, scan(small_net(), small_data(), layers="conv2", pre_activation=True, progress=False))


def test_of_the_demo_net_it_finds_what_the_other_finds():
    explorer = Explorer(demo.fashion_net(), DATA)
    found, blocking = explorer.scan(300).wait(), scan(demo.fashion_net(), DATA, 300, progress=False)
    for number in range(20):
        tops = found.top("conv2", number, 300), blocking.top("conv2", number, 300)
        np.testing.assert_allclose(tops[0].values, tops[1].values, rtol=1e-4, atol=1e-5)
    explorer.close()


@pytest.mark.usefixtures("small_pieces")
def test_what_is_read_while_it_grows_is_of_one_moment(gate):
    gate.first = 8
    explorer = Explorer(small_net(), gate)
    found = explorer.scan()
    seen = set()
    until(lambda: found.images == 8)
    threading.Timer(0.05, gate.open.set).start()
    while not found.done:
        moments, rows = found.moments(0, 1), found.rows()
        seen.add(moments[None].images)
        assert sum(each.images for name, each in moments.items() if name is not None) == moments[None].images
        assert len(rows) == 10
        assert sum(map(len, found.by_class(0, 1, k=COUNT).values())) in range(8, COUNT + 1)
        histogram = found.histogram(0, 1, 4)
        assert sum(part.sum() for part in histogram.by_class.values()) == histogram.counts.sum()
    assert found.images == COUNT and min(seen) >= 8
    explorer.close()


def test_before_the_first_image_it_has_none(gate):
    gate.first = 0
    explorer = Explorer(small_net(), gate)
    found = explorer.scan()
    assert found.images == 0 and len(found.top("conv1", 0)) == 0 and found.by_class("conv1", 0) == {}
    assert "running" in repr(found) and found.notes[-1].startswith("Still running")
    gate.open.set()
    assert found.wait().images == COUNT and not [note for note in found.notes if "running" in note]
    explorer.close()


def test_a_stream_is_read_as_far_as_is_asked():
    explorer = Explorer(small_net(), Stream())
    found = explorer.scan(25).wait()
    assert found.images == 25 and found.asked == 25
    assert explorer.scan().wait().images == COUNT
    explorer.close()


def test_what_cannot_be_read_is_left_out_and_said():
    explorer = Explorer(small_net(), Breaks())
    found = explorer.scan().wait()
    assert found.images == COUNT - 2 and "2 samples could not be read and are left out." in found.notes
    explorer.close()


# Cancelled, and gone on with


@pytest.mark.usefixtures("small_pieces")
def test_cancelled_it_keeps_what_was_seen_and_goes_on_from_there(gate, monkeypatch):
    explorer = Explorer(small_net(), gate)
    found = explorer.scan()
    until(lambda: found.images == 24)
    assert found.cancel() is found
    gate.open.set()
    assert found.wait().done and found.cancelled and found.images == 24
    assert found.notes[-1] == "It was cancelled after 24 images." and "cancelled" in repr(found)
    assert same(found, scan(small_net(), small_data(), range(24), progress=False))
    scanned = []
    whole = ShardScanner.scan
    monkeypatch.setattr(
        ShardScanner, "scan", lambda self, images: scanned.extend(images.tolist()) or whole(self, images)
    )
    again = explorer.scan().wait()
    assert scanned == list(range(24, COUNT)) and not again.cancelled
    assert same(again, scan(small_net(), small_data(), progress=False))
    assert found.images == 24  # it stays what it was
    scanned.clear()
    assert explorer.scan(10).wait().images == 10 and len(scanned) == 10  # of fewer images it would not be
    scanned.clear()
    assert explorer.scan(10, layers="conv1").wait().layers == ("conv1",) and len(scanned) == 10
    explorer.close()


@pytest.mark.usefixtures("small_pieces")
def test_a_call_while_one_runs_ends_that_and_goes_on(gate):
    explorer = Explorer(small_net(), gate)
    first = explorer.scan()
    until(lambda: first.images == 24)
    threading.Timer(0.05, gate.open.set).start()
    second = explorer.scan()
    assert first.done and first.cancelled and second.wait().images == COUNT
    explorer.close()


def test_other_weights_begin_anew_and_the_older_scan_is_out_of_date(explorer):
    scans = explorer.session.scans
    found = explorer.scan().wait()
    before = found.top("conv1", 1).values
    assert not scans.out_of_date()
    net = explorer.session.engine.net
    with torch.no_grad():
        net.conv1.bias.add_(1)
    explorer.refresh()
    assert scans.out_of_date()
    np.testing.assert_array_equal(found.top("conv1", 1).values, before)
    assert found.top("conv1", 1, 1).crops()
    with torch.no_grad():
        net.conv1.bias.sub_(1)
    explorer.refresh()
    assert not scans.out_of_date() or explorer.session.engine.source.version  # read anew: the data may be others
    with torch.no_grad():
        net.conv1.bias.add_(1)
    again = explorer.scan().wait()
    assert not scans.out_of_date() and (again.top("conv1", 1).values != before).any()


def test_another_structure_makes_it_out_of_date(explorer):
    explorer.scan().wait()
    explorer.session.engine.net.conv1 = nn.Conv2d(1, 4, 3)
    explorer.refresh()
    assert explorer.session.scans.out_of_date()


def test_random_data_are_read_anew():
    class Flips:
        def __len__(self):
            return 20

        def __getitem__(self, index):
            return torch.rand(1, 12, 12), index % 2

    explorer = Explorer(small_net(), Flips())
    found = explorer.scan().wait()
    assert any("random" in note for note in found.notes)
    assert explorer.scan().wait().images == 20
    explorer.close()


# Beside the person


def test_the_net_and_random_numbers_are_left_as_they_came():
    net = seeded(TwoConvs).train()
    before = copy.deepcopy(net.state_dict())
    explorer = Explorer(net, [(image, 0) for image in images(30, 1, 12, 12)])
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    explorer.scan().wait()
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1]) and random.getstate() == states[2]
    assert net.training and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())
    explorer.close()


def test_sliders_are_answered_meanwhile(gate):
    explorer = Explorer(small_net(), gate)
    found = explorer.scan()
    for image in range(10):
        assert explorer.select(image=image).activation.shape == (10, 10)
    assert not found.done
    gate.open.set()
    explorer.close()


@pytest.mark.usefixtures("small_pieces")
def test_it_gives_way_while_the_person_moves(gate):
    explorer = Explorer(small_net(), gate)
    found = explorer.scan()
    until(lambda: found.images == 24)
    explorer.session.engine.moved = time.monotonic() + 1000  # as if somebody dragged on and on
    gate.open.set()
    assert found.wait(0.5).images <= 32 and not found.done
    explorer.session.engine.moved = 0.0
    assert found.wait().images == COUNT
    explorer.close()


def test_asleep_it_goes_on_and_closed_it_ends(gate):
    explorer = Explorer(small_net(), gate)
    found = explorer.scan()
    until(lambda: found.progress.stage == "images")
    assert explorer.session.sleep() and not found.done
    gate.open.set()
    assert found.wait().images == COUNT
    gate.open.clear()
    second = Explorer(small_net(), gate)
    running = second.scan()
    threading.Timer(0.05, gate.open.set).start()
    second.close()
    assert running.done
    assert running.images in (0, COUNT)  # one piece
    with pytest.raises(RuntimeError, match="closed"):
        second.scan()
    explorer.close()
    assert found.top("conv1", 0).images.shape == (9,)  # what was seen stays
    with pytest.raises(RuntimeError, match="this explorer is closed"):
        found.top("conv1", 0).crops()


def test_what_a_page_began_ends_with_the_last_who_holds_it_and_what_python_began_goes_on(gate):
    for by_page in (True, False):
        gate.open.clear()
        gate.scanning = False
        explorer = Explorer(small_net(), gate)
        found = explorer.session.scans.scan() if by_page else explorer.scan()
        until(lambda found=found: found.progress.stage == "images")
        del explorer
        gc.collect()
        gate.open.set()
        assert found.wait().cancelled == by_page


def test_several_samples_in_one_go_are_what_each_is():
    explorer = Explorer(small_net(), Breaks(), image_index=5)
    engine = explorer.session.engine
    explorer.activation  # noqa: B018  # image 5 is kept now
    several = engine.samples.read_for_net([2, 3, 5, 40, 2])
    assert [isinstance(sample, SampleError) for sample in several] == [False, True, False, True, False]
    assert several[2] is engine.sample(5)
    np.testing.assert_array_equal(several[0].image, engine.sample(2).image)
    assert several[1].cause == "the data set raised OSError: image 3 is gone"
    explorer.close()


# What goes wrong


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"images": 0}, ValueError, "images is 0; give how many, 1 or more; their indices"),
        ({"images": "all"}, TypeError, "images is a str; give how many"),
        ({"images": [99]}, ValueError, "images has 99 in it; this data set has images 0 … 59"),
        ({"layers": "fc"}, ValueError, "'fc'; this net has convolutions 0 … 1: conv1, conv2"),
        ({"pre_activation": 1}, ValueError, "pre_activation is 1; choose True or False"),
    ],
)
def test_wrong_options_are_refused_at_once_and_change_nothing(explorer, options, error, sentence):
    found = explorer.scan(10).wait()
    with pytest.raises(error, match=sentence.replace("(", r"\(")):
        explorer.scan(**options)
    assert explorer.newest_scan is found and found.images == 10


def test_what_goes_wrong_in_the_background_is_raised_by_wait():
    refuses = threading.Event()

    class Refuses(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x):
            if refuses.is_set():
                raise RuntimeError("no more")
            return torch.relu(self.conv(x))

    explorer = Explorer(Refuses(), images(20, 1, 8, 8))
    refuses.set()
    found = explorer.scan()
    with pytest.raises(NetError, match="no more"):
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
    with pytest.raises(NetError, match=r"filterscope.scan\(net, data\) runs it while nothing else does"):
        explorer.scan()
    explorer.close()


# Images of a bin


@pytest.mark.parametrize("bins", [1, 5, 24])
def test_the_images_of_a_bin_are_those_that_the_histogram_counts(explorer, bins):
    found = explorer.scan().wait()
    for number in range(4):
        histogram = found.histogram("conv1", number, bins)
        for label in (None, *found.classes):
            counts = histogram.counts if label is None else histogram.by_class[label]
            groups = [found.in_bin("conv1", number, bin, bins, label, COUNT) for bin in range(bins)]
            assert [len(group) for group in groups] == counts.tolist()
            for bin, group in enumerate(groups):
                low, high = histogram.edges[bin : bin + 2]
                assert all(low <= value <= high for value in group.values.tolist())
                assert (np.diff(group.values) <= 0).all()
                assert label is None or set(group.labels) <= {label}
    one = found.in_bin("conv1", 0, 0, 1, k=3)
    everything = found.top("conv1", 0, COUNT)
    np.testing.assert_array_equal(one.images, everything.images[[10, 30, 50]])


def test_a_bin_that_is_none_is_refused(explorer):
    found = explorer.scan(10).wait()
    with pytest.raises(ValueError, match="bin is 20; this histogram has bins 0 … 19"):
        found.in_bin("conv1", 0, 20)
    with pytest.raises(ValueError, match=r"label is 'Bag'; this scan has 0, 1, 2"):
        found.in_bin("conv1", 0, 0, label="Bag")


def test_the_survey_needs_no_pass_for_images_that_were_scanned(explorer, monkeypatch):
    survey, engine = explorer.session.survey, explorer.session.engine
    one_by_one = [engine.prediction(image)[0][0] for image in range(COUNT)]
    explorer.scan().wait()
    monkeypatch.setattr(engine, "look_at", lambda samples: pytest.fail("a pass for what is known"))
    survey.need([], whole=True)
    assert [survey.predicted(image) for image in range(COUNT)] == one_by_one


def test_a_scan_ends_well_where_nobody_can_take_it_over(explorer, monkeypatch):
    def refuses(found):
        raise SampleError(3, "gone")

    monkeypatch.setattr(explorer.session.scans, "_when_finished", refuses)
    found = explorer.scan().wait()
    assert found.images == COUNT and found.error is None
