"""What a net's output is: scores of classes, objects in boxes, a class for each pixel, or an embedding.

An adapter says it, or the output's own form and the label of the first image do: `kind_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from filterscope.attributes import attribute
from filterscope.outputs.class_map import class_maps, mask_of_label, mean_iou
from filterscope.outputs.detections import Detections, f1, of_dictionaries, of_label, of_queries

Answer = Detections | np.ndarray
"""What a net says of one image: its objects; uint8 `(H, W)`, the class of each pixel; or float64 `(K,)`, probabilities
of classes."""
Reader = Callable[[Any, int, tuple[int, ...]], "list[Any] | None"]
"""Reads what a net says of each image from its output, how many images and their size `(H, W)`; None for nothing."""


@dataclass(frozen=True)
class OutputKind:
    """What a net's output is.

    Attributes:
        name: `"classes"`, `"boxes"`, `"masks"` or `"embedding"`. Of an embedding, as of features or a picture, no
            classes are claimed.
        reader: For boxes and masks: reads what the net says of each image, `Detections` or uint8 `(H, W)`.
    """

    name: Literal["classes", "boxes", "masks", "embedding"]
    reader: Reader | None = None

    def read(self, output: Any, images: int, size: tuple[int, ...]) -> list[Any] | None:
        """What the net says of each image; None where the output says nothing of this kind.

        Args:
            output: What the net returned for a batch.
            images: How many images are in it.
            size: Of each image, `(H, W)` or `(D, H, W)`.
        """
        answers = None if self.reader is None else self.reader(output, images, size)
        return answers if answers is not None and len(answers) == images else None

    def target(self, label: Any, size: tuple[int, ...]) -> Any:
        """What a label says in the same form; None where it says nothing of this kind."""
        if self.name == "boxes":
            return of_label(label)
        return mask_of_label(label, len(size)) if self.name == "masks" else None


CLASSES = OutputKind("classes")
EMBEDDING = OutputKind("embedding")
MASKS = OutputKind("masks", class_maps)
BOXES_OF_DICTIONARIES = OutputKind("boxes", lambda output, images, size: of_dictionaries(output))


def boxes_of_queries(classes: int | None) -> OutputKind:
    """Objects as transformers' detection nets give them; see `of_queries`."""
    return OutputKind("boxes", lambda output, images, size: of_queries(output, size, classes))  # type: ignore[arg-type]


def kind_of(output: Any, images: int, size: tuple[int, ...], label: Any = None) -> OutputKind | None:
    """What an output is by its own form and a label; None where that does not tell, or it may be scores of classes.

    Args:
        output: What the net returned for a batch.
        images: How many images are in it.
        size: Of each image.
        label: Of one of them, as the data set has it: a mask as large as the image says that a map of the image's size
            is one, too. Without it, such a map may be a picture, and no classes are claimed.
    """
    for kind in (BOXES_OF_DICTIONARIES, boxes_of_queries(None)):
        if kind.read(output, images, size) is not None:
            return kind
    mask = mask_of_label(label, len(size))
    if mask is not None and mask.shape == tuple(size) and _is_map_of(output, images, size):
        return MASKS
    return None


def _is_map_of(output: Any, images: int, size: tuple[int, ...]) -> bool:
    if isinstance(output, list | tuple) and output:
        output = output[0]
    part = output.get("out") if isinstance(output, dict) else attribute(output, "logits", output)
    if not isinstance(part, torch.Tensor) or part.ndim != len(size) + 2:
        return False
    return part.shape[0] == images and tuple(part.shape[2:]) == tuple(size)


def measure(answer: Any, target: Any) -> float:
    """How well what a net says meets a target of the same form, in [0, 1]: F1 of boxes, mean IoU of masks."""
    return f1(answer, target) if isinstance(answer, Detections) else mean_iou(answer, target)
