"""Loaders, batches and several data sets at once that cannot be shown: rows of the table of bad input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, TensorDataset

from bad_rows import Bad
from filterscope import Explorer, SampleError
from nets import images

PLAIN = TensorDataset(images(4, 1, 14, 14), torch.arange(4))


class Lost(Sampler):
    def __iter__(self):
        raise OSError("no list of patients")


class Pairs(Dataset):
    """A data set that gives batches, as Keras has them."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return images(2, 1, 14, 14).numpy(), np.array([0, 1])


class Loaders:
    """Loaders of several parts, as fastai has them."""

    def __init__(self) -> None:
        self.train, self.valid = DataLoader(PLAIN), DataLoader(PLAIN)

    def __getitem__(self, index: int) -> Any:
        return (self.train, self.valid)[index]


class Module:
    """A module of data, as Lightning has it, that has none to test with."""

    def setup(self, stage: str) -> None: ...

    def train_dataloader(self) -> Any:
        return DataLoader(PLAIN)


def raises(samples: list[Any]) -> Any:
    raise KeyError("boxes")


def of_file(name: str, write: Any) -> str:
    write(Path(name))
    return name


def without_h5py(at: Any) -> Explorer:
    with mock.patch.dict(sys.modules, {"h5py": None}):
        return at.explorer(of_file("cells.h5", lambda path: path.write_bytes(b"\x89HDF")))


LOADERS = [
    Bad(
        "a loader whose sampler is a generator",
        lambda at: at.explorer(DataLoader(PLAIN, sampler=(i for i in (1, 2)))),
        TypeError,
        "the data set is a loader whose sampler (generator) can be read only once; give it list(sampler)",
    ),
    Bad(
        "a loader whose sampler raises",
        lambda at: at.explorer(DataLoader(PLAIN, sampler=Lost())),
        TypeError,
        "the data set is a loader whose sampler (Lost) cannot be read: it raised OSError: no list of patients",
    ),
    Bad(
        "a loader whose sampler gives nothing",
        lambda at: at.explorer(DataLoader(PLAIN, sampler=[])),
        ValueError,
        "the data set is a loader whose sampler (list) gives no sample; give one that does",
    ),
    Bad(
        "a loader whose `collate_fn` raises for one sample",
        lambda at: at.explorer(DataLoader(PLAIN, collate_fn=raises)),
        SampleError,
        "sample 0: the data set raised ValueError: the loader's collate_fn raised KeyError: 'boxes' for one sample "
        "alone; give loader.dataset to see the samples without it",
    ),
    Bad(
        "a data set that gives batches by index",
        lambda at: at.explorer(Pairs()),
        SampleError,
        "sample 0: it has shape (2, 1, 14, 14), a batch of 2 images with their labels; give one image an item, such as "
        "[sample for batch in data for sample in zip(*batch)]",
    ),
    Bad(
        "a list of batches without labels, or of views",
        lambda at: at.explorer(list(images(2, 3, 1, 14, 14))),
        SampleError,
        "sample 0: it has shape (3, 1, 14, 14); expected an image (H, W), (C, H, W) or (H, W, C); if it is a batch of "
        "3 images, give [image for batch in data for image in batch]; if it is several views of one image, give "
        "transform=lambda views: views[0]",
    ),
    Bad(
        "loaders of several parts at once",
        lambda at: at.explorer(Loaders()),
        TypeError,
        "the data set is a Loaders of several loaders (valid, train); give one, such as data.valid",
    ),
    Bad(
        "a module that makes loaders for training alone",
        lambda at: at.explorer(Module()),
        TypeError,
        "the data set is a Module, which makes loaders; give one of them, such as data.train_dataloader()",
    ),
    Bad(
        "two data sets at once",
        lambda at: at.explorer((PLAIN, PLAIN)),
        TypeError,
        "the data set is a tuple of 2 data sets; give one of them, such as data[-1]",
    ),
    Bad(
        "images and labels of training and test at once",
        lambda at: at.explorer(((images(3, 1, 14, 14), [0, 1, 2]), (images(2, 1, 14, 14), [0, 1]))),
        TypeError,
        "the data set is a tuple of 2 pairs of images and labels, as of training and test; give one of them, such as "
        "data[-1], or list(data) if they are batches",
    ),
    Bad(
        "a file of images and labels of training and test",
        lambda at: at.explorer(
            of_file(
                "digits.npz",
                lambda path: np.savez(
                    path, x_train=images(3, 1, 14, 14), y_train=[0, 1, 2], x_test=images(2, 1, 14, 14), y_test=[0, 1]
                ),
            )
        ),
        TypeError,
        "the data set is a dict of 'x_train', 'y_train', 'x_test', 'y_test'; give images and labels, such as "
        "(data['x_test'], data['y_test']), where data = numpy.load('digits.npz')",
    ),
    Bad(
        "an `.npz` file that is none",
        lambda at: at.explorer(of_file("cut.npz", lambda path: path.write_bytes(b"PK\x03\x04"))),
        ValueError,
        "the file cut.npz cannot be read: ⋯",
    ),
    Bad(
        "an HDF5 file where h5py is not installed",
        without_h5py,
        ImportError,
        "the data set is the HDF5 file 'cells.h5', which needs h5py to be read; install h5py, or give its arrays as "
        "(images, labels)",
    ),
    Bad(
        "a dictionary of several images under other keys",
        lambda at: at.explorer([{"left": images(1, 14, 14), "right": images(1, 14, 14), "label": 1}]),
        SampleError,
        "sample 0: it is a dictionary of 'left', 'right', 'label'; expected one with 'pixel_values', 'image' or 'img', "
        "or transform= that takes the image out of it, such as transform=lambda item: item['left']",
    ),
    Bad(
        "a dictionary with a picture that is not decoded",
        lambda at: at.explorer([{"__key__": "a", "jpg": b"\xff\xd8", "cls": 1}]),
        SampleError,
        "sample 0: it is a dictionary of '__key__', 'jpg', 'cls', and its 'jpg' is bytes that are not decoded; give "
        "transform=lambda item: PIL.Image.open(io.BytesIO(item['jpg']))",
    ),
]
