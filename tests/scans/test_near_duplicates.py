"""Copies of an image are folded into it, and others are not."""

import cv2
import numpy as np
import pytest
import torch

from filterscope import demo, scan
from filterscope.scans.near_duplicates import Likeness

RNG = np.random.default_rng(0)
DATA = demo.fashion_test_data()


def jpeg(picture, quality=75):
    coded = cv2.imencode(".jpg", (picture * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255


COPIES = {
    "the same": lambda picture: picture,
    "darker": lambda picture: picture * 0.85,
    "compressed": jpeg,
    "noisy": lambda picture: (picture + RNG.normal(0, 0.02, picture.shape)).clip(0, 1).astype(np.float32),
    "larger": lambda picture: cv2.resize(picture, (56, 56), interpolation=cv2.INTER_LINEAR),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_copies_are_nearly_the_same(copy):
    pictures = [DATA.images[index].astype(np.float32) / 255 for index in range(0, 10_000, 200)]
    assert all(Likeness.of(picture).is_nearly(Likeness.of(copy(picture))) for picture in pictures)


def test_different_images_are_not():
    likenesses = [Likeness.of(DATA.images[index].astype(np.float32) / 255) for index in range(400)]
    pairs = [(a, b) for a in range(400) for b in range(a)]
    assert sum(likenesses[a].is_nearly(likenesses[b]) for a, b in pairs) <= 8  # of 79,800 pairs
    random_colours = [Likeness.of(np.random.default_rng(seed).random((20, 30, 3), np.float32)) for seed in range(40)]
    assert not any(random_colours[a].is_nearly(random_colours[b]) for a in range(40) for b in range(a))


def test_images_of_one_value_are_the_same_where_the_value_is():
    black, gray, dark = (Likeness.of(np.full((9, 9), value, np.float32)) for value in (0, 0.5, 0.01))
    assert black.is_nearly(dark) and not black.is_nearly(gray)
    assert not black.is_nearly(Likeness.of(DATA.images[0].astype(np.float32) / 255))


def test_fifty_planted_copies_are_folded_and_counted():
    net = demo.fashion_net()
    originals = [DATA[index] for index in range(0, 4000, 80)]
    copied = [
        (torch.from_numpy(np.ascontiguousarray(jpeg(image[0].numpy() * 0.95)))[None], label)
        for image, label in originals
    ]
    found = scan(net, originals + copied, progress=False)
    alone = scan(net, originals, progress=False)
    everything = found.top("conv1", 0, 100)
    folded = everything.fold()
    expected = alone.top("conv1", 0, 50).fold()
    assert len(folded) == len(expected) and folded.copies.sum() == 100
    assert {int(image) % 50 for image in folded.images} == {int(image) for image in expected.images}
    assert (everything.copies == 1).all() and (folded.copies >= 2).all()
    order = {int(image): place for place, image in enumerate(everything.images)}
    places = [order[int(image)] for image in folded.images]
    assert places == sorted(places) and (np.diff(folded.values) <= 0).all()
    crops = folded.crops()
    assert [crop.image for crop in crops] == folded.images.tolist()
