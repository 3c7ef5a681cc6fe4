"""A class for each pixel: read from the outputs of segmentation nets, and held against the mask of a label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.attributes import attribute

IGNORED = 255
"""A label's pixels of this value belong to no class, as in Pascal VOC and Cityscapes."""


def class_maps(output: Any, images: int, size: tuple[int, ...]) -> list[np.ndarray] | None:
    """The class of each pixel of each image, uint8 `(H, W)` or `(D, H, W)`; None where the output tells none.

    A map smaller than the image is enlarged, bilinearly and before the classes are compared, as transformers'
    `post_process_semantic_segmentation` does. One channel alone is a mask of two classes: from 0 on where it has values
    below 0 or above 1, else from 0.5 on.

    Args:
        output: `(N, K, *size)`, or a dictionary or object that has it as `out` or `logits`, or a tuple or list that
            begins with it.
        images: `N`.
        size: Of the image: `(H, W)` or `(D, H, W)`.
    """
    scores = _scores(output)
    if scores is None or scores.ndim != len(size) + 2 or scores.shape[0] != images or scores.shape[1] > 255:
        return None
    scores = scores.detach().float().cpu()
    if tuple(scores.shape[2:]) != tuple(size):
        mode = "bilinear" if len(size) == 2 else "trilinear"
        scores = torch.nn.functional.interpolate(scores, size, mode=mode, align_corners=False)
    if scores.shape[1] == 1:
        probabilities = bool((scores >= 0).all() and (scores <= 1).all())
        return [one[0].numpy().astype(np.uint8) for one in scores >= (0.5 if probabilities else 0.0)]
    return [one.numpy().astype(np.uint8) for one in scores.argmax(1)]


def _scores(output: Any) -> torch.Tensor | None:
    for name in ("out", "logits"):
        part = output.get(name) if isinstance(output, Mapping) else attribute(output, name)
        if isinstance(part, torch.Tensor):
            return part
    if isinstance(output, list | tuple) and output:
        output = output[0]
    return output if isinstance(output, torch.Tensor) else None


def mask_of_label(label: Any, axes: int = 2) -> np.ndarray | None:
    """The mask of a label, int64 `(H, W)` or `(D, H, W)`; None where it is no mask.

    Args:
        label: An array or tensor of whole numbers or of 0 and 1, with or without a first axis of length 1, or a PIL
            image whose values are classes.
        axes: How many axes the mask has.
    """
    if isinstance(label, Image.Image):
        label = np.asarray(label)
    if isinstance(label, torch.Tensor):
        label = label.detach().cpu().numpy()
    if not isinstance(label, np.ndarray):
        return None
    values = label[0] if label.ndim == axes + 1 and label.shape[0] == 1 else label
    if values.ndim != axes or not values.size or values.dtype.kind not in "biuf":
        return None
    if values.dtype.kind == "f" and not (values == np.floor(values)).all():
        return None
    return values.astype(np.int64)


def mean_iou(seen: np.ndarray, mask: np.ndarray) -> float:
    """How well a mask is met, in [0, 1]: the mean of each class's intersection over union.

    Over the classes that are in the mask or in what the net sees; pixels of the mask below 0 or of `IGNORED` count
    nowhere. Where both differ in size, the nearest pixel of what the net sees is taken.

    Args:
        seen: The class of each pixel as the net sees it.
        mask: As the label has it.

    Example:
        >>> import numpy as np
        >>> from filterscope.outputs.class_map import mean_iou
        >>> mean_iou(np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 1]]))
        0.5833333333333333
    """
    if seen.shape != mask.shape:
        for axis, length in enumerate(mask.shape):
            places = (np.arange(length) + 0.5) * seen.shape[axis] / length
            seen = np.take(seen, places.astype(np.int64), axis)
    counted = (mask >= 0) & (mask != IGNORED)
    one, other = seen[counted].astype(np.int64), mask[counted]
    if not one.size:
        return float("nan")
    classes = max(int(one.max()), int(other.max())) + 1
    pairs = np.bincount(one * classes + other, minlength=classes * classes).reshape(classes, classes)
    common, union = np.diagonal(pairs), pairs.sum(0) + pairs.sum(1) - np.diagonal(pairs)
    return float((common[union > 0] / union[union > 0]).mean())


def shares(seen: np.ndarray) -> list[tuple[int, float]]:
    """The classes of a map with their shares of its pixels, the largest first."""
    counts = np.bincount(seen.reshape(-1))
    order = np.argsort(-counts, kind="stable")
    return [(int(number), float(counts[number] / seen.size)) for number in order if counts[number]]
