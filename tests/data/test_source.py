"""Samples from what people have: images, labels, class names and transforms."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision.transforms import Normalize, ToTensor

from filterscope.data.source import SampleSource
from nets import images


class Labelled(Dataset):
    classes = ("cat", "dog")

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


PIXELS = np.random.default_rng(0).integers(0, 256, (5, 6, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (images(3, 5, 6), images(3, 5, 6)),
        (images(3, 5, 6).numpy(), images(3, 5, 6)),
        (images(5, 6), images(5, 6)[None]),
        (images(3, 5, 6).double(), images(3, 5, 6)),
        (images(3, 5, 6).half(), images(3, 5, 6).half().float()),
        (PIXELS, ToTensor()(PIXELS)),
        (torch.from_numpy(PIXELS).permute(2, 0, 1), ToTensor()(PIXELS)),
        (Image.fromarray(PIXELS), ToTensor()(PIXELS)),
        (Image.fromarray(PIXELS[:, :, 0]), ToTensor()(PIXELS[:, :, 0])),
        (Image.fromarray(PIXELS).convert("CMYK"), ToTensor()(PIXELS)),
        (PIXELS[:, :, 0] > 100, torch.from_numpy(PIXELS[:, :, 0] > 100).float()[None]),
    ],
    ids=[
        "tensor",
        "array",
        "plane",
        "double",
        "half",
        "uint8-array",
        "uint8-tensor",
        "pil",
        "pil-gray",
        "pil-cmyk",
        "bool",
    ],
)
def test_an_image_in_any_of_its_forms(item, expected):
    sample = SampleSource([item]).read(0)
    assert sample.image.dtype == np.float32
    assert np.array_equal(sample.image, expected.numpy())
    assert sample.label is None


@pytest.mark.parametrize(
    "data",
    [
        TensorDataset(images(4, 1, 5, 6), torch.tensor([0, 1, 1, 0])),
        DataLoader(TensorDataset(images(4, 1, 5, 6), torch.tensor([0, 1, 1, 0])), batch_size=2, shuffle=True),
        [(image, int(label)) for image, label in zip(images(4, 1, 5, 6), [0, 1, 1, 0], strict=True)],
        [(image, np.int64(label)) for image, label in zip(images(4, 1, 5, 6).numpy(), [0, 1, 1, 0], strict=True)],
    ],
    ids=["TensorDataset", "DataLoader", "list", "numpy"],
)
def test_pairs_of_image_and_label_in_their_order(data):
    source = SampleSource(data, classes=["cat", "dog"])
    assert len(source) == 4
    for index, name in enumerate(["cat", "dog", "dog", "cat"]):
        sample = source.read(index)
        assert np.array_equal(sample.image, images(4, 1, 5, 6)[index].numpy())
        assert sample.label == name


@pytest.mark.parametrize(
    "labels",
    [[0, 1, 2, 3], range(4), list(np.arange(4)), list(torch.arange(4)), tuple("abcd"), [None] * 4, torch.arange(4)],
    ids=["ints", "range", "numpy", "torch", "names", "none", "tensor"],
)
@pytest.mark.parametrize("pair", [tuple, list])
@pytest.mark.parametrize("listed", [False, True])
def test_images_and_their_labels_side_by_side(labels, pair, listed):
    batch = images(4, 3, 5, 6)
    source = SampleSource(pair([list(batch) if listed else batch, labels]), inputs=[(2, 3)])
    assert len(source) == 4
    expected = [None if label is None else label if isinstance(label, str) else int(label) for label in labels]
    assert [source.read(index).label for index in range(4)] == expected
    assert np.array_equal(source.read(3).image, batch[3].numpy())


def test_one_image_and_its_label():
    for image in (images(3, 5, 6), images(3, 5, 6).numpy(), Image.fromarray(PIXELS)):
        source = SampleSource((image, 3), inputs=[(2, 3)])
        assert (len(source), source.read(0).label, source.read(0).image.shape) == (1, 3, (3, 5, 6))


def test_two_images_are_no_image_and_labels():
    for data in ([images(5, 6), images(5, 6)], (images(5, 6), images(5, 6)), [images(3, 5, 6), images(3, 5, 6)]):
        assert len(SampleSource(data, inputs=[(2, 3)])) == 2


def test_a_tuple_may_hold_the_image_alone_or_more_than_a_label():
    assert SampleSource(TensorDataset(images(2, 1, 4, 4))).read(1).label is None
    assert SampleSource([(images(1, 4, 4), 3, "path.png", {"box": 1})]).read(0).label == 3


def test_class_names_come_from_the_data_set_and_classes_overrides_them():
    items = Labelled([(images(1, 4, 4), 1), (images(1, 4, 4), 7), (images(1, 4, 4), "bird"), (images(1, 4, 4), None)])
    assert [SampleSource(items).read(i).label for i in range(4)] == ["dog", 7, "bird", None]
    assert SampleSource(items, classes=["a", "b"]).read(0).label == "b"


@pytest.mark.parametrize("label", [1.5, [1, 0, 1], [0, 0], torch.zeros(4, 4), torch.eye(2), {"box": 1}], ids=str)
def test_a_label_that_is_no_class_is_no_label_and_it_is_said(label):
    sample = SampleSource([(images(1, 4, 4), label)]).read(0)
    assert sample.label is None
    assert sample.note.endswith("is no class.")


def test_labels_of_other_kinds_become_plain_ones():
    for label, plain in [(True, 1), (np.str_("cat"), "cat"), (torch.tensor([2]), 2), (np.uint8(3), 3)]:
        read = SampleSource([(images(1, 4, 4), label)]).read(0).label
        assert (read, type(read)) == (plain, type(plain))


def test_class_names_that_the_data_set_holds_in_other_ways():
    class Holds(Labelled):
        def __init__(self, classes):
            super().__init__([(images(1, 4, 4), 1)])
            self.classes = classes

    assert SampleSource(Holds({0: "a", 1: "b"})).read(0).label == "b"
    assert SampleSource(Holds(10)).read(0).label == 1
    assert SampleSource(Holds("names")).read(0).label == 1


def test_transform_comes_before_anything_else():
    source = SampleSource([(Image.fromarray(PIXELS), 0)], transform=lambda image: ToTensor()(image) - 1)
    assert np.array_equal(source.read(0).image, (ToTensor()(PIXELS) - 1).numpy())


def test_every_byte_becomes_the_float_that_totensor_makes_of_it():
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(SampleSource([every]).read(0).image, ToTensor()(every).numpy())


def test_nothing_is_read_before_it_is_asked_for():
    read = []

    class Huge(Dataset):
        def __len__(self):
            return 10_000_000

        def __getitem__(self, index):
            read.append(index)
            return images(1, 4, 4)

    source = SampleSource(Huge())
    source.read(9_999_999)
    assert read == [9_999_999]


@pytest.mark.parametrize(
    ("data", "transform"),
    [
        (images(4, 3, 5, 6), lambda image: image.mul_(2)),
        (images(4, 3, 5, 6), Normalize(0.5, 0.5, inplace=True)),
        (images(4, 3, 5, 6).numpy(), lambda image: np.multiply(image, 2, out=image)),
        (np.stack([PIXELS] * 4), lambda image: np.add(image, 1, out=image)),
        ([Image.fromarray(PIXELS) for _ in range(4)], lambda image: image.paste(0, (0, 0, 3, 3)) or image),
    ],
    ids=["tensor", "Normalize", "array", "uint8-array", "pil"],
)
def test_a_transform_that_works_in_place_leaves_the_data_as_it_was(data, transform):
    before, source = copy.deepcopy(data), SampleSource(data, transform=transform)
    first = source.read(0).image
    assert np.array_equal(source.read(0).image, first) and not source.random
    assert not np.array_equal(first, SampleSource(data).read(0).image)
    assert all(np.array_equal(np.asarray(now), np.asarray(other)) for now, other in zip(data, before, strict=True))


def test_measure_after_a_list_grew():
    data = [images(1, 4, 4)]
    source = SampleSource(data)
    data.append(images(1, 4, 4))
    source.measure()
    assert len(source) == 2
