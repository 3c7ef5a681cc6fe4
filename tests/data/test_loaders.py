"""A loader is what it gives: its sampler, its `collate_fn` and its own steps count; nothing of the user's moves."""

import random
import re

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)
from torchvision.transforms import Normalize

from filterscope import Explorer
from filterscope.data.source import SampleSource
from nets import TwoConvs, images, seeded

PIXELS = images(20, 3, 6, 7)
LABELS = torch.arange(20) % 4
PLAIN = TensorDataset(PIXELS, LABELS)
COLOUR = [(2, 3)]


def open_loader(data, **options):
    return SampleSource(data, inputs=COLOUR, **options)


def shown(source):
    """The indices in PIXELS of all images of a source, by their values; the labels are checked on the way."""
    indices = []
    for at in range(len(source)):
        sample = source.read(at)
        index = next(i for i in range(20) if np.array_equal(sample.image, PIXELS[i].numpy()))
        assert sample.label == LABELS[index]
        indices.append(index)
    return indices


class Shuffles(Sampler):
    """Draws from Python's generator."""

    def __init__(self, part):
        self.part, self.epochs = part, 0

    def __len__(self):
        return len(self.part)

    def __iter__(self):
        self.epochs += 1
        return iter(random.sample(self.part, len(self.part)))


class Endless(Sampler):
    def __iter__(self):
        while True:
            yield from (9, 4)


class Rising(Sampler):
    """Batches of its own, not torch's BatchSampler."""

    def __iter__(self):
        return iter([[2], [3, 5], [7, 11, 13]])

    def __len__(self):
        return 3


PART = [11, 3, 7, 19]


@pytest.mark.parametrize(
    ("options", "indices"),
    [
        ({"shuffle": True}, range(20)),
        ({"sampler": PART}, PART),
        ({"sampler": torch.tensor(PART)}, PART),
        ({"sampler": np.array(PART)}, PART),
        ({"sampler": range(4, 9)}, range(4, 9)),
        ({"sampler": [5, 5, 2]}, [5, 5, 2]),
        ({"sampler": SubsetRandomSampler(PART)}, sorted(PART)),
        ({"sampler": SubsetRandomSampler(torch.tensor(PART))}, sorted(PART)),
        ({"sampler": WeightedRandomSampler([0.0, 1, 0, 2] + [0] * 16, 40)}, [1, 3]),
        ({"sampler": RandomSampler(PLAIN, replacement=True, num_samples=3)}, range(20)),
        ({"sampler": RandomSampler(range(6))}, range(6)),
        ({"sampler": DistributedSampler(PLAIN, 4, 1, shuffle=False)}, range(1, 20, 4)),
        ({"sampler": DistributedSampler(PLAIN, 4, 1, seed=5)}, list(DistributedSampler(PLAIN, 4, 1, seed=5))),
        ({"sampler": Shuffles(PART)}, sorted(PART)),
        ({"sampler": Endless()}, [4, 9]),
        ({"batch_sampler": Rising()}, [2, 3, 5, 7, 11, 13]),
        ({"batch_sampler": [[8, 1], [6]]}, [8, 1, 6]),
        ({"batch_sampler": BatchSampler(SubsetRandomSampler(PART), 3, False)}, sorted(PART)),
        ({"batch_size": 6, "drop_last": True}, range(18)),
        ({"batch_size": 6, "drop_last": True, "shuffle": True}, range(20)),
        ({"batch_size": None, "sampler": PART}, PART),
        ({"batch_size": None, "sampler": BatchSampler(PART, 3, False)}, PART),
        ({"batch_size": None, "sampler": BatchSampler(SubsetRandomSampler(PART), 3, False)}, sorted(PART)),
    ],
    ids=lambda value: re.sub(" object at 0x[0-9a-f]+", "", str(value)),  # the same in each of pytest's processes
)
def test_the_samples_that_a_sampler_gives_in_the_stated_order(options, indices):
    source = open_loader(DataLoader(PLAIN, **options))
    assert shown(source) == list(indices)


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"shuffle": True}, ""),
        ({"batch_size": 5}, ""),
        ({"batch_size": 5, "drop_last": True}, ""),
        ({"sampler": PART}, "The loader's sampler gives 4 of 20 samples, in its order."),
        (
            {"sampler": SubsetRandomSampler(PART)},
            "The loader's sampler (SubsetRandomSampler) gives 4 of 20 samples, at random; they are shown once each, in "
            "the data set's order.",
        ),
        (
            {"batch_size": 6, "drop_last": True},
            "The loader's sampler gives 18 of 20 samples, in its order, and drops the last 2, which fill no batch.",
        ),
        (
            {"sampler": Endless()},
            "The loader's sampler (Endless) gives 2 of 20 samples, without end; they are shown once each, in the data "
            "set's order.",
        ),
    ],
)
def test_what_is_said_of_a_sampler(options, note):
    assert open_loader(DataLoader(PLAIN, **options)).note == note


def test_keys_that_are_no_indices():
    class ByName(Dataset):
        def __getitem__(self, name):
            return PIXELS["abcd".index(name)], "abcd".index(name)

    source = open_loader(DataLoader(ByName(), sampler=["d", "b"]))
    assert shown(source) == [3, 1]
    assert source.note == "The loader's sampler gives 2 samples, in its order."


def test_a_sampler_of_a_part_of_parts():
    data = ConcatDataset([Subset(PLAIN, [5, 6, 7]), PLAIN])
    assert shown(open_loader(DataLoader(data, sampler=[4, 2]))) == [1, 7]


def test_the_loader_and_all_random_numbers_stay_as_they_are():
    own = torch.Generator().manual_seed(3)
    sampler = Shuffles(PART)
    for loader in (
        DataLoader(PLAIN, sampler=sampler),
        DataLoader(PLAIN, sampler=SubsetRandomSampler(PART, generator=own), generator=own),
        Doubled(DataLoader(PLAIN, shuffle=True)),
        Doubling(PLAIN, shuffle=True),
        DrawsItself(),
    ):
        before = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy(), own.get_state()]
        explorer = Explorer(seeded(lambda: torch.nn.Conv2d(3, 2, 3)), loader)
        explorer.select(image=3)
        explorer.refresh()
        after = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1], own.get_state()]
        assert torch.equal(before[0], after[0]) and before[1] == after[1]
        assert np.array_equal(before[2], after[2]) and torch.equal(before[3], after[3])
        explorer.close()
    assert sampler.epochs == 0


class DrawsItself(IterableDataset):
    def __iter__(self):
        for _ in range(200):
            yield torch.rand(3, 6, 7) * random.random() * np.random.random(), 1


class Doubled:
    """A loader around a loader, with what it does not have itself taken from the other."""

    def __init__(self, loader):
        self.loader = loader

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        for pixels, labels in self.loader:
            yield pixels * 2, labels

    def __getattr__(self, name):
        return getattr(self.__dict__["loader"], name)


class Doubling(DataLoader):
    def __iter__(self):
        for pixels, labels in super().__iter__():
            yield pixels * 2, labels


class Prefetching(DataLoader):
    """Has an `__iter__` of its own that changes nothing."""

    def __iter__(self):
        yield from super().__iter__()


@pytest.mark.parametrize("make", [lambda: Doubled(DataLoader(PLAIN, 3)), lambda: Doubling(PLAIN, 3)])
def test_a_loader_that_changes_its_batches(make):
    source = open_loader(make())
    assert (len(source), source.ended) == (20, True)
    for at in (0, 2, 3, 19):
        assert np.array_equal(source.read(at).image, PIXELS[at].numpy() * 2)
        assert source.read(at).label == LABELS[at]
    assert source.note == "The data set gives batches, whose images are shown one at a time."


def test_a_loader_with_an_iter_of_its_own_that_changes_nothing_is_read_by_index():
    source = open_loader(Prefetching(PLAIN, 3, sampler=PART))
    assert not source.is_stream and shown(source) == PART


def halved(samples):
    pixels, labels = default_collate(samples)
    return pixels / 2, labels


def only_even(samples):
    assert len(samples) % 2 == 0
    return halved(samples)


@pytest.mark.parametrize(
    "collate",
    [
        halved,
        only_even,
        lambda samples: {"x": torch.stack([pixels / 2 for pixels, _ in samples]), "y": [int(y) for _, y in samples]},
        lambda samples: tuple(zip(*[(pixels / 2, label) for pixels, label in samples], strict=True)),
        lambda samples: [(pixels / 2, label) for pixels, label in samples],
        lambda samples: (samples[0][0] / 2, samples[0][1]),
        lambda samples: (torch.stack([x for x, _ in samples]).permute(0, 2, 3, 1) / 2, [int(y) for _, y in samples]),
    ],
    ids=["pair", "even", "dictionary", "tuples", "list", "first", "channels-last"],
)
@pytest.mark.parametrize("sampler", [None, [4, 2, 9]])
def test_each_sample_is_what_collate_fn_makes_of_it(collate, sampler):
    source = open_loader(DataLoader(PLAIN, 4, sampler=sampler, collate_fn=collate))
    for at, index in enumerate(sampler or [0, 1, 2]):
        assert np.array_equal(source.read(at).image, PIXELS[index].numpy() / 2)
        assert source.read(at).label == LABELS[index]
    assert "what the loader's collate_fn" in source.note


def test_collate_fn_of_a_stream():
    class Items(IterableDataset):
        def __iter__(self):
            return iter(PLAIN)

    source = open_loader(DataLoader(Items(), 4, collate_fn=halved))
    assert np.array_equal(source.read(7).image, PIXELS[7].numpy() / 2) and source.read(7).label == 3


class Normalised(Dataset):
    transform = None

    def __init__(self):
        self.transform = Normalize([0.5] * 3, [0.25] * 3)

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return self.transform(PIXELS[index]), LABELS[index]


def test_normalize_is_not_said_to_be_undone_where_the_loader_changes_the_image():
    kept = open_loader(DataLoader(Normalised(), 4, sampler=PART, collate_fn=lambda samples: default_collate(samples)))
    assert kept.read(1).note == "Normalize undone."
    np.testing.assert_allclose(np.moveaxis(kept.read(1).display, -1, 0), PIXELS[3].numpy(), atol=1e-6)
    for loader in (DataLoader(Normalised(), 4, collate_fn=halved), Doubling(Normalised(), 4)):
        note = open_loader(loader).read(1).note
        assert "Normalize undone" not in note and "the loader changes its images" in note
        assert "Normalize undone" in open_loader(loader, mean=[0.5] * 3, std=[0.25] * 3).read(1).note


def test_class_names_come_through_a_sampler():
    class Named(TensorDataset):
        classes = ("cat", "dog", "bird", "cow")

    source = open_loader(DataLoader(Named(PIXELS, LABELS), sampler=[6, 5]))
    assert [source.read(0).label, source.read(1).label] == ["bird", "dog"]


def test_an_explorer_counts_only_the_samples_of_the_sampler():
    gray = TensorDataset(images(9, 1, 14, 14), torch.arange(9) % 3)
    explorer = Explorer(seeded(TwoConvs), DataLoader(gray, sampler=[8, 4]))
    body = explorer.pages.requests.handlers["strip"]({"start": 0, "count": 5})
    assert body["total"] == 2
    assert np.array_equal(explorer.select(image=1).image, gray[4][0].numpy())
    explorer.close()
