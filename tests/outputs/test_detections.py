"""Objects in boxes: torchvision's own IoU and NMS as oracle, brute force for F1, and each library's form of output."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torchvision.ops import batched_nms, box_convert, box_iou

from filterscope.outputs.detections import (
    Detections,
    detections,
    f1,
    iou,
    of_anchors,
    of_dictionaries,
    of_label,
    of_queries,
)


def random_boxes(count, seed, size=40):
    random = np.random.default_rng(seed)
    corners = random.uniform(0, size, (count, 2, 2)).astype(np.float32)
    corners.sort(1)
    return corners.reshape(count, 4)


def test_iou_is_torchvisions():
    one, other = random_boxes(9, 0), random_boxes(7, 1)
    np.testing.assert_allclose(iou(one, other), box_iou(torch.from_numpy(one), torch.from_numpy(other)), atol=1e-6)
    assert iou(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0.0]]  # of no area


@pytest.mark.parametrize("seed", range(20))
def test_true_positives_are_never_more_than_the_best_matching_has(seed):
    random = np.random.default_rng(seed)
    objects = detections(random_boxes(3, seed, 12), random.integers(0, 2, 3))
    jittered = objects.boxes + random.normal(0, 0.4, (3, 4)).astype(np.float32)
    seen = detections(
        np.concatenate([jittered, random_boxes(1, seed + 99, 12)]), [*objects.labels, 0], random.random(4)
    )
    fits = (iou(seen.boxes, objects.boxes) >= 0.5) & (seen.labels[:, None] == objects.labels)
    best = max(sum(fits[row, k] for k, row in enumerate(rows)) for rows in itertools.permutations(range(4), 3))
    greedy = f1(seen, objects) * (len(seen) + len(objects)) / 2
    assert best / 2 <= round(greedy) <= best  # greedy by score, as COCO's evaluation matches


def test_f1_by_hand():
    one = detections([[0, 0, 4, 4]], [1])
    assert f1(one, one) == 1
    assert f1(one, detections([[0, 0, 4, 4]], [0])) == 0  # another class
    assert f1(one, detections([[0, 0, 4, 2]], [1])) == 1  # IoU .5
    assert f1(one, detections([[0, 0, 4, 1.9]], [1])) == 0
    twice = detections([[0, 0, 4, 4], [0, 0, 4, 4]], [1, 1], [0.9, 0.8])
    assert f1(twice, one) == pytest.approx(2 / 3)  # an object counts once
    nothing = detections([], [])
    assert f1(nothing, nothing) == 1 and f1(one, nothing) == 0 and f1(nothing, one) == 0


def test_anchors_become_objects_as_torchvisions_nms_leaves_them():
    generator = torch.Generator().manual_seed(0)
    places = torch.rand(2, 4, 60, generator=generator) * 30 + 2
    probabilities = torch.rand(2, 3, 60, generator=generator)
    found = of_anchors((torch.cat([places, probabilities, torch.rand(2, 5, 60)], 1), {}), 3)
    for k, image in enumerate(found):
        scores, labels = probabilities[k].max(0)
        keep = scores >= 0.25
        corners = box_convert(places[k].T[keep], "cxcywh", "xyxy")
        chosen = batched_nms(corners, scores[keep], labels[keep], 0.7)
        np.testing.assert_allclose(image.boxes, corners[chosen], atol=1e-5)
        assert image.labels.tolist() == labels[keep][chosen].tolist()
    assert of_anchors(torch.rand(2, 5, 60), 3) is None and of_anchors(torch.rand(2, 3), 3) is None


def test_a_net_that_gives_each_object_once_needs_no_nms():
    rows = torch.tensor([[[0.0, 0, 4, 4, 0.9, 1], [0, 0, 4, 4, 0.1, 1], [0, 0, 4, 4, 0.5, 0]]])
    (image,) = of_anchors(rows, 2, ends=True)
    assert image.labels.tolist() == [1, 0] and image.scores.tolist() == pytest.approx([0.9, 0.5])


def test_queries_are_read_with_and_without_a_class_of_nothing():
    boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.4]]])
    output = SimpleNamespace(logits=torch.tensor([[[4.0, 0.0, 0.0]]]), pred_boxes=boxes)
    (softmax,) = of_queries(output, (10, 20), classes=2)
    assert softmax.scores[0] == pytest.approx(float(torch.tensor([4.0, 0, 0]).softmax(0)[0]))
    np.testing.assert_allclose(softmax.boxes, [[8, 3, 12, 7]], atol=1e-5)
    (sigmoid,) = of_queries(output, (10, 20), classes=3)
    assert sigmoid.scores[0] == pytest.approx(float(torch.tensor(4.0).sigmoid()))
    assert of_queries(SimpleNamespace(logits=torch.rand(1, 3)), (4, 4)) is None


def test_labels_in_the_usual_forms_say_the_same():
    corners, sides = [[1, 2, 5, 8]], [[1, 2, 4, 6]]
    for label in (
        {"boxes": torch.tensor(corners), "labels": torch.tensor([3])},
        {"bbox": sides, "category": [3]},
        [{"bbox": sides[0], "category_id": 3, "area": 24}],
        detections(corners, [3]),
    ):
        objects = of_label(label)
        assert objects.boxes.tolist() == [[1, 2, 5, 8]] and objects.labels.tolist() == [3]
    for other in (3, "cat", None, {"labels": [1]}, torch.rand(4, 4), [{"name": "x"}]):
        assert of_label(other) is None


def test_dictionaries_are_torchvisions():
    one = {"boxes": torch.rand(2, 4), "labels": torch.tensor([1, 2]), "scores": torch.tensor([0.4, 0.9])}
    (image,) = of_dictionaries([one])
    assert isinstance(image, Detections) and image.labels.tolist() == [2]
    assert of_dictionaries([]) is None and of_dictionaries([{"boxes": 1}]) is None
