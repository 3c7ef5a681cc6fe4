"""What replacing filters' maps does to the logits to first order, image by image: from it follows what a set costs.

For an image with logits z, z_k changes by Δz_k = Σ (mean − activation) · ∂z_k/∂activation when a filter's map is
replaced by its mean. These changes add up over the filters of a set, which the changes of the loss do not: the rise of
the loss on z + Σ Δz follows what ablating the set costs, if mostly too low, up to a quarter of a layer
(`tests/benchmarks/use_report.md`).

One pass back for each of 1,000 classes would take too long. Only differences of logits matter, so the label's own class
stands still, and two more passes back tell the two other classes that the net finds most probable. All the rest are
taken together: how far they move on average follows from the gradient of the loss, which is there anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch

LINEARISED_IMAGES = 1000
"""Images whose linearised logits are kept: 58 MB for the 4,800 filters of a ResNet-18."""
CONTRASTS = 3
"""The loss, and the two most probable classes beside the label's, each against it."""


@dataclass(frozen=True, eq=False)
class Classes:
    """The classes that stand for all in the linearised logits of some images.

    Attributes:
        numbers: The label's, or without labels the predicted one, and the two most probable others, int64 `(N, 3)`; -1
            where the net has only two.
        probabilities: Theirs and that of all the rest, float64 `(N, 4)`.
    """

    numbers: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def of(cls, scores: torch.Tensor, labels: np.ndarray) -> Classes:
        """The classes for log-probabilities `(N, K)` of images with these class numbers `(N,)`."""
        rows = torch.arange(len(labels), device=scores.device)
        own = torch.from_numpy(labels).to(scores.device)
        others = scores.detach().clone()
        others[rows, own] = -torch.inf
        best = others.topk(min(2, scores.shape[1] - 1), 1).indices.cpu().numpy()
        numbers = np.full((len(labels), CONTRASTS), -1, np.int64)
        numbers[:, 0], numbers[:, 1 : 1 + best.shape[1]] = labels, best
        every = scores.detach().double().exp().cpu().numpy()
        chosen = np.where(numbers >= 0, np.take_along_axis(every, np.maximum(numbers, 0), 1), 0.0)
        rest = (
            np.maximum(1 - chosen.sum(1, keepdims=True), 0)
            if scores.shape[1] > CONTRASTS
            else np.zeros((len(labels), 1))
        )
        return cls(numbers, np.concatenate([chosen, rest], 1))

    def contrast(self, scores: torch.Tensor, place: int) -> torch.Tensor | None:
        """By how much the class at a place exceeds the label's, summed over images; None where there is none."""
        rows = np.flatnonzero(self.numbers[:, place] >= 0)
        if not len(rows):
            return None
        at = torch.from_numpy(rows).to(scores.device)
        own, other = (torch.from_numpy(self.numbers[rows, k]).to(scores.device) for k in (0, place))
        return (scores[at, other] - scores[at, own]).sum()


@dataclass(frozen=True, eq=False)
class Slopes:
    """Of some images, what their linearised logits follow from once the filters' means are known.

    Attributes:
        indices: The images' indices in the data set, int64 `(N,)`.
        classes: The classes that stand for all.
        layers: Of each layer Σ activation · gradient and Σ gradient over positions, float32 `(3, 2, N, F)`; the first
            gradient is the loss's, the others are those of `Classes.contrast`.
    """

    indices: np.ndarray
    classes: Classes
    layers: Mapping[int, np.ndarray]

    def at(self, means: Mapping[int, np.ndarray]) -> Shifts:
        """The changes for maps that are replaced by these means, `(F,)` for each layer."""
        layers = {
            layer: (means[layer].astype(np.float32) * slopes[:, 1] - slopes[:, 0])
            for layer, slopes in self.layers.items()
            if layer in means
        }
        return Shifts(self.indices, self.classes, layers)


def slopes_of(activation: torch.Tensor, gradient: torch.Tensor) -> np.ndarray:
    """Σ activation · gradient and Σ gradient over positions, float32 `(2, N, F)`, of tensors `(N, F, *S)`."""
    by_position = gradient.float().flatten(2) if gradient.ndim > 2 else gradient.float()[..., None]
    values = activation.float().reshape(by_position.shape)
    numbers: np.ndarray = torch.stack([(values * by_position).sum(2), by_position.sum(2)]).cpu().numpy()
    return numbers


@dataclass(frozen=True, eq=False)
class Moments:
    """Of each filter of a layer, sums over images of what linearising says of the loss.

    Attributes:
        images: How many.
        sums: Sums of G, the rise of the loss on linearised logits, of E, its first order, of G², G·E and E²: float64
            `(5, F)`.
    """

    images: int
    sums: np.ndarray

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.images + other.images, self.sums + other.sums)


@dataclass(frozen=True, eq=False)
class Shifts:
    """The linearised logits of some images.

    Attributes:
        indices: The images' indices in the data set, int64 `(N,)`.
        classes: The classes that stand for all.
        layers: Of each layer, for each filter: the change of the loss to first order, and by how much each of the two
            other classes moves against the label's, float32 `(3, N, F)`.
    """

    indices: np.ndarray
    classes: Classes
    layers: Mapping[int, np.ndarray]
    _moments: dict[tuple[int, bool], Moments] = field(default_factory=dict, repr=False)

    def __deepcopy__(self, memo: object) -> Shifts:
        return self  # nothing of it changes

    def rises(self, layer: int, labelled: bool, rows: np.ndarray | None = None) -> np.ndarray:
        """The rise of the loss on linearised logits without each filter, float64 `(N, F)`."""
        shifts, probabilities = self.layers[layer], self.classes.probabilities
        if rows is not None:
            shifts, probabilities = shifts[:, rows], probabilities[rows]
        return rise_of(shifts, probabilities, labelled)

    def moments(self, layer: int, labelled: bool) -> Moments:
        """The sums over these images, found once."""
        key = layer, labelled
        if key not in self._moments:
            first_order = self.layers[layer][0].astype(np.float64)
            rises = self.rises(layer, labelled)
            terms = (rises, first_order, rises**2, rises * first_order, first_order**2)
            self._moments[key] = Moments(len(rises), np.stack([term.sum(0) for term in terms]))
        return self._moments[key]


def rise_of(shifts: np.ndarray, probabilities: np.ndarray, labelled: bool) -> np.ndarray:
    """The rise of the loss on linearised logits.

    With labels −log p(label) rises by log Σ p_k · exp(Δz_k − Δz_label); without, the divergence of the output from the
    intact one is that rise less its first order.

    Args:
        shifts: The first order of the loss, and the two other classes' moves, `(3, N, F)`.
        probabilities: Of the label's class, the two others and all the rest, `(N, 4)`.
        labelled: Whether there are labels.

    Returns:
        float64 `(N, F)`, in nats.
    """
    first_order, first, second = shifts.astype(np.float64)
    own, of_first, of_second, of_rest = (column[:, None] for column in probabilities.T)
    rest = _move_of_rest(first_order - of_first * first - of_second * second, of_rest, first, second)
    highest = np.maximum(np.maximum(first, second), np.maximum(rest, 0))
    total = own * np.exp(-highest) + of_first * np.exp(first - highest)
    total += of_second * np.exp(second - highest) + of_rest * np.exp(rest - highest)
    rises: np.ndarray = highest + np.log(np.maximum(total / probabilities.sum(1)[:, None], 1e-300))
    return rises if labelled else rises - first_order


def _move_of_rest(moved: np.ndarray, probability: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How far all the other classes move on average; `moved` is that times their probability.

    Of a rest that has next to nothing rounding alone would move it anywhere: it moves about as far as the two do.
    """
    bound = np.maximum(np.abs(first), np.abs(second)) * np.maximum(2, 1e4 * probability)
    move: np.ndarray = np.clip(moved / np.maximum(probability, 1e-9), -bound, bound)
    return move


class LinearisedLogits:
    """The linearised logits of a layer over all images for which they are kept.

    Args:
        parts: Of the images, in the order in which they were looked at; those that do not reach the layer are left out.
        layer: Index of the layer.
        labelled: Whether there are labels.
    """

    def __init__(self, parts: Sequence[Shifts], layer: int, labelled: bool) -> None:
        self._parts = [part for part in parts if layer in part.layers and len(part.indices)]
        self._layer, self._labelled = layer, labelled

    @property
    def images(self) -> int:
        """How many images there are."""
        return sum(len(part.indices) for part in self._parts)

    @property
    def indices(self) -> np.ndarray:
        """Their indices in the data set `(N,)`."""
        return np.concatenate([part.indices for part in self._parts]) if self._parts else np.zeros(0, np.int64)

    @cached_property
    def moments(self) -> Moments | None:
        """Sums over all images; None of none."""
        parts = [part.moments(self._layer, self._labelled) for part in self._parts]
        return sum(parts[1:], parts[0]) if parts else None

    def rises_of(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rise on linearised logits and its first order for some images, each float64 `(M, F)`.

        Args:
            images: Indices in the data set `(M,)`, each of them one of `indices`.
        """
        place = {int(index): k for k, index in enumerate(self.indices)}
        wanted = np.array([place[int(index)] for index in images], np.int64)
        parts = self._gathered(wanted)
        return rise_of(*parts, self._labelled), parts[0][0].astype(np.float64)

    def _gathered(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        starts = np.cumsum([0, *(len(part.indices) for part in self._parts)])
        chosen = np.searchsorted(starts, places, "right") - 1
        shifts = [
            self._parts[k].layers[self._layer][:, place - starts[k]] for k, place in zip(chosen, places, strict=True)
        ]
        rows = [
            self._parts[k].classes.probabilities[place - starts[k]] for k, place in zip(chosen, places, strict=True)
        ]
        return np.stack(shifts, 1), np.stack(rows)

    def joint_rises(self, filters: Sequence[int], images: slice = slice(None)) -> np.ndarray:
        """The rise on linearised logits for each image without several filters together, float64 `(N,)`."""
        rises = []
        for part in self._parts:
            together = part.layers[self._layer][:, :, list(filters)].sum(2, dtype=np.float64)
            rises.append(rise_of(together[..., None], part.classes.probabilities, self._labelled)[:, 0])
        return np.concatenate(rises)[images] if rises else np.zeros(0)

    def curve(self, order: Sequence[int], images: int) -> np.ndarray:
        """The mean rise on the first of the images without the first filter of an order, the first two …, `(F,)`."""
        total = np.zeros(len(order))
        count = 0
        for part in self._parts:
            rows = min(len(part.indices), images - count)
            if rows <= 0:
                break
            together = np.cumsum(part.layers[self._layer][:, :rows][:, :, list(order)], 2, dtype=np.float64)
            total += rise_of(together, part.classes.probabilities[:rows], self._labelled).sum(0)
            count += rows
        return total / max(count, 1)

    def covariances(self, images: int) -> np.ndarray:
        """Σ_k p_k (Δz_k − mean)(Δz_k − mean)ᵀ between the filters, averaged over the first of the images, `(F, F)`.

        Half of it is what a small set costs, to second order: ½ Σ over its pairs (Gauss and Newton).
        """
        result: np.ndarray | None = None
        count = 0
        for part in self._parts:
            rows = min(len(part.indices), images - count)
            if rows <= 0:
                break
            centred = _centred(part.layers[self._layer][:, :rows], part.classes.probabilities[:rows])
            squares = torch.mm(centred.T, centred).double().numpy()
            result = squares if result is None else result + squares
            count += rows
        return np.zeros((0, 0)) if result is None else result / count


def _centred(shifts: np.ndarray, probabilities: np.ndarray) -> torch.Tensor:
    """√p_k (Δz_k − Σ p Δz) of each image and class, `(N · 4, F)`."""
    first_order, first, second = shifts.astype(np.float32)
    p = probabilities.astype(np.float32)
    moved = first_order - p[:, 1, None] * first - p[:, 2, None] * second
    rest = _move_of_rest(moved, p[:, 3, None], first, second)
    moves = np.stack([np.zeros_like(first), first, second, rest], 1)  # (N, 4, F)
    mean = (p[..., None] * moves).sum(1, keepdims=True)
    return torch.from_numpy((np.sqrt(p)[..., None] * (moves - mean)).reshape(-1, moves.shape[2]))
