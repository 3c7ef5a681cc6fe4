"""A folder of pictures, or of one folder a class, as a data set; every file is read when it is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PIL import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def read_picture(path: str | os.PathLike[str], channels: int | None) -> Image.Image:
    """The picture in a file, gray or in colour as the net takes it.

    Args:
        path: Of the file.
        channels: The net's input channels: 1 makes it gray, 4 keeps its transparency; else it becomes RGB.

    Raises:
        OSError: If it cannot be read; the text names the file.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture.convert(_MODES.get(channels or 3, "RGB"))
    except Exception as error:
        name = os.fspath(path)
        why = "it is no picture" if type(error).__name__ == "UnidentifiedImageError" else str(error)
        raise OSError(f"the file {name} cannot be read: {why}") from error


def is_picture(path: Any) -> bool:
    """Whether a value is the path of a picture, by its ending."""
    if not isinstance(path, str | os.PathLike):
        return False
    from torchvision.datasets.folder import IMG_EXTENSIONS  # here, since importing torchvision takes a second

    return os.fspath(path).lower().endswith(IMG_EXTENSIONS)


class Pictures:
    """Picture files in their order.

    Args:
        paths: Of the files.
        labels: Their classes by number, or None.
        classes: The names of the classes.
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
    """The pictures of a folder, sorted by name: by class where it has folders with pictures, else as they lie in it.

    Class folders are what `torchvision.datasets.ImageFolder` takes them to be. Hidden files and folders are left out.

    Args:
        path: Of the folder, or of one picture.
        channels: The net's input channels.

    Raises:
        FileNotFoundError: If there is nothing of that name.
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
        found = make_dataset(str(root), {name: number for number, name in enumerate(classes)}, IMG_EXTENSIONS)
        visible = [(file, number) for file, number in found if not Path(file).name.startswith(".")]
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
