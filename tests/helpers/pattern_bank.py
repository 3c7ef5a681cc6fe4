"""Kernels that are drawn from known families, with continuous parameters, to be told again: the naming's oracle."""

from __future__ import annotations

import numpy as np

FAMILIES = ("smoothing", "point", "shifted point", "edge", "blob", "bar", "saddle", "checkerboard", "corner", "stripes")
LINED = ("edge", "bar", "stripes")


def draw(size, random, family=None):
    """One kernel of a family, unit norm, with the angle of its line in degrees counter-clockwise (None: none asked)."""
    family = family or FAMILIES[random.integers(len(FAMILIES) - (size < 5))]
    half = (size - 1) / 2
    down, x = np.mgrid[:size, :size].astype(float)
    x, y = x - half, half - down
    angle = random.uniform(0, 180)
    turn = np.radians(angle)
    across, along = -np.sin(turn) * x + np.cos(turn) * y, np.cos(turn) * x + np.sin(turn) * y

    def window(sigma):
        return np.exp(-(x**2 + y**2) / (2 * sigma**2))

    if family == "smoothing":
        kernel = window(half * random.uniform(0.7, 2))
    elif family == "point":
        kernel = ((x == 0) & (y == 0)).astype(float)
    elif family == "shifted point":
        places = [place for place in np.ndindex(size, size) if place != (size // 2, size // 2)]
        kernel = np.zeros((size, size))
        kernel[places[random.integers(len(places))]] = 1
    elif family == "edge":
        kernel = across * window(half * random.uniform(0.5 if size > 3 else 0.8, 2))
    elif family == "blob":
        kernel = _blob(size, half, x, y, window, random)
    elif family == "bar" and size == 3:  # the line masks: no other angles fit into 3×3
        flat, rising = [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]], [[-1, -1, 2], [-1, 2, -1], [2, -1, -1]]
        which = random.integers(4)
        kernel = [np.array(flat), np.array(rising), np.array(flat).T, np.array(rising)[::-1]][which].astype(float)
        angle = 45.0 * which
    elif family == "bar":
        width = half * random.uniform(0.3, 0.55)
        kernel = (1 - across**2 / width**2) * np.exp(-(across**2) / (2 * width**2))
        kernel = kernel * window(half * random.uniform(0.6, 1.2))
        kernel = kernel - kernel.mean()
    elif family == "saddle":
        kernel = across * along * window(half * random.uniform(0.6, 1.2))
    elif family == "checkerboard":
        kernel = (-1.0) ** np.round(x + y)
    elif family == "corner":
        quarter = np.radians(90 * random.integers(4))
        ahead, beside = np.cos(quarter) * x + np.sin(quarter) * y, -np.sin(quarter) * x + np.cos(quarter) * y
        kernel = ((ahead > -0.1) & (beside > -0.1)).astype(float)
        kernel = kernel - kernel.mean()
    else:
        phase = 2 * np.pi * across / random.uniform(2.2, size / 1.8) + random.uniform(0, 2 * np.pi)
        kernel = np.cos(phase) * window(half * random.uniform(0.8, 1.5))
        kernel = kernel - kernel.mean()
    kernel = kernel * random.choice([-1, 1]) / np.linalg.norm(kernel)
    return family, kernel, angle if family in LINED else None


def _blob(size, half, x, y, window, random):
    if size == 3 and random.random() < 0.5:
        masks = [[0, -1, 0], [-1, 4, -1], [0, -1, 0]], [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]
        return np.array(masks[random.integers(2)], float)
    sigma = half * random.uniform(0.35, 0.65) if size > 3 else random.uniform(0.6, 0.85)
    kernel = (1 - (x**2 + y**2) / (2 * sigma**2)) * window(sigma)
    return kernel - kernel.mean()


def noisy(kernel, ratio, random):
    """With white noise of that share of its norm."""
    noise = random.normal(size=kernel.shape)
    return kernel + ratio * noise / np.linalg.norm(noise)
