"""What is read for the net is what is read one by one, whichever short way it takes."""

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, Subset, TensorDataset

from data_kinds import TABLE
from filterscope import SampleError, demo
from filterscope.data.reading import Reader
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
    monkeypatch.setattr(UsualItems, "image", lambda usual, item: None)
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
