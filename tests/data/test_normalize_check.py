"""Normalize is said to be undone only where it is what happened to the image; the data set does not notice the look."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, Dataset, IterableDataset, Subset
from torchvision import transforms as v1
from torchvision.transforms import v2

from filterscope.data.source import SampleSource
from nets import images

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
FORWARD = v1.Normalize(MEAN, STD)
INVERSE = v1.Normalize([-m / s for m, s in zip(MEAN, STD, strict=True)], [1 / s for s in STD])
PLAIN = images(3, 3, 8, 9)
BYTES = (PLAIN.permute(0, 2, 3, 1) * 255).byte().numpy()
NONE_RAN = "No Normalize ran when this image was read"
CHANGED = "What comes behind its Normalize changes the values: not undone."
UNCHECKED = "whether it is what happened to this image could not be checked"


def picture(index=0):
    return np.moveaxis(PLAIN[index].numpy(), 0, -1)


class Data(Dataset):
    """Images made by a function of the data set and the index, beside any attributes."""

    def __init__(self, make, **attributes):
        self.make = make
        self.__dict__.update(attributes)

    def __len__(self):
        return len(PLAIN)

    def __getitem__(self, index):
        return self.make(self, index)


def transformed(data, index):
    return data.transform(PLAIN[index].clone())


def read(data, index=0, **options):
    return SampleSource(data, inputs=((2, 3),), **options).read(index)


class Both:
    """A transform that keeps the way back for plots."""

    def __init__(self, switched_on=True):
        self.forward, self.back, self.switched_on = FORWARD, INVERSE, switched_on

    def __call__(self, image):
        return self.forward(image) if self.switched_on else image


class AlbumentationsLike:
    """Called by a keyword, gives a dictionary, knows several ways to normalise, and is applied with a probability."""

    def __init__(self, normalization="standard", max_pixel_value=255.0, p=1.0):
        self.mean, self.std, self.max_pixel_value = MEAN, STD, max_pixel_value
        self.normalization, self.p = normalization, p

    def __call__(self, *, image, **others):
        image = image.astype(np.float32)
        if random.random() >= self.p:
            return {"image": image / 255, **others}
        if self.normalization == "standard":
            image = (image / self.max_pixel_value - np.float32(MEAN)) / np.float32(STD)
        elif self.normalization == "min_max":
            image = (image - image.min()) / np.ptp(image)
        else:
            image = (image - image.mean()) / image.std()
        return {"image": image, **others}


AlbumentationsLike.__name__ = "Normalize"


class Normalize:
    """Not what its name says."""

    def __init__(self):
        self.mean, self.std = MEAN, STD

    def __call__(self, image):
        return (image - 0.5) * torch.tensor(STD)[:, None, None]


class Resized:
    """Takes a picture of bytes and gives a smaller one, normalised."""

    def __init__(self, white=255):
        self.mean, self.std, self.white = MEAN, STD, white

    def __call__(self, image):
        return FORWARD(v1.functional.resize(image, [6, 6], antialias=True) / self.white)


Resized.__name__ = "Normalize"


class KorniaLike(nn.Module):
    """Takes batches, and keeps its numbers as flags of tensors."""

    def __init__(self):
        super().__init__()
        self.flags = {"mean": torch.tensor([MEAN]), "std": torch.tensor(STD)[:, None, None]}

    def forward(self, batch):
        return FORWARD(batch if batch.ndim == 4 else batch[None])


KorniaLike.__name__ = "Normalize"

UNDONE = {
    "of batches": Data(transformed, transform=nn.Sequential(KorniaLike(), nn.Flatten(0, 1))),
    "resized as well": Data(
        lambda data, index: data.transform(torch.from_numpy(BYTES[index]).permute(2, 0, 1)), transform=Resized()
    ),
    "an image of one value": Data(lambda data, index: data.transform(PLAIN[index] * 0 + 0.25), transform=FORWARD),
    "what follows moves pixels": Data(
        transformed, transform=v1.Compose([FORWARD, v1.RandomHorizontalFlip(1.0), v1.CenterCrop(6)])
    ),
    "what follows erases": Data(transformed, transform=v1.Compose([FORWARD, v1.RandomErasing(1.0, (0.02, 0.1))])),
    "what follows blurs": Data(transformed, transform=v2.Compose([FORWARD, v2.GaussianBlur(3)])),
    "what follows adds noise": Data(
        transformed, transform=v2.Compose([FORWARD, lambda image: image + 0.02 * torch.randn_like(image)])
    ),
    "what follows halves the precision": Data(transformed, transform=v2.Compose([FORWARD, v2.ToDtype(torch.float16)])),
    "in place": Data(transformed, transform=v1.Normalize(MEAN, STD, inplace=True)),
    "a flip between two": Data(
        transformed, transform=v1.Compose([v1.Normalize(0.5, 0.25), v1.RandomHorizontalFlip(1.0), FORWARD])
    ),
    "the inverse kept beside": Data(lambda data, index: data.tf(PLAIN[index]), tf=FORWARD, denorm=INVERSE),
    "the inverse kept in the transform": Data(transformed, transform=Both()),
    "one of two": Data(lambda data, index: data.val(PLAIN[index]), train=v1.Normalize(0.1, 2.0), val=FORWARD),
    "two views": Data(
        lambda data, index: (data.first(PLAIN[index]), data.second(PLAIN[index])),
        first=FORWARD,
        second=v1.Normalize(0.1, 2.0),
    ),
    "by a bound method": Data(
        lambda data, index: data.apply(PLAIN[index]), transform=FORWARD, apply=Both().__call__, kept=INVERSE
    ),
    "a part of a part": Subset(ConcatDataset([Data(transformed, transform=Both())]), [0, 2]),
}


@pytest.mark.parametrize("case", UNDONE)
def test_what_happened_to_the_image_is_undone(case):
    data = UNDONE[case]
    sample = read(data)
    assert "Normalize undone." in sample.note and UNCHECKED not in sample.note
    mean, std = np.float32(MEAN)[:, None, None], np.float32(STD)[:, None, None]
    undone = sample.image * std + mean
    if case == "a flip between two":
        undone = undone * 0.25 + 0.5
    np.testing.assert_allclose(sample.display, np.moveaxis(undone, 0, -1).clip(0, 1), atol=2e-6)


def test_bytes_that_are_divided_on_the_way():
    for maximum in (255.0, 1.0):
        step = AlbumentationsLike(max_pixel_value=maximum)
        sample = read(Data(lambda data, index: data.transform(image=BYTES[index])["image"], transform=step))
        assert sample.note.startswith("Its last axis is taken as the channels. Normalize undone")
        np.testing.assert_allclose(sample.display, BYTES[0] / 255, atol=1e-5)
        assert sample.high == (1 if maximum == 255 else 255)


@pytest.mark.parametrize("normalization", ["min_max", "image"])
def test_normalising_by_the_image_itself_is_not_undone(normalization):
    step = AlbumentationsLike(normalization)
    note = read(Data(lambda data, index: data.transform(image=BYTES[index])["image"], transform=step)).note
    assert "undone" not in note


def test_of_numbers_that_are_no_colours_the_range_is_drawn():
    depths = PLAIN[0] * 12 + 1
    sample = read(Data(lambda data, index: data.transform(depths), transform=v1.Normalize(0.5, 0.25)))
    assert sample.note.startswith("Normalize undone. Drawn from 1") and sample.high > 12
    least, most = float(depths.min()), float(depths.max())
    np.testing.assert_allclose(
        sample.display, np.moveaxis(((depths - least) / (most - least)).numpy(), 0, -1), atol=1e-5
    )


NOT_UNDONE = {
    "the inverse alone": (Data(lambda data, index: (PLAIN[index] - 0.5) / 0.5, denorm=INVERSE), NONE_RAN),
    "another one by hand": (Data(lambda data, index: PLAIN[index] * 2 - 1, transform=FORWARD), NONE_RAN),
    "switched off": (Data(transformed, transform=Both(switched_on=False)), NONE_RAN),
    "never applied": (Data(lambda data, index: PLAIN[index], transform=FORWARD), NONE_RAN),
    "kept images, never applied": (Data(lambda data, index: data.kept[index], kept=list(PLAIN), tf=FORWARD), NONE_RAN),
    "clamped": (Data(transformed, transform=v1.Compose([FORWARD, lambda image: image.clamp(0, 1)])), CHANGED),
    "squashed": (Data(transformed, transform=v1.Compose([FORWARD, torch.tanh])), CHANGED),
    "scaled by the data set": (
        Data(lambda data, index: data.transform(PLAIN[index]) * 2 - 1, transform=FORWARD),
        CHANGED,
    ),
    "resized and another formula": (
        Data(lambda data, index: data.transform(PLAIN[index]), transform=Resized()),
        "Its Normalize is not (x − mean) / std: not undone.",
    ),
    "another formula": (Data(transformed, transform=Normalize()), "Its Normalize is not (x − mean) / std: not undone."),
}


@pytest.mark.parametrize("case", NOT_UNDONE)
def test_what_did_not_happen_is_not_undone(case):
    data, sentence = NOT_UNDONE[case]
    sample = read(data)
    assert sentence in sample.note and "Normalize undone" not in sample.note
    image, low, high = np.moveaxis(sample.image, 0, -1), sample.low, sample.high
    np.testing.assert_allclose(sample.display, (image - low) / (high - low), atol=1e-6)


def test_one_that_is_never_applied_is_none_and_one_by_chance_is_said_to_be():
    def make(data, index):
        return data.transform(image=BYTES[index])["image"]

    assert "Normalize" not in read(Data(make, transform=AlbumentationsLike(p=0.0))).note
    notes = set()
    for seed in range(8):
        random.seed(seed)
        sample = read(Data(make, transform=AlbumentationsLike(p=0.5)))
        np.testing.assert_allclose(sample.display, BYTES[0] / 255, atol=1e-5)
        assert "applied at random (p=0.5)" in sample.note
        notes.add("Normalize undone" in sample.note)
    assert notes == {True, False}


def test_the_transform_keyword_is_checked_too():
    squashed = v1.Compose([FORWARD, torch.tanh])
    assert CHANGED in read(list(PLAIN), transform=squashed).note
    np.testing.assert_allclose(read(list(PLAIN), transform=FORWARD).display, picture(), atol=1e-6)


def test_a_data_set_that_keeps_its_samples_keeps_only_its_own():
    def make(data, index):
        data.calls.append(index)
        if index not in data.kept:
            data.kept[index] = data.transform(PLAIN[index])
        return data.kept[index]

    for behind in (v1.CenterCrop(6), torch.tanh):
        data = Data(make, kept={}, calls=[], transform=v1.Compose([FORWARD, behind]))
        note = read(data).note
        assert list(data.kept) == [0] and data.calls == [0]
        assert torch.equal(data.kept[0], behind(FORWARD(PLAIN[0])))
        assert ("Normalize undone." in note) is (behind is not torch.tanh) or UNCHECKED in note


def test_the_data_set_is_as_it_was():
    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.runs = FORWARD, 0

        def forward(self, image):
            self.runs += 1
            return self.norm(image)

    def make(data, index):
        data.reads += 1
        return data.transform(PLAIN[index] + float(data.rng.random()) * 1e-3)

    data = Data(make, transform=Counted(), rng=np.random.default_rng(3), reads=0)
    attributes, members = dict(vars(data)), dict(data.transform._modules)
    read(data)
    assert (data.reads, data.transform.runs) == (1, 1)
    assert {**vars(data), "reads": 0} == attributes and data.transform._modules == members
    assert type(FORWARD) is v1.Normalize and type(data.transform) is Counted
    generator = np.random.default_rng(3)
    generator.random()
    assert data.rng.bit_generator.state == generator.bit_generator.state


def test_it_is_looked_at_once():
    runs = []

    def make(data, index):
        runs.append(index)
        return data.transform(PLAIN[index])

    source = SampleSource(Data(make, transform=FORWARD), inputs=((2, 3),))
    for index in (1, 2, 0, 1):
        source.read(index)
    assert runs == [1, 1, 2, 0, 1]


class Streamed(IterableDataset):
    def __init__(self, behind):
        self.transform, self.behind = FORWARD, behind

    def __iter__(self):
        return (self.behind(self.transform(image)) for image in PLAIN)


class Batchwise(list):
    """A list whose items are transformed when they are read: it has no stand-in."""

    def __init__(self, behind):
        super().__init__(PLAIN)
        self.transform, self.behind = FORWARD, behind

    def __getitem__(self, index):
        return self.behind(self.transform(super().__getitem__(index)))


class Closing(Data):
    """A data set that closes its file when it is no longer needed."""

    def __init__(self, behind):
        super().__init__(lambda data, index: behind(data.transform(PLAIN[data.file.index(index)])))
        self.transform, self.file = FORWARD, [0, 1, 2]

    def __del__(self):
        self.file.clear()


@pytest.mark.parametrize("kind", [Streamed, Batchwise, Closing])
def test_where_it_cannot_be_checked_that_is_said(kind):
    data = kind(lambda image: image)
    sample = read(data)
    assert np.array_equal(read(data).image, sample.image)
    assert sample.note.startswith("Normalize undone. It was found among the transforms; ") and UNCHECKED in sample.note
    np.testing.assert_allclose(sample.display, picture(), atol=1e-6)
    sample = read(kind(lambda image: image * 2))
    assert "of the values outside 0 … 1: not undone." in sample.note and "Normalize undone" not in sample.note
    np.testing.assert_allclose((sample.display.min(), sample.display.max()), (0, 1), atol=1e-6)
