"""The patterns that a kernel is compared with: smoothing, points, edges, blobs, bars, saddles, corners, stripes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from filterscope.verdicts.matrices import qr

_ANGLES = 60  # of patterns that are not steerable: 3° apart over the half turn


@dataclass(frozen=True, eq=False)
class Template:
    """One pattern of a family; a pair of patterns where turning or shifting it mixes the two.

    Attributes:
        family: `"edge"`, `"bar"`, ...
        basis: float64 `(1 or 2, kH·kW)`, orthonormal rows.
        angle: Of its line, in degrees counter-clockwise from horizontal, in [0, 180), where it has one of its own.
        place: `(row, column)` from the kernel's centre, of a point.
        period: In pixels, of stripes.
    """

    family: str
    basis: np.ndarray
    angle: float | None = None
    place: tuple[float, float] = (0.0, 0.0)
    period: float = 0.0


@lru_cache(maxsize=32)
def bank(rows: int, columns: int) -> tuple[Template, ...]:
    """All templates for kernels `(rows, columns)`; both at least 3.

    Args:
        rows: Kernel height.
        columns: Kernel width.
    """
    grid = _Grid(rows, columns)
    return (
        *_smoothing(grid),
        *_points(grid),
        *_edges(grid),
        *_blobs(grid),
        *_bars(grid),
        *_saddles(grid),
        *_checkerboard(grid),
        *_corners(grid),
        *_stripes(grid),
    )


class _Grid:
    """The cells of a kernel, x to the right and y upwards from its centre, in pixels."""

    def __init__(self, rows: int, columns: int) -> None:
        down, self.x = np.mgrid[:rows, :columns].astype(np.float64)
        self.y = (rows - 1) / 2 - down
        self.x -= (columns - 1) / 2
        self.half = (min(rows, columns) - 1) / 2
        self.small = min(rows, columns) < 5

    def window(self, sigma: float) -> np.ndarray:
        """A Gaussian; 1 everywhere where sigma is infinite."""
        values: np.ndarray = np.exp(-(self.x**2 + self.y**2) / (2 * sigma**2))
        return values

    def along(self, degrees: float) -> np.ndarray:
        """Distance from a line through the centre, towards its left side."""
        turn = np.radians(degrees)
        distance: np.ndarray = -np.sin(turn) * self.x + np.cos(turn) * self.y
        return distance


def _basis(*patterns: np.ndarray) -> np.ndarray:
    columns = np.stack([pattern.ravel() for pattern in patterns], 1)
    q, r = qr(columns)
    rows: np.ndarray = (q * np.sign(np.diag(r))).T  # the first row points the way of the first pattern
    return rows


def _level(pattern: np.ndarray) -> np.ndarray:
    """Without its mean: blind to plain brightness."""
    levelled: np.ndarray = pattern - pattern.mean()
    return levelled


def _smoothing(grid: _Grid) -> list[Template]:
    widths = [0.85, np.inf] if grid.small else [0.5 * grid.half, 0.8 * grid.half, np.inf]
    return [Template("smoothing", _basis(grid.window(sigma))) for sigma in widths]


def _points(grid: _Grid) -> list[Template]:
    templates = []
    for row, column in np.ndindex(grid.x.shape):
        point = np.zeros_like(grid.x)
        point[row, column] = 1
        place = (-float(grid.y[row, column]), float(grid.x[row, column]))
        family = "point" if max(map(abs, place)) < 1 else "shifted point"
        templates.append(Template(family, _basis(point), place=place))
    return templates


def _edges(grid: _Grid) -> list[Template]:
    """A steerable pair: across and upwards, in any mixture (Freeman, Adelson 1991)."""
    # In 3×3 Sobel's and Prewitt's, and between.
    widths = [0.85, 1.2, np.inf] if grid.small else [0.45 * grid.half, 0.7 * grid.half, np.inf]
    return [Template("edge", _basis(grid.x * grid.window(s), grid.y * grid.window(s))) for s in widths]


def _blobs(grid: _Grid) -> list[Template]:
    squared = grid.x**2 + grid.y**2
    widths = [0.6, 0.85] if grid.small else [0.35 * grid.half, 0.5 * grid.half, 0.65 * grid.half]
    patterns = [_level((1 - squared / (2 * s * s)) * grid.window(s)) for s in widths]
    if grid.x.shape == (3, 3):
        patterns += [
            np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0.0]]),
            np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1.0]]),
        ]
    return [Template("blob", _basis(pattern)) for pattern in patterns]


def _bars(grid: _Grid) -> list[Template]:
    # Widths across the bar, and the window that ends it.
    widths = [(0.7, 1.0), (1.0, 1.4)] if grid.small else [(w * grid.half, 0.9 * grid.half) for w in (0.25, 0.38, 0.55)]
    templates = []
    for degrees in np.arange(_ANGLES) * 180 / _ANGLES:
        away = grid.along(degrees)
        for across, window in widths:
            second = (1 - away**2 / across**2) * np.exp(-(away**2) / (2 * across**2))
            templates.append(Template("bar", _basis(_level(second * grid.window(window))), angle=float(degrees)))
    if grid.x.shape == (3, 3):  # the line masks
        flat = np.array([[-1, -1, -1], [2, 2, 2], [-1, -1, -1.0]])
        rising = np.array([[-1, -1, 2], [-1, 2, -1], [2, -1, -1.0]])
        masks = {0.0: flat, 90.0: flat.T, 45.0: rising, 135.0: rising[::-1]}
        templates += [Template("bar", _basis(mask), angle=degrees) for degrees, mask in masks.items()]
    return templates


def _saddles(grid: _Grid) -> list[Template]:
    widths = [0.85, np.inf] if grid.small else [0.5 * grid.half, 0.8 * grid.half]
    return [
        Template("saddle", _basis(grid.x * grid.y * grid.window(s), _level((grid.x**2 - grid.y**2) * grid.window(s))))
        for s in widths
    ]


def _checkerboard(grid: _Grid) -> list[Template]:
    rows, columns = grid.x.shape
    signs = 1.0 - 2 * (np.add.outer(np.arange(rows), np.arange(columns)) % 2)
    if rows % 2 and columns % 2:  # + in the centre
        signs *= signs[rows // 2, columns // 2]
    return [Template("checkerboard", _basis(_level(signs)))]


def _corners(grid: _Grid) -> list[Template]:
    """A bright quadrant, its corner in the centre; straight and turned by 45°."""
    templates = []
    for degrees in range(0, 360, 45):
        turn = np.radians(degrees)
        across = np.cos(turn) * grid.x + np.sin(turn) * grid.y
        beside = -np.sin(turn) * grid.x + np.cos(turn) * grid.y
        quadrant = _level(((across > -0.1) & (beside > -0.1)).astype(np.float64))
        templates.append(Template("corner", _basis(quadrant), angle=float((degrees + 45) % 360)))
    return templates


def _stripes(grid: _Grid) -> list[Template]:
    """Gabor's quadrature pairs: at least 1.8 periods, else they are edges and bars."""
    if grid.small:
        return []
    longest = (2 * grid.half + 1) / 1.8
    templates = []
    for period in np.arange(2.2, longest + 0.01, 0.55):
        for degrees in np.arange(0, 180, 7.5):
            phase = 2 * np.pi * grid.along(degrees) / period
            for s in (0.8 * grid.half, np.inf):
                window = grid.window(s)
                pair = _basis(_level(np.cos(phase) * window), np.sin(phase) * window)
                templates.append(Template("stripes", pair, angle=float(degrees), period=float(period)))
    return templates
