"""Data sets, items and nets whose attributes raise, answer anything or lie; and those bound to one thread."""

import copy
import enum
import sqlite3
import threading
from dataclasses import dataclass
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from torch import nn
from torchvision import tv_tensors

from filterscope import Explorer, SampleError
from filterscope.attributes import attribute, attributes_of, plain_tensor
from nets import TwoConvs, images, seeded

IMAGES = images(5, 1, 14, 14)


class Five:
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return IMAGES[index], index % 3


class RaisesOtherErrors(Five):
    def __getattr__(self, name):
        raise RuntimeError(f"the server knows no {name}")


class PropertiesRaise(Five):
    classes = targets = labels = features = datasets = dataset = transform = info = cumulative_sizes = property(
        lambda self: 1 / 0
    )


class AnswersAnything(Five):
    def __getattr__(self, name):
        return lambda *args, **kwargs: 1


class AnswersWithMocks(Five):
    def __getattr__(self, name):
        return MagicMock()


class InSlots(Five):
    __slots__ = ("dataset", "transform")


class CannotBeCompared(Five):
    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("compared")

    def __bool__(self):
        raise RuntimeError("asked for its truth")


@pytest.mark.parametrize(
    "kind", [RaisesOtherErrors, PropertiesRaise, AnswersAnything, AnswersWithMocks, InSlots, CannotBeCompared]
)
def test_a_data_set_is_read_whatever_its_attributes_do(kind):
    explorer = Explorer(seeded(TwoConvs), kind()).select(image=4)
    assert np.array_equal(explorer.image, IMAGES[4].numpy())
    assert explorer.label == 1
    assert explorer.session.engine.samples.labels() is None
    assert explorer.session.engine.source.classes == ()
    explorer.close()


class HandsOn(Five):
    def __init__(self, inner):
        self.__dict__["_inner"] = inner

    def __getattr__(self, name):
        return getattr(self.__dict__["_inner"], name)


class Named(Five):
    def __init__(self):
        self.classes, self.targets = ["cat", "dog", "bird"], [index % 3 for index in range(5)]


def test_a_wrapper_that_hands_names_on_is_believed():
    explorer = Explorer(seeded(TwoConvs), HandsOn(Named())).select(image=1)
    assert explorer.label == "dog"
    assert explorer.session.engine.samples.labels() == ["cat", "dog", "bird", "cat", "dog"]
    explorer.close()


def test_names_in_a_slot():
    data = InSlots()
    data.dataset = Named()
    assert attributes_of(data) == {"dataset": data.dataset}
    explorer = Explorer(seeded(TwoConvs), data)
    assert explorer.label == "cat"
    explorer.close()


def test_an_attribute_that_is_asked_for():
    assert attribute(MagicMock(), "classes") is None
    assert attribute(MagicMock(classes=["a"]), "classes") == ["a"]
    assert attribute(HandsOn(Named()), "classes") == ["cat", "dog", "bird"]
    assert attribute(RaisesOtherErrors(), "classes", 7) == 7
    assert attribute(PropertiesRaise(), "classes", 7) == 7


class NoWords(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class Hostile:
    """Raises at whatever it is asked."""

    __hash__ = None

    def _raise(self, *args, **kwargs):
        raise RuntimeError("hostile")

    __eq__ = __bool__ = __len__ = __repr__ = __getattr__ = __array__ = __iter__ = _raise


class OneItem(Five):
    def __init__(self, item):
        self.item = item

    def __getitem__(self, index):
        if isinstance(self.item, Exception):
            raise self.item
        return self if self.item is None else self.item


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (None, "it is OneItem"),
        (Hostile(), "it is Hostile, not an image"),
        (NoWords(), "the data set raised NoWords"),
        ((Hostile(), 1), "it is Hostile, not an image"),
    ],
    ids=["itself", "hostile", "an error without words", "hostile with a label"],
)
def test_an_item_that_is_no_image_is_said_to_be_none(item, sentence):
    with pytest.raises(SampleError, match=sentence):
        Explorer(seeded(TwoConvs), OneItem(item))


def test_a_label_that_raises_is_no_class():
    explorer = Explorer(seeded(TwoConvs), OneItem((IMAGES[0], Hostile())))
    assert explorer.label is None
    assert "The label, Hostile, is no class." in explorer.session.engine.sample(0).note
    explorer.close()


def test_a_length_that_is_too_great_gives_sentences_at_its_end():
    class Lies(Five):
        def __len__(self):
            return 7

        def __getitem__(self, index):
            return [*IMAGES][index]

    explorer = Explorer(seeded(TwoConvs), Lies())
    with pytest.raises(SampleError, match="sample 6: the data set raised IndexError"):
        _ = explorer.select(image=6).image
    explorer.close()


# Nets


class AnswersAnythingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = TwoConvs()

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__"):
                raise
            return lambda *args: None

    def forward(self, x):
        return self.inner(x)


@dataclass(slots=True)
class InSlotsOutput:
    scores: torch.Tensor


class LogitsRaise:
    def __init__(self, scores):
        self.scores = scores

    @property
    def logits(self):
        raise RuntimeError("no logits")


class Returns(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.inner, self.make = TwoConvs(), make

    def forward(self, x):
        return self.make(self.inner(x))


@pytest.mark.parametrize("make", [InSlotsOutput, LogitsRaise, lambda scores: MagicMock()])
def test_an_output_whose_attributes_raise_or_answer_anything(make):
    net = seeded(lambda: Returns(make))
    explorer = Explorer(net, IMAGES)
    with torch.no_grad():
        expected = net.inner.conv1(IMAGES[:1])[0, 0].numpy()
    np.testing.assert_allclose(explorer.pre_activation, expected, atol=1e-6)
    assert explorer.prediction == []
    explorer.close()


def test_a_net_that_answers_anything():
    net = seeded(AnswersAnythingNet)
    before = copy.deepcopy(net.state_dict())
    explorer = Explorer(net, IMAGES)
    with torch.no_grad():
        expected = net.inner.conv1(IMAGES[:1])[0, 0].numpy()
    np.testing.assert_allclose(explorer.pre_activation, expected, atol=1e-6)
    assert len(explorer.prediction) == 3
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    explorer.close()


# Tensors of other classes


class Counts(torch.Tensor):
    """Counts what torch is asked to do with it."""

    asked = 0

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.asked += 1
        return super().__torch_function__(func, types, args, kwargs or {})


class Refuses(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        raise RuntimeError("nobody may compute with this")


@pytest.mark.parametrize("kind", [tv_tensors.Image, lambda image: image.as_subclass(Refuses), nn.Parameter])
def test_items_that_are_tensors_of_another_class_are_plain_values(kind):
    net = seeded(TwoConvs)
    explorer = Explorer(net, [(kind(image), 1) for image in IMAGES]).select(image=2)
    assert np.array_equal(explorer.image, IMAGES[2].numpy())
    assert type(explorer.session.engine.maps(2, 0).input) is torch.Tensor
    explorer.close()


def test_a_transform_is_still_given_the_tensor_as_it_is():
    kinds = []
    explorer = Explorer(
        seeded(TwoConvs), [tv_tensors.Image(image) for image in IMAGES], transform=lambda x: kinds.append(type(x)) or x
    )
    assert set(kinds) == {tv_tensors.Image}
    explorer.close()


def test_making_a_tensor_plain_asks_nothing_of_its_class():
    tensor = IMAGES[0].as_subclass(Counts)
    Counts.asked = 0
    plain = plain_tensor(tensor)
    assert Counts.asked == 0
    assert type(plain) is torch.Tensor and plain.data_ptr() == IMAGES[0].data_ptr()


# Threads


class InSqlite(Five):
    def __init__(self, **options):
        self.connection = sqlite3.connect(":memory:", **options)
        self.connection.execute("create table t (i integer, pixels blob)")
        rows = [(i, image.numpy().tobytes()) for i, image in enumerate(IMAGES)]
        self.connection.executemany("insert into t values (?, ?)", rows)

    def __getitem__(self, index):
        (pixels,) = self.connection.execute("select pixels from t where i = ?", (index,)).fetchone()
        return torch.frombuffer(bytearray(pixels), dtype=torch.float32).reshape(1, 14, 14), index % 3


class InThreadLocal(Five):
    def __init__(self):
        self.local = threading.local()
        self.local.images = IMAGES

    def __getitem__(self, index):
        return self.local.images[index], index % 3


def elsewhere(function):
    """What a function returns or raises in another thread."""
    results = []

    def run():
        try:
            results.append(function())
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


ONLY_THERE = "the data set can be read only in the thread that made it"


@pytest.mark.parametrize("build", [InSqlite, InThreadLocal])
def test_data_bound_to_a_thread_are_read_in_it_and_refused_with_a_sentence_elsewhere(build):
    explorer = Explorer(seeded(TwoConvs), build())
    error = elsewhere(lambda: explorer.session.engine.samples.read(3))
    assert isinstance(error, SampleError) and error.index == 3
    assert ONLY_THERE in error.cause and "check_same_thread=False" in error.cause
    assert np.array_equal(explorer.select(image=3).image, IMAGES[3].numpy())
    explorer.close()


def test_a_diagnosis_in_the_background_says_why_it_leaves_samples_out():
    explorer = Explorer(seeded(TwoConvs), InSqlite())
    diagnosis = explorer.diagnose(images=5, ablation=False).wait()
    assert f"could not be read and are left out. The first: {ONLY_THERE}" in str(diagnosis)
    explorer.close()


def test_a_connection_for_all_threads_is_read_in_all():
    explorer = Explorer(seeded(TwoConvs), InSqlite(check_same_thread=False))
    assert np.array_equal(elsewhere(lambda: explorer.session.engine.samples.read(3)).image, IMAGES[3].numpy())
    explorer.close()


def test_an_error_of_another_kind_is_not_put_down_to_threads():
    class Breaks(Five):
        def __getitem__(self, index):
            if index:
                raise OSError("disk on fire")
            return IMAGES[0]

    explorer = Explorer(seeded(TwoConvs), Breaks())
    assert (
        elsewhere(lambda: explorer.session.engine.samples.read(3)).cause == "the data set raised OSError: disk on fire"
    )
    explorer.close()


class Plain(enum.Enum):
    A = (1, 2)


def test_a_member_of_an_enumeration_that_has_no_number_is_its_name():
    explorer = Explorer(seeded(TwoConvs), [(image, Plain.A) for image in IMAGES])
    assert explorer.label == "A"
    explorer.close()
