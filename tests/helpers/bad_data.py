"""What can be wrong with a data set, and the sentence that is said then: rows of the table of bad input."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from bad_rows import Bad
from filterscope import NetError, SampleError
from nets import images


class Raises(Dataset):
    def __init__(self, bad=(), error: Exception | None = None):
        self.bad, self.error = bad, error or OSError("disk on fire")

    def __len__(self):
        return 3

    def __getitem__(self, index):
        if index in self.bad:
            raise self.error
        return images(1, 14, 14), index


class NoLength(Dataset):
    def __getitem__(self, index):
        return images(1, 14, 14)


class LengthRaises(Dataset):
    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return images(1, 14, 14)


class Nothing(IterableDataset):
    def __iter__(self):
        return iter(())


class NoStart(IterableDataset):
    def __iter__(self):
        raise ConnectionError("no route to the server")


class BreaksOff(IterableDataset):
    def __iter__(self):
        yield images(1, 14, 14)
        raise ConnectionError("the server went away")


EXPECTED = (
    "expected something that gives image i as data[i]: a torch Dataset, an array (N, C, H, W), a list of images or of "
    "(image, label), or the path of a folder"
)


DATA_SETS = [
    Bad("a number", lambda at: at.explorer(42), TypeError, f"the data set is an int; {EXPECTED}"),
    Bad(
        "an array of one number",
        lambda at: at.explorer(np.zeros(())),
        ValueError,
        f"the data set is a ndarray of one number; {EXPECTED}",
    ),
    Bad("a function", lambda at: at.explorer(images_function), TypeError, f"the data set is a function; {EXPECTED}"),
    Bad("a set", lambda at: at.explorer({1, 2}), TypeError, f"the data set is a set; {EXPECTED}"),
    Bad("bytes", lambda at: at.explorer(b"\x89PNG"), TypeError, f"the data set is a bytes; {EXPECTED}"),
    Bad(
        "all splits of a data set at once",
        lambda at: at.explorer({"train": at.data, "test": at.data}),
        TypeError,
        "the data set is a dict of 'train', 'test'; give one part, such as data['test']",
    ),
    Bad(
        "a data set's class",
        lambda at: at.explorer(TensorDataset),
        TypeError,
        "the data set is the class TensorDataset; call it to make a data set",
    ),
    Bad(
        "a generator",
        lambda at: at.explorer(images(1, 14, 14) for _ in range(3)),
        TypeError,
        "the data set is a generator, which can be read only once; give one that can be read again, such as "
        "list(itertools.islice(data, 1000))",
    ),
    Bad(
        "an iterator over a loader",
        lambda at: at.explorer(itertools.chain(DataLoader(at.data))),
        TypeError,
        "the data set is a chain, which can be read only once; give one that can be read again, such as "
        "list(itertools.islice(data, 1000))",
    ),
    Bad(
        "a data set without a length",
        lambda at: at.explorer(NoLength()),
        TypeError,
        "the data set (NoLength) has no length; give one with __len__",
    ),
    Bad(
        "a label too few beside the images",
        lambda at: at.explorer((images(3, 1, 14, 14), [0, 1])),
        ValueError,
        "the data set is a pair of 3 images and 2 labels; give one label for each image",
    ),
    Bad(
        "a data set whose length raises",
        lambda at: at.explorer(LengthRaises()),
        TypeError,
        "the data set (LengthRaises) cannot be read: len() raised AttributeError: ⋯",
    ),
    Bad(
        "a stream that cannot be started",
        lambda at: at.explorer(NoStart()),
        TypeError,
        "the data set (NoStart) cannot be read: iter() raised ConnectionError: no route to the server",
    ),
    Bad(
        "an empty list",
        lambda at: at.explorer([]),
        ValueError,
        "the data set (list) is empty; give one with at least one image",
    ),
    Bad(
        "an array of no images",
        lambda at: at.explorer(np.zeros((0, 1, 14, 14), np.float32)),
        ValueError,
        "the data set (ndarray) is empty; give one with at least one image",
    ),
    Bad(
        "a stream that ends at once",
        lambda at: at.explorer(Nothing()),
        ValueError,
        "the data set (Nothing) is empty; give one with at least one image",
    ),
    Bad(
        "an array with five axes",
        lambda at: at.explorer(images(2, 3, 1, 14, 14)),
        ValueError,
        "the data set is an array of shape (2, 3, 1, 14, 14); expected (N, C, H, W), (N, H, W, C) or (N, H, W), or one "
        "image (H, W), (C, H, W) or (H, W, C); clips, for a net that takes them, are shown with forward=lambda net, "
        "clip: net(clip)",
    ),
    Bad(
        "an array of many rows that may be pictures",
        lambda at: at.explorer(np.zeros((3000, 196), np.float32)),
        ValueError,
        "the data set is an array of shape (3000, 196); if its rows are pictures, give data.reshape(-1, 14, 14); if "
        "the net takes them as they are, layout='NL'; if it is one gray picture, data[None]",
    ),
    Bad(
        "an array of one picture that the net refuses, and that could be rows",
        lambda at: at.explorer(np.zeros((5, 2), np.float32)),
        NetError,
        "the net refused an image of shape (C, H, W) = (1, 5, 2), float32: ⋯ Taken as one gray picture of 5 × 2; if "
        "its rows are items, layout='NL'.",
    ),
    Bad(
        "an array with one axis",
        lambda at: at.explorer(images(14)),
        ValueError,
        "the data set is an array of shape (14,); expected (N, C, H, W), (N, H, W, C) or (N, H, W), or one image "
        "(H, W), (C, H, W) or (H, W, C)",
    ),
    Bad(
        "a path where nothing is",
        lambda at: at.explorer("no-such-folder"),
        FileNotFoundError,
        "the data set is the path 'no-such-folder', and there is nothing; give a folder of pictures, or of one folder "
        "a class",
    ),
    Bad(
        "an empty path",
        lambda at: at.explorer(""),
        FileNotFoundError,
        "the data set is the path '', and there is nothing; give a folder of pictures, or of one folder a class",
    ),
    Bad(
        "a folder without pictures",
        lambda at: at.explorer("empty"),
        ValueError,
        "the folder 'empty' holds no pictures; expected files that end in .jpg, .jpeg, .png, ⋯",
    ),
    Bad(
        "a file that is no picture",
        lambda at: at.explorer("notes.txt"),
        SampleError,
        "sample 0: the data set raised OSError: the file notes.txt cannot be read: it is no picture",
    ),
    Bad(
        "a data set that always raises",
        lambda at: at.explorer(Raises(bad=(0, 1, 2))),
        SampleError,
        "sample 0: the data set raised OSError: disk on fire",
    ),
]


def images_function(index: int) -> torch.Tensor:
    return images(1, 14, 14)
