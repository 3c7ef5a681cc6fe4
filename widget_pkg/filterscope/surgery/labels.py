"""Labels for the channels of a net, and which of them belong together.

Each output channel of a convolution has a label, a number. A tensor that a net computes is described by a tensor of
labels of its shape: which channel each of its values comes from. Labels that meet, as where two maps are added, are
joined: their channels can only be removed together.
"""

from __future__ import annotations

import numpy as np
import torch

CONSTANT = 0
"""Label of values that depend neither on the image nor on a channel: weights, zeros."""
DATA = 1
"""Label of values that depend on the image otherwise than through channels that could be removed."""


class Labels:
    """The labels given out so far, which of them are joined, and which cannot be removed.

    Attributes:
        reasons: Why a label's channel cannot be removed, one sentence without full stop, by label.
    """

    def __init__(self) -> None:
        self._parent: list[int] = [CONSTANT, DATA]
        self.reasons: dict[int, str] = {
            DATA: "is joined with values that do not come from a convolution, the image itself or a linear layer's say"
        }

    def new(self, count: int) -> int:
        """Gives out so many labels in a row; returns the first."""
        first = len(self._parent)
        self._parent.extend(range(first, first + count))
        return first

    def root(self, label: int) -> int:
        """The label that stands for all that are joined with this one."""
        path = []
        while self._parent[label] != label:
            path.append(label)
            label = self._parent[label]
        for passed in path:
            self._parent[passed] = label
        return label

    def join(self, first: int, second: int) -> None:
        """Joins two labels; a constant joins nothing."""
        if CONSTANT in (first, second):
            return
        a, b = sorted((self.root(first), self.root(second)))
        self._parent[b] = a

    def join_all(self, labels: np.ndarray) -> None:
        """Joins all of these but constants."""
        present = [int(label) for label in np.unique(labels) if label != CONSTANT]
        for label in present[1:]:
            self.join(present[0], label)

    def refuse(self, labels: np.ndarray | torch.Tensor, reason: str) -> None:
        """Says why the channels of these labels cannot be removed; the first reason holds."""
        for label in np.unique(np.asarray(labels)):
            if label > DATA:
                self.reasons.setdefault(int(label), reason)

    def groups(self) -> dict[int, list[int]]:
        """The labels that are joined, by the label that stands for them; without constants and data."""
        together: dict[int, list[int]] = {}
        for label in range(DATA + 1, len(self._parent)):
            together.setdefault(self.root(label), []).append(label)
        return together


def compact(labels: torch.Tensor) -> torch.Tensor:
    """The labels without the axes along which they are only repeated in the same memory, which have size 1 then."""
    for axis, (size, stride) in enumerate(zip(labels.shape, labels.stride(), strict=True)):
        if size > 1 and stride == 0:
            labels = labels.narrow(axis, 0, 1)
    return labels


def combine(labels: Labels, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, np.ndarray]:
    """The labels of values computed from two others, of shapes that broadcast.

    Returns:
        The labels, and those of either that met another one; they are joined.
    """
    first, second = compact(first), compact(second)
    if first.shape == second.shape and first.data_ptr() == second.data_ptr():
        return first, np.zeros(0, np.int64)
    first, second = torch.broadcast_tensors(first, second)  # type: ignore[no-untyped-call]
    met = (first != second) & (first != CONSTANT) & (second != CONSTANT)
    joined = np.zeros((2, 0), np.int64)
    if bool(met.any()):
        joined = np.unique(np.stack([first[met].numpy(), second[met].numpy()]), axis=1)
        for a, b in joined.T:
            labels.join(int(a), int(b))
    return torch.where(first != CONSTANT, first, second), joined.ravel()


def by_channel(labels: Labels, tensor: torch.Tensor, axis: int) -> np.ndarray:
    """The label of each channel along an axis, `(C,)`; labels that share a channel are joined."""
    count = tensor.shape[axis]
    rows = compact(tensor).movedim(axis, 0)
    if rows.shape[0] == 1 and count > 1:
        rows = rows.expand(count, *rows.shape[1:])
    rows = rows.reshape(count, -1)
    high = rows.amax(1)
    low = torch.where(rows == CONSTANT, high[:, None], rows).amin(1)
    for channel in np.flatnonzero((low != high).numpy()):
        labels.join_all(rows[int(channel)].numpy())
    channels: np.ndarray = high.numpy().copy()
    return channels
