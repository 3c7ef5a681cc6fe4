"""Copies of an image are folded into it, and others are not."""

import cv2
import numpy as np
import pytest
import torch

from filterscope import demo, scan
from filterscope.scans.near_duplicates import Likeness
from nets import seeded

RNG = np.random.default_rng(0)
DATA = demo.fashion_test_data()


def jpeg(picture, quality=75):
    coded = cv2.imencode(".jpg", (picture * 255 + 0.5).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(coded, cv2.IMREAD_UNCHANGED).astype(np.float32) / 255


def resized(picture, scale, how=cv2.INTER_LINEAR):
    side = [round(length * scale) for length in picture.shape[1::-1]]
    return cv2.resize(picture, side, interpolation=how).clip(0, 1)


COPIES = {
    "the same": lambda picture: picture,
    "darker": lambda picture: (picture * 255 * 0.85).round() / 255,
    "a third as bright": lambda picture: (picture * 255 / 3).round() / 255,
    "brighter": lambda picture: (picture + 0.1).clip(0, 1),
    "compressed": jpeg,
    "compressed more": lambda picture: jpeg(picture, 50),
    "noisy": lambda picture: (picture + RNG.normal(0, 0.02, picture.shape)).clip(0, 1).astype(np.float32),
    "twice as large": lambda picture: resized(picture, 2),
    "three times as large": lambda picture: resized(picture, 3, cv2.INTER_CUBIC),
    "smaller": lambda picture: resized(picture, 5 / 7, cv2.INTER_AREA),
}


def pictures_of(indices):
    return [DATA.images[index].astype(np.float32) / 255 for index in indices]


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_copies_are_nearly_the_same(copy):
    assert all(Likeness.of(each).is_nearly(Likeness.of(copy(each))) for each in pictures_of(range(0, 10_000, 200)))


def test_copies_that_a_data_set_has_of_its_own_are_found():
    for a, b in ((802, 9921), (2115, 4926), (2712, 8444)):  # a bag and trousers, photographed or saved twice
        one, other = map(Likeness.of, pictures_of((a, b)))
        assert one.is_nearly(other), (a, b)


def test_different_images_are_not():
    likenesses = [Likeness.of(each) for each in pictures_of(range(600))]
    assert not any(likenesses[a].is_nearly(likenesses[b]) for a in range(600) for b in range(a))
    # T-shirts, a pair of trousers and shoes that are alike, and not the same.
    for a, b in ((2, 759), (125, 464), (260, 1463), (274, 1393), (402, 862)):
        one, other = map(Likeness.of, pictures_of((a, b)))
        assert not one.is_nearly(other), (a, b)
    random_colours = [Likeness.of(np.random.default_rng(seed).random((20, 30, 3), np.float32)) for seed in range(40)]
    assert not any(random_colours[a].is_nearly(random_colours[b]) for a in range(40) for b in range(a))


def cloud(seed):
    """A picture with the frequencies of a photograph, in colour."""
    rng = np.random.default_rng(seed)
    across = np.fft.fftfreq(48)
    waves = np.fft.fft2(rng.normal(size=(48, 48))) / (np.hypot(across[:, None], across) + 0.01)
    gray = np.fft.ifft2(waves).real
    gray = (gray - gray.min()) / np.ptp(gray)
    return (0.8 * gray[..., None] + 0.2 * rng.random(3)).astype(np.float32)


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_copies_of_coloured_pictures_are_nearly_the_same_and_others_are_not(copy):
    pictures = [cloud(seed) for seed in range(50)]
    copies = [Likeness.of(copy(picture)) for picture in pictures]
    for at, picture in enumerate(pictures):
        likeness = Likeness.of(picture)
        assert [likeness.is_nearly(other) for other in copies] == [at == other for other in range(50)]


def test_images_of_one_value_are_the_same_where_the_value_is():
    black, gray, dark = (Likeness.of(np.full((9, 9), value, np.float32)) for value in (0, 0.5, 0.01))
    assert black.is_nearly(dark) and not black.is_nearly(gray)
    assert not black.is_nearly(Likeness.of(DATA.images[0].astype(np.float32) / 255))


class OfAnySize(torch.nn.Module):
    """Takes images of any size."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 4, 3)

    def forward(self, image):
        return torch.relu(self.conv(image))


def as_image(picture):
    return torch.from_numpy(np.ascontiguousarray(picture, np.float32))[None]


@pytest.mark.parametrize("name", [name for name in COPIES if name != "the same"])
def test_fifty_planted_copies_are_folded_into_their_originals_and_nothing_else_is(name):
    originals = pictures_of(range(0, 4000, 80))
    data = [as_image(picture) for picture in [*originals, *map(COPIES[name], originals)]]
    found = scan(seeded(OfAnySize).eval(), data, progress=False)
    for number in range(4):
        everything = found.top(0, number, 100)
        folded = everything.fold()
        assert len(folded) == 50 and (folded.copies == 2).all()
        assert sorted(image % 50 for image in folded.images.tolist()) == list(range(50))
        place = {image: at for at, image in enumerate(everything.images.tolist())}
        places = [place[image] for image in folded.images.tolist()]
        assert places == sorted(places)  # the first of each pair is kept, in order
        assert all(place[image] < place[(image + 50) % 100] for image in folded.images.tolist())


def test_what_is_folded_has_crops_and_can_be_folded_and_cut_again():
    originals = pictures_of(range(0, 1600, 80))
    data = [as_image(picture) for picture in [*originals, *map(jpeg, originals), *map(COPIES["darker"], originals)]]
    folded = scan(seeded(OfAnySize).eval(), data, progress=False).top(0, 0, 60).fold()
    assert folded.copies.tolist() == [3] * 20 and [record.copies for record in folded] == [3] * 20
    assert (np.diff(folded.values) <= 0).all()
    assert [crop.image for crop in folded.crops()] == folded.images.tolist()
    again = folded.fold()
    assert again.images.tolist() == folded.images.tolist() and again.copies.tolist() == [3] * 20
    assert folded[:5].copies.tolist() == [3] * 5 and len(folded[:5].fold()) == 5
