"""What each filter of a layer did over many images: sums that are taken in batch by batch and merge exactly."""

from __future__ import annotations

import numpy as np
import torch

_AT_ONCE = 4096  # positions


class LayerStatistics:
    """Moments, extremes and class means of a layer's activation over images and positions.

    Args:
        filters: `F`.
        classes: Of the net, 0 where it has none.

    Attributes:
        images: Images in the sums.
        left_out: Images with a NaN or infinite value, left out.
        positions: Values of each filter in the sums.
        mean: float64 `(F,)`.
        moment: Centred second co-moments, float64 `(F, F)`: sums, not yet divided.
        high: Largest value `(F,)`.
        low: Smallest value `(F,)`.
        fired_images: In how many images it was above 0 somewhere `(F,)`.
        fired: At how many positions it was above 0 `(F,)`.
        class_count: Images of each class `(K,)`.
        class_sum: Sum over these of the mean over positions, `(K, F)`.
        taylor_images: Images with a gradient.
        taylor: Sum over these of |Σ activation · ∂loss/∂activation| `(F,)`.
        pull: Sums over these of t², t·s and s² `(3, F)`, where t = Σ activation · ∂loss/∂activation and s =
            Σ ∂loss/∂activation: what `estimate` needs for whatever mean the images turn out to have.
        slopes: Sums over these of t and of s `(2, F)`: what their mean needs.
    """

    def __init__(self, filters: int, classes: int = 0) -> None:
        self.images = self.left_out = self.positions = self.taylor_images = 0
        self.mean = np.zeros(filters)
        self.moment = np.zeros((filters, filters))
        self.high, self.low = np.full(filters, -np.inf), np.full(filters, np.inf)
        self.fired_images, self.fired = np.zeros(filters, np.int64), np.zeros(filters, np.int64)
        self.class_count, self.class_sum = np.zeros(classes, np.int64), np.zeros((classes, filters))
        self.taylor, self.pull, self.slopes = np.zeros(filters), np.zeros((3, filters)), np.zeros((2, filters))

    @classmethod
    def of(cls, activation: torch.Tensor, labels: np.ndarray | None = None, classes: int = 0) -> LayerStatistics:
        """The sums of one batch.

        Args:
            activation: `(N, F, *S)`.
            labels: Class numbers `(N,)`, -1 for none.
            classes: As above.
        """
        batch = cls(activation.shape[1], classes)
        values = activation.detach().flatten(2) if activation.ndim > 2 else activation.detach()[..., None]
        values = values.float()
        finite = torch.isfinite(values).all(2).all(1)
        if not bool(finite.all()):
            batch.left_out = int((~finite).sum())
            values = values[finite]
            labels = None if labels is None else labels[finite.cpu().numpy()]
        if not len(values) or not values.shape[2]:
            return batch
        batch.images, batch.positions = len(values), len(values) * values.shape[2]
        high = values.amax(2)
        batch.high, batch.low = _numpy(high.amax(0)), _numpy(values.amin((0, 2)))
        batch.fired_images = _numpy((high > 0).sum(0)).astype(np.int64)
        batch.fired = _numpy((values > 0).sum((0, 2))).astype(np.int64)
        by_image = values.mean(2)
        flat = values.transpose(0, 1).flatten(1)  # (F, N·S)
        # A constant is centred on itself, so that it has no moment at all.
        centre = torch.where(high.amax(0) == values.amin((0, 2)), high[0], by_image.mean(0))
        flat = flat - centre[:, None]
        rest = _numpy(flat.mean(1))
        batch.mean = _numpy(centre) + rest
        # In parts: a float32 sum over millions of products is good to four digits only.
        for part in torch.split(flat, _AT_ONCE, 1):
            batch.moment += _numpy(torch.mm(part, part.T))
        batch.moment -= batch.positions * np.outer(rest, rest)
        if labels is not None and classes:
            known = labels >= 0
            np.add.at(batch.class_count, labels[known], 1)
            np.add.at(batch.class_sum, labels[known], _numpy(by_image)[known])
        return batch

    def add(self, activation: torch.Tensor, labels: np.ndarray | None = None) -> None:
        """Takes in a batch, as `of` does."""
        self.merge(self.of(activation, labels, len(self.class_count)))

    def add_taylor(self, activation: torch.Tensor, gradient: torch.Tensor) -> None:
        """Takes in a batch's activations and the gradients of each image's loss by them, both `(N, F, *S)`."""
        by_position = gradient.float().flatten(2) if gradient.ndim > 2 else gradient.float()[..., None]
        t = _numpy((activation.float().reshape(by_position.shape) * by_position).sum(2))
        s = _numpy(by_position.sum(2))
        finite = np.isfinite(t).all(1) & np.isfinite(s).all(1)
        t, s = t[finite], s[finite]
        self.taylor_images += len(t)
        self.taylor += np.abs(t).sum(0)
        self.pull += np.stack([(t * t).sum(0), (t * s).sum(0), (s * s).sum(0)])
        self.slopes += np.stack([t.sum(0), s.sum(0)])

    def merge(self, other: LayerStatistics) -> None:
        """Takes in the sums over other images (Chan, Golub, LeVeque 1983)."""
        positions = self.positions + other.positions
        if other.positions:
            apart = other.mean - self.mean
            self.moment += other.moment + np.outer(apart, apart) * (self.positions * other.positions / positions)
            self.mean += apart * (other.positions / positions)
        self.positions = positions
        self.high, self.low = np.maximum(self.high, other.high), np.minimum(self.low, other.low)
        for name in ("images", "left_out", "taylor_images"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("fired_images", "fired", "class_count", "class_sum", "taylor", "pull", "slopes"):
            getattr(self, name).__iadd__(getattr(other, name))

    @property
    def estimate(self) -> np.ndarray:
        """Root mean square over images of Σ (mean − activation) · ∂loss/∂activation, `(F,)`; NaN without gradients.

        To first order what replacing a filter's map by its mean does to an image's loss, whether up or down.
        """
        if not self.taylor_images:
            return np.full(len(self.mean), np.nan)
        squares, mixed, sums = self.pull
        total = squares - 2 * self.mean * mixed + self.mean**2 * sums
        return np.sqrt(np.maximum(total, 0) / self.taylor_images)

    def first_order(self, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance over images of Σ (mean − activation) · ∂loss/∂activation for these means, `(F,)` each."""
        count = self.taylor_images
        squares, mixed, sums = self.pull
        mean = (means * self.slopes[1] - self.slopes[0]) / count
        square = squares - 2 * means * mixed + means**2 * sums
        return mean, np.maximum(square - count * mean**2, 0) / max(count - 1, 1)

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation of each filter over images and positions, `(F,)`."""
        return np.sqrt(np.maximum(np.diag(self.moment), 0) / max(self.positions, 1))

    @property
    def correlation(self) -> np.ndarray:
        """Pearson's correlations `(F, F)`; 0 with a filter that does not vary."""
        spread = np.sqrt(np.maximum(np.diag(self.moment), 0))
        scale = np.outer(spread, spread)
        correlation: np.ndarray = np.divide(self.moment, scale, out=np.zeros_like(self.moment), where=scale > 0)
        return correlation

    @property
    def class_mean(self) -> np.ndarray:
        """Mean activation by class `(K, F)`, NaN for a class that no image had."""
        count = self.class_count[:, None].astype(np.float64)
        return np.divide(self.class_sum, count, out=np.full_like(self.class_sum, np.nan), where=count > 0)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    numbers: np.ndarray = tensor.detach().cpu().numpy()
    return numbers.astype(np.float64)
