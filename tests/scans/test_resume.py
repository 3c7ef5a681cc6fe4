"""A scan that was killed goes on from its file, to the same bytes; the file of something else is refused."""

import os
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import torch

from filterscope import load_scan, scan
from nets import TwoConvs, images, seeded
from scan_cases import COUNT, Breaks, Stream, other_data, other_net, small_data, small_net

KILLED = """
import os, signal, sys
from filterscope import scan
from filterscope.scans import choice
from scan_cases import small_data, small_net

choice.SHARD_IMAGES = 8

def kill_at_half(what, done, total):
    if done >= total // 2:
        os.kill(os.getpid(), signal.SIGKILL)

scan(small_net(), small_data(), resume=sys.argv[1], progress=kill_at_half)
"""


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr("filterscope.scans.choice.SHARD_IMAGES", 8)


def saved(tmp_path, found):
    found.save(tmp_path / "saved")
    return (tmp_path / "saved").read_bytes()


def test_killed_at_half_it_goes_on_to_the_same_bytes(tmp_path):
    file = tmp_path / "scan.npz"
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), *sys.path])
    done = subprocess.run([sys.executable, "-c", KILLED, file], env={**os.environ, "PYTHONPATH": path}, timeout=900)
    assert done.returncode == -signal.SIGKILL
    before = load_scan(file).images
    assert 8 <= before < COUNT
    data = Counted(small_data())
    found = scan(small_net(), data, resume=file, progress=False)
    assert saved(tmp_path, found) == file.read_bytes()
    assert file.read_bytes() == saved(tmp_path, scan(small_net(), small_data(), progress=False))
    opened = Counted(small_data())
    scan(small_net(), opened, resume=file, progress=False)  # nothing is left to scan
    assert data.reads - opened.reads == COUNT - before
    assert not list(tmp_path.glob(".*.part"))


class Counted:
    """A data set that counts how often it is read."""

    def __init__(self, samples):
        self.samples, self.reads = samples, 0

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        self.reads += 1
        return self.samples[index]


@pytest.mark.parametrize("data", [small_data, Breaks, Stream])
def test_cancelled_at_any_shard_it_goes_on_to_the_same_bytes(tmp_path, data):
    expected = saved(tmp_path, scan(small_net(), data(), progress=False))
    for stop in range(0, COUNT, 16):
        file, cancel = tmp_path / f"at {stop}", threading.Event()
        found = scan(
            small_net(),
            data(),
            resume=file,
            cancel=cancel,
            progress=lambda what, done, total, at=stop, event=cancel: event.set() if done >= at else None,
        )
        assert len(found.state.asked) < COUNT
        assert f"It was cancelled after {len(found.state.asked)} images." in found.notes
        assert saved(tmp_path, scan(small_net(), data(), resume=file, progress=False)) == expected
        assert file.read_bytes() == expected


def test_ctrl_c_ends_it_and_what_was_seen_is_kept(tmp_path):
    def interrupt(what, done, total):
        if done == 16:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.warns(UserWarning, match="stopped; the scan holds the images seen so far"):
        found = scan(small_net(), small_data(), resume=tmp_path / "file", progress=interrupt)
    assert 16 <= len(found.state.asked) < COUNT and any(note.startswith("It was stopped after") for note in found.notes)
    assert load_scan(tmp_path / "file").images == found.images
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert scan(small_net(), small_data(), resume=tmp_path / "file", progress=False).images == COUNT


def test_a_finished_file_is_only_read_and_other_images_are_added(tmp_path):
    file = tmp_path / "file"
    scan(small_net(), small_data(), images=range(20), resume=file, progress=False)
    before = file.stat().st_mtime_ns, file.read_bytes()
    scan(small_net(), small_data(), images=range(20), resume=file, progress=False)
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before
    more = scan(small_net(), small_data(), images=range(10, 40), resume=file, progress=False)
    assert more.state.images.tolist() == list(range(40))
    whole = scan(small_net(), small_data(), progress=False)
    assert more.top(1, 2, 40).images.tolist() == [index for index in whole.top(1, 2, 60).images if index < 40]


DIFFERENT = {
    "other weights": (other_net, small_data, {}, r"a scan of a net with other weights \(fingerprint [0-9a-f]{16}, and"),
    "other images": (small_net, other_data, {}, "a scan of a data set with other images, labels or class names"),
    "other labels": (
        small_net,
        lambda: [(image, 0) for image, _ in small_data()],
        {},
        "a scan of a data set with other images, labels or class names",
    ),
    "another length": (
        small_net,
        lambda: small_data()[:50],
        {},
        "a scan of a data set of 60 images, and here there are",
    ),
    "other layers": (
        small_net,
        small_data,
        {"layers": "conv2"},
        "a scan of other layers: conv1, conv2, and here conv2",
    ),
    "other maps": (
        small_net,
        small_data,
        {"pre_activation": True},
        "a scan of the activations, and here it is the pre-activations",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_file_of_something_else_is_refused_and_stays(tmp_path, name):
    net, data, options, sentence = DIFFERENT[name]
    file = tmp_path / "file"
    mine = scan(small_net(), small_data(), resume=file, progress=False)
    before = file.read_bytes()
    with pytest.raises(ValueError, match=f"file holds {sentence}.*give resume= another file, or delete this one"):
        scan(net(), data(), resume=file, progress=False, **options)
    assert file.read_bytes() == before
    other = scan(net(), data(), progress=False, images=range(5), **options)
    with pytest.raises(ValueError, match=r"the other scan is .*; only scans of the same merge"):
        mine.merge(other)


def test_a_file_that_is_no_scan_is_refused_and_stays(tmp_path):
    net, data = small_net(), small_data()
    whole = tmp_path / "whole"
    scan(net, data, progress=False).save(whole)
    (tmp_path / "text").write_text("my notes")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "half").write_bytes(whole.read_bytes()[:3000])
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.save(tmp_path / "pickled.npy", np.array([{}], object), allow_pickle=True)
    for name in ("text", "empty", "half", "other.npz", "pickled.npy"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(ValueError, match=rf"{name} is no file that scan\(resume=\) or Scan.save\(\) wrote, or"):
            scan(net, data, resume=tmp_path / name, progress=False)
        with pytest.raises(ValueError, match="give another path, or delete it and scan again"):
            load_scan(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(FileNotFoundError):
        load_scan(tmp_path / "nowhere")
    for write in (lambda path: scan(net, data, resume=path, progress=False), scan(net, data, progress=False).save):
        with pytest.raises(FileNotFoundError, match=r"'.*', and there is no folder .*nowhere; make it first"):
            write(tmp_path / "nowhere" / "file")
        with pytest.raises(IsADirectoryError, match=r"a folder; give a file in it: '.*fashion.npz'"):
            write(tmp_path)
        with pytest.raises(TypeError, match="is an int; give the path of a file, as "):
            write(3)
    assert not list(tmp_path.glob(".*.part"))
    with pytest.raises(IsADirectoryError, match=r"path is '.*', a folder"):
        load_scan(tmp_path)
    with pytest.raises(TypeError, match="load_scan has no option 'colour'; it has classes, transform, mean, std, lay"):
        load_scan(whole, net, data, colour=3)


def test_a_saved_scan_says_the_same_and_holds_no_pickle(tmp_path):
    found = scan(small_net(), Breaks(), progress=False)
    found.save(tmp_path / "file")
    loaded = load_scan(tmp_path / "file")
    assert saved(tmp_path, loaded) == saved(tmp_path, found)
    assert loaded.rows() == found.rows() and loaded.notes == found.notes and repr(loaded) == repr(found)
    with np.load(tmp_path / "file", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


def test_crops_need_net_and_data_and_the_right_ones(tmp_path):
    net, data = small_net(), small_data()
    scan(net, data, progress=False).save(tmp_path / "file")
    alone = load_scan(tmp_path / "file")
    with pytest.raises(ValueError, match=r"loaded without its net and data set.*load_scan\(path, net, data\)"):
        alone.top(0, 0).crops()
    with pytest.raises(TypeError, match="give both net and data, from which crops are cut, or none of them"):
        load_scan(tmp_path / "file", net)
    with pytest.raises(ValueError, match=r"what load_scan is given is of a net with other weights .*; give the"):
        load_scan(tmp_path / "file", other_net(), data)
    whole = load_scan(tmp_path / "file", net, data)
    assert [crop.box for crop in whole.top(1, 0).crops()]


def test_neither_net_nor_random_numbers_are_changed():
    net = seeded(TwoConvs).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    scan(net, images(40, 1, 12, 12), progress=False)
    assert torch.equal(state, torch.get_rng_state()) and net.training and not net.conv1._forward_hooks
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
