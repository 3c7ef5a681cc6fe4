"""Reads class probabilities from a net's output, where it has such.

What a net returns has no label on it: a row of K numbers may be scores of K classes as well as box offsets, an
embedding, the two halves of a code or K measured quantities, of which a softmax would be nonsense. The rule:

1. A dictionary or object: its part named `logits`, `out`, `cls_logits`, `class_logits`, `probabilities` or `probs`; one
   without such a part has no classes. A named tuple without it has none if its first part is named as something else
   (`boxes`, `embedding`, `mu` ...); else it counts as a tuple.
2. A tuple or list: the items `(N, K)` with K ≥ 2 are looked at. If there is one, it has to be the first item, or
   probabilities. Of several it is the one with as many columns as there are class names; else the only one that
   consists of probabilities; else none, since `(mu, logvar)` and `(features, logits)` look alike.
3. A tensor: itself, if it is `(N, K)` with K ≥ 2.

What was found that way are no classes if its rows have length 1, as embeddings have, or if the data set's labels are no
classes (numbers with a fraction, vectors, masks) and it has no class names; probabilities always are classes. Nor are
16 columns or more that all lie from 0 to 1 without adding up to 1, where there are no class names: sigmoids, each an
answer of its own (fewer columns may lie there by chance). `forward=lambda net, image: net(image)[1]` decides otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from filterscope.outputs.kind import Answer, OutputKind, kind_of
from filterscope.outputs.score import UNKNOWN, KindScore, Objective, Scorer

_NAMES = ("logits", "out", "cls_logits", "class_logits", "probabilities", "probs")
_OF_OTHER_THINGS = re.compile(
    r"box|loc|offset|embed|feat|^mu$|mean|var$|std|^z$|latent|code|landmark|keypoint|coord|depth|pose|recon",
    re.IGNORECASE,
)
_NEAR = 1e-3
_SIGMOIDS = 16  # columns; centred logits all lie from 0 to 1 less than once in 2 to so many images


@dataclass(frozen=True)
class KnownClasses:
    """What the data set tells of the classes.

    Attributes:
        names: How many class names there are; 0 for none.
        other_labels: Whether its labels are no classes: numbers with a fraction, vectors, masks.
        objective: What the net is for, as far as it is said.
        target: What the first image's output may be held against; None for nothing.
        kind: What the net's output is, once a pass was made; None where that is not said, and it may be classes.
    """

    names: int = 0
    other_labels: bool = False
    objective: Objective = UNKNOWN
    target: Any = None
    kind: OutputKind | None = None

    def seeing(self, output: object, images: int, size: tuple[int, ...]) -> KnownClasses:
        """This, with the kind of output that a first output shows where nobody said it."""
        kind = self.objective.kind
        return replace(self, kind=kind_of(output, images, size, self.target) if kind is None else kind)

    @property
    def tells_classes(self) -> bool:
        """Whether the output may be scores of classes."""
        return self.kind is None or self.kind.name == "classes"

    @property
    def scorer(self) -> Scorer | None:
        """Says how good an output is: the user's score, or that of boxes or masks; None for the loss of classes."""
        if self.objective.score is not None:
            return self.objective.score
        return KindScore(self.kind) if self.kind is not None and self.kind.reader is not None else None

    def answers(self, output: Any, images: int, size: tuple[int, ...]) -> list[Answer | None]:
        """What the net says of each image of a batch, None where that is nothing that can be told.

        Args:
            output: What it returned for the batch.
            images: How many images are in it.
            size: Of each image, `(H, W)`.
        """
        if self.tells_classes:
            scores = class_scores(output, images, self)
            return [None] * images if scores is None else list(scores)
        assert self.kind is not None
        return self.kind.read(output, images, size) or [None] * images


_NOTHING = KnownClasses()


def class_scores(output: object, images: int, known: KnownClasses = _NOTHING) -> np.ndarray | None:
    """Probabilities of the classes, float64 `(N, K)`; None where the output is not one score per class.

    Logits and log-probabilities go through a softmax. Rows that are non-negative and sum to 1 are probabilities
    already.

    Args:
        output: What the net returned for a batch.
        images: Number of images in the batch, `N`.
        known: What the data set tells of the classes.
    """
    part = class_output(output, images, known)
    if part is None:
        return None
    scores = part.detach().to("cpu", torch.float64)
    return scores.numpy() if are_probabilities(scores) else torch.softmax(scores, 1).numpy()


def class_output(output: object, images: int, known: KnownClasses = _NOTHING) -> torch.Tensor | None:
    """The part of a net's output that has one score per class, `(N, K)`, unchanged; None where there is none.

    Args:
        output: What the net returned for a batch.
        images: Number of images in the batch, `N`.
        known: What the data set tells of the classes.
    """
    if not known.tells_classes:
        return None
    part = _by_name(output)
    if isinstance(part, tuple | list):
        part = _of_several(list(part), images, known)
    if not isinstance(part, torch.Tensor) or not _has_columns(part, images):
        return None
    scores = part.detach()
    if are_probabilities(scores):
        return part
    if known.other_labels and not known.names:
        return None
    return None if _have_length_one(scores) or (not known.names and _are_sigmoids(scores)) else part


def class_candidates(output: object, images: int) -> object:
    """The parts of a net's output that `class_output` looks at, as far as shapes and names tell, copied.

    Args:
        output: What the net returned for a batch.
        images: Number of images in the batch, `N`.

    Returns:
        A tensor `(N, K)`; a list of such and of None in the place of other parts; or None. `class_output` says the same
        of it as of the output.
    """
    part = _by_name(output)
    if isinstance(part, tuple | list):
        return [_if_columns(item, images) for item in part]
    return _if_columns(part, images)


def here(candidates: object) -> object:
    """What `class_candidates` gave, with its values in this machine's memory, once they are computed."""
    if isinstance(candidates, list):
        return [here(item) for item in candidates]
    return candidates.cpu() if isinstance(candidates, torch.Tensor) else candidates


def _if_columns(part: object, images: int) -> torch.Tensor | None:
    # A copy: a net may write its next output into the same memory.
    return part.detach().clone() if isinstance(part, torch.Tensor) and _has_columns(part, images) else None


def are_probabilities(scores: torch.Tensor) -> bool:
    """Whether scores `(N, K)` are probabilities: non-negative, and 1 in sum for each image."""
    return bool((scores >= 0).all()) and bool(((scores.sum(1) - 1).abs() < _NEAR).all())


def _by_name(output: object) -> object:
    """The part of an output that is named as classes are; itself where its parts have no names; else None."""
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, dict):
        return next((output[name] for name in _NAMES if name in output), None)
    for name in _NAMES:
        try:
            part = getattr(output, name, None)
        except Exception:  # a property of somebody's class
            continue
        if isinstance(part, torch.Tensor):
            return part
    if not isinstance(output, tuple | list):
        return None
    fields = getattr(output, "_fields", ())
    return None if fields and _OF_OTHER_THINGS.search(fields[0]) else output


def _of_several(items: list[object], images: int, known: KnownClasses) -> torch.Tensor | None:
    candidates = [item for item in items if isinstance(item, torch.Tensor) and _has_columns(item, images)]
    if len(candidates) == 1:
        (only,) = candidates
        return only if only is items[0] or are_probabilities(only.detach()) else None
    for chosen in (
        [item for item in candidates if item.shape[1] == known.names],
        [item for item in candidates if are_probabilities(item.detach())],
    ):
        if len(chosen) == 1:
            return chosen[0]
    return None


def _has_columns(part: torch.Tensor, images: int) -> bool:
    return part.ndim == 2 and part.shape[0] == images and part.shape[1] >= 2 and part.is_floating_point()


def _have_length_one(rows: torch.Tensor) -> bool:
    off = (rows.double().norm(dim=1) - 1).abs()
    return bool((off < 8 * torch.finfo(rows.dtype).eps).all())  # no further: scores may come near by chance


def _are_sigmoids(rows: torch.Tensor) -> bool:
    return rows.shape[1] >= _SIGMOIDS and bool(((rows >= 0) & (rows <= 1)).all())
