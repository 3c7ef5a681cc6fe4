"""Overlap of filters' maps with masks, against thresholds and pixels counted one by one."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from filterscope import load_scan, scan
from nets import TwoConvs, images, seeded
from scan_cases import Signals, pixels, small_data, small_net


def net_and_data(count=30):
    net, data = seeded(TwoConvs).eval(), images(count, 1, 12, 12)
    masks = (data[:, 0] * 3).long()
    masks[:, 0] = 255
    return net, data, masks


def by_hand(net, data, masks, quantile):
    """IoU and chance of each filter and mask class, by layer."""
    with torch.no_grad():
        one = F.relu(net.conv1(data))
        two = F.relu(net.conv2(F.max_pool2d(one, 2)))
    result = []
    for maps in (one, two):
        flat = maps.transpose(0, 1).flatten(1)
        kept = max(1, int(flat.shape[1] * quantile))
        thresholds = flat.sort(1, descending=True)[0][:, kept]
        on = F.interpolate(maps, size=masks.shape[1:], mode="bilinear", align_corners=False) > thresholds[:, None, None]
        known = masks != 255
        for number in range(maps.shape[1]):
            for name in (0, 1, 2):
                pairs = []
                for fires, mask, seen in (
                    (on[:, number], masks, known),
                    (on[1:, number], masks[:-1], known[:-1]),
                ):
                    both = (fires & (mask == name)).sum().item()
                    either = ((fires & seen) | (mask == name)).sum().item()
                    pairs.append(both / either)
                result.append(pairs)
    return np.array(result).reshape(10, 3, 2)


@pytest.mark.parametrize("quantile", [0.005, 0.2])
def test_it_is_what_counting_gives(quantile):
    net, data, masks = net_and_data()
    found = scan(net, data, progress=False)
    expected = by_hand(net, data, masks, quantile)
    overlaps = found.overlaps(masks, quantile=quantile, progress=False)
    assert [(each.layer, each.filter) for each in overlaps][3:5] == [("conv1", 3), ("conv2", 0)]
    for overlap, of_filter in zip(overlaps, expected, strict=True):
        if overlap.mask is None:  # it fires nowhere
            assert not of_filter[:, 0].any()
            continue
        assert list(overlap.by_mask) == [0, 1, 2]
        np.testing.assert_allclose(list(overlap.by_mask.values()), of_filter[:, 0], atol=1e-3)
        assert overlap.iou == max(overlap.by_mask.values()) == overlap.by_mask[overlap.mask]
        assert overlap.chance == pytest.approx(of_filter[overlap.mask, 1], abs=1e-3)


def test_a_planted_detector_overlaps_with_its_own_class():
    net = seeded(TwoConvs).eval()
    with torch.no_grad():
        net.conv1.weight[0], net.conv1.bias[0] = 1.0, 0.0
    data, masks = torch.zeros(40, 1, 16, 16), torch.zeros(40, 16, 16, dtype=torch.uint8)
    for index in range(40):
        row, column = (index * 5) % 12, (index * 7) % 12
        data[index, 0, row : row + 4, column : column + 4] = 1
        masks[index, row : row + 4, column : column + 4] = 7
    overlap = scan(net, data, progress=False).overlaps(list(masks.numpy()), quantile=0.03, progress=False)[0]
    assert overlap.mask == 7 and overlap.iou > 0.2 > 3 * overlap.chance
    assert (
        overlap.sentence
        == f"overlaps most with mask 7: IoU {overlap.iou:.2f}, {overlap.chance:.2f} in other images' masks"
    )


def test_only_images_of_the_scan_are_looked_at():
    net, data, masks = net_and_data()
    part = scan(net, data, images=range(10, 20), progress=False).overlaps(masks, progress=False)
    alone = scan(net, data[10:20], progress=False).overlaps(masks[10:20], progress=False)
    assert [each.by_mask for each in part] == [each.by_mask for each in alone]


def test_masks_of_another_size_and_shape_are_taken():
    net, data, masks = net_and_data(12)
    found = scan(net, data, progress=False)
    plain = found.overlaps(masks, progress=False)
    assert found.overlaps(masks[:, None], progress=False) == plain
    assert found.overlaps(masks.numpy().astype(np.int16), progress=False) == plain
    assert len(found.overlaps(masks.repeat_interleave(2, 1).repeat_interleave(2, 2), progress=False)) == 10


def test_pixels_of_no_class_are_left_out():
    net, data, _ = net_and_data(12)
    found = scan(net, data, progress=False)
    nothing = found.overlaps(np.full((12, 12, 12), -1), progress=False)
    assert {each.sentence for each in nothing} == {"can't tell: no mask class was seen"}
    with_all = found.overlaps(np.full((12, 12, 12), 255), ignore=None, progress=False)
    assert {each.mask for each in with_all} <= {255, None}


@pytest.mark.parametrize(
    ("masks", "error", "sentence"),
    [
        ("masks.png", TypeError, "masks is a str; give one integer mask for each image of the data set"),
        (3, TypeError, "masks is .*; give one integer mask"),
        (
            [np.zeros((12, 12), int)] * 3,
            ValueError,
            "masks has 3 masks, and image 29 was scanned; give one integer mask",
        ),
        (
            np.zeros((30, 12, 12)),
            ValueError,
            r"the mask of image 0 is float64 of shape \(12, 12\); give one integer mask",
        ),
        (np.zeros((30, 5), int), ValueError, r"the mask of image 0 is int64 of shape \(5,\); give one integer mask"),
    ],
)
def test_bad_masks_are_refused_by_a_sentence(masks, error, sentence):
    net, data, _ = net_and_data()
    with pytest.raises(error, match=sentence):
        scan(net, data, progress=False).overlaps(masks, progress=False)


def test_what_cannot_be_is_refused_by_a_sentence(tmp_path):
    net, data, masks = net_and_data(12)
    found = scan(net, data, progress=False)
    for quantile in (0, 1, True, "top"):
        with pytest.raises(ValueError, match=r"quantile is .*; give a share above 0 and below 1, as 0\.005"):
            found.overlaps(masks, quantile=quantile, progress=False)
    found.save(tmp_path / "scan.npz")
    with pytest.raises(ValueError, match=r"loaded without its net and data set.*load_scan\(path, net, data\)"):
        load_scan(tmp_path / "scan.npz").overlaps(masks, progress=False)
    signals = scan(seeded(Signals), pixels(10, 2, 31), progress=False)
    with pytest.raises(ValueError, match="the maps of one have 1 axes; masks are for images and maps of rows"):
        signals.overlaps(masks, progress=False)
    assert scan(small_net(), small_data(), progress=False).overlaps(np.zeros((60, 12, 12), int), progress=False)
