"""What can be wrong with a net or a data set, and the sentence that is said then; docs/reference/data.md shows it.

To add a row: say what is wrong, write a function of a `Place` that does it, and the sentence. `⋯` stands for words that
are not ours, such as torch's.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from traitlets import TraitError

from bad_nets import NETS, REFUSED
from bad_rows import Bad, activation_of
from filterscope import Explorer, NetError, SampleError
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


def image_of(explorer: Explorer) -> np.ndarray:
    return explorer.image


def note_of(explorer: Explorer) -> str:
    """What the page says below the image."""
    answers: list[Any] = []
    explorer.send = lambda content, buffers=None: answers.append(content)
    args = {"image": explorer.image_index, "layer": 0, "filter": 0, "channel": None, "source": "input"}
    explorer._on_message(explorer, {"kind": "request", "id": "1", "name": "frame", "args": args}, [])
    return answers[0]["body"]["sample"]["note"]


def with_nan() -> torch.Tensor:
    image = images(1, 14, 14).clone()
    image[0, :2, 0] = float("nan")
    image[0, 2, 0] = float("inf")
    return image


EXPECTED = (
    "expected something that gives image i as data[i]: a torch Dataset, an array (N, C, H, W), a list of images or of "
    "(image, label), or the path of a folder"
)
INDEX = "this data set has images 0 … 2"

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
        "the data set is a dict of 'train', 'test'; give one part, such as data['train']",
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
        "image (H, W), (C, H, W) or (H, W, C)",
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


def no_image(value: str) -> str:
    return f"sample 1: it is {value}, not an image; expected a tensor, an array or a PIL image"


SAMPLES = [
    Bad(
        "one sample raises",
        lambda at: image_of(at.explorer(Raises(bad=(1,)), image_index=1)),
        SampleError,
        "sample 1: the data set raised OSError: disk on fire",
    ),
    Bad(
        "one sample raises an error without words",
        lambda at: image_of(at.explorer(Raises(bad=(1,), error=KeyError()), image_index=1)),
        SampleError,
        "sample 1: the data set raised KeyError",
    ),
    Bad(
        "a stream that breaks off",
        lambda at: image_of(at.explorer(BreaksOff(), image_index=1)),
        SampleError,
        "sample 1: the data set raised ConnectionError: the server went away",
    ),
    Bad(
        "a file of a folder that is cut off",
        lambda at: image_of(at.explorer("photos", image_index=1)),
        SampleError,
        "sample 1: the data set raised OSError: the file photos/b_cut.png cannot be read: ⋯",
    ),
    Bad(
        "a file of a folder that is no picture",
        lambda at: image_of(at.explorer("photos", image_index=2)),
        SampleError,
        "sample 2: the data set raised OSError: the file photos/c_text.jpg cannot be read: it is no picture",
    ),
    Bad(
        "a list with a file that is not there",
        lambda at: image_of(at.second("gone.jpg")),
        SampleError,
        "sample 1: the file gone.jpg cannot be read: ⋯ No such file or directory",
    ),
    Bad("a sample that is None", lambda at: image_of(at.second(None)), SampleError, no_image("NoneType None")),
    Bad("a sample that is a string", lambda at: image_of(at.second("a cat")), SampleError, no_image("str 'a cat'")),
    Bad("a pair of numbers", lambda at: image_of(at.second((1, 2))), SampleError, no_image("int 1")),
    Bad("an empty pair", lambda at: image_of(at.second(())), SampleError, no_image("tuple ()")),
    Bad(
        "a dictionary without an image",
        lambda at: image_of(at.second({"text": "a cat", "label": 1})),
        SampleError,
        "sample 1: it is a dictionary of 'text', 'label'; expected one with 'image', 'img' or 'pixel_values'",
    ),
    Bad(
        "an image with one axis",
        lambda at: image_of(at.second(torch.zeros(14))),
        SampleError,
        "sample 1: it has shape (14,); expected an image (H, W), (C, H, W) or (H, W, C)",
    ),
    Bad(
        "a batch instead of an image",
        lambda at: image_of(at.second(torch.zeros(2, 1, 14, 14))),
        SampleError,
        "sample 1: it has shape (2, 1, 14, 14); expected an image (H, W), (C, H, W) or (H, W, C)",
    ),
    Bad(
        "an image without pixels",
        lambda at: image_of(at.second(torch.zeros(1, 0, 14))),
        SampleError,
        "sample 1: it has shape (1, 0, 14): no pixels",
    ),
    Bad(
        "an image of int64",
        lambda at: image_of(at.second(torch.zeros(1, 14, 14, dtype=torch.int64))),
        SampleError,
        "sample 1: its values are int64; expected floats, or uint8 (taken as 0 … 255 → [0, 1])",
    ),
    Bad(
        "a picture of 16 bits",
        lambda at: image_of(at.second(Image.fromarray(np.zeros((14, 14), np.uint16)))),
        SampleError,
        "sample 1: its values are uint16; expected floats, or uint8 (taken as 0 … 255 → [0, 1])",
    ),
    Bad(
        "an image of complex numbers",
        lambda at: image_of(at.second(np.zeros((1, 14, 14), complex))),
        SampleError,
        "sample 1: its values are complex128; expected floats, or uint8 (taken as 0 … 255 → [0, 1])",
    ),
    Bad(
        "an image of words",
        lambda at: image_of(at.second(np.full((14, 14), "cat"))),
        SampleError,
        "sample 1: its values are <U3; expected floats, or uint8 (taken as 0 … 255 → [0, 1])",
    ),
    Bad(
        "a tensor without values",
        lambda at: image_of(at.second(torch.zeros(1, 14, 14, device="meta"))),
        SampleError,
        "sample 1: its values cannot be read: ⋯",
    ),
    Bad(
        "a colour picture among gray ones",
        lambda at: activation_of(at.second(Image.new("RGB", (14, 14)))),
        NetError,
        f"the net refused an image of shape (C, H, W) = (3, 14, 14), float32: ⋯ {REFUSED}",
    ),
    Bad(
        "a transform that raises",
        lambda at: image_of(at.explorer(transform=lambda image: 1 / 0)),
        SampleError,
        "sample 0: the transform raised ZeroDivisionError: division by zero",
    ),
    Bad(
        "a transform that gives no image",
        lambda at: image_of(at.explorer(transform=lambda image: None)),
        SampleError,
        "sample 0: it is NoneType None, not an image; expected a tensor, an array or a PIL image",
    ),
    Bad(
        "as many means as no image has channels",
        lambda at: image_of(at.explorer(mean=[0.5, 0.5], std=[1, 1])),
        SampleError,
        "sample 0: mean has 2 numbers, the image 1 channels; give one each",
    ),
]

OPTIONS = [
    Bad(
        "a misspelt keyword",
        lambda at: at.explorer(clases=["a", "b", "c"]),
        TypeError,
        "Explorer has no keyword 'clases'; it has classes, transform, mean, std, ⋯",
    ),
    Bad(
        "a transform that is a number",
        lambda at: at.explorer(transform=3),
        TypeError,
        "transform is an int; give a function of one image, or None",
    ),
    Bad(
        "a transform's class",
        lambda at: at.explorer(transform=nn.Identity),
        TypeError,
        "transform is the class Identity; call it to make a transform",
    ),
    Bad(
        "a mean without std",
        lambda at: at.explorer(mean=0.5),
        ValueError,
        "mean and std are given together: the Normalize that the images went through",
    ),
    Bad(
        "a std of zero",
        lambda at: at.explorer(mean=0.5, std=0),
        ValueError,
        "std is 0; give a number, or one for each channel, above 0",
    ),
    Bad(
        "a mean that is a word",
        lambda at: at.explorer(mean="imagenet", std=1),
        ValueError,
        "mean is 'imagenet'; give a number, or one for each channel",
    ),
    Bad(
        "a layout that is none",
        lambda at: at.explorer(layout="WHC"),
        ValueError,
        "layout is 'WHC'; choose 'CHW', 'HWC', 'NCHW', 'NHWC', 'NHW' or None (found out from the shape)",
    ),
    Bad(
        "a layout of another number of axes",
        lambda at: at.explorer(images(3, 14, 14), layout="NCHW"),
        ValueError,
        "layout is 'NCHW', but the array has shape (3, 14, 14)",
    ),
    Bad(
        "classes that are one word",
        lambda at: at.explorer(classes="cat"),
        TypeError,
        "classes is str 'cat'; give a list of names, one for each class number",
    ),
    Bad(
        "fewer names than classes",
        lambda at: at.explorer(classes=["a"]),
        ValueError,
        "classes has 1 name, the net's output 3 classes; give one name for each",
    ),
    Bad(
        "an image beyond the last",
        lambda at: at.explorer(image_index=3),
        TraitError,
        f"image_index is 3; {INDEX}",
    ),
    Bad(
        "an image before the first",
        lambda at: setattr(at.explorer(), "image_index", -1),
        TraitError,
        f"image_index is -1; {INDEX}",
    ),
    Bad(
        "an image beyond a stream's end",
        lambda at: at.explorer(BreaksOff()).select(image=7),
        TraitError,
        "image_index is 7; this data set has images 0 … 1",
    ),
]

SAID = [
    Bad(
        "a label out of range",
        lambda at: note_of(at.explorer([(images(1, 14, 14), 7)], classes=["a", "b", "c"])),
        None,
        "The label, 7, is out of range: the classes are 0 … 2.",
    ),
    Bad(
        "a negative label",
        lambda at: note_of(at.explorer([(images(1, 14, 14), -1)])),
        None,
        "The label, -1, is out of range: classes count from 0.",
    ),
    Bad(
        "a label that is a mask",
        lambda at: note_of(at.explorer([(images(1, 14, 14), torch.zeros(2, 2))])),
        None,
        "The label, Tensor tensor([[0., 0.], [0., 0.]]), is no class.",
    ),
    Bad(
        "pixels that are NaN or infinite",
        lambda at: note_of(at.explorer([with_nan()])),
        None,
        "3 values are NaN or infinite.",
    ),
    Bad(
        "a mean and std that the images never saw",
        lambda at: note_of(at.explorer([torch.full((1, 14, 14), 3.0)], mean=0.5, std=0.5)),
        None,
        "Normalize undone. 196 of 196 values lay outside 0 … 1 and are clipped.",
    ),
    Bad(
        "values of no known range",
        lambda at: note_of(at.explorer([images(1, 14, 14).round() * 9 - 3])),
        None,
        "Drawn from −3 (black) to 6 (white).",
    ),
]

TABLE = {
    "The net": NETS,
    "The data set": DATA_SETS,
    "A sample: an error in its place, and the others stay": SAMPLES,
    "An option or an index": OPTIONS,
    "Nothing is raised, and the view says it": SAID,
}
