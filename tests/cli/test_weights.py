"""Files given as weights: damaged in any way, or programs, they are a sentence, and nothing in them is run."""

import io
import os
import pickle
import random
import zipfile

import pytest
import torch
from torch import nn

from filterscope.cli.inputs import UsageError, load_weights


def make_net():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def repacked(archive, change, storing=zipfile.ZIP_STORED):
    """A zip archive with the changed bytes of its files; a file is left out where these are None."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as before, zipfile.ZipFile(file, "w", storing) as after:
        for name in before.namelist():
            data = change(name, before.read(name))
            if data is not None:
                after.writestr(name, data)
    return file.getvalue()


def refused(tmp_path, data):
    """The sentence about a file with these bytes."""
    path = tmp_path / "net.pt"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        load_weights(make_net(), path)
    return str(caught.value).removeprefix(f"--weights {path} ")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state, "epoch": 3}])
def test_whole_files_are_loaded(tmp_path, zipped, wrap):
    net = make_net()
    (tmp_path / "net.pt").write_bytes(saved(wrap(net.state_dict()), _use_new_zipfile_serialization=zipped))
    loaded = make_net()
    load_weights(loaded, tmp_path / "net.pt")
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in net.state_dict().items())


def damaged(data, chance):
    """The bytes with one damage: cut off, bits or bytes changed, some left out, some put in; or a changed pickle."""

    def other_bytes(data, most):
        changed = bytearray(data)
        for _ in range(chance.randint(1, most)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed)

    place, length = chance.randrange(len(data)), chance.randint(1, 40)
    ways = [
        lambda: data[:place],
        lambda: data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :],
        lambda: other_bytes(data, 8),
        lambda: data[:place] + data[place + length :],
        lambda: data[:place] + chance.randbytes(length) + data[place:],
        lambda: repacked(data, lambda name, part: other_bytes(part, 4) if name.endswith("data.pkl") else part),
        lambda: repacked(data, lambda name, part: None if chance.random() < 0.2 else part),
    ]
    return chance.choice(ways[:5] if data[:2] != b"PK" else ways)()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_damaged_file_is_loaded_or_a_sentence(tmp_path, zipped):
    chance = random.Random(16)
    whole = saved({"state_dict": make_net().state_dict()}, _use_new_zipfile_serialization=zipped)
    sentences = []
    path = tmp_path / "net.pt"
    for _ in range(400):
        path.write_bytes(damaged(whole, chance))
        try:
            load_weights(make_net(), path)
        except UsageError as error:
            sentences.append(str(error))
    assert len(sentences) > 200
    for sentence in sentences:
        assert sentence.startswith(f"--weights {path} ")
        assert "\n" not in sentence and "weights_only" not in sentence  # no advice to run what is in there


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 100])
def test_the_beginning_of_a_file(tmp_path, length):
    for whole in (saved(make_net().state_dict()), pickle.dumps({"a": 1})):
        refused(tmp_path, whole[:length])


@pytest.fixture
def nothing_is_loaded(monkeypatch):
    """Torch's loaders fail the test: what is refused by its names alone never comes to them."""

    def loaded(*arguments, **options):
        pytest.fail("a loader was called")

    monkeypatch.setattr(torch, "load", loaded)
    monkeypatch.setattr(torch.jit, "load", loaded)


CODE = ["net/code/__torch__.py", "net/constants.pkl"]


@pytest.mark.usefixtures("nothing_is_loaded")
@pytest.mark.parametrize("more", [CODE, CODE[:1], CODE[1:]])
@pytest.mark.parametrize("storing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_torchscript_is_refused_before_it_is_loaded(tmp_path, more, storing):
    file = io.BytesIO(repacked(saved(make_net().state_dict()), lambda name, data: data, storing))
    with zipfile.ZipFile(file, "a", storing) as archive:
        for name in more:
            archive.writestr(name, b"as torch.jit.save has them")
    assert refused(tmp_path, file.getvalue()) == (
        "is a TorchScript archive, which holds code, and no state dict; save net.state_dict() with torch.save"
    )


@pytest.mark.usefixtures("nothing_is_loaded")
def test_archives_of_others_are_refused_before_they_are_loaded(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("arr_0.npy", b"...")
    assert refused(tmp_path, file.getvalue()) == "is an archive, and none of torch.save; save net.state_dict()"


class Evil:
    def __reduce__(self):
        return (os.system, ("false",))


@pytest.mark.parametrize("zipped", [True, False])
def test_what_needs_code_names_it(tmp_path, zipped):
    for value in (Evil(), {"a": Evil()}, {"state_dict": {"0.weight": Evil()}}):
        sentence = refused(tmp_path, saved(value, _use_new_zipfile_serialization=zipped))
        needs = f"it needs {os.system.__module__}.system, which is no tensor"
        assert sentence == f"holds no plain weights ({needs}); save net.state_dict(), not the net"
    whole_net = refused(tmp_path, saved(make_net(), _use_new_zipfile_serialization=zipped))
    assert "(it needs torch.nn.modules.container.Sequential, which is no tensor)" in whole_net


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (3, "holds an int, and no state dict; save net.state_dict()"),
        (torch.zeros(3), "holds a Tensor, and no state dict"),
        ([torch.zeros(3)], "holds a list, and no state dict"),
        ({"a": 1}, "holds a dict, and no state dict"),
        ({1: torch.zeros(3)}, "holds a dict, and no state dict"),
        ({}, "are not this net's: Missing key(s)"),
        ({"0.weight": torch.zeros(3)}, "are not this net's: Missing key(s)"),
        ({"a" * 5000: torch.zeros(3)}, "are not this net's: Missing key(s)"),
        ({**make_net().state_dict(), "0.weight": torch.zeros(4, 1, 3, 3).to_sparse()}, "are not this net's: "),
        ({**make_net().state_dict(), "0.bias": torch.zeros(5)}, "are not this net's: size mismatch for 0.bias"),
    ],
)
def test_other_values_are_named(tmp_path, value, sentence):
    assert refused(tmp_path, saved(value)).startswith(sentence)
    assert len(refused(tmp_path, saved(value))) < 1200
