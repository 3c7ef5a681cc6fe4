"""The script that is run where there is a GPU finds what it is to find.

Here a processor in a GPU's place, and `second_device`, which refuses the processor's tensors.
"""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import gpu_check
import second_device
from filterscope.scans import maps

ON_THE_SECOND_DEVICE = """
import torch
import gpu_check, second_device
torch.set_num_threads(1)
device = second_device.make()
ours, processors = torch.ones(2, 3).to(device), torch.ones(2, 3)
refused = 0
for mixed in (
    lambda: ours + processors,
    lambda: torch.cat([ours, processors]),
    lambda: torch.nn.functional.linear(ours, processors),
    lambda: torch.where(ours > 0, ours, processors),
    lambda: ours.numpy(),
):
    try:
        mixed()
    except (RuntimeError, TypeError):
        refused += 1
print(refused)
before = gpu_check.in_use(device)
kept = torch.ones(1000).to(device)[10:]
print(gpu_check.in_use(device) - before)
print(*gpu_check.check(device, 40), sep="\\n")
"""


@pytest.fixture(autouse=True)
def as_it_was():
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.mark.skipif(not second_device.available(), reason=f"torch {torch.__version__} lets no Python be a back end")
def test_all_that_runs_a_net_does_on_a_device_that_refuses_the_processors_tensors():
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(gpu_check.__file__).parent)])}
    done = subprocess.run([sys.executable, "-c", ON_THE_SECOND_DEVICE], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    refused, kept, *lines, passes = done.stdout.splitlines()
    assert refused == "5"
    assert int(kept) >= 3960  # so "nothing is left" can be wrong
    assert [line.split(":")[0] for line in lines] == list(gpu_check.CHECKS)
    assert passes.startswith("40 images: plain passes ")


def test_it_finds_nothing_where_the_numbers_are_right(monkeypatch):
    monkeypatch.setattr(maps, "is_here", lambda tensor: False)
    monkeypatch.setattr(gpu_check, "CHECKS", {"scan": gpu_check.scanned})
    scanned, passes = gpu_check.check("cpu", 40)
    assert scanned.startswith("scan: 92 numbers or maps as on the processor; ")
    assert passes.startswith("40 images: plain passes ")


def test_what_is_left_is_found(monkeypatch):
    monkeypatch.setattr(gpu_check, "CHECKS", {"scan": lambda device, images: []})
    bytes_in_use = iter([100, 164])
    monkeypatch.setattr(gpu_check, "in_use", lambda device: next(bytes_in_use))
    with pytest.raises(gpu_check.CheckError, match="scan: 64 bytes are left on cpu"):
        gpu_check.check("cpu", 40)


def test_another_kernel_is_found(monkeypatch):
    expected = gpu_check.lab("cpu", 40)
    monkeypatch.setattr(gpu_check, "SOBEL", [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.01], [-1.0, 0.0, 1.0]])
    with pytest.raises(gpu_check.CheckError, match=r"edited: kernel: .* of the values differ more than 0\.0002"):
        gpu_check.compare(gpu_check.lab("cpu", 40), expected)


@pytest.mark.parametrize("wrong", [1.0005, np.nan])
def test_another_loss_is_found(wrong):
    expected = [gpu_check.Numbers("loss", np.array([1.0, 2.0, 3.0, 4.0]), bound=2e-4)]
    gpu_check.compare(expected, expected)
    found = [replace(expected[0], values=expected[0].values * [1, 1, wrong, 1])]
    with pytest.raises(gpu_check.CheckError, match=r"loss: 25\.00% of the values differ more than 0\.0002"):
        gpu_check.compare(found, expected)
    gpu_check.compare(found, [replace(expected[0], share=0.25)])


@pytest.mark.parametrize("part", ["maxima", "positions", "mean map"])
def test_another_scan_is_found(part, monkeypatch):
    expected = gpu_check.of_scan(gpu_check.scan_on("cpu", 40))
    with monkeypatch.context() as patched:
        own = maps._on_processor

        def wrong(values):
            maximum, position, mean, total = own(values)
            return {
                "maxima": (maximum * 1.01, position, mean, total),
                "positions": (maximum, position + 1, mean, total),
                "mean map": (maximum, position, mean, total * 1.01),
            }[part]

        patched.setattr(maps, "_on_processor", wrong)
        found = gpu_check.of_scan(gpu_check.scan_on("cpu", 40))
    with pytest.raises(gpu_check.CheckError, match=f"conv1 filter 0: {part}: "):
        gpu_check.compare(found, expected)


def test_where_there_is_no_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu_check.py"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert gpu_check.main() == 0
    assert "nothing was checked" in capsys.readouterr().out
