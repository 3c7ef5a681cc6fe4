"""Bad input gives a sentence, and leaves the net, the data and a widget that is open unharmed."""

import copy
import random
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from bad_inputs import TABLE
from bad_rows import Place
from filterscope import Explorer
from nets import TwoConvs, images, seeded
from picture_files import png, tiff

LARGE = png(np.zeros((4000, 4001), np.uint8))

ROWS = [row for rows in TABLE.values() for row in rows]


@pytest.fixture(name="place")
def of_files_and_a_net(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no picture")
    photos = tmp_path / "photos"
    photos.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (20, 20)).astype(np.uint8)
    Image.fromarray(noise).save(photos / "a_good.png")
    (photos / "b_cut.png").write_bytes((photos / "a_good.png").read_bytes()[:200])
    (photos / "c_text.jpg").write_text("no picture")
    (tmp_path / "large.png").write_bytes(LARGE)
    (tmp_path / "planes.tif").write_bytes(tiff(np.zeros((4, 5, 3), np.uint16), planar=True))
    net = seeded(TwoConvs).train()
    net.conv1.weight.grad = torch.ones_like(net.conv1.weight)
    net.fc.requires_grad_(False)
    return Place(net, TensorDataset(images(3, 1, 14, 14), torch.tensor([0, 2, 1])))


def state(place):
    """All that must not change."""
    net = place.net
    return {
        "weights": {name: (value.clone(), value._version) for name, value in net.state_dict().items()},
        "flags": [module.training for module in net.modules()],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()],
        "gradients": [(p.requires_grad, None if p.grad is None else p.grad.clone()) for p in net.parameters()],
        "data": copy.deepcopy(place.data.tensors),
        "random": (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()),
    }


def same(before, after):
    if isinstance(before, torch.Tensor):
        return torch.equal(before, after)
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after)
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same(before[key], after[key]) for key in before)
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(same(a, b) for a, b in zip(before, after, strict=True))
    return before == after


def fits(pattern, text):
    return re.search(".*".join(re.escape(part) for part in pattern.split("⋯")), text, re.S)


def test_there_are_many_rows():
    assert len(ROWS) >= 40
    assert len({row.what for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_a_sentence_and_no_harm(place, row):
    open_already = Explorer(place.net, place.data, image_index=1)
    shown, before = open_already.activation, state(place)
    if row.error is None:
        sentence = row.do(place)
    else:
        with pytest.raises(row.error) as caught:
            row.do(place)
        sentence = str(caught.value)
    assert fits(row.says, sentence), sentence
    assert "\n" not in sentence
    assert same(before, state(place))
    assert np.array_equal(open_already.activation, shown)
    assert (open_already.image_index, len(open_already.layers)) == (1, 2)


def test_harm_would_be_noticed(place):
    before = state(place)
    with torch.no_grad():
        place.net.conv1.weight[0, 0, 0, 0] += 1
    assert not same(before, state(place))
    before = state(place)
    random.random()
    assert not same(before, state(place))
    before = state(place)
    place.data.tensors[0][0, 0, 0, 0] += 1
    assert not same(before, state(place))


@pytest.mark.parametrize("row", TABLE["A sample: an error in its place, and the others stay"], ids=lambda row: row.what)
def test_the_others_stay(place, row, monkeypatch):
    """After a sample that cannot be shown, the explorer that met it goes on with the next good one."""
    made = []
    make = Place.explorer
    monkeypatch.setattr(Place, "explorer", lambda *args, **options: made.append(make(*args, **options)) or made[-1])
    with pytest.raises(row.error):
        row.do(place)
    if made:  # an explorer that could not be made has nothing to go on with
        made[0].image_index = 0
        assert made[0].activation.shape == tuple(n - 2 for n in made[0].image.shape[1:])
