"""Reads class probabilities from a net's output."""

from __future__ import annotations

import numpy as np
import torch

from filterscope.attributes import attribute


def class_scores(output: object, images: int) -> np.ndarray | None:
    """Probabilities of the classes, float64 `(N, K)`; None where the output is not one score per class.

    Logits and log-probabilities go through a softmax. Rows that are non-negative and sum to 1 are probabilities
    already.

    Args:
        output: What the net returned for a batch.
        images: Number of images in the batch, `N`.
    """
    part = class_output(output, images)
    if part is None:
        return None
    scores = part.detach().to("cpu", torch.float64)
    return scores.numpy() if are_probabilities(scores) else torch.softmax(scores, 1).numpy()


def class_output(output: object, images: int) -> torch.Tensor | None:
    """The part of a net's output that has one score per class, `(N, K)`, unchanged; None where there is none.

    From a dictionary `"logits"` or `"out"` is taken, from an object `.logits`, from a tuple or list the first item.

    Args:
        output: What the net returned for a batch.
        images: Number of images in the batch, `N`.
    """
    if isinstance(output, dict):
        output = output.get("logits", output.get("out"))
    elif isinstance(output, tuple | list) and output and not hasattr(output, "logits"):
        output = output[0]
    elif not isinstance(output, torch.Tensor):
        output = attribute(output, "logits")
    if not isinstance(output, torch.Tensor) or output.ndim != 2 or output.shape[0] != images:
        return None
    if output.shape[1] < 2 or not output.is_floating_point():
        return None
    return output


def are_probabilities(scores: torch.Tensor) -> bool:
    """Whether scores `(N, K)` are probabilities: non-negative, and 1 in sum for each image."""
    return bool((scores >= 0).all()) and bool(((scores.sum(1) - 1).abs() < 1e-3).all())
