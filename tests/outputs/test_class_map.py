"""A class for each pixel: torch's argmax and interpolation, and a brute-force mean IoU, as oracle."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from filterscope.outputs.class_map import class_maps, mask_of_label, mean_iou, shares


def by_hand(seen, mask):
    seen, mask = seen[mask != 255], mask[mask != 255]
    classes = np.union1d(seen, mask)
    return np.mean([((seen == c) & (mask == c)).sum() / ((seen == c) | (mask == c)).sum() for c in classes])


@pytest.mark.parametrize("seed", range(10))
def test_mean_iou_is_that_of_brute_force(seed):
    random = np.random.default_rng(seed)
    seen, mask = random.integers(0, 4, (2, 9, 11))
    mask[random.random(mask.shape) < 0.1] = 255
    assert mean_iou(seen.astype(np.uint8), mask) == pytest.approx(by_hand(seen, mask))


def test_a_mask_of_another_size_is_met_by_the_nearest_pixels():
    seen = np.array([[0, 1], [2, 3]], np.uint8)
    assert mean_iou(seen, np.kron(seen, np.ones((3, 3), int))) == 1
    assert np.isnan(mean_iou(seen, np.full((2, 2), 255)))


@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: {"out": x}, lambda x: SimpleNamespace(logits=x), lambda x: (x, 1)]
)
def test_the_class_is_the_greatest_score(wrap):
    scores = torch.rand(2, 5, 6, 7)
    maps = class_maps(wrap(scores), 2, (6, 7))
    np.testing.assert_array_equal(np.stack(maps), scores.argmax(1))


def test_smaller_maps_are_enlarged_before_classes_are_compared():
    scores = torch.rand(1, 3, 4, 5)
    large = F.interpolate(scores, (16, 20), mode="bilinear", align_corners=False).argmax(1)
    np.testing.assert_array_equal(class_maps(scores, 1, (16, 20))[0], large[0])
    assert class_maps(torch.rand(1, 3, 4, 4, 4), 1, (8, 8, 8))[0].shape == (8, 8, 8)


def test_one_channel_is_a_mask_of_two_classes():
    logits = torch.tensor([[[[-2.0, 0.4, 3.0]]]])
    assert class_maps(logits, 1, (1, 3))[0].tolist() == [[0, 1, 1]]
    assert class_maps(logits.sigmoid(), 1, (1, 3))[0].tolist() == [[0, 1, 1]]
    assert class_maps(torch.rand(2, 3), 2, (4, 4)) is None


def test_masks_come_as_arrays_tensors_and_pictures():
    values = np.array([[0, 2], [1, 255]])
    for label in (
        values,
        torch.from_numpy(values)[None],
        Image.fromarray(values.astype(np.uint8)),
        values.astype(float),
    ):
        np.testing.assert_array_equal(mask_of_label(label), values)
    assert (
        mask_of_label(np.array([[0.5, 1]])) is None and mask_of_label(3) is None and mask_of_label(np.zeros(4)) is None
    )


def test_shares_are_of_all_pixels():
    assert shares(np.array([[2, 2, 0], [2, 1, 1]])) == [(2, 0.5), (1, pytest.approx(1 / 3)), (0, pytest.approx(1 / 6))]
