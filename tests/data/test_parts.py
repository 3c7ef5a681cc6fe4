"""Which part of a sample is the image, and which the label: one rule, whatever the sample is made of."""

import itertools
from collections import UserDict, namedtuple
from dataclasses import make_dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from filterscope.data.class_names import LABEL_KEYS
from filterscope.data.parts import IMAGE_KEYS, NoImagePartError, first_view, parts_of
from filterscope.data.source import SampleSource
from filterscope.errors import SampleError
from nets import images

COLOUR = ((2, 3),)
IMAGE, OTHER = images(2, 3, 6, 7)
PICTURE = Image.new("RGB", (7, 6), "red")
MASK = IMAGE[0] > 0.5
BOXES = {"boxes": torch.zeros(1, 4), "labels": torch.tensor([1])}


@pytest.mark.parametrize(
    ("item", "label"),
    [
        (IMAGE, None),
        ((IMAGE,), None),
        ((IMAGE, 3), 3),
        ([IMAGE, 3], 3),
        ((IMAGE, 3, "a.png", {"box": 1}), 3),
        ((7, IMAGE, 3), 3),
        (("a.png", IMAGE, 3), 3),
        (("a.png", 7, IMAGE, "cat"), "cat"),
        ((7, IMAGE), None),
        (("cat", IMAGE), None),
        ((IMAGE, "a.png"), None),
        ((IMAGE, "a.png", 3), 3),
        ((IMAGE, MASK, 3), 3),
        ((IMAGE, OTHER, 3), 3),
        ((IMAGE, None, 3), None),
        ((IMAGE, {"label": 3, "id": 7}), 3),
        ((IMAGE, BOXES), BOXES),
        ((IMAGE, MASK), MASK),
        ((7, (IMAGE, 3)), 3),
        (((IMAGE, 3), 7), 3),
        (({"image": IMAGE}, 3), 3),
        ((7, {"x": IMAGE, "y": 3}), 3),
        ({"image": IMAGE, "label": 3}, 3),
        ({"label": 3, "image": {"pixel_values": IMAGE}}, 3),
        (UserDict(x=IMAGE, target=3), 3),
        (namedtuple("Pair", "first second")(IMAGE, 3), 3),
        (namedtuple("Sample", "label image")(3, IMAGE), 3),
        (make_dataclass("Scan", ["patient", "image", "cls"])("b", IMAGE, 3), 3),
        (SimpleNamespace(x=IMAGE, y=3, edges=OTHER), 3),
        (type("Slide", (), {"image": property(lambda self: IMAGE), "target": 3})(), 3),
        ({"scan": IMAGE, "patient": "b", "cls": 3}, 3),
        ({"scan": IMAGE, "spacing": torch.zeros(3)}, None),
    ],
    ids=lambda value: str(value)[:30].replace("\n", " "),
)
def test_the_image_and_the_label_of_a_sample(item, label):
    parts = parts_of(item, COLOUR)
    assert parts.image is IMAGE
    assert parts.label is label or parts.label == label


def test_what_was_made_for_the_net_wins_over_what_it_was_made_of():
    for first, second in itertools.combinations(("pixel_values", "inputs", "x", "image", "img"), 2):
        for keys in ((first, second), (second, first)):
            sample = {key: IMAGE if key == first else OTHER for key in keys}
            parts = parts_of(sample, COLOUR)
            assert parts.image is IMAGE, keys
            assert f"The image is the sample's {first!r}, not its {second!r}" in parts.note


def test_a_key_counts_only_where_an_image_lies_under_it():
    sample = {"x": 3, "inputs": "a cat", "path": "a.png", "image": PICTURE, "label": 1}
    assert parts_of(sample, COLOUR)[:3] == (PICTURE, 1, "")


def test_every_key_of_an_image_and_of_a_label():
    for image_key, label_key in itertools.product(IMAGE_KEYS, LABEL_KEYS):
        if image_key != label_key:
            parts = parts_of({"id": 7, label_key: 3, image_key: IMAGE}, COLOUR)
            assert parts.image is IMAGE and parts.label == 3


def test_two_readings_are_said():
    assert parts_of((7, IMAGE), COLOUR).note == (
        "What comes before the image, 7, is not taken for its label; give (image, label) to have it as one."
    )
    assert parts_of((IMAGE, MASK, 3), COLOUR).note == "The label is the first class that comes after the image, 3."
    assert parts_of((7, IMAGE, 3), COLOUR).note == ""
    assert parts_of(("a.png", IMAGE), COLOUR).note == ""


def test_the_line_that_is_to_be_copied_gives_the_other_image():
    data = [{"image": OTHER, "pixel_values": IMAGE, "label": 3}] * 2
    note = SampleSource(data, inputs=COLOUR).read(1).note
    line = note[note.index("[") : note.rindex("]") + 1]
    assert line == "[(item['image'], item.get('label')) for item in data]"
    other = SampleSource([(item["image"], item.get("label")) for item in data], inputs=COLOUR).read(1)
    assert np.array_equal(other.image, OTHER.numpy()) and other.label == 3


def test_a_path_is_read_where_no_image_is_in_memory(tmp_path):
    PICTURE.save(tmp_path / "a.png")
    path = str(tmp_path / "a.png")
    for item in (path, (path, 3), (7, path, 3), {"path": path, "label": 3}, {"filename": path, "cls": 3}):
        sample = SampleSource([item], inputs=COLOUR).read(0)
        assert np.array_equal(sample.image, np.moveaxis(np.asarray(PICTURE, np.float32) / 255, -1, 0))
        assert sample.label == (None if item == path else 3)


def test_several_images_of_which_none_is_known_need_a_transform():
    sample = {"left": IMAGE, "right": OTHER, "label": 3}
    with pytest.raises(NoImagePartError, match=r"such as transform=lambda item: item\['left'\]"):
        parts_of(sample, COLOUR)
    source = SampleSource([sample], inputs=COLOUR, transform=lambda item: item["right"])
    assert np.array_equal(source.read(0).image, OTHER.numpy()) and source.read(0).label == 3


@pytest.mark.parametrize(
    ("item", "note"),
    [
        (([IMAGE, OTHER], 3), "The sample has 2 images, of which the first is shown."),
        (((IMAGE, OTHER, OTHER), 3), "The sample has 3 images, of which the first is shown."),
        (({"image": [IMAGE, OTHER]}, 3), "The sample has 2 images, of which the first is shown."),
        ((torch.stack([IMAGE, OTHER]), 3), "It has shape (2, 3, 6, 7): 2 views, of which the first is shown."),
        ((torch.stack([IMAGE, OTHER]), "cat"), "It has shape (2, 3, 6, 7): 2 views, of which the first is shown."),
        (([IMAGE], 3), ""),
        ((IMAGE[None], 3), "Its shape is (1, 3, 6, 7): the first axis, of one entry, is taken away."),
        (IMAGE[None], "Its shape is (1, 3, 6, 7): the first axis, of one entry, is taken away."),
        ((IMAGE.tolist(), 3), ""),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_first_of_several_views_is_shown_and_it_is_said(item, note):
    sample = SampleSource([item], inputs=COLOUR).read(0)
    assert np.array_equal(sample.image, IMAGE.numpy())
    assert sample.note == note


def test_crops_that_the_transform_makes():
    for make in (lambda image: torch.stack([image, 1 - image]), lambda image: (image, 1 - image)):
        sample = SampleSource([(IMAGE, 3)], inputs=COLOUR, transform=make).read(0)
        assert np.array_equal(sample.image, IMAGE.numpy()) and "of which the first is shown" in sample.note
    views = [(torch.stack([OTHER, IMAGE]), 3)]
    assert np.array_equal(
        SampleSource(views, inputs=COLOUR, transform=lambda views: views[1]).read(0).image, IMAGE.numpy()
    )


def test_a_batch_or_views_are_refused_with_both_readings():
    with pytest.raises(SampleError, match=r"if it is a batch of 2 .* if it is several views of one image"):
        SampleSource([torch.stack([IMAGE, OTHER])], inputs=COLOUR).read(0)
    for labels in ([0, 1], torch.tensor([1, 0]), np.eye(2)):
        with pytest.raises(ValueError, match="a batch of 2 images with their labels"):
            first_view(torch.stack([IMAGE, OTHER]), COLOUR, labels)


@pytest.mark.parametrize(
    ("inputs", "shape"),
    [
        (((1, 1),), (9,)),
        (((1, 4),), (4, 9)),
        (((3, 3),), (4, 3, 6, 7)),
        (((3, 3),), (3, 4, 6, 7)),
        (((3, 1),), (5, 6, 7)),
    ],
)
def test_images_of_other_nets_are_no_views(inputs, shape):
    image = images(*shape)
    assert parts_of((image, 3), inputs).image is image
    assert first_view(image, inputs, 3) == (image, "")


def test_an_array_of_another_library():
    class Device:
        """As JAX's and TensorFlow's."""

        def __init__(self, values):
            self.values, self.shape, self.dtype = values, values.shape, values.dtype

        def __array__(self, dtype=None, copy=None):
            return self.values

    sample = SampleSource([(Device(IMAGE.numpy()), Device(np.array(3)))], inputs=COLOUR).read(0)
    assert sample.label == 3
    assert np.array_equal(sample.image, IMAGE.numpy())


def test_what_is_no_image_is_an_error_in_its_place():
    for item, sentence in [
        ({"text": "a cat", "label": 1}, "it is a dictionary of 'text', 'label'"),
        ({"jpg": b"\xff\xd8", "cls": 1}, "its 'jpg' is bytes that are not decoded"),
        ((1, 2), "it is int 1, not an image"),
        ("a cat", "it is str 'a cat', not an image"),
        ({}, "it is a dictionary of nothing"),
    ]:
        with pytest.raises(SampleError, match=sentence):
            SampleSource([IMAGE, item], inputs=COLOUR).read(1)
