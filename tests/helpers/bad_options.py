"""What can be wrong with an option or a label, and the sentence that is said then: rows of the table of bad input."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from traitlets import TraitError

from bad_data import BreaksOff
from bad_rows import Bad
from filterscope import Explorer
from nets import images


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


INDEX = "this data set has images 0 … 2"


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
        "layout is 'WHC'; choose 'CHW', 'HWC', 'NCHW', 'NHWC', 'NHW', 'NL' or None (found out from the shape)",
    ),
    Bad(
        "a layout of another number of axes",
        lambda at: at.explorer(images(3, 14, 14), layout="NCHW"),
        ValueError,
        "layout is 'NCHW', but the array has shape (3, 14, 14)",
    ),
    Bad(
        "a layout of rows for what has none",
        lambda at: at.explorer(images(3, 14, 14), layout="NL"),
        ValueError,
        "layout is 'NL', but the array has shape (3, 14, 14)",
    ),
    Bad(
        "classes that are one word",
        lambda at: at.explorer(classes="cat"),
        TypeError,
        "classes is str 'cat'; give a list of names, one for each class number",
    ),
    Bad(
        "classes without an order",
        lambda at: at.explorer(classes={"cat"}),
        TypeError,
        "classes is set {'cat'}, which has no order; give a list of names, class 0 first",
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
        "an array of two axes, which could be rows",
        lambda at: note_of(at.explorer(images(20, 64))),
        None,
        "Taken as one gray picture of 20 × 64; if its rows are pictures, give data.reshape(-1, 8, 8).",
    ),
    Bad(
        "values of no known range",
        lambda at: note_of(at.explorer([images(1, 14, 14).round() * 9 - 3])),
        None,
        "Drawn from −3 (black) to 6 (white).",
    ),
]
