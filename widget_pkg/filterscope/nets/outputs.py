"""The net's output, read as one probability a class where it is that."""

from __future__ import annotations

import numpy as np
import torch


def class_scores(output: object, images: int) -> np.ndarray | None:
    """Probabilities of the classes, float64 `(N, K)`, or None where the output is not one score a class.

    Logits and log-probabilities go through a softmax; an output that is non-negative and sums to 1 is taken as it is.
    """
    found = class_output(output, images)
    if found is None:
        return None
    scores = found.detach().to("cpu", torch.float64)
    return scores.numpy() if are_probabilities(scores) else torch.softmax(scores, 1).numpy()


def class_output(output: object, images: int) -> torch.Tensor | None:
    """The part of a net's output that is one score a class, `(N, K)`, as the net gave it; None where there is none.

    A dictionary's `"logits"` or `"out"`, an object's `.logits` and the first item of a tuple count as the output.
    """
    if isinstance(output, dict):
        output = output.get("logits", output.get("out"))
    elif hasattr(output, "logits"):
        output = output.logits
    elif isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, torch.Tensor) or output.ndim != 2 or output.shape[0] != images:
        return None
    if output.shape[1] < 2 or not output.is_floating_point():
        return None
    return output


def are_probabilities(scores: torch.Tensor) -> bool:
    """Whether scores `(N, K)` are non-negative and sum to 1, so that they are the classes' probabilities already."""
    return bool((scores >= 0).all()) and bool(((scores.sum(1) - 1).abs() < 1e-3).all())
