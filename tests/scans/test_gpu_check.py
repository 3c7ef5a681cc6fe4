"""The script that is run where there is a GPU finds what it is to find; here with the processor in a GPU's place."""

from types import SimpleNamespace

import pytest
import torch

import gpu_check
from filterscope import Explorer, demo
from filterscope.scans import maps


@pytest.fixture(autouse=True)
def as_it_was():
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


def test_it_finds_nothing_where_the_numbers_are_right(monkeypatch):
    monkeypatch.setattr(maps, "is_here", lambda tensor: False)
    scanned, explored = gpu_check.check("cpu", 40).split("\n")
    assert scanned.startswith("scan on cpu is that on the processor. 40 images: plain passes ")
    assert explored.startswith("An explorer and a diagnosis on cpu are those on the processor, and nothing is left")


def test_it_finds_wrong_pictures_and_verdicts():
    net = demo.fashion_net()
    net.conv2.weight.data[3] *= 1.01
    explorers = [Explorer(net, demo.fashion_test_data()), gpu_check.look("cpu")]
    with pytest.raises(gpu_check.CheckError, match=r"conv2 .* filter 3: kernel is"):
        gpu_check.compare_pictures(*explorers, images=1)
    judged = gpu_check.judge("cpu", 60)
    moved = SimpleNamespace(to_dataframe=lambda: judged.to_dataframe().assign(delta_loss=lambda t: t.delta_loss + 0.1))
    with pytest.raises(gpu_check.CheckError, match="delta_loss is"):
        gpu_check.compare_verdicts(moved, judged)
    for explorer in explorers:
        explorer.close()


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
