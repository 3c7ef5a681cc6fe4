"""Processes that read ahead change nothing of what is seen."""

import os
import signal
import threading

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import scan
from filterscope.data.source import SampleSource
from filterscope.scans.ahead import ReadAhead
from filterscope.scans.sampling import IsolatedSamples
from nets import TwoConvs, images, seeded
from scan_cases import COUNT, Breaks, Stream, small_data, small_net


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr("filterscope.scans.choice.SHARD_IMAGES", 16)
    monkeypatch.setattr("filterscope.scans.ahead._AT_ONCE", 7)


def bytes_of(tmp_path, net, data, **options):
    scan(net, data, progress=False, **options).save(tmp_path / "scan")
    return (tmp_path / "scan").read_bytes()


class Several(nn.Module):
    """Takes an image and a mask of it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)

    def forward(self, image, mask):
        return torch.relu(self.conv(image * mask))


MIXED = [image for size in (12, 14) for image in images(20, 1, size, 13, seed=size)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("data", [small_data, Breaks, lambda: MIXED], ids=["all", "some broken", "several sizes"])
def test_the_bytes_are_those_of_a_scan_without(tmp_path, workers, data):
    net = seeded(TwoConvs).eval()
    assert bytes_of(tmp_path, net, data(), workers=workers) == bytes_of(tmp_path, net, data())


def test_samples_of_several_inputs_come_whole(tmp_path):
    masks = (images(30, 1, 12, 12, seed=5) > 0.3).float()
    data = [
        ((image, mask), index % 2) for index, (image, mask) in enumerate(zip(images(30, 1, 12, 12), masks, strict=True))
    ]
    options = {"forward": lambda net, pair: net(*pair)}
    net = seeded(Several).eval()
    expected = bytes_of(tmp_path, net, data, **options)
    assert bytes_of(tmp_path, net, data, workers=1, **options) == expected


def test_the_users_random_numbers_stay(tmp_path):
    before = torch.get_rng_state()
    scan(small_net(), small_data(), workers=1, progress=False)
    assert torch.equal(before, torch.get_rng_state())


def test_cancelled_it_goes_on(tmp_path):
    cancel = threading.Event()
    options = {"resume": tmp_path / "file", "workers": 1}
    part = scan(small_net(), small_data(), cancel=cancel, progress=lambda *words: cancel.set(), **options)
    assert part.images < COUNT
    assert bytes_of(tmp_path, small_net(), small_data(), **options) == bytes_of(tmp_path, small_net(), small_data())


class Ends:
    """A data set that ends a process that reads ahead."""

    def __init__(self):
        self.home, self.samples = os.getpid(), small_data()

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        if index == 30 and os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.samples[index]


def test_a_process_that_ends_is_said():
    with pytest.raises(RuntimeError, match=r"a process of workers=1 ended .*give fewer workers, or 0"):
        scan(small_net(), Ends(), workers=1, progress=False)


def test_a_stream_is_not_read_ahead():
    with pytest.raises(ValueError, match=r"data is a stream, .* give executor=None and workers=0"):
        scan(small_net(), Stream(), workers=1, progress=False)


def test_another_order_is_read_here():
    samples = IsolatedSamples(SampleSource(small_data()))
    ahead = ReadAhead(samples, np.arange(20), 1)
    assert [sample.index for sample in ahead.read_several([0, 1, 2])] == [0, 1, 2]
    assert [sample.index for sample in ahead.read_several([9, 8])] == [9, 8]
    assert [sample.index for sample in ahead.read_several([3])] == [3]
    ahead.close()
