"""What is read for the net is what is read one by one, whichever short way it takes."""

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, Subset, TensorDataset

from data_kinds import TABLE
from filterscope import SampleError, demo
from filterscope.data.reading import Reader
from filterscope.data.sample import SampleBlock
from filterscope.data.source import SampleSource
from filterscope.data.usual_items import UsualItems
from nets import images


def same(source, indices):
    """Whether a source reads samples together as it reads each alone, errors included."""
    together = source.read_for_net(indices)
    assert len(together) == len(indices)
    for index, sample in zip(indices, together, strict=True):
        try:
            alone = source.read(index)
        except SampleError as error:
            alone = error
        if isinstance(alone, SampleError):
            assert isinstance(sample, SampleError) and str(sample) == str(alone)
            continue
        np.testing.assert_array_equal(sample.image, alone.image)
        assert sample.image.dtype == np.float32 and sample.image.flags["C_CONTIGUOUS"]
        assert (sample.index, sample.label, sample.said) == (alone.index, alone.label, alone.said)
        assert sample.label_is_no_class == alone.label_is_no_class
    return True


KINDS = [kind for kinds in TABLE.values() for kind in kinds]


@pytest.mark.parametrize("kind", KINDS, ids=[kind.what for kind in KINDS])
def test_every_kind_of_data_is_read_together_as_it_is_alone(kind, tmp_path):
    case = kind.make(tmp_path)
    options = dict(case.options)
    rank, several = options.pop("rank", 2), options.pop("forward", None) is not None
    source = SampleSource(case.data, inputs=((rank, case.channels),), several=several, **options)
    assert source.has(case.at)
    assert same(source, [case.at, *range(min(len(source), 4))])


@pytest.mark.parametrize(
    ("item", "channels"),
    [
        ((images(1, 9, 8), 3), 1),
        ((images(3, 9, 8), torch.tensor(3)), 3),
        ((images(9, 8, 3), 3), 3),
        ((images(9, 8), 3), 1),
        ((images(3, 3, 3), 3), 3),
        ((torch.zeros(3, 5, 3), 3), None),
        ((images(3, 9, 8).numpy(), -1), 3),
        ((images(9, 8, 3).numpy(), 3), None),
        ((images(3, 9, 8).double(), 3), 3),
        ((images(8, 9, 3).permute(2, 1, 0), 3), 3),
        ((images(3, 9, 8).requires_grad_(), 3), 3),
        ((images(2, 3, 9, 8), 3), 3),
        ([images(3, 9, 8), 3], 3),
        ((images(3, 9, 8), 3.0), 3),
        ((images(3, 9, 8), 3, "a.png"), 3),
        ((images(0, 9, 8), 3), 3),
    ],
)
def test_an_item_is_read_by_the_short_way_as_by_all_rules(item, channels, monkeypatch):
    short = SampleSource([item, item], inputs=((2, channels),))
    monkeypatch.setattr(UsualItems, "image", lambda usual, item: None)  # nor in a block, then
    by_all_rules = SampleSource([item, item], inputs=((2, channels),))
    for source in (short, by_all_rules):
        assert same(source, [0, 1])
    one, other = short.read_for_net([0])[0], by_all_rules.read_for_net([0])[0]
    assert str(one) == str(other) if isinstance(one, SampleError) else np.array_equal(one.image, other.image)


def test_the_short_way_is_taken_and_gives_a_copy(monkeypatch):
    data = TensorDataset(images(4, 1, 9, 8), torch.arange(4))
    source = SampleSource(data, inputs=((2, 1),))
    source.read(0)
    monkeypatch.setattr(Reader, "_reading", lambda *args: pytest.fail("by all rules"))
    sample = source.read(1)
    sample.image[:] = 7
    assert not (data.tensors[0][1] == 7).any()


class Together(Dataset):
    """Gives several at once; some cannot be read, then all together raise."""

    def __init__(self, broken=()):
        self.asked, self.broken = [], broken
        self.pixels = images(20, 1, 9, 8)

    def __len__(self):
        return 20

    def __getitem__(self, index):
        if index in self.broken:
            raise OSError(f"{index} is gone")
        return self.pixels[index], index % 3

    def __getitems__(self, indices):
        self.asked.append(list(indices))
        return [self[index] for index in indices]


@pytest.mark.parametrize("broken", [(), (3, 7)])
@pytest.mark.parametrize("wrap", [lambda data: data, lambda data: Subset(data, range(19, -1, -1))])
def test_a_data_set_that_gives_several_at_once_is_asked_so(broken, wrap):
    data = Together(broken)
    source = SampleSource(wrap(data))
    assert same(source, list(range(12)))
    assert len(data.asked) == 1 and len(data.asked[0]) == 12


class OfItems(Together):
    """Gives these items, several at once."""

    def __init__(self, items):
        super().__init__()
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


LABELS = {"int": int, "of torch": torch.tensor}
ARRAYS = {"torch": lambda image: image, "numpy": lambda image: image.numpy()}


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_items_of_one_kind_are_read_in_a_block(label, array):
    pixels = images(6, 3, 9, 8)
    data = OfItems([(array(image), label(index - 1)) for index, image in enumerate(pixels)])
    source = SampleSource(data, inputs=((2, 3),), classes=["none", "some", "many"])
    block = source.read_for_net([4, 0, 5])
    assert isinstance(block, SampleBlock) and same(source, [4, 0, 5, 1])
    np.testing.assert_array_equal(block.images, pixels[[4, 0, 5]].numpy())
    assert block.labels == [3, -1, 4] and [sample.index for sample in block[1:]] == [0, 5]
    assert "out of range" in block[1].said
    block.images[:] = 7
    assert not (pixels == 7).any()


OTHERS = {
    "another shape": (images(3, 8, 9), 1),
    "another dtype": (images(3, 9, 8).double(), 1),
    "a gradient": (images(3, 9, 8).requires_grad_(), 1),
    "a view": (images(8, 9, 3).permute(2, 1, 0), 1),
    "complex": (images(3, 9, 8).to(torch.complex64).imag, 1),
    "another array": (images(3, 9, 8).numpy(), 1),
    "another label": (images(3, 9, 8), True),
    "no label": (images(3, 9, 8), None),
    "another item": [images(3, 9, 8), 1],
    "more": (images(3, 9, 8), 1, 2),
    "no image": "no image",
}


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_one_item_of_another_kind_among_them_is_read_as_it_is_alone(other, place):
    items = [(image, index) for index, image in enumerate(images(4, 3, 9, 8))]
    items[place] = other
    assert same(SampleSource(OfItems(items), inputs=((2, 3),)), [0, 1, 2, 3])


def uint8(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


NUMBERS = torch.arange(20) % 3
IN_MEMORY = {
    "(N, C, H, W)": (images(20, 3, 9, 8), 3),
    "(N, C, H, W) of NumPy": (images(20, 3, 9, 8).numpy(), 3),
    "(N, H, W, C)": (images(20, 9, 8, 3).numpy(), 3),
    "(N, H, W)": (images(20, 9, 8), 1),
    "uint8 (N, H, W, C)": (uint8(20, 9, 8, 3), 3),
    "uint8 (N, C, H, W)": (torch.from_numpy(uint8(20, 3, 30, 31)), 3),
    "uint8 (N, H, W)": (uint8(20, 9, 300), 1),
    "uint8 (N, H, W), square": (uint8(20, 9, 9), 1),
    "a pair": ((images(20, 3, 9, 8), NUMBERS), 3),
    "a pair of NumPy": ((uint8(20, 9, 8, 3), NUMBERS.numpy().astype(np.uint8)), 3),
    "TensorDataset": (TensorDataset(images(20, 1, 9, 8), NUMBERS), 1),
    "not contiguous": (images(9, 20, 8, 3).numpy().transpose(1, 0, 2, 3), 3),
    "signals": (images(20, 2, 31), 2),
}


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_arrays_in_memory_are_read_in_a_block(kind):
    data, channels = IN_MEMORY[kind]
    before = [part.clone() if isinstance(part, torch.Tensor) else part.copy() for part in parts_of(data)]
    source = SampleSource(data, inputs=((1 if kind == "signals" else 2, channels),))
    block = source.read_for_net([19, 0, 7, 3])
    assert isinstance(block, SampleBlock) and same(source, [19, 0, 7, 3])
    block.images[:] = 7
    assert all((part == copy).all() for part, copy in zip(parts_of(data), before, strict=True))


def parts_of(data):
    return data.tensors if isinstance(data, TensorDataset) else data if isinstance(data, tuple) else (data,)


ONE_BY_ONE = {
    "half precision": images(6, 3, 9, 8).half(),
    "several labels": (images(6, 3, 9, 8), torch.zeros(6, 2)),
    "labels with a fraction": (images(6, 3, 9, 8), torch.rand(6)),
    "too few": images(6, 3, 9, 8),
}


@pytest.mark.parametrize("kind", ONE_BY_ONE)
def test_other_arrays_are_read_as_each_row_is_alone(kind):
    indices = [5, 0, 60] if kind == "too few" else [5, 0, 2]
    assert same(SampleSource(ONE_BY_ONE[kind], inputs=((2, 3),)), indices)


@pytest.mark.parametrize("image", [np.zeros(14, np.float32), torch.zeros(14)])
def test_one_axis_is_no_usual_image(image):
    """Whether it is a vector or a broken image, the other items tell."""
    usual = UsualItems(lambda item: pytest.fail("by all rules"))
    assert usual.image((image, 1)) is None and usual.image(image) is None


@pytest.mark.parametrize("image", [np.zeros((1025, 1024), np.uint8), torch.zeros(1, 1025, 1024)])
def test_nothing_is_tried_with_a_large_image(image):
    usual = UsualItems(lambda item: pytest.fail("by all rules"))
    assert usual.image((image, 1)) is None and usual.block([image, image]) is None


def test_what_a_block_took_to_read_is_known():
    source = SampleSource(Together(), inputs=((2, 1),))
    source.read_for_net(range(4))
    assert 0 < source.seconds < 1


class Wrong(Together):
    def __getitems__(self, indices):
        return [self[0]]


def test_too_few_items_at_once_are_not_taken():
    assert same(SampleSource(Wrong()), [4, 5])


def test_the_demos_images_are_the_same_at_once():
    data = demo.fashion_test_data()
    for (image, label), index in zip(data.__getitems__([5, 9999, 0]), (5, 9999, 0), strict=True):
        assert torch.equal(image, data[index][0]) and (label, type(label)) == (data[index][1], int)
    for bad in ([1, 10_000], [-1]):
        with pytest.raises(IndexError, match="is out of range"):
            data.__getitems__(bad)
