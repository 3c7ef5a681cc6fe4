"""Labels that are no class: the boxes or the mask that an output is held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.outputs.detections import of_label

TARGET_KEYS = ("mask", "masks", "segmentation_mask", "seg", "annotation", "annotations", "objects")
"""The keys under which a sample that is a dictionary may have its mask or its boxes, where it has no label."""


def is_target(label: Any) -> bool:
    """Whether a label has objects in boxes, or is an array of two axes or more, as a mask is."""
    if isinstance(label, Image.Image):
        return True
    if isinstance(label, torch.Tensor | np.ndarray):
        return label.ndim >= 2
    return of_label(label) is not None
