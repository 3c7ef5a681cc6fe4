"""How far rounding can move a convolution's sum: larger differences are none.

A sum of n products that is computed with unit roundoff u is off by at most n·u times the sum of the products' sizes,
in whatever order they are added: the bound γₙ = n·u / (1 − n·u) of N. J. Higham, "Accuracy and Stability of Numerical
Algorithms", 2nd edition, section 4.2; C.-P. Jeannerod and S. M. Rump, "Improved error bounds for inner products in
floating-point arithmetic" (2013), show that n·u is enough, also where it is larger than 1.

What is assumed of the net's convolution, as oneDNN, cuDNN and PyTorch's own kernels compute it:

- It adds in float32, or in float64 where its result is float64.
- In half and bfloat16 what was added so far is rounded to that dtype at most once for each cell of the kernel, and
  once more with the bias: oneDNN does so for large kernels.
- Factors that are wider than its result are rounded to the result's dtype, as under autocast; float32 factors to TF32
  or bfloat16 where PyTorch is allowed to.

Algorithms that do not add products, as Winograd's, can be off by more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from filterscope.nets.layers import ConvLayer
from filterscope.nets.passes import Maps

LARGEST_DIRECT = 11 * 11
"""Numbers of a kernel up to which OpenCV's filter2D computes the sum itself."""

_FLOAT32 = 2.0**-24  # unit roundoff of float32
_TF32 = 2.0**-11
_BFLOAT16 = 2.0**-8
_SMALLEST = float(np.finfo(np.float32).tiny)  # processors may take smaller numbers for 0


@dataclass(frozen=True)
class Computed:
    """How a net computed a convolution: its dtypes, and the device.

    Attributes:
        factors: The dtypes of the convolution's input and weight.
        result: The dtype of its output.
        device: Where it ran.
    """

    factors: tuple[torch.dtype, torch.dtype]
    result: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, maps: Maps) -> Computed:
        """How the maps of a layer were computed."""
        return cls((maps.input.dtype, maps.weight.dtype), maps.pre_activation.dtype, maps.pre_activation.device)

    def share(self, layer: ConvLayer, has_bias: bool) -> float:
        """The part of the summed sizes of products and bias that a value can be off by.

        The comparison's own rounding is in it: products of arrays in float32, added in float64.

        Args:
            layer: The layer.
            has_bias: Whether a bias is added.
        """
        own, cells = _roundoff(self.result), math.prod(layer.kernel_size)
        # To float32 arrays: the products, and what is wider than float32.
        comparison = _FLOAT32 * (1 + sum(_roundoff(dtype) < _FLOAT32 for dtype in (*self.factors, self.result)))
        factors = sum(
            max(_factor(dtype, self.device), own if _roundoff(dtype) < own else 0.0) for dtype in self.factors
        )
        added = (layer.channels * cells + has_bias) * min(own, _FLOAT32)
        return comparison + factors + added + (own > _FLOAT32) * (cells + 2) * own

    def least(self, layer: ConvLayer) -> float:
        """What a value can be off by however small the products are: smaller numbers may be taken for 0."""
        if not self.result.is_floating_point:
            return 0.0
        info = torch.finfo(self.result)
        return layer.channels * math.prod(layer.kernel_size) * _SMALLEST + info.smallest_normal * info.eps


def bounds_of_responses(layer: ConvLayer, maps: Maps, kernels: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """How far rounding can move the response plus bias of each filter from the net's pre-activation.

    No sum of n products' sizes is larger than √n times the input's largest number times the kernels' norm, so that
    nothing has to be convolved.

    Args:
        layer: The layer.
        maps: What it did to the image.
        kernels: Its kernels, float32 `(F, C_in/groups, *k)`.
        bias: Its bias, float32 `(F,)`.

    Returns:
        float32 `(F,)`.
    """
    computed, terms = Computed.of(maps), layer.channels * math.prod(layer.kernel_size)
    weights, largest = kernels.reshape(len(kernels), -1), _largest(maps.input)
    norms = np.linalg.norm(weights, axis=1).astype(np.float64)
    sizes = math.sqrt(terms) * largest * norms + np.abs(bias, dtype=np.float64)
    bounds = (computed.share(layer, has_bias=True) + (terms + 1) * _FLOAT32) * sizes + computed.least(layer)
    if math.prod(layer.kernel_size[-2:]) > LARGEST_DIRECT:
        bounds += layer.channels * _transform_share(layer.kernel_size[-2:]) * largest * norms
    rounded: np.ndarray = bounds.astype(np.float32)
    return rounded


def _largest(tensor: torch.Tensor) -> float:
    """The largest size of a tensor's finite numbers, 0 where it has none."""
    if not tensor.numel():
        return 0.0
    largest = max(abs(float(end)) for end in tensor.aminmax())
    if math.isfinite(largest):
        return largest
    finite = tensor[torch.isfinite(tensor)]
    return float(finite.abs().max()) if finite.numel() else 0.0


def _transform_share(kernel_size: tuple[int, ...]) -> float:
    """The share of largest input · norm of the kernel that a Fourier transform of one plane can be off by.

    OpenCV's filter2D transforms blocks of up to about 6 kernels a side where a kernel has more than 11 × 11 numbers.
    Each of the three transforms is off by at most log₂ of the block's size a few unit roundoffs of its input's norm
    (Higham, section 24.1), which may all stand in one value.
    """
    block = math.prod(6 * size for size in kernel_size)
    return 6 * _FLOAT32 * math.log2(block) * math.sqrt(block)


def _roundoff(dtype: torch.dtype) -> float:
    """Unit roundoff of a dtype; 0 of integers, which are added exactly."""
    return torch.finfo(dtype).eps / 2 if dtype.is_floating_point else 0.0


def _factor(dtype: torch.dtype, device: torch.device) -> float:
    """Unit roundoff to which a convolution may first round a factor of a dtype; 0 where it takes it as it is."""
    if dtype != torch.float32:
        return 0.0
    if device.type not in ("cpu", "cuda"):
        return 0.0
    backend: Any = torch.backends.cudnn if device.type == "cuda" else torch.backends.mkldnn
    if hasattr(backend, "conv"):  # torch 2.9 and later; the older flag must not be read beside it
        precision = next((p for b in (backend.conv, backend) if (p := b.fp32_precision) != "none"), "none")
    else:
        precision = "tf32" if getattr(backend, "allow_tf32", False) else "ieee"
    return {"bf16": _BFLOAT16, "tf32": _TF32}.get(precision, 0.0)
