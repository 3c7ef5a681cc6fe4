"""Whether two passes gave the same output, whatever form it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

Read = Callable[[Any], "torch.Tensor | None"]
"""Reads what counts from a net's output: log-probabilities `(N, K)`, or scores `(N,)`."""


def same_outputs(output: Any, other: Any) -> bool:
    """Whether two outputs of a net are alike to rounding, in all their tensors."""
    one, two = list(_tensors(output)), list(_tensors(other))
    return len(one) == len(two) and all(
        a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-5, equal_nan=True)
        for a, b in zip(one, two, strict=True)
    )


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value.detach()
    elif isinstance(value, dict):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
