"""Data sets with transforms, and what the explorer makes of them: rows of the table of data sets."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, Subset
from torchvision import transforms as v1
from torchvision.models import ResNet18_Weights
from torchvision.transforms import v2

from data_rows import (
    COLOURS,
    FLOATS,
    GRAY_FLOATS,
    MEAN,
    PICTURES,
    STD,
    Given,
    Items,
    Kind,
    Vision,
    Wrapper,
    normal,
    pairs,
)


def undone(data: Any, **more: Any) -> Given:
    """Of a data set that normalises these colours."""
    return Given(data, normal(FLOATS[0]), display=FLOATS[0], note="Normalize undone.", **more)


class Held:
    """Images that go through one of several transforms, which the data set holds under names of its own."""

    def __init__(self, images: torch.Tensor, applied: str, **transforms: Any) -> None:
        self.images, self.applied = images, applied
        self.__dict__.update(transforms)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return vars(self)[self.applied](self.images[index])


class NormalizedStream(IterableDataset):
    def __init__(self) -> None:
        self.transform = v1.Normalize(MEAN, STD)

    def __iter__(self) -> Any:
        return (self.transform(image) for image in FLOATS)


def stretched(image: torch.Tensor) -> torch.Tensor:
    return (image - image.min()) / (image.max() - image.min())


V1 = v1.Compose([v1.ToTensor(), v1.Normalize(MEAN, STD)])


V2 = v2.Compose([v2.ToImage(), v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])])


SEQUENTIAL = v1.Compose([v1.ToTensor(), torch.nn.Sequential(v1.CenterCrop((16, 20)), v1.Normalize(MEAN, STD))])


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
        "several `Normalize`, such as one for training and an inverse for plots",
        "the one that is seen to run when an image is read is undone",
        lambda at: undone(
            Held(FLOATS, "val", val=v1.Normalize(MEAN, STD), train=v1.Normalize(0.1, 3.0), back=v1.Normalize(-1.0, 2.0))
        ),
    ),
    Kind(
        "`Normalize` that does not run, that is another formula, or behind which the values change",
        "not undone, and the view says why",
        lambda at: Given(
            Held(FLOATS, "tanh", tanh=v1.Compose([v1.Normalize(MEAN, STD), torch.tanh])),
            normal(FLOATS[0]).tanh(),
            display=stretched(normal(FLOATS[0]).tanh()),
            note="What comes behind its Normalize changes the values: not undone. Drawn from −",
        ),
    ),
    Kind(
        "`Normalize` of a stream, or of a data set that cannot be read with eyes on it",
        "undone where that leaves values of a picture; the view says that it could not be checked",
        lambda at: Given(
            NormalizedStream(),
            normal(FLOATS[0]),
            display=FLOATS[0],
            note="whether it is what happened to this image could not be checked.",
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
