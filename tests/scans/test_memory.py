"""A net that has not memory enough for a whole batch is given a part of it at a time; none of its images is refused."""

import pytest
import torch
from torch import nn

from filterscope import scan
from filterscope.nets.calling import copied_to
from scan_cases import COUNT, Breaks, small_data, small_net

SIZES = []  # of the batches; a net's own list would be a copy's


class Small(nn.Module):
    """Has memory for so many images at once.

    Args:
        most: How many.
        error: What it raises for more.
        marked: Whether it has none for a lone image with a value above 1 either.
    """

    def __init__(self, most, error, marked=False):
        super().__init__()
        self.net, self.most, self.error, self.marked = small_net(), most, error, marked

    def forward(self, x):
        SIZES.append(len(x))
        if len(x) > self.most or (self.marked and (x > 1).any()):
            raise self.error
        return self.net(x)


ERRORS = {
    "of a GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    "of Metal": RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
    "of a processor": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
    "of Python": MemoryError(),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("most", [2, 7, 31])
def test_a_batch_that_does_not_fit_goes_in_parts(tmp_path, error, most):
    net = Small(most, error).eval()
    for samples in (small_data(), Breaks()):
        expected = scan(Small(COUNT, error).eval(), samples, progress=False)
        found = scan(net, samples, progress=False)
        assert found.state.refused == (0, "") and found.notes == expected.notes
        for name, one in (("expected", expected), ("found", found)):
            one.save(tmp_path / name)
        assert (tmp_path / "found").read_bytes() == (tmp_path / "expected").read_bytes()


def test_what_did_not_fit_once_is_not_tried_again(monkeypatch):
    monkeypatch.setattr("filterscope.scans.choice.SHARD_IMAGES", 16)
    SIZES.clear()
    scan(Small(5, ERRORS["of a GPU"]).eval(), small_data(), progress=False)
    assert SIZES.count(16) == SIZES.count(8) == 1  # then 4 at a time
    assert max(size for size in SIZES if size not in (16, 8)) == 4


def test_an_image_for_which_there_is_no_memory_alone_is_refused():
    samples = small_data()
    samples[7] = (samples[7][0] + 2, 1)
    found = scan(Small(COUNT, ERRORS["of a GPU"], marked=True).eval(), samples, progress=False)
    refused, cause = found.state.refused
    assert refused == 1 and found.images == COUNT - 1
    assert "CUDA out of memory" in cause


class Batch:
    """A tensor in this machine's memory that notes how it is copied."""

    def __init__(self, images, device="cpu"):
        self.images, self.device, self.copies = images, torch.device(device), []

    def __len__(self):
        return self.images

    def pin_memory(self):
        self.copies.append("pinned")
        return self

    def to(self, device, dtype, **options):
        self.copies.append((device.type, dtype, options))
        return self


@pytest.mark.parametrize(
    ("images", "of", "to", "copies"),
    [
        (8, "cpu", "cuda", ["pinned", ("cuda", torch.float32, {"non_blocking": True})]),
        (1, "cpu", "cuda", [("cuda", torch.float32, {})]),
        (8, "cuda", "cuda", [("cuda", torch.float32, {})]),
        (8, "cpu", "cpu", [("cpu", torch.float32, {})]),
        (8, "cpu", "mps", [("mps", torch.float32, {})]),
    ],
)
def test_a_gpu_copies_a_batch_while_it_computes(images, of, to, copies):
    batch = Batch(images, of)
    assert copied_to(batch, torch.device(to), torch.float32) is batch and batch.copies == copies
