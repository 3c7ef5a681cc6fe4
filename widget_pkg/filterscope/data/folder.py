"""A folder of pictures, or with one folder per class, as a data set; a file is read when its item is requested."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PIL import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def read_picture(path: str | os.PathLike[str], channels: int | None) -> Image.Image:
    """The picture in a file, gray or in colour as the net takes it.

    Args:
        path: Path of the file.
        channels: The net's input channels: 1 makes the picture gray, 4 makes it RGBA; else it becomes RGB.

    Raises:
        OSError: If it cannot be read; the message names the file.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            converted: Image.Image = picture.convert(_MODES.get(channels or 3, "RGB"))
            return converted
    except Exception as error:
        name = os.fspath(path)
        why = "it is no picture" if type(error).__name__ == "UnidentifiedImageError" else str(error)
        raise OSError(f"the file {name} cannot be read: {why}") from error


def is_picture(path: Any) -> bool:
    """Whether a value is a path that ends like a picture's, `.png` say."""
    if not isinstance(path, str | os.PathLike):
        return False
    from torchvision.datasets.folder import IMG_EXTENSIONS  # imported here, because that takes a second

    return os.fspath(path).lower().endswith(IMG_EXTENSIONS)


class Pictures:
    """Picture files as a data set: item i is the picture and its class number, or None where there are no classes.

    Args:
        paths: Paths of the files.
        labels: The class number of each file, or None.
        classes: Class names by class number.
        channels: The net's input channels.
    """

    def __init__(
        self,
        paths: list[str],
        labels: list[int] | None = None,
        classes: tuple[str, ...] = (),
        channels: int | None = None,
    ) -> None:
        self.paths = paths
        self.targets = labels
        self.classes = classes
        self._channels = channels

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Image.Image, int | None]:
        picture = read_picture(self.paths[index], self._channels)
        return picture, None if self.targets is None else self.targets[index]


def open_folder(path: str | os.PathLike[str], channels: int | None) -> Pictures:
    """The pictures of a folder, sorted by name.

    If the folder has folders with pictures, each of these is a class, as in `torchvision.datasets.ImageFolder`. Else
    the folder's own pictures are taken. Hidden files and folders are left out.

    Args:
        path: Path of the folder, or of one picture.
        channels: The net's input channels.

    Raises:
        FileNotFoundError: If the path does not exist.
        ValueError: If there is no picture in it.
    """
    from torchvision.datasets.folder import IMG_EXTENSIONS, make_dataset

    root = Path(path).expanduser()
    if not os.fspath(path) or not root.exists():  # to pathlib, nothing is the current folder
        raise FileNotFoundError(
            f"the data set is the path {os.fspath(path)!r}, and there is nothing; give a folder of pictures, or of one "
            "folder a class"
        )
    if root.is_file():
        return Pictures([str(root)], channels=channels)
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    classes = [folder.name for folder in folders if _holds_a_picture(folder)]
    if classes:
        samples = make_dataset(str(root), {name: number for number, name in enumerate(classes)}, IMG_EXTENSIONS)
        visible = [(file, number) for file, number in samples if not Path(file).name.startswith(".")]
        return Pictures([file for file, _ in visible], [number for _, number in visible], tuple(classes), channels)
    entries = (entry for entry in root.iterdir() if not entry.name.startswith("."))
    files = sorted(str(entry) for entry in entries if is_picture(entry) and entry.is_file())
    if not files:
        raise ValueError(
            f"the folder {os.fspath(path)!r} holds no pictures; expected files that end in {', '.join(IMG_EXTENSIONS)}"
        )
    return Pictures(files, channels=channels)


def _holds_a_picture(folder: Path) -> bool:
    return any(
        is_picture(name) and not name.startswith(".")
        for _, _, names in os.walk(folder, followlinks=True)
        for name in names
    )
