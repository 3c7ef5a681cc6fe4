"""Objects in boxes: read from the outputs of detection nets, and held against the objects of a label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from filterscope.attributes import attribute

MATCH_IOU = 0.5
"""From this intersection over union on two boxes are of one object, as in the AP50 of COCO and Pascal VOC."""
LEAST_SCORE = 0.25
"""Objects below this score are not shown, as in ultralytics' own predictions."""
LEAST_SCORE_OF_QUERIES = 0.5
"""The same for nets that give each object once, as in transformers' `post_process_object_detection`."""
_NMS_IOU = 0.7
_MOST = 100


@dataclass(frozen=True, eq=False)
class Detections:
    """The objects that a net sees in one image, the surest first, or those of a label.

    Attributes:
        boxes: float32 `(M, 4)`, left, top, right and bottom in pixels of the image that the net is given.
        labels: int64 `(M,)`, numbers of their classes.
        scores: float32 `(M,)` in [0, 1]; 1 for those of a label.

    Example:
        >>> from filterscope.outputs.detections import detections
        >>> detections([[2, 2, 8, 6]], [1], [0.9]).boxes.tolist()
        [[2.0, 2.0, 8.0, 6.0]]
    """

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)


def detections(boxes: Any, labels: Any, scores: Any = None, least: float = 0.0) -> Detections:
    """Detections from arrays, tensors or lists: the surest first, those below a score left out, 100 at the most."""
    places = _array(boxes, np.float32).reshape(-1, 4)
    numbers = _array(labels, np.int64).reshape(-1)
    sure = np.ones(len(places), np.float32) if scores is None else _array(scores, np.float32).reshape(-1)
    order = np.argsort(-sure, kind="stable")
    order = order[(sure[order] >= least) & np.isfinite(places[order]).all(1)][:_MOST]
    return Detections(places[order], numbers[order], sure[order])


def _array(values: Any, dtype: Any) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().float() if values.is_floating_point() else values.detach().cpu()
    return np.asarray(values, dtype)


def of_dictionaries(output: Any) -> list[Detections] | None:
    """From torchvision's: for each image a dictionary of `boxes` `(M, 4)`, `labels` and `scores`; else None."""
    if not isinstance(output, list | tuple) or not output:
        return None
    if not all(isinstance(each, Mapping) and {"boxes", "labels", "scores"} <= {*each} for each in output):
        return None
    return [detections(each["boxes"], each["labels"], each["scores"], LEAST_SCORE_OF_QUERIES) for each in output]


def of_queries(output: Any, size: tuple[int, int], classes: int | None = None) -> list[Detections] | None:
    """From transformers': `logits` `(N, Q, K)` or `(N, Q, K + 1)`, whose last means none, and `pred_boxes`; else None.

    Args:
        output: What the net returned. `pred_boxes` `(N, Q, 4)` are centre, width and height, as shares of the image.
        size: Height and width of the image.
        classes: How many classes there are. With one score more they exclude each other, as in DETR; else each has a
            probability of its own, as in Deformable DETR. None where that is not known: then as in DETR.
    """
    logits, places = _part(output, "logits"), _part(output, "pred_boxes")
    if logits is None or places is None or logits.ndim != 3 or places.shape[-1] != 4:
        return None
    logits, places = logits.detach().float(), places.detach().float()
    each = logits.sigmoid() if classes == logits.shape[-1] else logits.softmax(-1)[..., :-1]
    scores, labels = each.max(-1)
    height, width = size
    middle, half = places[..., :2], places[..., 2:] / 2
    corners = torch.cat([middle - half, middle + half], -1) * places.new_tensor([width, height, width, height])
    found = zip(corners, labels, scores, strict=True)
    return [detections(*image, least=LEAST_SCORE_OF_QUERIES) for image in found]


def of_anchors(output: Any, classes: int, ends: bool = False) -> list[Detections] | None:
    """From ultralytics': `(N, 4 + K + more, A)`, of which overlapping ones are left out (NMS); else None.

    Args:
        output: What the net returned, or a tuple or list of that and more. The first four rows are centre, width and
            height in pixels, the next ones probabilities of the classes.
        classes: `K`.
        ends: Whether it is `(N, M, 6 + more)` instead: boxes by their corners, score and class, each object once.
    """
    while isinstance(output, list | tuple) and output:
        output = output[0]
    if not isinstance(output, torch.Tensor) or output.ndim != 3:
        return None
    rows = output.detach().float().cpu()
    if ends:
        return [detections(image[:, :4], image[:, 5], image[:, 4], LEAST_SCORE) for image in rows]
    if rows.shape[1] < 4 + classes:
        return None
    return [_without_overlaps(image[:4].T, image[4 : 4 + classes].T) for image in rows]


def _without_overlaps(places: torch.Tensor, probabilities: torch.Tensor) -> Detections:
    from torchvision.ops import batched_nms  # half a second to import

    scores, labels = probabilities.max(1)
    keep = scores >= LEAST_SCORE
    places, scores, labels = places[keep], scores[keep], labels[keep]
    middle, half = places[:, :2], places[:, 2:] / 2
    corners = torch.cat([middle - half, middle + half], 1)
    chosen = batched_nms(corners, scores, labels, _NMS_IOU)[:_MOST]
    return detections(corners[chosen], labels[chosen], scores[chosen])


def _part(output: Any, name: str) -> torch.Tensor | None:
    part = output.get(name) if isinstance(output, Mapping) else attribute(output, name)
    return part if isinstance(part, torch.Tensor) else None


def of_label(label: Any) -> Detections | None:
    """The objects of a label; None where it has none such.

    Args:
        label: A dictionary, or an object with such attributes, of `boxes` `(M, 4)` by their corners, as torchvision
            has them, or `bbox` `(M, 4)` by corner, width and height, as COCO has them, and of `labels`, `category`,
            `category_id` or `cls`; or COCO's list of one dictionary an object; or `Detections`.
    """
    if isinstance(label, Detections):
        return label
    if isinstance(label, list | tuple) and label and all(isinstance(each, Mapping) for each in label):
        if not all("bbox" in each for each in label):
            return None
        label = {
            "bbox": [each["bbox"] for each in label],
            "category": [each.get("category_id", each.get("category", 0)) for each in label],
        }
    if not isinstance(label, Mapping):
        return None
    numbers = next((label[key] for key in ("labels", "category", "category_id", "cls") if key in label), None)
    corners, corner_and_size = label.get("boxes"), label.get("bbox")
    if numbers is None or (corners is None and corner_and_size is None):
        return None
    if corners is None:
        places = _array(corner_and_size, np.float32).reshape(-1, 4)
        corners = np.concatenate([places[:, :2], places[:, :2] + places[:, 2:]], 1)
    return detections(corners, numbers)


def f1(seen: Detections, objects: Detections) -> float:
    """How well an image's objects are found, in [0, 1]: F1 at an IoU of 0.5.

    `2 TP / (2 TP + FP + FN)`. In the order of their scores, each detection takes the object of its class that it
    overlaps most and that none before it has taken; from `MATCH_IOU` on it is a true positive, else a false one. 1
    where there is nothing and nothing is seen.

    Args:
        seen: What the net sees.
        objects: Those of the label.

    Example:
        >>> from filterscope.outputs.detections import detections, f1
        >>> f1(detections([[0, 0, 4, 4]], [1]), detections([[0, 0, 4, 4], [8, 8, 9, 9]], [1, 1]))
        0.6666666666666666
    """
    if not len(seen) and not len(objects):
        return 1.0
    overlaps = iou(seen.boxes, objects.boxes)
    overlaps[seen.labels[:, None] != objects.labels[None, :]] = 0
    true_positives = 0
    for row in overlaps:
        if len(row) and row.max() >= MATCH_IOU:
            overlaps[:, int(row.argmax())] = 0
            true_positives += 1
    return 2 * true_positives / (len(seen) + len(objects))


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each of some boxes `(M, 4)` with each of others `(L, 4)`, float64 `(M, L)`."""
    one, other = boxes.astype(np.float64)[:, None], others.astype(np.float64)[None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    common = np.maximum(sides, 0).prod(-1)
    areas = [np.maximum(each[..., 2:] - each[..., :2], 0).prod(-1) for each in (one, other)]
    union = areas[0] + areas[1] - common
    shares: np.ndarray = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return shares
