"""A row of the table of data sets, and what its data sets are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset
from torchvision.datasets import VisionDataset

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


NAMES = ("cat", "dog", "bird")


COLOURS = np.random.default_rng(0).integers(0, 256, (5, 16, 20, 3)).astype(np.uint8)


GRAYS = COLOURS[..., 0].copy()


FLOATS = torch.from_numpy(COLOURS).permute(0, 3, 1, 2).float() / 255


GRAY_FLOATS = FLOATS[:, :1]


NUMBERS = [1, 0, 2, 1, 0]


PICTURES = [Image.fromarray(one) for one in COLOURS]


@dataclass
class Given:
    """A data set, and what is to become of it.

    `image` is what the net is given of the image at `at`, `display` what is drawn of it: by default the image itself.
    """

    data: Any
    image: Any
    channels: int = 3
    count: int | None = 5
    label: Any = None
    at: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    display: Any = None
    note: str = ""


@dataclass(frozen=True)
class Kind:
    """A row: what it is, what becomes of it, and a function of an empty folder that gives it."""

    what: str
    becomes: str
    make: Callable[[Path], Given]


class Items(Dataset):
    """A data set of given items, as people write them."""

    def __init__(self, items, transform=None, **held):
        self.items, self.transform = items, transform
        self.__dict__.update(held)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        item = self.items[index]
        if self.transform is None:
            return item
        if isinstance(item, tuple):
            return self.transform(item[0]), *item[1:]
        return self.transform(item)


class Vision(VisionDataset):
    """Like torchvision's own, which hold `.transform` and `.transforms`."""

    classes = list(NAMES)

    def __len__(self):
        return 5

    def __getitem__(self, index):
        image, label = PICTURES[index], NUMBERS[index]
        return self.transforms(image, label) if self.transforms is not None else (image, label)


class Stream(IterableDataset):
    classes = NAMES

    def __iter__(self):
        return iter(zip(FLOATS, NUMBERS, strict=True))


class HuggingFace:
    """The part of `datasets.Dataset` that matters: items are dictionaries, and names lie in `features`."""

    def __init__(self, columns, features):
        self._columns, self.features = columns, features

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return {name: values[index] for name, values in self._columns.items()}


class Wrapper(Dataset):
    """A data set around another one, as people write them to change the images."""

    def __init__(self, dataset, transform):
        self.dataset, self.transform = dataset, transform

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        image, label = self.dataset[index]
        return self.transform(image), label


def folder_of(root: Path, *names: str) -> Path:
    for name, picture in zip(names, PICTURES, strict=False):
        (root / name).parent.mkdir(exist_ok=True)
        picture.save(root / name)
    return root


def file_of(root: Path, name: str, content: bytes) -> Path:
    (root / name).write_bytes(content)
    return root / name


def normal(images: torch.Tensor) -> torch.Tensor:
    return (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def pairs(images: Any) -> list[tuple[Any, int]]:
    return list(zip(images, NUMBERS, strict=True))


BYTES = "0 … 255 given to the net as 0 … 1."
