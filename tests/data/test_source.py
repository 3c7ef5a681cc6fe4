"""Samples from what people have, and a sentence for what is not an image."""

import copy
import random

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision.datasets import FakeData
from torchvision.transforms import Normalize, ToTensor

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.errors import SampleError
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
    expected = [None if one is None else one if isinstance(one, str) else int(one) for one in labels]
    assert [source.read(index).label for index in range(4)] == expected
    assert np.array_equal(source.read(3).image, batch[3].numpy())


def test_one_image_and_its_label():
    for one in (images(3, 5, 6), images(3, 5, 6).numpy(), Image.fromarray(PIXELS)):
        source = SampleSource((one, 3), inputs=[(2, 3)])
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
        found = SampleSource([(images(1, 4, 4), label)]).read(0).label
        assert (found, type(found)) == (plain, type(plain))


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


@pytest.mark.parametrize(
    ("layout", "axes"), [("HWC", (1, 2, 0)), ("NHWC", (1, 2, 0)), ("CHW", (0, 1, 2)), (None, (0, 1, 2))]
)
def test_layout_overrides_the_guess(layout, axes):
    image = np.arange(36, dtype=np.float32).reshape(3, 3, 4) / 36  # three rows or three channels: not clear
    given = np.ascontiguousarray(image.transpose(axes))
    assert np.array_equal(SampleSource([given], layout=layout).read(0).image, image)


def test_every_byte_becomes_the_float_that_totensor_makes_of_it():
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(SampleSource([every]).read(0).image, ToTensor()(every).numpy())


def test_display_undoes_normalize():
    plain = images(3, 5, 6).numpy()
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    normal = (plain - np.float32(mean)[:, None, None]) / np.float32(std)[:, None, None]
    sample = SampleSource([normal], mean=mean, std=std).read(0)
    np.testing.assert_allclose(sample.display, np.moveaxis(plain, 0, -1), atol=1e-6)
    assert sample.note == "Normalize undone."
    assert np.array_equal(sample.image, normal)


def test_display_maps_the_values_it_states():
    image = np.float32([[[-2, 0], [1, 2]]])
    sample = SampleSource([image]).read(0)
    assert (sample.low, sample.high) == (-2, 2)
    np.testing.assert_array_equal(sample.display, [[0, 0.5], [0.75, 1]])
    inside = SampleSource([image[:, 1:] / 4]).read(0)
    assert (inside.low, inside.high) == (0, 1)
    np.testing.assert_array_equal(inside.display, [[0.25, 0.5]])


def test_display_of_what_is_not_finite_stays_in_range():
    sample = SampleSource([np.float32([[[np.nan, np.inf], [0.5, -np.inf]]])]).read(0)
    np.testing.assert_array_equal(sample.display, [[0, 1], [0.5, 0]])
    assert np.isnan(sample.image[0, 0, 0])


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
    ("data", "error", "sentence"),
    [
        ([], ValueError, r"the data set \(list\) is empty; give one with at least one image"),
        (torch.zeros(0, 1, 4, 4), ValueError, r"\(Tensor\) is empty"),
        (42, TypeError, "the data set is an int; expected something that gives image i as data"),
        ({"image": 1}, TypeError, "the data set is a dict of 'image'; give one part, such as data"),
        (iter([1]), TypeError, "is a list_iterator, which can be read only once"),
    ],
)
def test_what_is_no_data_set(data, error, sentence):
    with pytest.raises(error, match=sentence):
        SampleSource(data)


class Raises(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise OSError("truncated file")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (["a cat"], r"sample 0: it is str 'a cat', not an image; expected a tensor, an array or a PIL image"),
        (["a.png"], r"sample 0: the file a.png cannot be read: \[Errno 2\] No such file"),
        ([None], "sample 0: it is NoneType None, not an image"),
        ([(1, 2)], "it is int 1, not an image"),
        ([()], r"it is tuple \(\), not an image"),
        ([torch.zeros(4)], r"it has shape \(4,\); expected an image"),
        ([torch.zeros(2, 3, 4, 4)], r"it has shape \(2, 3, 4, 4\)"),
        ([torch.zeros(1, 0, 4)], r"it has shape \(1, 0, 4\): no pixels"),
        ([torch.zeros(1, 4, 4, dtype=torch.int64)], "its values are int64; expected floats, or uint8"),
        ([np.zeros((1, 4, 4), complex)], "its values are complex128"),
        (Raises(), "sample 0: the data set raised OSError: truncated file"),
    ],
)
def test_a_sample_that_is_no_image(data, sentence):
    with pytest.raises(SampleError, match=sentence) as caught:
        SampleSource(data).read(0)
    assert caught.value.index == 0 and caught.value.cause in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"transform": 3}, TypeError, "transform is an int; give a function of one image"),
        ({"mean": 0.5}, ValueError, "mean and std are given together"),
        ({"mean": 0.5, "std": 0}, ValueError, "std is 0; give a number, or one for each channel, above 0"),
        ({"layout": "WHC"}, ValueError, "layout is 'WHC'; choose 'CHW', 'HWC', 'NCHW', 'NHWC', 'NHW' or None"),
        ({"classes": "cat"}, TypeError, "classes is str 'cat'; give a list of names"),
        ({"classes": 3}, TypeError, "classes is int 3"),
    ],
)
def test_options_that_do_not_fit(options, error, sentence):
    with pytest.raises(error, match=sentence):
        SampleSource([images(1, 4, 4)], **options)


def test_mean_of_another_number_of_channels():
    with pytest.raises(SampleError, match="mean has 2 numbers, the image 3 channels"):
        SampleSource([images(3, 4, 4)], mean=[0, 0], std=[1, 1]).read(0)


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
    assert all(np.array_equal(np.asarray(one), np.asarray(other)) for one, other in zip(data, before, strict=True))


def test_a_raising_transform_is_named():
    with pytest.raises(SampleError, match="the transform raised ZeroDivisionError"):
        SampleSource([images(1, 4, 4)], transform=lambda image: 1 / 0).read(0)


@pytest.mark.parametrize(
    ("rank", "shape", "sentence"),
    [
        (1, (2, 3, 4, 4), r"expected an image \(L\) or \(C, L\)"),
        (3, (4, 4), r"expected an image \(D, H, W\) or \(C, D, H, W\)"),
    ],
)
def test_a_sample_of_another_rank_says_which_axes_are_expected(rank, shape, sentence):
    with pytest.raises(SampleError, match=sentence):
        SampleSource([torch.zeros(shape)], inputs=[(rank, None)]).read(0)


def test_signals_and_volumes_with_and_without_channels():
    assert SampleSource([torch.zeros(9)], inputs=[(1, None)]).read(0).image.shape == (1, 9)
    assert SampleSource([torch.zeros(4, 5, 6)], inputs=[(3, None)]).read(0).image.shape == (1, 4, 5, 6)
    sample = SampleSource([images(3, 9)], inputs=[(1, None)], mean=[0.5, 0.5, 0.5], std=[2, 2, 2]).read(0)
    np.testing.assert_allclose(sample.display, np.clip(images(3, 9).numpy() * 2 + 0.5, 0, 1), atol=1e-6)


class Draws(Dataset):
    """Gives another image each time, drawn from one of the three generators."""

    def __init__(self, draw, chance=1.0):
        self.draw, self.chance = draw, chance

    def __len__(self):
        return 30

    def __getitem__(self, index):
        drawn = self.draw()
        return torch.full((1, 4, 4), drawn if drawn < self.chance else 1.0)


@pytest.mark.parametrize("draw", [lambda: torch.rand(()).item(), random.random, lambda: np.random.random()])
def test_a_random_data_set_is_noticed_and_the_users_random_numbers_stay(draw):
    engine = Engine(nn.Conv2d(1, 1, 3), SampleSource(Draws(draw)))
    before = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()]
    first = engine.sample(3).image
    assert engine.source.random
    assert engine.source.note == "This data set is random: read again, it gives another image. What is shown stays."
    assert np.array_equal(engine.sample(3).image, first)
    after = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1]]
    assert torch.equal(before[0], after[0]) and before[1] == after[1] and np.array_equal(before[2], after[2])


def test_a_data_set_that_seeds_with_the_index_is_not_random():
    data = FakeData(5, (1, 6, 6), 3, transform=ToTensor())
    engine = Engine(nn.Conv2d(1, 1, 3), SampleSource(data))
    for index in (0, 3, 0, 2):
        assert np.array_equal(engine.read(index).image, data[index][0].numpy())
    assert not engine.source.random


def test_a_coin_that_is_tossed_is_noticed_mostly_at_once():
    class Coin(Draws):
        def __getitem__(self, index):
            return torch.full((1, 4, 4), float(torch.rand(()) < 0.5))

    noticed = 0
    with torch.random.fork_rng():
        for seed in range(20):
            torch.manual_seed(seed)  # where the explorer's own random numbers begin
            noticed += Engine(nn.Conv2d(1, 1, 3), SampleSource(Coin(None))).source.random
    assert noticed > 10


def test_a_data_set_that_is_not_random_is_not_said_to_be():
    source = SampleSource(images(5, 1, 4, 4))
    for index in (0, 1, 0, 4, 1):
        source.read(index)
    assert not source.random and source.note == ""


def test_a_sample_that_differs_when_it_is_needed_again_is_noticed_too():
    data = images(5, 1, 4, 4).clone()
    source = SampleSource(data)
    source.read(0), source.read(3)
    data[3] += 1
    source.read(3)
    assert source.random
    source.measure()  # the user said that it changed
    assert not source.random


def test_measure_after_a_list_grew():
    data = [images(1, 4, 4)]
    source = SampleSource(data)
    data.append(images(1, 4, 4))
    source.measure()
    assert len(source) == 2


@pytest.mark.parametrize(
    ("shape", "channels", "layout", "count", "first"),
    [
        ((5, 3, 6, 7), 3, None, 5, (3, 6, 7)),
        ((5, 6, 7, 3), 3, None, 5, (3, 6, 7)),
        ((3, 3, 6, 3), 3, None, 3, (3, 6, 3)),  # both: torch's order
        ((5, 24, 6, 7), 24, None, 5, (24, 6, 7)),
        ((5, 6, 7, 24), 24, None, 5, (24, 6, 7)),
        ((5, 6, 7, 2), None, "NHWC", 5, (2, 6, 7)),
        ((3, 6, 7), 3, None, 1, (3, 6, 7)),
        ((6, 7, 3), 3, None, 1, (3, 6, 7)),
        ((5, 6, 7), 3, None, 5, (1, 6, 7)),
        ((1, 6, 7), 1, None, 1, (1, 6, 7)),
        ((6, 7, 1), 1, None, 1, (1, 6, 7)),
        ((5, 6, 7), 1, None, 5, (1, 6, 7)),
        ((3, 6, 7), 3, "NHW", 3, (1, 6, 7)),
        ((5, 6, 7), 3, "CHW", 1, (5, 6, 7)),
        ((6, 7), 1, None, 1, (1, 6, 7)),
    ],
)
@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_which_axis_is_which(shape, channels, layout, count, first, library):
    data = images(*shape) if library == "torch" else images(*shape).numpy()
    source = SampleSource(data, inputs=[(2, channels)], layout=layout)
    assert len(source) == count
    image = source.read(count - 1).image
    assert image.shape == first
    whole = np.asarray(data).reshape(-1)
    assert np.isin(image, whole).all() and image.size * count == whole.size


@pytest.mark.parametrize(
    ("shape", "layout", "count"),
    [
        ((3, 3, 6, 7), None, 3),
        ((3, 6, 7, 3), None, 3),
        ((3, 3, 6, 7), "NCHW", 3),
        ((3, 6, 7, 3), "NHWC", 3),
        ((3, 6, 7, 5), None, 1),
        ((3, 3, 7, 3), "NCHW", 3),
        ((3, 3, 7, 3), "NHWC", 3),
        ((5, 3, 6, 7), None, 5),
    ],
)
def test_stills_and_clips_for_a_net_of_clips(shape, layout, count):
    data = images(*shape).numpy()
    source = SampleSource(data, inputs=[(3, 3)], layout=layout)
    assert len(source) == count
    image = source.read(0).image
    if count == 1:
        assert np.array_equal(image, data)
    else:
        last = layout == "NHWC" or (shape[1] != 3 and shape[-1] == 3)
        still = np.moveaxis(data[0], -1, 0) if last else data[0]
        assert np.array_equal(image, np.repeat(still[:, None], 16, 1))


def test_a_layout_after_a_transform_is_that_of_what_the_transform_gives():
    data = np.arange(5 * 3 * 3 * 3, dtype=np.float32).reshape(5, 3, 3, 3)
    same = SampleSource(data, layout="NHWC", transform=lambda image: image * 2).read(1).image
    assert np.array_equal(same, data[1].transpose(2, 0, 1) * 2)
    turned = SampleSource(data, layout="NHWC", transform=lambda image: torch.from_numpy(image.transpose(2, 0, 1))).read(
        1
    )
    assert np.array_equal(turned.image, data[1].transpose(2, 0, 1))
