"""Files of weights are read without running anything that stands in them."""

import argparse
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from filterscope import CheckpointError, demo
from filterscope.nets.net_state import find_state, template_of
from filterscope.nets.weight_files import read_file
from weight_files import save_safetensors


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


class Own:
    """A class of the user's own, harmless, which nobody can know."""


@pytest.fixture
def state():
    return demo.FashionNet().state_dict()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_never_run(tmp_path, state, zipped):
    target = tmp_path / "made by the file"
    path = tmp_path / "evil.pt"
    torch.save({"state_dict": state, "extra": Bomb(target)}, path, _use_new_zipfile_serialization=zipped)
    for values in (True, False):
        with pytest.raises(CheckpointError, match=r"mkdir.*refused.*nothing of it was run"):
            read_file(path, values)
    assert not target.exists()
    torch.load(path, weights_only=False)  # the file is what it is said to be: others run it
    assert target.exists()


def test_a_bare_pickle_that_would_run_code_is_refused_and_never_run(tmp_path):
    target = tmp_path / "made by the file"
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Bomb(target)))
    with pytest.raises(CheckpointError):
        read_file(path)
    assert not target.exists()
    pickle.loads(path.read_bytes())
    assert target.exists()


def test_a_class_of_ones_own_is_refused_by_its_name(tmp_path, state):
    torch.save({"state_dict": state, "config": Own()}, tmp_path / "own.pt")
    with pytest.raises(CheckpointError, match=r"Own.*save its weights alone by torch\.save"):
        read_file(tmp_path / "own.pt")


def test_harmless_things_beside_the_weights_keep_nobody_from_them(tmp_path, state):
    options = argparse.Namespace(lr=0.1, path=Path("runs"))
    beside = {"epoch": 3, "args": options, "path": Path("a"), "best": np.float64(0.9), "history": np.arange(3)}
    torch.save({"model": state, "optimizer": {"state": {}, "param_groups": []}, **beside}, tmp_path / "train.pt")
    content = read_file(tmp_path / "train.pt")
    found = find_state(content, template_of(demo.FashionNet()))
    assert all(torch.equal(found[name], value) for name, value in state.items())
    assert content["epoch"] == 3 and not isinstance(content["args"], argparse.Namespace)


def test_safetensors_are_read_to_the_bit(tmp_path):
    tensors = {
        "a": torch.randn(2, 3),
        "b": torch.arange(5),
        "c": torch.randn(4).half(),
        "d": torch.randn(3).bfloat16(),
        "e": torch.tensor(7),
        "f": torch.zeros(0, 3),
    }
    save_safetensors(tmp_path / "net.safetensors", tensors)
    read = read_file(tmp_path / "net.safetensors")
    assert all(torch.equal(read[name], value) and read[name].dtype == value.dtype for name, value in tensors.items())
    shapes = read_file(tmp_path / "net.safetensors", values=False)
    assert {name: tuple(value.shape) for name, value in shapes.items()} == {
        k: tuple(v.shape) for k, v in tensors.items()
    }


def test_the_safetensors_library_writes_what_is_read(tmp_path):
    library = pytest.importorskip("safetensors.torch")
    tensors = {"a": torch.randn(2, 3), "b": torch.arange(5), "d": torch.randn(3).bfloat16()}
    library.save_file(tensors, tmp_path / "net.safetensors", {"note": "x"})
    read = read_file(tmp_path / "net.safetensors")
    assert all(torch.equal(read[name], value) for name, value in tensors.items())


def test_a_folder_of_hugging_faces_trainer_is_one_checkpoint(tmp_path, state):
    folder = tmp_path / "checkpoint-500"
    folder.mkdir()
    save_safetensors(folder / "model.safetensors", state)
    assert set(read_file(folder)) == set(state)
    with pytest.raises(CheckpointError, match=r"folder without model\.safetensors or pytorch_model\.bin"):
        read_file(tmp_path)


def damaged(tmp_path, state):
    whole = tmp_path / "whole.pt"
    torch.save(state, whole)
    data = whole.read_bytes()
    files = {
        "empty.pt": b"",
        "text.pt": b"this is no file of weights",
        "half.pt": data[: len(data) // 2],
        "no_end.pt": data[:-30],
        "header.safetensors": struct.pack("<Q", 10**12) + b"{}",
        "json.safetensors": struct.pack("<Q", 4) + b"{{{{",
        "short.safetensors": b"\x01",
        "outside.safetensors": (lambda text: struct.pack("<Q", len(text)) + text)(
            json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
        ),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    return [tmp_path / name for name in (*files, "other.pt")]


def test_damaged_files_are_told_in_a_sentence(tmp_path, state):
    for path in damaged(tmp_path, state):
        for values in (True, False):
            with pytest.raises(CheckpointError) as error:
                read_file(path, values)
            assert 10 < len(str(error.value)) < 300 and "\n" not in str(error.value), path


@pytest.mark.parametrize(
    ("prefix", "under"),
    [
        ("", None),
        ("module.", None),
        ("_orig_mod.", None),
        ("model.", "state_dict"),
        ("net.", "state_dict"),
        ("module._orig_mod.", "model"),
        ("model.backbone.", "state_dict"),
        ("", "model_state_dict"),
    ],
)
def test_the_nets_state_is_found_whatever_wraps_it(state, prefix, under):
    named = {prefix + name: value for name, value in state.items()}
    content = (
        named if under is None else {"epoch": 1, under: named, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}
    )
    if "backbone" in prefix:
        named["criterion.weight"] = torch.ones(10)  # of a Lightning module's loss
    found = find_state(content, template_of(demo.FashionNet()))
    assert list(found) and all(torch.equal(found[name], value) for name, value in state.items())


def test_a_wrapped_net_takes_the_state_of_the_bare_one(state):
    wrapped = torch.nn.DataParallel(demo.FashionNet())
    found = find_state(state, template_of(wrapped))
    assert set(found) == set(wrapped.state_dict())


def test_another_nets_state_is_refused_by_where_it_differs(state):
    template = template_of(demo.FashionNet())
    other = dict(state)
    other["conv2.weight"] = torch.zeros(20, 10, 5, 5)
    with pytest.raises(
        CheckpointError, match=r"conv2\.weight is \(20, 10, 5, 5\) there and \(20, 10, 3, 3\) in the net"
    ):
        find_state(other, template)
    with pytest.raises(CheckpointError, match=r"lacks fc2\.bias, which the net has"):
        find_state({name: value for name, value in state.items() if name != "fc2.bias"}, template)
    with pytest.raises(CheckpointError, match=r"has layer3\.weight, which the net lacks"):
        find_state({**state, "layer3.weight": torch.zeros(3)}, template)  # a larger net with the same beginning
    for nothing in ({}, [1, 2], {"a": 3}, {"optimizer": {"state": {}}}):
        with pytest.raises(CheckpointError, match="no dictionary of tensors"):
            find_state(nothing, template)


def test_counters_may_be_missing_or_besides():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    old = {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert set(find_state(old, template_of(net))) == set(old)
    averaged = torch.optim.swa_utils.AveragedModel(net)
    assert set(find_state(averaged.state_dict(), template_of(net))) == set(net.state_dict())
