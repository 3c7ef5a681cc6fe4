"""Proves that the pictures are what the net computes: compares response plus bias with the net's pre-activation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypedDict

import numpy as np

from filterscope.filters.rounding import bounds_of_responses
from filterscope.nets.layers import ConvLayer
from filterscope.nets.passes import Maps

_COMPARED_BYTES = 2**25  # of responses that are compared at a time


class AgreementBody(TypedDict):
    """The proof for each filter of a layer: float32 `(F,)` each; a difference of up to `rounding` is rounding."""

    bias: np.ndarray
    difference: np.ndarray
    rounding: np.ndarray
    dtype: str


class Agreement:
    """Compares the responses of a layer with its pre-activation, a block of filters at a time.

    Args:
        layer: The layer.
        maps: What the layer did to the image.
        pre_activations: Its pre-activation, float32 `(F, H', W')`.
        kernels: Its kernels, float32 `(F, C_in/groups, *k)`.
        bias: Its bias, float32 `(F,)`, or None.
    """

    def __init__(
        self,
        layer: ConvLayer,
        maps: Maps,
        pre_activations: np.ndarray,
        kernels: np.ndarray,
        bias: np.ndarray | None,
    ) -> None:
        self._layer, self._maps = layer, maps
        self._pre_activations, self._kernels = pre_activations, kernels
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
            plus bias and pre-activation. `"rounding"`, float32 `(F,)`: the largest difference that rounding explains.
            `"dtype"`: the name of the dtype in which the net computes.
        """
        return {
            "bias": self._bias,
            "difference": self._difference,
            "rounding": bounds_of_responses(self._layer, self._maps, self._kernels, self._bias),
            "dtype": str(self._maps.pre_activation.dtype).removeprefix("torch."),
        }
