"""A diagnosis that keeps what a scan keeps: the images are read and the net is run on them once for both."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from diagnoses import bytes_of
from diagnosis_cases import COUNT as OF_DEMO
from diagnosis_cases import Changed, data, net, refuses_marked
from filterscope import diagnose, scan
from filterscope.nets.runner import NetRunner
from filterscope.verdicts.run import examine as examining
from scan_cases import COUNT, Breaks, small_data, small_net


def look(net, data, **options):
    return diagnose(net, data, progress=False, **{"images": COUNT, "scan": True, **options})


def saved(tmp_path, found):
    found.save(tmp_path / "scan")
    return (tmp_path / "scan").read_bytes()


@pytest.mark.parametrize("broken", [(), (40,)], ids=["all can be read", "one cannot"])
def test_the_scan_of_a_diagnosis_is_that_of_the_same_images(tmp_path, broken):
    """To the byte: the arithmetic of this net is exact, in whatever order images come."""
    expected = scan(small_net(), Breaks(broken), progress=False)
    found = look(small_net(), Breaks(broken)).scan
    assert repr(found) == repr(expected) and found.notes == expected.notes
    assert saved(tmp_path, found) == saved(tmp_path, expected)
    for one, other in zip(found.top("conv2", 3).crops(), expected.top("conv2", 3).crops(), strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


@pytest.fixture(name="small_parts")
def parts_of_eight(monkeypatch):
    monkeypatch.setattr(
        examining, "ranges", lambda start, stop, *_: [(at, min(at + 8, stop)) for at in range(start, stop, 8)]
    )


@pytest.mark.usefixtures("small_parts")
def test_it_is_the_same_in_parts_and_on_an_executor(tmp_path):
    expected = scan(small_net(), small_data(), progress=False)
    here = look(small_net(), small_data())
    with ThreadPoolExecutor(2) as executor:
        there = look(small_net(), small_data(), executor=executor)
    assert saved(tmp_path, here.scan) == saved(tmp_path, there.scan)
    for layer, filters in ((0, 4), (1, 6)):
        for number in range(filters):
            column, other = here.scan.state.column(layer, number), expected.state.column(layer, number)
            for name, values in vars(column).items():
                np.testing.assert_array_equal(values, getattr(other, name), err_msg=name)
            one, whole = (found.mean_map(layer, number) for found in (here.scan, expected))
            np.testing.assert_array_equal(one, whole)
            assert here.scan.top(layer, number, 30, "mean").images.tolist() == (
                expected.top(layer, number, 30, "mean").images.tolist()
            )


def test_the_verdicts_are_those_without_it():
    options = {"images": OF_DEMO, "layers": "conv1"}
    without = look(net(), data(), scan=False, **options)
    assert without.scan is None
    assert bytes_of(look(net(), data(), **options)) == bytes_of(without)


class Counts:
    """Counts how often each image is read."""

    def __init__(self):
        self.samples, self.reads = small_data(), np.zeros(COUNT, int)

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        self.reads[index] += 1
        return self.samples[index]


def test_images_are_read_and_run_once_for_both(monkeypatch):
    passes = []
    run = NetRunner.run

    def counted(self, batch, *args, **options):
        passes.append(len(batch))
        return run(self, batch, *args, **options)

    monkeypatch.setattr(NetRunner, "run", counted)
    both, alone = Counts(), Counts()
    look(small_net(), both, ablation=False)
    of_both = passes.copy()
    passes.clear()
    look(small_net(), alone, ablation=False, scan=False)
    assert of_both == passes
    known_by = np.unique(np.linspace(0, COUNT - 1, 8).astype(int))  # what a scan knows the data set by
    more = both.reads - alone.reads
    assert more[known_by].tolist() == [3] * 8 and more.sum() == 24


def test_refused_images_are_counted_by_both():
    found = look(refuses_marked(), Changed(marked=(4, 11)), images=OF_DEMO)
    assert found.examination.refused_images == 2 and found.scan.state.refused[0] == 2
    assert np.setdiff1d(np.arange(OF_DEMO), found.scan.state.images).tolist() == [4, 11]


def test_the_rest_of_the_data_set_is_scanned_later(tmp_path):
    first = look(small_net(), small_data(), images=20).scan
    rest = np.setdiff1d(np.arange(COUNT), first.state.images)
    whole = first.merge(scan(small_net(), small_data(), images=rest, progress=False))
    expected = scan(small_net(), small_data(), progress=False)
    assert whole.images == COUNT
    for k in (1, 60):
        np.testing.assert_array_equal(whole.top(1, 2, k).images, expected.top(1, 2, k).images)
    whole.save(tmp_path / "file")
    assert scan(small_net(), small_data(), resume=tmp_path / "file", progress=False).images == COUNT


@pytest.mark.usefixtures("small_parts")
def test_stopped_early_and_resumed_it_has_the_images_seen():
    stop = threading.Event()
    part = diagnose(
        small_net(), small_data(), COUNT, scan=True, cancel=stop, progress=lambda at, done, of: done and stop.set()
    )
    assert part.images == part.scan.images == 8
    whole = look(small_net(), small_data(), resume=part)
    assert whole.scan.images == COUNT and part.scan.images == 8
    without = look(small_net(), small_data(), images=20, scan=False)
    assert look(small_net(), small_data(), resume=without).scan.images == COUNT - 20


def test_the_net_stays_as_it_is():
    own, before = small_net(), small_net().state_dict()
    look(own, small_data())
    assert all(torch.equal(value, before[name]) for name, value in own.state_dict().items())
