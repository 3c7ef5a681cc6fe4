"""Images and labels side by side: columns of any library, by position, or a sentence."""

import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from data_parts import Frame, Lazy, Series
from filterscope.data.columns import are_images
from filterscope.data.source import SampleSource
from filterscope.errors import SampleError
from nets import images

PIXELS = images(6, 3, 8, 7)
NUMBERS = [2, 0, 1, 1, 3, 0]
COLOUR = [(2, 3)]


class Column:
    """A column of a data set, as Hugging Face's: a length and items, and neither shape nor dtype."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return self.values[index]


class Pixels(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return PIXELS[index]


IMAGES = {
    "tensor": PIXELS,
    "array": PIXELS.numpy(),
    "lazy array": Lazy(PIXELS.numpy()),
    "list": list(PIXELS),
    "list of numbers": Column([pixels.tolist() for pixels in PIXELS]),
    "column": Column(list(PIXELS.numpy())),
    "array of arrays": np.array([*PIXELS.numpy(), None], dtype=object)[:6],
    "data set": Pixels(),
}
LABELS = {
    "list": NUMBERS,
    "array": np.array(NUMBERS),
    "tensor": torch.tensor(NUMBERS),
    "one-hot": np.eye(5)[NUMBERS],
    "column of one": np.array(NUMBERS)[:, None],
    "lazy array": Lazy(np.array(NUMBERS)),
    "column": Column(NUMBERS),
    "series": Series(NUMBERS, [3, 0, 5, 1, 2, 4]),
    "strings of numbers": Column([str(number) for number in NUMBERS]),
}


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("pixels", IMAGES)
@pytest.mark.parametrize("pair", [tuple, list])
def test_images_and_labels_of_any_library(pixels, labels, pair):
    source = SampleSource(pair([IMAGES[pixels], LABELS[labels]]), inputs=COLOUR)
    assert len(source) == 6
    for at in (0, 3, 5):
        sample = source.read(at)
        assert np.array_equal(sample.image, PIXELS[at].numpy())
        assert str(sample.label) == str(NUMBERS[at])


@pytest.mark.parametrize(
    "beside",
    [None, [None] * 6, PIXELS[:, 0] > 0.5, 1 - PIXELS, Lazy(PIXELS.numpy()), list(1 - PIXELS), [{"box": 1}] * 6],
    ids=["None", "Nones", "masks", "images", "lazy", "list", "dictionaries"],
)
def test_what_is_no_label_beside_images_is_none_for_each(beside):
    source = SampleSource((PIXELS, beside), inputs=COLOUR)
    assert len(source) == 6
    for at in (0, 5):
        assert np.array_equal(source.read(at).image, PIXELS[at].numpy())
        assert source.read(at).label is None
        assert (source.read(at).note != "") == (beside is not None and beside != [None] * 6)


@pytest.mark.parametrize(
    "columns",
    [
        (PIXELS, torch.tensor(NUMBERS), torch.arange(6)),
        (torch.arange(6), PIXELS, torch.tensor(NUMBERS)),
        ([f"{at}.png" for at in range(6)], PIXELS, NUMBERS),
        (PIXELS, PIXELS[:, 0] > 0.5, NUMBERS),
        [PIXELS, NUMBERS, [f"{at}.png" for at in range(6)]],
    ],
)
def test_three_columns(columns):
    source = SampleSource(columns, inputs=COLOUR)
    assert len(source) == 6
    assert [source.read(at).label for at in range(6)] == NUMBERS
    assert np.array_equal(source.read(4).image, PIXELS[4].numpy())


def test_gray_images_and_masks():
    source = SampleSource((PIXELS[:, 0], PIXELS[:, 1] > 0.5), inputs=[(2, 1)])
    assert len(source) == 6 and source.read(5).label is None
    assert np.array_equal(source.read(5).image, PIXELS[5, :1].numpy())


@pytest.mark.parametrize("as_paths", [list, tuple, np.array, lambda paths: Series(paths, "fedcba")])
def test_paths_and_labels(tmp_path, as_paths):
    paths = []
    for at in range(6):
        Image.new("RGB", (7, 8), (40 * at, 0, 0)).save(tmp_path / f"{at}.png")
        paths.append(str(tmp_path / f"{at}.png"))
    for labels in (NUMBERS, [f"n{number}" for number in NUMBERS], np.array(NUMBERS), Series(NUMBERS, "cbadef")):
        source = SampleSource((as_paths(paths), labels), inputs=COLOUR)
        names = labels if isinstance(labels, list) else NUMBERS
        assert len(source) == 6
        for at in range(6):
            assert source.read(at).image[0, 0, 0] == np.float32(40 * at) / np.float32(255)
            assert source.read(at).label == names[at]
    masks = SampleSource((paths, paths), inputs=COLOUR)
    assert len(masks) == 6 and masks.read(3).label is None


def test_two_lists_of_names_are_no_columns():
    assert len(SampleSource((["a", "b"], ["c", "d"]))) == 2
    assert not are_images(["a", "b"], COLOUR)


def test_two_images_in_a_list_are_two_images():
    for data in ([PIXELS[0], PIXELS[1]], (PIXELS[0], PIXELS[1]), [PIXELS[0], PIXELS[0]]):
        assert len(SampleSource(data, inputs=COLOUR)) == 2


@pytest.mark.parametrize(
    "labels", [NUMBERS[:4], np.array(NUMBERS[:4]), Lazy(np.array(NUMBERS[:4])), Column(NUMBERS[:4])]
)
def test_a_label_too_few(labels):
    for pixels in (PIXELS, list(PIXELS), Lazy(PIXELS.numpy())):
        with pytest.raises(ValueError, match="a pair of 6 images and 4 labels; give one label for each image"):
            SampleSource((pixels, labels), inputs=COLOUR)


def test_arrays_by_name():
    for data in (
        {"x": PIXELS, "y": NUMBERS},
        {"images": PIXELS.numpy(), "labels": np.array(NUMBERS), "ids": np.arange(6)},
        {"arr_0": PIXELS.numpy(), "arr_1": np.array(NUMBERS)},
        {"scans": list(PIXELS), "diagnosis": NUMBERS, "about": "lungs"},
        Frame(image=Column(list(PIXELS)), label=Series(NUMBERS, "fedcba")),
    ):
        source = SampleSource(data, inputs=COLOUR)
        assert len(source) == 6 and [source.read(at).label for at in range(6)] == NUMBERS
        assert np.array_equal(source.read(4).image, PIXELS[4].numpy())
    assert SampleSource({"x": PIXELS}, inputs=COLOUR).read(3).label is None


def test_a_dictionary_that_is_one_sample():
    source = SampleSource({"image": PIXELS[2], "label": 3}, inputs=COLOUR)
    assert (len(source), source.read(0).label) == (1, 3)
    assert np.array_equal(source.read(0).image, PIXELS[2].numpy())


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"train": Pixels(), "test": Pixels()}, r"give one part, such as data\['test'\]"),
        ({"train": Pixels(), "validation": Pixels()}, r"give one part, such as data\['validation'\]"),
        ({"a": Pixels(), "b": Pixels()}, r"give one part, such as data\['a'\]"),
        (
            {"train_images": PIXELS, "train_labels": NUMBERS, "val_images": PIXELS, "val_labels": NUMBERS},
            r"give images and labels, such as \(data\['val_images'\], data\['val_labels'\]\)",
        ),
        ({b"data": np.zeros((6, 768)), b"labels": NUMBERS}, r"of b'data', b'labels'; give one part, such as data\[b"),
    ],
)
def test_a_dictionary_of_which_one_part_is_meant(data, line):
    with pytest.raises(TypeError, match=line):
        SampleSource(data, inputs=COLOUR)


def test_files_of_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", x=PIXELS, y=NUMBERS)
    np.savez_compressed(tmp_path / "b.npz", PIXELS, NUMBERS)
    for path in (tmp_path / "a.npz", str(tmp_path / "b.npz")):
        source = SampleSource(path, inputs=COLOUR)
        assert [source.read(at).label for at in range(6)] == NUMBERS
    np.save(tmp_path / "c.npy", PIXELS)
    assert np.array_equal(SampleSource(tmp_path / "c.npy", inputs=COLOUR).read(5).image, PIXELS[5].numpy())


def test_an_hdf5_file_is_read_row_by_row(tmp_path, monkeypatch):
    rows = []

    class Counted(Lazy):
        def __getitem__(self, index):
            rows.append(index)
            return super().__getitem__(index)

    class File(dict):
        def __init__(self, path, mode):
            assert mode == "r"
            super().__init__(images=Counted(PIXELS.numpy()), labels=Lazy(np.array(NUMBERS)))

    h5py = ModuleType("h5py")
    h5py.File = File
    monkeypatch.setitem(sys.modules, "h5py", h5py)
    (tmp_path / "cells.hdf5").write_bytes(b"\x89HDF")
    source = SampleSource(tmp_path / "cells.hdf5", inputs=COLOUR)
    assert len(source) == 6 and rows == []
    assert source.read(4).label == 3 and rows == [4]


def test_rows_of_another_library_that_raise_are_errors_in_their_place():
    class Broken(Lazy):
        def __getitem__(self, index):
            raise OSError("disk on fire")

    with pytest.raises(SampleError, match="sample 2: the data set raised OSError: disk on fire"):
        SampleSource((Broken(PIXELS.numpy()), NUMBERS), inputs=COLOUR).read(2)
