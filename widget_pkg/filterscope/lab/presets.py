"""Kernels to begin a trial with: textbook ones, the template that a verdict names, zero, random like the layer's."""

from __future__ import annotations

import math

import cv2
import numpy as np

from filterscope.verdicts.weights.naming import name_patterns
from filterscope.verdicts.weights.templates import bank

_DIAGONALS = ("upper right", "upper left")
_RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))  # of a 3×3 kernel, clockwise
_SEED = 0


def textbook_kernels(size: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The kernels that textbooks have, by their names, for kernels of one size.

    Sobel's and Prewitt's are positive on the side that their names call bright; the response is a cross-correlation, as
    in PyTorch and in `cv2.filter2D`, so it is positive where the image is brighter there. Of 3×3 they are the numbers
    of the textbooks; larger ones smooth by binomial coefficients (Sobel) or by ones (Prewitt) across the derivative.

    Args:
        size: `(kH, kW)`; `(k,)` of a signal's kernels; of a volume's `(kD, kH, kW)` each is one slice `(kH, kW)`.

    Returns:
        float32 of that size.

    Example:
        >>> textbook_kernels((3, 3))["Sobel, bright right"].tolist()
        [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]
    """
    rows, columns = ((1, *size) if len(size) == 1 else size)[-2:]
    kernels = {
        "identity": _identity(rows, columns),
        "box": np.full((rows, columns), 1 / (rows * columns)),
        "Gaussian": np.multiply.outer(_gaussian(rows), _gaussian(columns)),
        "sharpen": 2 * _identity(rows, columns) - np.multiply.outer(_gaussian(rows), _gaussian(columns)),
    }
    if (rows, columns) == (3, 3):
        kernels["sharpen"] = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0.0]])
    for name, across in (("Sobel", _binomial), ("Prewitt", np.ones)):
        kernels.update(_edges(name, rows, columns, across))
    kernels["Laplacian"] = _laplacian(rows, columns)
    if max(rows, columns) >= 3:
        kernels["Gabor, vertical stripes"] = _gabor(rows, columns)
        if rows > 1:
            kernels["Gabor, horizontal stripes"] = _gabor(columns, rows).T
    kernels["zero"] = np.zeros((rows, columns))
    plane = tuple(size[-2:])
    # + 0 makes −0 of what is flipped 0.
    return {name: np.ascontiguousarray(kernel.reshape(plane) + 0.0, np.float32) for name, kernel in kernels.items()}


def _identity(rows: int, columns: int) -> np.ndarray:
    kernel = np.zeros((rows, columns))
    kernel[rows // 2, columns // 2] = 1
    return kernel


def _gaussian(cells: int) -> np.ndarray:
    weights: np.ndarray = cv2.getGaussianKernel(cells, -1)[:, 0] if cells % 2 else _binomial(cells) / 2 ** (cells - 1)
    return weights


def _binomial(cells: int) -> np.ndarray:
    return np.array([math.comb(cells - 1, place) for place in range(cells)], np.float64)


def _slope(cells: int, smooth: bool) -> np.ndarray:
    """From negative to positive: binomial coefficients and their difference, or a line."""
    if cells == 1:
        return np.zeros(1)
    if smooth:
        difference: np.ndarray = -np.diff(_binomial(cells - 1), prepend=0, append=0)
        return difference
    return np.arange(cells) - (cells - 1) / 2


def _edges(name: str, rows: int, columns: int, across: object) -> dict[str, np.ndarray]:
    smooth = across is _binomial
    weights = _binomial if smooth else np.ones
    right = np.multiply.outer(weights(rows), _slope(columns, smooth))
    if rows == 1:
        return {f"{name}, bright right": right}
    above = -np.multiply.outer(_slope(rows, smooth), weights(columns))
    kernels = {f"{name}, bright right": right, f"{name}, bright above": above}
    if (rows, columns) == (3, 3):
        diagonals = [_turned(right), _turned(above)]
    elif min(rows, columns) > 1:
        diagonals = [(right + above) / np.sqrt(2), (above - right) / np.sqrt(2)]
    else:
        return kernels
    return kernels | {f"{name}, bright {side}": kernel for side, kernel in zip(_DIAGONALS, diagonals, strict=True)}


def _turned(kernel: np.ndarray) -> np.ndarray:
    """A 3×3 kernel turned by 45° counter-clockwise: its ring moves on by one cell, as compass operators do."""
    turned: np.ndarray = kernel.copy()
    for place, after in zip(_RING, _RING[1:] + _RING[:1], strict=True):
        turned[place] = kernel[after]
    return turned


def _laplacian(rows: int, columns: int) -> np.ndarray:
    if rows == 1 or columns == 1:
        cells = max(rows, columns)
        kernel = np.zeros(cells)
        kernel[cells // 2] = -2
        if cells >= 3:
            kernel[[cells // 2 - 1, cells // 2 + 1]] = 1
        return kernel.reshape(rows, columns)
    if (rows, columns) == (3, 3):
        return np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0.0]])
    y, x = _centred(rows, columns)
    sigma = 0.3 * min(rows, columns)
    squared = (x**2 + y**2) / (2 * sigma**2)
    return _level(-(1 - squared) * np.exp(-squared))


def _gabor(rows: int, columns: int) -> np.ndarray:
    """Two periods of a cosine across the columns, in a Gaussian window, without its mean; of 3 cells one and a half."""
    y, x = _centred(rows, columns)
    period = columns / (2 if columns >= 5 else 1.5)
    window = np.exp(-(x**2 / (2 * (0.3 * columns) ** 2) + y**2 / (2 * max(0.3 * rows, 0.5) ** 2)))
    return _level(np.cos(2 * np.pi * x / period) * window)


def _level(kernel: np.ndarray) -> np.ndarray:
    levelled: np.ndarray = kernel - kernel.mean()
    return levelled


def _centred(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    return y - (rows - 1) / 2, x - (columns - 1) / 2


def template_of(kernels: np.ndarray, filter_index: int) -> tuple[str, np.ndarray] | None:
    """The template that a verdict names for a filter, as kernels: each kernel's own part in that template.

    Args:
        kernels: The layer's weights, float32 `(F, C_in/groups, kH, kW)`.
        filter_index: The filter.

    Returns:
        What the verdict calls it, and float32 `(C_in/groups, kH, kW)`; None where there are no templates for such
        kernels, or the filter matches none of them better than chance.
    """
    pattern = name_patterns(kernels[filter_index : filter_index + 1])[0]
    if pattern.match is None or not pattern.name or pattern.reason:
        return None
    own = kernels[filter_index].astype(np.float64)
    flat = own.reshape(len(own), -1)
    best, most = np.zeros_like(flat), -1.0
    for template in bank(*own.shape[1:]):
        if template.family != pattern.match.template:
            continue
        part = np.einsum("ck,bk,bj->cj", flat, template.basis, template.basis)
        explained = float((part**2).sum())
        if explained > most:
            best, most = part, explained
    return pattern.name, best.reshape(own.shape).astype(np.float32)


def random_like(kernels: np.ndarray) -> np.ndarray:
    """A filter whose numbers are drawn independently, with mean and spread of the layer's: float32 `(C_in/groups, *k)`.

    Args:
        kernels: The layer's weights, float32 `(F, C_in/groups, *k)`.
    """
    finite = kernels[np.isfinite(kernels)]
    mean, spread = (float(finite.mean()), float(finite.std())) if finite.size else (0.0, 0.0)
    return np.random.default_rng(_SEED).normal(mean, spread, kernels.shape[1:]).astype(np.float32)
