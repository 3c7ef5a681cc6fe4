"""The options that name a net and its images, which several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from filterscope.cli.inputs import UsageError, classes_from, load_object, resizing


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Adds the options that name the net, its weights, the images, and what is done to each."""
    add = parser.add_argument
    add(
        "--net",
        required=True,
        metavar="MODULE:NAME",
        help="a function or class that makes the net, or the net itself; a file as well: net.py:make_net",
    )
    add(
        "--images",
        "--data",
        required=True,
        metavar="FOLDER",
        help="a folder of pictures or of one folder a class, a picture, or "
        "MODULE:NAME of a data set or of a function that makes it",
    )
    add("--weights", type=Path, metavar="FILE", help="a state dict, as torch.save writes it; nothing in it is run")
    add(
        "--transform",
        metavar="MODULE:NAME",
        help="what is done to each picture, a function or torchvision weights "
        "(torchvision.models:ResNet18_Weights.DEFAULT)",
    )
    add("--size", metavar="HxW", help="instead: resize each picture, 224 or 224x160")
    add("--mean", metavar="R,G,B", help="and normalise it by this mean")
    add("--std", metavar="R,G,B", help="and this standard deviation")
    add("--classes", metavar="FILE", help="class names, one a line; or with commas: cat,dog")


def data_from(options: argparse.Namespace) -> tuple[Any, Any, Any]:
    """The images, what is done to each, and the class names.

    Raises:
        UsageError: If there is no such thing.
    """
    images: Any = options.images
    if not Path(images).exists():
        if ":" not in images:
            raise UsageError(f"--images is {images!r}, and there is nothing; give a folder of pictures, or MODULE:NAME")
        images = load_object(images, "--images")
        images = images() if callable(images) and not hasattr(images, "__getitem__") else images
    transform = resizing(options.size, options.mean, options.std)
    if options.transform is not None:
        if transform is not None:
            raise UsageError("--transform says what is done to a picture; leave --size, --mean and --std out")
        transform = load_object(options.transform, "--transform")
    return images, transform, classes_from(options.classes)
