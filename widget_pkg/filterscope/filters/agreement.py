"""The proof that the pictures are what the net computes: responses plus bias against the net's own pre-activation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypedDict

import numpy as np
import torch

_ROUNDING = 1e-3  # of a map's largest value: far above float32's rounding, far below what a wrong picture would differ
_COMPARED_BYTES = 2**25  # at a time


class AgreementBody(TypedDict):
    """The proof for each filter of a layer; a share `rounding` of a map's largest value is rounding in `dtype`."""

    bias: np.ndarray
    difference: np.ndarray
    rounding: float
    dtype: str


class Agreement:
    """Compares the responses of a layer with its pre-activation while they pass by, a block of filters at a time.

    Args:
        pre_activations: The layer's, float32 `(F, H', W')`.
        computed_in: The dtype in which the net computed them.
        bias: The layer's, float32 `(F,)`, or None.
    """

    def __init__(self, pre_activations: np.ndarray, computed_in: torch.dtype, bias: np.ndarray | None) -> None:
        self._pre_activations = pre_activations
        self._computed_in = computed_in
        self._bias = np.zeros(len(pre_activations), np.float32) if bias is None else bias
        self._difference = np.empty(len(pre_activations), np.float32)

    def watching(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The blocks of responses `(n, H', W')`, each compared on its way."""
        first = 0
        for block in blocks:
            step = max(1, _COMPARED_BYTES // max(1, block[0].nbytes))
            for begin in range(0, len(block), step):
                self._compare(first + begin, block[begin : begin + step])
            first += len(block)
            yield block

    def _compare(self, first: int, responses: np.ndarray) -> None:
        some = slice(first, first + len(responses))
        gap = responses + self._bias[some].reshape((-1,) + (1,) * (responses.ndim - 1))
        with np.errstate(invalid="ignore"):  # infinite less infinite; the page says that it cannot be compared
            gap -= self._pre_activations[some]
        self._difference[some] = np.abs(gap, out=gap).reshape(len(gap), -1).max(axis=1)

    def found(self) -> AgreementBody:
        """The proof for each filter of the layer, when all blocks have passed.

        Returns:
            Its bias, and the largest difference between the response plus that bias and the pre-activation; the share
            of the values that is rounding in the dtype in which the net computes.
        """
        return {
            "bias": self._bias,
            "difference": self._difference,
            "rounding": max(_ROUNDING, 4 * torch.finfo(self._computed_in).eps),
            "dtype": str(self._computed_in).removeprefix("torch."),
        }
