"""Class names that no text file can hold are spelt out where they enter, wherever a data set has them."""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from filterscope.data.class_names import class_of, given_names, own_names
from filterscope.data.source import SampleSource
from filterscope.text import well_formed
from strange_names import SPELT, STRANGE

NUMBERS = {name: number for number, name in enumerate(STRANGE)}
BY_NUMBER = dict(enumerate(STRANGE))


@pytest.mark.parametrize("classes", [STRANGE, tuple(STRANGE), NUMBERS, BY_NUMBER, np.array(STRANGE)])
def test_the_users(classes):
    assert given_names(classes) == tuple(SPELT)


@pytest.mark.parametrize(
    "data",
    [
        SimpleNamespace(classes=STRANGE),
        SimpleNamespace(class_to_idx=NUMBERS),
        SimpleNamespace(features={"label": SimpleNamespace(names=STRANGE)}),
        SimpleNamespace(dataset=SimpleNamespace(classes=STRANGE)),
    ],
)
def test_the_data_sets_own(data):
    assert own_names(data) == tuple(SPELT)


def test_a_samples_label():
    assert [class_of(name, ())[0] for name in STRANGE] == SPELT
    assert [class_of(np.str_(name), ())[0] for name in STRANGE] == SPELT


def test_all_other_names_stay_and_different_ones_stay_different():
    for name in ("", "Coat", "é", "🐈", "日本語", "a\nb", "\0", "\\udce9"):
        assert well_formed(name) == name
    assert len({well_formed(f"caf{chr(code)}") for code in range(0xD800, 0xE000)}) == 0x800


def test_a_folder_of_folders(tmp_path):
    try:
        for name in (b"caf\xe9", b"tea"):
            os.mkdir(os.path.join(os.fsencode(tmp_path), name))
    except OSError:
        pytest.skip("this file system has no such names")
    for folder in sorted(tmp_path.iterdir()):
        Image.new("L", (8, 8), len(folder.name)).save(folder / "1.png")
    source = SampleSource(tmp_path, inputs=((2, 1),))
    assert source.classes == ("caf\\udce9", "tea")
    assert [source.read(index).label for index in range(2)] == ["caf\\udce9", "tea"]
