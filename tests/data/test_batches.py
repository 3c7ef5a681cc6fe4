"""Batches of every make are shown image by image; one sample is never taken for a batch."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from filterscope.data.batches import batch_size, sample_of
from filterscope.data.source import SampleSource
from filterscope.errors import SampleError
from nets import images

PIXELS = images(8, 3, 6, 7)
NUMBERS = [0, 1, 2, 1, 0, 0, 3, 1]
LABELS = torch.tensor(NUMBERS)
PICTURES = [Image.fromarray((pixels.permute(1, 2, 0).numpy() * 255).astype(np.uint8)) for pixels in PIXELS]
COLOUR = [(2, 3)]


def parts(size=2):
    return [(PIXELS[at : at + size], LABELS[at : at + size]) for at in range(0, 8, size)]


MAKES = {
    "pairs": lambda x, y: (x, y),
    "lists": lambda x, y: [x, y],
    "arrays": lambda x, y: (x.numpy(), y.numpy()),
    "channels last": lambda x, y: (x.permute(0, 2, 3, 1).numpy(), y.numpy()),
    "one-hot": lambda x, y: (x, torch.eye(5)[y]),
    "dictionaries": lambda x, y: {"image": x, "label": y},
    "with what belongs to none": lambda x, y: {"image": x, "label": y, "step": 7, "name": "test"},
    "with paths": lambda x, y: (x, y, ["a.png"] * len(x)),
    "labels as a list": lambda x, y: (x, y.tolist()),
    "index and batch": lambda x, y: ((x, y), 0, 0),
    "images as a list": lambda x, y: (list(x), y),
    "images and labels as tuples": lambda x, y: (tuple(x), tuple(y)),
    "samples as a list": lambda x, y: list(zip(x, y, strict=True)),
    "samples as dictionaries": lambda x, y: [{"x": one, "y": number} for one, number in zip(x, y, strict=True)],
    "two views of each": lambda x, y: ([x, 1 - x], y),
}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("name", MAKES)
@pytest.mark.parametrize("as_stream", [False, True])
def test_batches_of_every_make(name, size, as_stream):
    class Anew(IterableDataset):
        def __iter__(self):
            return iter(batches)

    batches = [MAKES[name](x, y) for x, y in parts(size)]
    source = SampleSource(Anew() if as_stream else batches, inputs=COLOUR)
    for at in (0, 3, 5, 7):
        assert np.array_equal(source.read(at).image, PIXELS[at].numpy()), at
        assert source.read(at).label == NUMBERS[at]
    assert len(source) == 8
    assert source.note == "The data set gives batches, whose images are shown one at a time."


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("name", MAKES)
def test_a_tuple_of_batches(name, size):
    source = SampleSource(tuple(MAKES[name](x, y) for x, y in parts(size)), inputs=COLOUR)
    assert len(source) == 8 and np.array_equal(source.read(5).image, PIXELS[5].numpy())


def test_a_stream_of_batches_without_labels():
    class Anew(IterableDataset):
        def __iter__(self):
            return iter(PIXELS.split(3))

    source = SampleSource(Anew(), inputs=COLOUR)
    assert len(source) == 8 and np.array_equal(source.read(7).image, PIXELS[7].numpy())


def test_batches_of_pictures():
    source = SampleSource(
        [{"image": PICTURES[:3], "label": NUMBERS[:3]}, {"image": PICTURES[3:], "label": NUMBERS[3:]}]
    )
    assert len(source) == 8
    assert np.array_equal(source.read(6).image, np.moveaxis(np.asarray(PICTURES[6], np.float32), -1, 0) / 255)
    assert source.read(6).label == 3


@pytest.mark.parametrize(
    ("inputs", "shape"), [([(1, 1)], (1, 9)), ([(1, 2)], (2, 9)), ([(2, 1)], (5, 6)), ([(3, 3)], (3, 4, 5, 6))]
)
def test_batches_for_nets_of_other_images(inputs, shape):
    pixels = images(8, *shape)
    source = SampleSource([(pixels[:4], LABELS[:4]), (pixels[4:], LABELS[4:])], inputs=inputs)
    assert len(source) == 8
    assert np.array_equal(source.read(6).image.reshape(shape), pixels[6].numpy())
    assert source.read(6).label == 3


@pytest.mark.parametrize(
    "item",
    [
        PIXELS[0],
        (PIXELS[0], 1),
        (PIXELS[0], [0, 1, 0]),  # one-hot, with as many classes as channels
        (PIXELS[0], torch.tensor([0, 0, 1])),
        (PIXELS[:2], 1),  # views
        ([PIXELS[0], PIXELS[1]], 1),
        (PIXELS[0], PIXELS[1]),
        [PIXELS[0], PIXELS[1]],
        (PICTURES[0], "cat"),
        {"image": PIXELS[0], "label": 1},
        {"image": PIXELS[0], "boxes": torch.zeros(3, 4)},
        "a.png",
        None,
        3,
        [],
        {},
    ],
    ids=lambda item: str(item)[:30],
)
def test_one_sample_is_no_batch(item):
    assert batch_size(item, COLOUR) is None


def test_nothing_is_made_of_what_belongs_to_no_sample():
    batch = {"x": PIXELS[:4], "y": LABELS[:4], "mean": torch.zeros(3), "name": "abcd", "ids": ["p", "q", "r", "s"]}
    assert batch_size(batch, COLOUR) == 4
    sample = sample_of(batch, 2, 4, COLOUR)
    assert torch.equal(sample["x"], PIXELS[2]) and int(sample["y"]) == 2
    assert torch.equal(sample["mean"], torch.zeros(3)) and sample["name"] == "abcd" and sample["ids"] == "r"


def test_an_iterator_that_starts_anew_at_each_iter():
    class Anew:
        def __iter__(self):
            self.at = -1
            return self

        def __len__(self):
            return 4

        def __next__(self):
            self.at += 1
            if self.at == 4:
                raise StopIteration
            return parts()[self.at]

    source = SampleSource(Anew(), inputs=COLOUR)
    assert len(source) == 8 and np.array_equal(source.read(5).image, PIXELS[5].numpy())


def test_what_is_split_in_a_stream_can_raise_in_its_place():
    class Breaks(IterableDataset):
        def __iter__(self):
            yield parts()[0]
            raise ConnectionError("gone")

    source = SampleSource(Breaks(), inputs=COLOUR)
    assert source.read(1).label == 1
    with pytest.raises(SampleError, match="sample 2: the data set raised ConnectionError: gone"):
        source.read(2)


def test_a_loader_that_stacks_nothing_of_a_data_set_of_batches():
    class Batches(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return parts()[index]

    source = SampleSource(DataLoader(Batches(), batch_size=None, sampler=[3, 0]), inputs=COLOUR)
    assert [source.read(at).label for at in range(4)] == [3, 1, 0, 1]
    assert SampleSource(DataLoader(TensorDataset(PIXELS, LABELS), batch_size=None), inputs=COLOUR).read(6).label == 3
