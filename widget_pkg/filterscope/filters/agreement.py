"""Proves that the pictures are what the net computes: compares response plus bias with the net's pre-activation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypedDict

import numpy as np
import torch

_ROUNDING = 1e-3  # of a map's largest value: far above float32's rounding, far below what a wrong picture would differ
_COMPARED_BYTES = 2**25  # of responses that are compared at a time


class AgreementBody(TypedDict):
    """The proof for each filter of a layer; a share `rounding` of a map's largest value is rounding in `dtype`."""

    bias: np.ndarray
    difference: np.ndarray
    rounding: float
    dtype: str


class Agreement:
    """Compares the responses of a layer with its pre-activation, a block of filters at a time.

    Args:
        pre_activations: The layer's pre-activation, float32 `(F, H', W')`.
        computed_in: The dtype in which the net computed it.
        bias: The layer's bias, float32 `(F,)`, or None.
    """

    def __init__(self, pre_activations: np.ndarray, computed_in: torch.dtype, bias: np.ndarray | None) -> None:
        self._pre_activations = pre_activations
        self._computed_in = computed_in
        self._bias = np.zeros(len(pre_activations), np.float32) if bias is None else bias
        self._difference = np.empty(len(pre_activations), np.float32)

    def watching(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the blocks it receives, after each was compared.

        Args:
            blocks: Responses of filters that follow one another, float32 `(n, H', W')`, from filter 0 on.
        """
        first = 0
        for block in blocks:
            step = max(1, _COMPARED_BYTES // max(1, block[0].nbytes))
            for begin in range(0, len(block), step):
                self._compare(first + begin, block[begin : begin + step])
            first += len(block)
            yield block

    def _compare(self, first: int, responses: np.ndarray) -> None:
        block = slice(first, first + len(responses))
        difference = responses + self._bias[block].reshape((-1,) + (1,) * (responses.ndim - 1))
        with np.errstate(invalid="ignore"):  # infinity minus infinity; the page says that it cannot be compared
            difference -= self._pre_activations[block]
        self._difference[block] = np.abs(difference, out=difference).reshape(len(difference), -1).max(axis=1)

    def proof(self) -> AgreementBody:
        """The result for each filter of the layer, once all blocks were compared.

        Returns:
            `"bias"` and `"difference"`, float32 `(F,)`: the filter's bias, and the largest difference between response
            plus bias and pre-activation. `"rounding"`: the share of a map's largest value that rounding explains.
            `"dtype"`: the name of the dtype in which the net computes.
        """
        return {
            "bias": self._bias,
            "difference": self._difference,
            "rounding": max(_ROUNDING, 4 * torch.finfo(self._computed_in).eps),
            "dtype": str(self._computed_in).removeprefix("torch."),
        }
