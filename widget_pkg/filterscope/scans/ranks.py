"""How well a filter's maxima tell some images from all others: the area under the ROC curve, by ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of `n` images, which may overlap: classes, of which an image has one or none, and any others.

    Attributes:
        labels: int `(n,)`, the class of each image; −1 for none.
        classes: How many classes there are: the first groups.
        others: bool `(n, G − classes)`, which images are in the groups after these.
    """

    labels: np.ndarray
    classes: int
    others: np.ndarray

    def sum(self, weights: np.ndarray) -> np.ndarray:
        """The images' weights `(n,)`, summed over each group: float64 `(G,)`."""
        by_class = np.bincount(self.labels + 1, weights, self.classes + 1)[1:]
        return np.concatenate([by_class, np.einsum("n,ng->g", weights, self.others)])

    def only(self, chosen: np.ndarray) -> Groups:
        """The groups of some of the images."""
        return Groups(self.labels[chosen], self.classes, self.others[chosen])

    def has(self, group: int) -> np.ndarray:
        """Which images are in a group, bool `(n,)`."""
        inside: np.ndarray = self.labels == group if group < self.classes else self.others[:, group - self.classes]
        return inside


@dataclass(frozen=True, eq=False)
class RankSums:
    """The ranks of one filter's maxima, summed over groups of images; disjoint groups put together have their sum.

    Attributes:
        sums: float64 `(G,)`, over the images of each group; the least maximum has rank 1, equal ones their mean rank.
        counts: int64 `(G,)`, how many images of each group have a rank: all whose map has no NaN.
        images: How many images have one, in any group or none.
        ties: Σ (t³ − t) over the sets of `t` equal maxima.
    """

    sums: np.ndarray
    counts: np.ndarray
    images: int
    ties: float

    @classmethod
    def of(cls, maxima: np.ndarray, groups: Groups) -> RankSums:
        """The sums of maxima, float32 `(n,)`, over groups of these `n` images."""
        from scipy.stats import rankdata  # its import takes 0.6 s: nobody should wait for it who asks for no names

        known = ~np.isnan(maxima)
        values = maxima[known]
        if len(values) < len(maxima):
            groups = groups.only(known)
        counts = groups.sum(np.ones(len(values))).astype(np.int64)
        tied = np.unique(values, return_counts=True)[1].astype(np.float64)
        return cls(groups.sum(rankdata(values)), counts, len(values), float((tied**3 - tied).sum()))

    def of_pairs(self, first: np.ndarray, second: np.ndarray) -> RankSums:
        """The sums of disjoint groups put together two by two; a group with itself is that group.

        Args:
            first: Places of groups, int `(P,)`.
            second: Places of the others.
        """
        sums, counts = (
            values[first] + np.where(first == second, 0, values[second]) for values in (self.sums, self.counts)
        )
        return RankSums(sums, counts, self.images, self.ties)

    def auc(self) -> np.ndarray:
        """How often an image of the group has the greater maximum than one of the others, equal ones counted by half.

        Returns:
            float64 `(G,)` in [0, 1]; NaN where the group has no image, or all.
        """
        pairs = (self.counts * (self.images - self.counts)).astype(np.float64)
        pairs[pairs == 0] = np.nan
        area: np.ndarray = (self.sums - self.counts * (self.counts + 1) / 2) / pairs
        return area

    def p(self) -> np.ndarray:
        """Mann and Whitney's test of an AUC above 0.5, by the normal approximation with ties and continuity.

        Returns:
            float64 `(G,)`; 1 where all maxima are equal, NaN where there is no AUC.
        """
        from scipy.special import ndtr

        pairs = self.counts * (self.images - self.counts)
        spread = self.images + 1 - self.ties / max(self.images * (self.images - 1), 1)
        with np.errstate(all="ignore"):
            z = ((self.auc() - 0.5) * pairs - 0.5) / np.sqrt(pairs * spread / 12)
        p: np.ndarray = np.where(pairs > 0, ndtr(-z) if spread > 0 else 1.0, np.nan)
        return p
