"""A library's own preprocessing of pictures, made of steps; what is no picture any more has gone through it before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from filterscope.outputs.class_map import IGNORED, mask_of_label
from filterscope.outputs.detections import Detections, of_label

_GRAY = 114  # of ultralytics' letterbox


class Preprocessing:
    """Steps that make the net's image of a picture; arrays and tensors of floats are given to the net as they are.

    Args:
        library: Whose preprocessing it is, for people.
        steps: Functions, each given what the one before it gave; the first is given a PIL image. One that changes where
            things lie has a method `target(target, size)`, which does the same to the boxes or the mask of a label, for
            an image of that size `(H, W)`.

    Attributes:
        words: What it is, in a sentence.
        transforms: The steps: where a Normalize among them is found, to be undone for display.
    """

    def __init__(self, library: str, steps: Sequence[Callable[[Any], Any]]) -> None:
        self.words = f"{library}'s own preprocessing"
        self.transforms = list(steps)

    def takes(self, image: Any) -> bool:
        """Whether an image is a picture, which goes through the steps."""
        return isinstance(image, Image.Image) or as_pil(image) is not None

    def __call__(self, image: Any) -> Any:
        """The net's image of a picture."""
        picture = as_pil(image)
        if picture is None:
            return image
        made: Any = picture
        for step in self.transforms:
            made = step(made)
        return made

    def target(self, label: Any, image: Any) -> Any:
        """A label whose boxes or mask lie where the steps move what they are of; None where that is not known.

        Args:
            label: As the data set has it.
            image: The picture that it belongs to.
        """
        picture = as_pil(image)
        if picture is None:
            return label
        boxes = of_label(label)
        target: Any = mask_of_label(label) if boxes is None else boxes
        if target is None:
            return label
        size = picture.height, picture.width
        for step in self.transforms:
            move = getattr(step, "target", None)
            if move is not None:
                target, size = move(target, size)
        return target


def as_pil(image: Any) -> Image.Image | None:
    """A picture as PIL's: a PIL image, or uint8 `(H, W)`, `(H, W, 3)` or a tensor `(3, H, W)`; else None."""
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if isinstance(image, torch.Tensor) and image.dtype == torch.uint8 and image.ndim == 3:
        image = np.moveaxis(image.cpu().numpy(), 0, -1)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        return None
    if image.ndim == 3 and image.shape[-1] not in (3, 4) and image.shape[0] in (1, 3):
        image = np.moveaxis(image, 0, -1)
    image = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    return Image.fromarray(np.ascontiguousarray(image)).convert("RGB") if image.ndim in (2, 3) else None


def to_tensor(picture: Any) -> torch.Tensor:
    """A picture as a float32 tensor `(3, H, W)` in 0 … 1, as torchvision's `ToTensor`."""
    values = np.moveaxis(np.asarray(picture, np.float32) / np.float32(255), -1, 0)
    return torch.from_numpy(np.ascontiguousarray(values))


def normalize(mean: Sequence[float], std: Sequence[float]) -> Callable[[Any], Any]:
    """Torchvision's Normalize, which is undone for display."""
    from torchvision.transforms import Normalize  # half a second to import

    step: Callable[[Any], Any] = Normalize(list(mean), list(std))
    return step


class ResizeAndCrop:
    """Resizes the shorter side and cuts out the middle, as timm and torchvision prepare pictures.

    Args:
        resize: Length of the shorter side; or `(H, W)`.
        crop: `(H, W)` of the middle.
        interpolation: `"bilinear"`, `"bicubic"` …, by PIL's names.
    """

    def __init__(self, resize: int | Sequence[int], crop: Sequence[int], interpolation: str = "bilinear") -> None:
        self._resize, self._crop = resize, (int(crop[0]), int(crop[1]))
        self._interpolation = interpolation

    def __call__(self, picture: Image.Image) -> Image.Image:
        """The picture, resized and cut."""
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms import functional as torchvision

        names = {mode.value: mode for mode in InterpolationMode}
        mode = names.get(self._interpolation, InterpolationMode.BILINEAR)
        resize = self._resize if isinstance(self._resize, int) else list(self._resize)
        cut: Image.Image = torchvision.center_crop(torchvision.resize(picture, resize, mode), list(self._crop))
        return cut

    def target(self, target: Any, size: tuple[int, int]) -> tuple[Any, tuple[int, int]]:
        """Boxes or a mask, moved likewise."""
        resized = self._size(size)
        top, left = (round((resized[axis] - self._crop[axis]) / 2) for axis in (0, 1))
        return moved(target, size, resized, (-top, -left), self._crop), self._crop

    def _size(self, size: tuple[int, int]) -> tuple[int, int]:
        if not isinstance(self._resize, int):
            return int(self._resize[0]), int(self._resize[1])
        short = min(size)
        return int(size[0] * self._resize / short), int(size[1] * self._resize / short)


class Letterbox:
    """Fits a picture into a square without changing its shape, the rest gray, as ultralytics does.

    Args:
        size: The square's side.
        stride: Of the net: the gray rest is cut to the least that the net can take.
    """

    def __init__(self, size: int, stride: int) -> None:
        self._side, self._stride = size, stride

    def __call__(self, picture: Image.Image) -> np.ndarray:
        """uint8 `(H, W, 3)`."""
        image = np.asarray(picture)
        resized, top, left, padded = self._places(image.shape[:2])
        if image.shape[:2] != resized:
            image = cv2.resize(image, (resized[1], resized[0]), interpolation=cv2.INTER_LINEAR)
        bottom, right = padded[0] - resized[0] - top, padded[1] - resized[1] - left
        gray = (_GRAY,) * 3
        padded_image: np.ndarray = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=gray)
        return padded_image

    def target(self, target: Any, size: tuple[int, int]) -> tuple[Any, tuple[int, int]]:
        """Boxes or a mask, moved likewise."""
        resized, top, left, padded = self._places(size)
        return moved(target, size, resized, (top, left), padded), padded

    def _places(self, size: Sequence[int]) -> tuple[tuple[int, int], int, int, tuple[int, int]]:
        """The resized picture's size, where its corner lies, and the size of the whole."""
        ratio = min(self._side / size[0], self._side / size[1])
        height, width = round(size[0] * ratio), round(size[1] * ratio)
        rest = [(self._side - length) % self._stride / 2 for length in (height, width)]
        (top, bottom), (left, right) = [(round(half - 0.1), round(half + 0.1)) for half in rest]
        return (height, width), top, left, (height + top + bottom, width + left + right)


class PadToMultiple:
    """Adds zeros at the bottom and the right, so that both sides are multiples of a number.

    Args:
        multiple: The number.
    """

    def __init__(self, multiple: int) -> None:
        self._multiple = multiple

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """The image `(C, H, W)`, padded."""
        height, width = self._padded((int(image.shape[1]), int(image.shape[2])))
        return torch.nn.functional.pad(image, (0, width - image.shape[2], 0, height - image.shape[1]))

    def target(self, target: Any, size: tuple[int, int]) -> tuple[Any, tuple[int, int]]:
        """Boxes or a mask, moved likewise."""
        padded = self._padded(size)
        return moved(target, size, size, (0, 0), padded), padded

    def _padded(self, size: tuple[int, int]) -> tuple[int, int]:
        height, width = (math.ceil(length / self._multiple) * self._multiple for length in size)
        return height, width


def moved(
    target: Any, size: tuple[int, int], resized: tuple[int, int], corner: tuple[int, int], whole: tuple[int, int]
) -> Any:
    """Boxes or a mask of a picture that was resized and laid into another one; a mask's new pixels count nowhere.

    Args:
        target: `Detections`, or a mask `(H, W)`.
        size: Of the picture.
        resized: What it was resized to.
        corner: Where its upper left corner lies in the other one, below zero where it is cut.
        whole: Size of the other one.
    """
    top, left = corner
    if isinstance(target, Detections):
        scale = np.array([resized[1] / size[1], resized[0] / size[0]] * 2, np.float32)
        boxes = target.boxes * scale + np.array([left, top] * 2, np.float32)
        most = np.array([whole[1], whole[0]] * 2, np.float32)
        return Detections(np.clip(boxes, 0, most), target.labels, target.scores)
    rows, columns = (
        np.floor((np.arange(whole[axis]) - corner[axis] + 0.5) * size[axis] / resized[axis]).astype(np.int64)
        for axis in (0, 1)
    )
    inside = ((rows >= 0) & (rows < size[0]))[:, None] & ((columns >= 0) & (columns < size[1]))[None]
    values = target[np.clip(rows, 0, size[0] - 1)][:, np.clip(columns, 0, size[1] - 1)]
    return np.where(inside, values, IGNORED)
