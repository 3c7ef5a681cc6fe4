"""Normalize is found wherever it is, undone to float32 rounding, and where it is not certain, that is said."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset
from torchvision import transforms as v1
from torchvision.models import ResNet18_Weights
from torchvision.transforms import functional, v2

from filterscope.data.normalize import find_normalize
from filterscope.data.source import SampleSource
from nets import images

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
OTHER = v1.Normalize([0.1, 0.2, 0.3], [1, 2, 3])
PLAIN = images(4, 3, 6, 7)


class Raw(Dataset):
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        for name in ("transform", "transforms", "augment"):
            if getattr(self, name, None) is not None:
                return getattr(self, name)(PLAIN[index])
        return PLAIN[index]


def found(data, index=0, more=None):
    finding = find_normalize(data, index, more)
    return finding.normalize and (finding.normalize.mean.tolist(), finding.normalize.std.tolist())


EXPECTED = (np.float32(MEAN).tolist(), np.float32(STD).tolist())


class Own(nn.Module):
    """A transform of one's own that holds others."""

    def __init__(self):
        super().__init__()
        self.flip = v2.RandomHorizontalFlip(p=0)
        self.normalize = v2.Normalize(MEAN, STD)

    def forward(self, image):
        return self.normalize(self.flip(image))


class Call:
    """The same, as a plain class."""

    def __init__(self):
        self.inner = v1.Compose([v1.Normalize(MEAN, STD)])

    def __call__(self, image):
        return self.inner(image)


TRANSFORMS = {
    "v1": v1.Normalize(MEAN, STD),
    "v2": v2.Normalize(MEAN, STD),
    "v1 Compose": v1.Compose([v1.Lambda(lambda x: x), v1.Normalize(MEAN, STD), v1.RandomErasing(p=0)]),
    "nested": v2.Compose([v2.Identity(), v2.Compose([v1.Compose([v2.Normalize(MEAN, STD)])])]),
    "Sequential": nn.Sequential(nn.Identity(), v1.Normalize(MEAN, STD)),
    "RandomApply always": v1.RandomApply([v1.Normalize(MEAN, STD)], p=1.0),
    "RandomOrder": v2.RandomOrder([v2.Identity(), v2.Normalize(MEAN, STD)]),
    "RandomChoice of the same": v1.RandomChoice([v1.Normalize(MEAN, STD), v2.Normalize(MEAN, STD)]),
    "a tensor's mean": v1.Normalize(torch.tensor(MEAN), torch.tensor(STD)),
    "a preset": ResNet18_Weights.DEFAULT.transforms(),
    "partial": partial(functional.normalize, mean=MEAN, std=STD),
    "a module of one's own": Own(),
    "a class of one's own": Call(),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_it_is_found(name):
    transform = TRANSFORMS[name]
    assert found(Raw(transform=transform)) == EXPECTED
    assert found(Raw(transforms=transform)) == EXPECTED
    assert found(Raw(augment=transform)) == EXPECTED
    assert found(Raw(), more=transform) == EXPECTED
    assert found(DataLoader(Subset(ConcatDataset([Raw(), Raw(transform=transform)]), [0, 6])).dataset, 1) == EXPECTED
    assert found(ConcatDataset([Raw(transform=transform), Raw()]), 4) is None
    if name != "a preset":
        shown = SampleSource(Raw(transform=transform)).read(2)
        np.testing.assert_allclose(shown.display, np.moveaxis(PLAIN[2].numpy(), 0, -1), atol=1e-6)
        assert shown.note == "Normalize undone."


def test_undone_is_image_times_std_plus_mean_to_the_bit():
    sample = SampleSource(Raw(transform=TRANSFORMS["v1"])).read(1)
    undone = sample.image * np.float32(STD)[:, None, None] + np.float32(MEAN)[:, None, None]
    assert np.array_equal(sample.display, np.moveaxis(undone, 0, -1).clip(0, 1))


def test_each_part_of_a_concat_has_its_own():
    data = ConcatDataset([Raw(transform=v1.Normalize(MEAN, STD)), Raw(), Raw(transform=OTHER)])
    source = SampleSource(Subset(data, [9, 4, 0]))
    for index, plain in enumerate([PLAIN[1], PLAIN[0], PLAIN[0]]):
        np.testing.assert_allclose(source.read(index).display, np.moveaxis(plain.numpy(), 0, -1), atol=1e-6)


def test_two_in_a_row_are_both_undone():
    source = SampleSource(Raw(transform=v1.Compose([OTHER, v1.Normalize(MEAN, STD)])), transform=OTHER)
    np.testing.assert_allclose(source.read(0).display, np.moveaxis(PLAIN[0].numpy(), 0, -1), atol=1e-5)


def test_given_mean_and_std_win():
    source = SampleSource(Raw(transform=v1.Normalize(MEAN, STD)), mean=0.5, std=0.5)
    sample = source.read(0)
    np.testing.assert_allclose(sample.display, np.moveaxis(sample.image, 0, -1).clip(-1, 1) * 0.5 + 0.5, atol=1e-6)


def test_one_number_for_all_channels():
    sample = SampleSource(Raw(transform=v1.Normalize((0.5,), (0.25,)))).read(0)
    np.testing.assert_allclose(sample.display, np.moveaxis(PLAIN[0].numpy(), 0, -1), atol=1e-6)


def test_what_is_applied_at_random_is_said_to_be():
    source = SampleSource(Raw(transform=v1.RandomApply([v1.Normalize(MEAN, STD)], p=0.25)))
    assert "It is applied at random (p=0.25), so perhaps not to this image." in source.read(0).note


def test_of_several_that_differ_none_is_undone():
    for data in (
        Raw(transform=v1.RandomChoice([v1.Normalize(MEAN, STD), OTHER])),
        Raw(train=OTHER, test=v1.Normalize(MEAN, STD)),
    ):
        assert found(data) is None
        assert "say which by mean= and std=" in SampleSource(data).read(0).note


def test_caffes_numbers_are_for_bytes():
    class Bytes(Raw):
        def __getitem__(self, index):
            return self.transform(PLAIN[index] * 255)

    sample = SampleSource(Bytes(transform=v1.Normalize([123.7, 116.8, 103.9], [1, 1, 1]))).read(0)
    np.testing.assert_allclose(sample.display, np.moveaxis(PLAIN[0].numpy(), 0, -1), atol=1e-5)
    assert "for values 0 … 255" in sample.note and (sample.low, sample.high) == (0, 255)


def test_of_what_was_no_colour_the_range_is_said():
    class Hounsfield(Raw):
        def __getitem__(self, index):
            return self.transform(PLAIN[index, :1] * 2000 - 1000)

    sample = SampleSource(Hounsfield(transform=v1.Normalize([-500.0], [300.0]))).read(0)
    plain = PLAIN[0, 0].numpy()
    expected = (plain - plain.min()) / (plain.max() - plain.min())
    np.testing.assert_allclose(sample.display, expected, atol=1e-5)
    assert sample.note.startswith("Normalize undone. Drawn from −") and sample.low < -900


def test_one_that_does_not_fit_the_image_is_left_alone():
    class Gray(Raw):
        def __getitem__(self, index):
            return super().__getitem__(index)[:1]

    sample = SampleSource(Gray(transform=OTHER)).read(0)
    assert "Its Normalize has 3 numbers for 1 channels: not undone." in sample.note


@pytest.mark.parametrize(
    "data",
    [
        Raw(transform=v2.Compose([v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32)])),
        Raw(transform=lambda image: (image - 0.5) / 0.5),
        Raw(note=3, path="x"),
        [1, 2],
        PLAIN,
        None,
    ],
    ids=["v2", "lambda", "plain", "list", "tensor", "None"],
)
def test_where_there_is_none_none_is_found(data):
    assert found(data) is None


def test_a_transform_that_holds_itself_is_no_endless_search():
    loop = Call()
    loop.inner = loop
    assert found(Raw(transform=loop)) is None
