"""Which part of a sample is the image, and what lies beside: rows of the table of data sets."""

from __future__ import annotations

from collections import UserDict, namedtuple
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.utils.data import ConcatDataset, StackDataset, TensorDataset

from data_rows import BYTES, FLOATS, NUMBERS, PICTURES, Given, Items, Kind, folder_of

Shot = namedtuple("Shot", "label image")
"""A named tuple whose image comes last."""


@dataclass
class Scan:
    """A sample with attributes."""

    patient: str
    image: Any
    label: int


class Lazy:
    """An array of another library, as of HDF5, zarr or dask: rows by index, and no NumPy array."""

    def __init__(self, values: np.ndarray) -> None:
        self._values, self.shape, self.dtype = values, values.shape, values.dtype

    def __getitem__(self, index: int) -> np.ndarray:
        return self._values[index]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self._values, dtype)


class Series:
    """A column of a table, as pandas has it: `[i]` is by label, `.iloc[i]` and `.to_numpy()` by position."""

    def __init__(self, values: Any, labels: Any) -> None:
        self._by_label = dict(zip(labels, values, strict=True))

    def __len__(self) -> int:
        return len(self._by_label)

    def __getitem__(self, label: Any) -> Any:
        return self._by_label[label]

    @property
    def iloc(self) -> Any:
        return list(self._by_label.values())

    def to_numpy(self) -> np.ndarray:
        return np.array(list(self._by_label.values()))


class Frame:
    """A table of columns by name, as pandas has it."""

    def __init__(self, **columns: Any) -> None:
        self._columns = columns

    def keys(self) -> Any:
        return self._columns.keys()

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]


def rows(make: Any) -> list[Any]:
    return [make(image, number) for image, number in zip(FLOATS, NUMBERS, strict=True)]


def npz_in(folder: Path) -> Path:
    np.savez(folder / "images.npz", FLOATS.numpy(), np.array(NUMBERS))
    return folder / "images.npz"


def npy_in(folder: Path) -> str:
    np.save(folder / "images.npy", FLOATS.numpy())
    return str(folder / "images.npy")


COLUMNS = [
    Kind(
        "`(X, y)` where X or y is an array of another library (HDF5, zarr, dask, a column of a data set)",
        "N images with labels, each read when it is needed",
        lambda at: Given((Lazy(FLOATS.numpy()), Lazy(np.array(NUMBERS))), FLOATS[3], at=3, label=1),
    ),
    Kind(
        "`(X, y)` where y is a column of a table, whatever its index",
        "labels by position",
        lambda at: Given((FLOATS, Series(NUMBERS, [3, 0, 4, 1, 2])), FLOATS[1], at=1, label=0),
    ),
    Kind(
        "`(X, masks)`, `(X, second images)`, `(X, None)`",
        "N images without labels",
        lambda at: Given((FLOATS, FLOATS[:, 0] > 0.5), FLOATS[2], at=2, note="is no class."),
    ),
    Kind(
        "`(X, y, ids)` or `(ids, X, y)`, also `(paths, X, y)`",
        "N images; what comes after them are their labels",
        lambda at: Given((torch.arange(5), FLOATS, torch.tensor(NUMBERS)), FLOATS[2], at=2, label=2),
    ),
    Kind(
        "`(paths, labels)`, lists of paths of pictures and of labels",
        "as many pictures with labels",
        lambda at: Given(
            (sorted(folder_of(at, "a.png", "b.png").iterdir()), ["cat", "dog"]), FLOATS[1], at=1, count=2, label="dog"
        ),
    ),
    Kind(
        "a dictionary of arrays, such as `{'x', 'y'}`; an open `.npz` or HDF5 file; a table",
        "as a pair of them; if no key is known, the one part that is many images, with the one that is their labels",
        lambda at: Given({"ids": np.arange(5), "x": FLOATS, "y": torch.tensor(NUMBERS)}, FLOATS[2], at=2, label=2),
    ),
    Kind(
        "a table with a column of paths",
        "the pictures, with the column of labels",
        lambda at: Given(
            Frame(
                filename=Series([str(p) for p in sorted(folder_of(at, "a.png", "b.png").iterdir())], [7, 3]),
                label=Series([4, 2], [7, 3]),
            ),
            FLOATS[1],
            at=1,
            count=2,
            label=2,
        ),
    ),
    Kind(
        "path of an `.npz` file, or of an HDF5 file where h5py is installed",
        "as the dictionary of its arrays",
        lambda at: Given(npz_in(at), FLOATS[2], at=2, label=2),
    ),
    Kind("path of an `.npy` file", "as its array", lambda at: Given(npy_in(at), FLOATS[2], at=2)),
    Kind(
        "a dictionary that is one sample",
        "one image",
        lambda at: Given({"image": FLOATS[1], "label": 2}, FLOATS[1], count=1, label=2),
    ),
]

PARTS = [
    Kind(
        "`(index, image, label)`, `(path, image, label)`, `(index, path, label)`",
        "the first part that is an image in memory, else the first that is a picture's path; the label comes after it",
        lambda at: Given(rows(lambda image, number: ("a.png", image, number)), FLOATS[2], at=2, label=2),
    ),
    Kind(
        "`(index, image)` or `(name, image)`",
        "no label, and it is said",
        lambda at: Given(list(enumerate(FLOATS)), FLOATS[2], at=2, note="before the image, 2, is not taken for"),
    ),
    Kind(
        "`(image, mask, label)`, `(image, path, label)`",
        "masks and paths are passed over, and the first class is the label",
        lambda at: Given(
            rows(lambda image, number: (image, image[0] > 0.5, number)),
            FLOATS[2],
            at=2,
            label=2,
            note="The label is the first class that comes after the image, 2.",
        ),
    ),
    Kind(
        "`(image, mask)`, `(image, second image)`",
        "no label, and it is said",
        lambda at: Given(rows(lambda image, number: (image, image[0] > 0.5)), FLOATS[2], at=2, note="is no class."),
    ),
    Kind(
        "`(image, {'label'})`, `({'image'}, label)`, `(index, (image, label))`: parts in parts",
        "as the parts inside",
        lambda at: Given(list(enumerate(rows(lambda *pair: pair))), FLOATS[2], at=2, label=2),
    ),
    Kind(
        "`{'image', 'pixel_values', 'label'}`: a picture, and what was made of it for the net",
        "what was made for the net, and it is said",
        lambda at: Given(
            rows(lambda image, number: {"image": PICTURES[0], "pixel_values": image - 0.5, "label": number}),
            FLOATS[2] - 0.5,
            at=2,
            label=2,
            display=(FLOATS[2] - FLOATS[2].min()) / (FLOATS[2].max() - FLOATS[2].min()),
            note="The image is the sample's 'pixel_values', not its 'image'; for that give [(item['image'], item.get",
        ),
    ),
    Kind(
        "a dictionary under other keys, of which one is an image, as of webdataset",
        "that one; the label also under `'cls'`",
        lambda at: Given(
            [{"__key__": "a", "png": picture, "cls": 2} for picture in PICTURES],
            FLOATS[2],
            at=2,
            label=2,
            note=BYTES,
        ),
    ),
    Kind(
        "a dictionary of several images under other keys, with `transform=`",
        "`transform` is given the whole dictionary",
        lambda at: Given(
            rows(lambda image, number: {"left": image, "right": 1 - image, "label": number}),
            1 - FLOATS[2],
            at=2,
            label=2,
            options={"transform": lambda item: item["right"]},
        ),
    ),
    Kind(
        "`{'path', 'label'}`, also `'filename'`, `'file'` and the like",
        "the picture in the file",
        lambda at: Given(
            [{"path": str(folder_of(at, "a.png") / "a.png"), "label": 2}], FLOATS[0], count=1, label=2, note=BYTES
        ),
    ),
    Kind(
        "a named tuple, a data class, an object with `.image` or `.x`, a `UserDict`, a `TensorDict`",
        "as a dictionary of its parts",
        lambda at: Given(
            [
                Shot(1, FLOATS[0]),
                Scan("b", FLOATS[1], 1),
                SimpleNamespace(x=FLOATS[2], y=torch.tensor([1])),
                UserDict(img=FLOATS[3], target=1),
            ],
            FLOATS[2],
            at=2,
            count=4,
            label=1,
        ),
    ),
    Kind(
        "several views or crops of an image: `([first, second], label)`, `(array (V, C, H, W), label)`",
        "the first, and it is said",
        lambda at: Given(
            rows(lambda image, number: (torch.stack([image, 1 - image]), number)),
            FLOATS[2],
            at=2,
            label=2,
            note="2 views, of which the first is shown.",
        ),
    ),
    Kind(
        "an image with an axis of one entry too many, as a processor returns it",
        "the image without that axis, and it is said",
        lambda at: Given(
            rows(lambda image, number: {"pixel_values": image[None], "labels": number}),
            FLOATS[2],
            at=2,
            label=2,
            note="the first axis, of one entry, is taken away.",
        ),
    ),
    Kind(
        "`StackDataset`, `TensorDataset` of any number of tensors, `ConcatDataset` of them",
        "by the same rules",
        lambda at: Given(
            ConcatDataset(
                [StackDataset(label=torch.tensor(NUMBERS), image=FLOATS), TensorDataset(FLOATS), Items(list(FLOATS))]
            ),
            FLOATS[2],
            at=2,
            count=15,
            label=2,
        ),
    ),
]
