"""What people have: data sets of every kind, and what the explorer makes of them; docs/reference/data.md shows it.

To add a row: say what it is and what becomes of it, and write a function that gives a `Given`: the data set, and what
the net is to be given as image 0, as an oracle computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from torchvision import transforms as v1
from torchvision.datasets import VisionDataset
from torchvision.models import ResNet18_Weights
from torchvision.transforms import v2

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


def normal(images: torch.Tensor) -> torch.Tensor:
    return (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def pairs(images: Any) -> list[tuple[Any, int]]:
    return list(zip(images, NUMBERS, strict=True))


def undone(data: Any, **more: Any) -> Given:
    """Of a data set that normalises these colours."""
    return Given(data, normal(FLOATS[0]), display=FLOATS[0], note="Normalize undone.", **more)


BYTES = "0 … 255 given to the net as 0 … 1."
V1 = v1.Compose([v1.ToTensor(), v1.Normalize(MEAN, STD)])
V2 = v2.Compose([v2.ToImage(), v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])])
SEQUENTIAL = v1.Compose([v1.ToTensor(), torch.nn.Sequential(v1.CenterCrop((16, 20)), v1.Normalize(MEAN, STD))])

ARRAYS = [
    Kind(
        "tensor `(N, C, H, W)`",
        "N images",
        lambda at: Given(FLOATS, FLOATS[0]),
    ),
    Kind(
        "tensor `(N, H, W, C)`",
        "N images; the last axis has as many entries as the net takes channels",
        lambda at: Given(FLOATS.permute(0, 2, 3, 1), FLOATS[0]),
    ),
    Kind(
        "NumPy array `(N, C, H, W)` of any float",
        "N images",
        lambda at: Given(FLOATS.double().numpy(), FLOATS[0]),
    ),
    Kind(
        "NumPy array `(N, H, W, C)`, uint8",
        "N images; 0 … 255 becomes 0 … 1",
        lambda at: Given(COLOURS, FLOATS[0], note=BYTES),
    ),
    Kind(
        "array `(N, H, W)`",
        "N gray images",
        lambda at: Given(GRAYS, GRAY_FLOATS[0], channels=1, note=BYTES),
    ),
    Kind(
        "array `(C, H, W)` or `(H, W, C)`, C the net's input channels, more than one",
        "one image",
        lambda at: Given(COLOURS[0], FLOATS[0], count=1),
    ),
    Kind(
        "array `(H, W)`",
        "one gray image",
        lambda at: Given(GRAYS[0], GRAY_FLOATS[0], channels=1, count=1),
    ),
    Kind(
        "an array whose axes are not clear, with `layout=`",
        "as `layout` says: `CHW`, `HWC`, `NCHW`, `NHWC` or `NHW`",
        lambda at: Given(FLOATS[:, :, :3, :3].permute(0, 2, 3, 1), FLOATS[0, :, :3, :3], options={"layout": "NHWC"}),
    ),
    Kind(
        "a pair of images and labels, `(X, y)`, each an array or a list",
        "N images with labels",
        lambda at: Given((COLOURS, np.array(NUMBERS)), FLOATS[0], label=1),
    ),
    Kind(
        "one PIL image",
        "one image",
        lambda at: Given(PICTURES[0], FLOATS[0], count=1, note="PIL image: " + BYTES),
    ),
]

DATA_SETS = [
    Kind(
        "list of arrays, tensors or PIL images, also of several sizes",
        "as many images",
        lambda at: Given([*PICTURES[:2], FLOATS[2], COLOURS[3, :9], FLOATS[4]], FLOATS[3, :, :9], at=3),
    ),
    Kind(
        "`Dataset` that gives an image",
        "no labels",
        lambda at: Given(Items(list(FLOATS)), FLOATS[0]),
    ),
    Kind(
        "`Dataset` that gives `(image, label)`, or more",
        "what comes after the label is left alone",
        lambda at: Given(Items([(one, 2, "a.png", {"box": 1}) for one in FLOATS]), FLOATS[0], label=2),
    ),
    Kind(
        "`Dataset` that gives `{'image', 'label'}`, also `'img'`, `'pixel_values'`, `'labels'`",
        "image and label",
        lambda at: Given(Items([{"pixel_values": one, "labels": 2} for one in FLOATS]), FLOATS[0], label=2),
    ),
    Kind(
        "`TensorDataset`",
        "image and label",
        lambda at: Given(TensorDataset(FLOATS, torch.tensor(NUMBERS)), FLOATS[0], label=1),
    ),
    Kind(
        "torchvision's data sets",
        "class names from `.classes`",
        lambda at: Given(Vision(transform=v1.ToTensor()), FLOATS[0], label="dog"),
    ),
    Kind(
        "`Subset`",
        "the images it names, with the class names of what it is a part of",
        lambda at: Given(Subset(Vision(), [3, 2]), FLOATS[2], at=1, count=2, label="bird"),
    ),
    Kind(
        "`ConcatDataset`",
        "one after the other; each part's own Normalize is undone",
        lambda at: undone(
            ConcatDataset([Vision(transform=v1.ToTensor()), Vision(transform=V1)]), at=5, count=10, label="dog"
        ),
    ),
    Kind(
        "`DataLoader`",
        "its `.dataset`, in order, one image at a time",
        lambda at: Given(DataLoader(Vision(transform=v1.ToTensor()), 2, shuffle=True), FLOATS[0], label="dog"),
    ),
    Kind(
        "`IterableDataset`, a loader of one, or anything else that `iter` starts anew",
        "read from its start as far as you go; the slider grows",
        lambda at: Given(DataLoader(Stream()), FLOATS[3], at=3, label="dog"),
    ),
    Kind(
        "Hugging Face data set",
        "class names from `features['label'].names`",
        lambda at: Given(
            HuggingFace({"image": PICTURES, "label": NUMBERS}, {"label": SimpleNamespace(names=list(NAMES))}),
            FLOATS[0],
            label="dog",
        ),
    ),
    Kind(
        "path of a folder of pictures",
        "sorted by name; in colour or gray as the net takes them",
        lambda at: Given(str(folder_of(at, "b.png", "a.png", "c.bmp")), FLOATS[1], count=3),
    ),
    Kind(
        "path of a folder of class folders",
        "labels as `torchvision.datasets.ImageFolder` gives them",
        lambda at: Given(folder_of(at, "dog/1.png", "cat/7.png", "cat/8.png"), FLOATS[0], at=2, count=3, label="dog"),
    ),
    Kind(
        "list of paths of pictures",
        "as many images",
        lambda at: Given(sorted(folder_of(at, "b.png", "a.png").iterdir()), FLOATS[1], count=2),
    ),
    Kind(
        "signals `(N, C, L)` for a 1-D net, volumes `(N, C, D, H, W)` for a 3-D one",
        "in their own shape; a signal's channels are drawn as rows, of a volume the middle slice",
        lambda at: Given(FLOATS[:, :, 0], FLOATS[0, :, 0], options={"rank": 1}, display=FLOATS[0, :, 0]),
    ),
    Kind(
        "still images, of any kind, for a net of clips `(C, D, H, W)`",
        "each is given to the net as a clip of 16 equal frames; an array whose first axis and another one have as many "
        "entries as the net takes channels is stills, a clip of so few frames goes into a list",
        lambda at: Given(
            FLOATS,
            FLOATS[0][:, None].expand(-1, 16, -1, -1),
            options={"rank": 3},
            display=FLOATS[0],
            note="16 equal frames",
        ),
    ),
    Kind(
        "clips whose frames come first, `(D, C, H, W)` or `(D, H, W, C)`",
        "the axes as the net takes them; the middle frame is drawn",
        lambda at: Given(
            [FLOATS, FLOATS], FLOATS.transpose(0, 1), count=2, options={"rank": 3}, display=FLOATS[2], note="first axis"
        ),
    ),
]

LABELS = [
    Kind(
        "label: an int, also of NumPy or torch, or a whole float",
        "the class of that number",
        lambda at: Given(Items([(FLOATS[0], torch.tensor([2.0]))], classes=NAMES), FLOATS[0], count=1, label="bird"),
    ),
    Kind(
        "label: a name",
        "that name",
        lambda at: Given([(FLOATS[0], np.str_("cat"))], FLOATS[0], count=1, label="cat"),
    ),
    Kind(
        "label: one-hot",
        "the class at the one",
        lambda at: Given(Items([(FLOATS[0], [0, 1, 0])], classes=NAMES), FLOATS[0], count=1, label="dog"),
    ),
    Kind(
        "class names in `.class_to_idx`",
        "by number",
        lambda at: Given(Items(pairs(FLOATS), class_to_idx={"dog": 1, "cat": 0}), FLOATS[0], label="dog"),
    ),
    Kind(
        "`classes=` a list, a dictionary in either direction, or torchvision weights",
        "used instead of the data set's own",
        lambda at: Given(
            [(FLOATS[0], 207)],
            FLOATS[0],
            count=1,
            label="golden retriever",
            options={"classes": ResNet18_Weights.DEFAULT},
        ),
    ),
]

TRANSFORMS = [
    Kind(
        "`transform=` a function",
        "applied to each image as the data set gives it",
        lambda at: Given(
            pairs(PICTURES),
            GRAY_FLOATS[0] * 0 + v1.ToTensor()(PICTURES[0].convert("L")),
            channels=1,
            label=1,
            options={"transform": v1.Compose([v1.Grayscale(), v1.ToTensor()])},
            note="Made by transform (Compose).",
        ),
    ),
    Kind(
        "`transform=` of torchvision, and uint8 arrays",
        "the arrays become the pictures that it expects",
        lambda at: undone(COLOURS, options={"transform": V1}),
    ),
    Kind(
        "`transform=` torchvision weights, or their `transforms()`",
        "their own resizing and cropping; their Normalize is undone",
        lambda at: Given(
            PICTURES,
            ResNet18_Weights.DEFAULT.transforms()(PICTURES[0]),
            options={"transform": ResNet18_Weights.DEFAULT},
            display=ResNet18_Weights.DEFAULT.transforms()(PICTURES[0]) * torch.tensor(STD)[:, None, None]
            + torch.tensor(MEAN)[:, None, None],
            note="Made by the transforms of ResNet18_Weights.IMAGENET1K_V1. Normalize undone.",
        ),
    ),
    Kind(
        "`Normalize` of torchvision v1 in the data set's `.transform`",
        "found and undone for display",
        lambda at: undone(Vision(transform=V1), label="dog"),
    ),
    Kind(
        "`Normalize` of v2, in a `Compose` in a `Compose`, in `.transforms`",
        "found and undone",
        lambda at: undone(Vision(transforms=V2), label="dog"),
    ),
    Kind(
        "`Normalize` in an `nn.Sequential`, through `Subset` and `DataLoader`",
        "found and undone",
        lambda at: undone(DataLoader(Subset(Items(pairs(PICTURES), SEQUENTIAL), [0])), count=1, label=1),
    ),
    Kind(
        "two `Normalize`, one in a data set around another",
        "both undone",
        lambda at: Given(
            Wrapper(Vision(transform=v1.ToTensor()), v1.Compose([v1.Normalize(0.5, 0.5), v1.Normalize(MEAN, STD)])),
            normal((FLOATS[0] - 0.5) / 0.5),
            label="dog",
            display=FLOATS[0],
            note="Normalize undone.",
        ),
    ),
    Kind(
        "`mean=` and `std=`",
        "undone instead of what is found",
        lambda at: undone(
            Items(list(normal(FLOATS)), transform=v1.Normalize([0] * 3, [1] * 3)), options={"mean": MEAN, "std": STD}
        ),
    ),
    Kind(
        "normalised by hand, and nothing is said of it",
        "drawn from the least value to the greatest, and the view says which",
        lambda at: Given(
            list(FLOATS * 4 - 2),
            FLOATS[0] * 4 - 2,
            display=(FLOATS[0] - FLOATS[0].min()) / (FLOATS[0].max() - FLOATS[0].min()),
            note="Drawn from −2 (black) to 2 (white).",
        ),
    ),
]

CHANNELS = [
    Kind(
        "images of 1 or 3 channels",
        "gray, or in colour",
        lambda at: Given(GRAY_FLOATS, GRAY_FLOATS[0], channels=1),
    ),
    Kind(
        "images of 4 channels, in 0 … 1",
        "RGBA over a checkerboard",
        lambda at: Given(
            torch.cat([FLOATS, torch.ones(5, 1, 16, 20)], 1),
            torch.cat([FLOATS[0], torch.ones(1, 16, 20)]),
            channels=4,
            display=FLOATS[0],
            note="Transparent over a checkerboard.",
        ),
    ),
    Kind(
        "images of 2 channels, or more than 4",
        "one channel at a time: the one that the kernel looks at, or the one that you choose",
        lambda at: Given(
            FLOATS.repeat(1, 8, 1, 1),
            FLOATS[0].repeat(8, 1, 1),
            channels=24,
            display=FLOATS[0, :1],
            note="Channel 0 of 24.",
        ),
    ),
]

TABLE = {
    "Arrays and single images": ARRAYS,
    "Data sets": DATA_SETS,
    "Labels and class names": LABELS,
    "Transforms and Normalize": TRANSFORMS,
    "Channels": CHANNELS,
}
