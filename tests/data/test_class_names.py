"""Class names in every form in which people and packages keep them, and labels in every form."""

import enum
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from filterscope import Explorer
from filterscope.data.class_names import class_of, given_names, own_names
from nets import TwoConvs, images, seeded

ANIMALS = ("cat", "dog", "bird")


class Values(enum.Enum):
    CAT = 0
    DOG = 1
    BIRD = 2


class Words(enum.Enum):
    A = "cat"
    B = "dog"
    C = "bird"


class ListLike:
    """A vocabulary: no list, but gives its entries one after the other, and a dictionary back."""

    def __init__(self, entries):
        self.entries, self.o2i = entries, {entry: number for number, entry in enumerate(entries)}

    def __iter__(self):
        return iter(self.entries)

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, index):
        return self.entries[index]


FORMS = {
    "a list": ["cat", "dog", "bird"],
    "a NumPy array of words": np.array(ANIMALS),
    "a NumPy array of bytes": np.array([name.encode() for name in ANIMALS]),
    "bytes": [name.encode() for name in ANIMALS],
    "an iterator": iter(ANIMALS),
    "keys of a dictionary": dict.fromkeys(ANIMALS).keys(),
    "numbers to names": {2: "bird", 0: "cat", 1: "dog"},
    "NumPy numbers to names": {np.int64(2): "bird", np.int64(0): "cat", np.int64(1): "dog"},
    "numbers as strings to names": {"1": "dog", "0": "cat", "2": "bird"},
    "names to numbers": {"dog": 1, "bird": 2, "cat": 0},
    "names to numbers as strings": {"dog": "1", "bird": "2", "cat": "0"},
    "names to tensors": {"dog": torch.tensor(1), "bird": torch.tensor(2), "cat": torch.tensor(0)},
    "a vocabulary": ListLike(list(ANIMALS)),
    "an enumeration of words": Words,
    "a configuration": SimpleNamespace(id2label={0: "cat", 1: "dog", 2: "bird"}),
    "a feature": SimpleNamespace(names=list(ANIMALS), num_classes=3),
    "COCO's categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "bird"}, {"id": 0, "name": "cat"}],
}


@pytest.mark.parametrize("classes", FORMS.values(), ids=FORMS)
def test_names_that_are_given(classes):
    assert given_names(classes) == ANIMALS


def test_an_enumeration_of_numbers_names_them_by_its_members():
    assert given_names(Values) == ("CAT", "DOG", "BIRD")
    assert class_of(Values.DOG, ANIMALS) == ("dog", "")


@pytest.mark.parametrize("count", [11, 120])
def test_json_sorts_its_keys_as_words(count):
    names = {str(number): f"name {number}" for number in range(count)}
    assert given_names(dict(sorted(names.items()))) == tuple(names.values())


def test_folders_named_by_numbers_have_these_as_names():
    """`ImageFolder` sorts its folders as words: folder "10" has number 1, and its name stays "10"."""
    folders = {"1": 0, "10": 1, "2": 2}
    assert given_names(folders) == own_names(SimpleNamespace(class_to_idx=folders)) == ("1", "10", "2")


def test_a_number_without_a_name_is_its_own_name():
    assert given_names({"1": "dog", "3": "bird"}) == ("0", "dog", "2", "bird")


OWN = {
    "classes": list(ANIMALS),
    "class_to_idx": {"dog": 1, "cat": 0, "bird": 2},
    "idx_to_class": {1: "dog", 0: "cat", 2: "bird"},
    "categories": np.array(ANIMALS, object),
    "vocab": ListLike(list(ANIMALS)),
    "id2label": {"1": "dog", "0": "cat", "2": "bird"},
    "features": {"labels": SimpleNamespace(names=list(ANIMALS))},
    "info": {"task": "multi-class", "label": {"0": "cat", "1": "dog", "2": "bird"}},
}


@pytest.mark.parametrize("place", OWN)
def test_names_that_a_data_set_has(place):
    assert own_names(SimpleNamespace(**{place: OWN[place]})) == ANIMALS
    assert own_names(SimpleNamespace(dataset=SimpleNamespace(**{place: OWN[place]}))) == ANIMALS


@pytest.mark.parametrize(
    "held",
    [{"categories": [[1, 2], [3, 4]]}, {"vocab": 30_000}, {"info": "a text"}, {"classes": torch.nn.Module}],
    ids=lambda held: next(iter(held)),
)
def test_what_is_no_list_of_names_is_not_taken_for_one(held):
    assert own_names(SimpleNamespace(**held)) == ()


def test_names_that_several_classes_have_tell_the_classes_apart():
    net = seeded(TwoConvs)
    data = [(image, 2) for image in images(3, 1, 14, 14)]
    explorer = Explorer(net, data, classes=["crane", "dog", "crane"])
    assert explorer.label == "crane (2)"
    with torch.no_grad():
        best = torch.softmax(net(images(3, 1, 14, 14)[:1]), 1)[0]
    assert dict(explorer.prediction)["crane (0)"] == pytest.approx(float(best[0]))
    assert dict(explorer.prediction)["crane (2)"] == pytest.approx(float(best[2]))
    explorer.close()


@pytest.mark.parametrize("label", [b"cat", np.bytes_(b"cat"), Words.A, np.str_("cat")])
def test_a_label_that_is_a_name_in_another_form(label):
    assert class_of(label, ANIMALS) == ("cat", "")
