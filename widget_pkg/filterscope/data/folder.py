"""A folder of pictures, or with one folder per class, as a data set; a file is read when its item is requested."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from filterscope.data.picture_file import PictureFile, read_picture

_MORE_ENDINGS = (".gif", ".jfif")  # than torchvision has


def is_picture(path: Any) -> bool:
    """Whether a value is a path that ends like a picture's, `.png` say."""
    return isinstance(path, str | os.PathLike) and os.fspath(path).lower().endswith(_endings())


def _endings() -> tuple[str, ...]:
    from torchvision.datasets.folder import IMG_EXTENSIONS  # imported here, because that takes a second

    return (*IMG_EXTENSIONS, *_MORE_ENDINGS)


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

    def __getitem__(self, index: int) -> tuple[PictureFile, int | None]:
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
        ValueError: If there is no picture in it, or it is a device or a FIFO.
    """
    root = Path(path).expanduser()
    if not os.fspath(path) or not root.exists():  # to pathlib, nothing is the current folder
        raise FileNotFoundError(
            f"the data set is the path {os.fspath(path)!r}, and there is nothing; give a folder of pictures, or of one "
            "folder a class"
        )
    if root.is_file():
        return Pictures([str(root)], channels=channels)
    if not root.is_dir():
        raise ValueError(f"the data set is the path {os.fspath(path)!r}, which is neither a file nor a folder")
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    above = {os.path.realpath(place) for place in (root, *root.resolve().parents)}
    pictures = {folder.name: _pictures_below(str(folder), set(above)) for folder in folders}
    classes = [name for name, files in pictures.items() if files]
    if classes:
        samples = [(file, number) for number, name in enumerate(classes) for file in pictures[name]]
        return Pictures([file for file, _ in samples], [number for _, number in samples], tuple(classes), channels)
    entries = (entry for entry in root.iterdir() if not entry.name.startswith("."))
    files = sorted(str(entry) for entry in entries if is_picture(entry) and entry.is_file())
    if not files:
        raise ValueError(
            f"the folder {os.fspath(path)!r} holds no pictures; expected files that end in {', '.join(_endings())}"
        )
    return Pictures(files, channels=channels)


def _pictures_below(folder: str, read: set[str]) -> list[str]:
    """The picture files of a class folder and of those in it, in the order of `torchvision.datasets.ImageFolder`.

    Args:
        folder: Path of the class folder.
        read: Real paths of folders that are not read, or not again; those that are read are added.
    """
    files: list[tuple[str, str]] = []
    folders = [folder]
    while folders:
        place = folders.pop()
        real = os.path.realpath(place)
        if real in read:
            continue
        read.add(real)
        with suppress(OSError), os.scandir(place) as entries:  # one that may not be read has no pictures for us
            for entry in sorted(entries, key=lambda entry: entry.name, reverse=True):
                if entry.is_dir():
                    folders.append(entry.path)
                elif is_picture(entry.name) and not entry.name.startswith(".") and entry.is_file():
                    files.append((place, entry.path))
    return [path for _, path in sorted(files)]
