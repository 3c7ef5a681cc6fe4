"""The script that is run where there is a GPU finds what it is to find; here with the processor in a GPU's place."""

import pytest
import torch

import gpu_check
from filterscope.scans import maps


@pytest.fixture(autouse=True)
def as_it_was():
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


def test_it_finds_nothing_where_the_numbers_are_right(monkeypatch):
    monkeypatch.setattr(maps, "is_here", lambda tensor: False)
    assert gpu_check.check("cpu", 40).startswith("scan on cpu is that on the processor. 40 images: plain passes ")


@pytest.mark.parametrize("part", ["maximum", "position", "mean map"])
def test_it_finds_wrong_numbers(part, monkeypatch):
    expected = gpu_check.of_the_device("cpu", 40)
    with monkeypatch.context() as patched:
        own = maps._on_processor

        def wrong(values):
            maximum, position, mean, total = own(values)
            return {
                "maximum": (maximum * 1.01, position, mean, total),
                "position": (maximum, position + 1, mean, total),
                "mean map": (maximum, position, mean, total * 1.01),
            }[part]

        patched.setattr(maps, "_on_processor", wrong)
        found = gpu_check.of_the_device("cpu", 40)
    with pytest.raises(gpu_check.CheckError, match="conv1 filter 0: maxima"):
        gpu_check.compare(found, expected)


def test_where_there_is_no_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu_check.py"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert gpu_check.main() == 0
    assert "nothing was checked" in capsys.readouterr().out
