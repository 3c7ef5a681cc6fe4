"""Thumbnails are the images, and a page of the strip is what was asked for."""

import time

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from filterscope.data.source import SampleSource
from filterscope.data.thumbnails import thumbnail
from filterscope.engine.engine import Engine
from filterscope.frames.strip import build_strip
from filterscope.session.survey import Survey
from nets import TwoConvs, images, seeded


def test_a_small_image_is_enlarged_by_a_whole_factor_and_centred():
    display = images(28, 14).numpy()
    box, size = thumbnail(display)
    assert size == (56, 28)
    levels = np.floor(display * 255 + 0.5).astype(np.uint8)
    assert np.array_equal(box[:, 14:42], np.kron(levels, np.ones((2, 2), np.uint8))[..., None].repeat(3, -1))
    assert not box[:, :14].any()
    assert not box[:, 42:].any()
    assert thumbnail(images(40, 40).numpy())[1] == (40, 40)  # 1.4 times would blur it


def test_a_large_image_is_shrunk_to_its_means():
    display = images(112, 56, 3).numpy()
    box, size = thumbnail(display)
    assert size == (56, 28)
    means = display.reshape(56, 2, 28, 2, 3).mean((1, 3))
    assert np.abs(box[:, 14:42].astype(int) - np.floor(means * 255 + 0.5)).max() <= 1


def test_a_very_long_image_keeps_a_line():
    assert thumbnail(np.ones((4, 4000), np.float32))[1] == (1, 56)


class Broken(TensorDataset):
    classes = ("a", "b", "c")

    def __getitem__(self, index):
        if index == 2:
            raise OSError("gone")
        return super().__getitem__(index)


@pytest.fixture(name="strip")
def of_a_data_set():
    engine = Engine(seeded(TwoConvs), SampleSource(Broken(images(30, 1, 14, 14), torch.arange(30) % 3)))
    survey = Survey(engine)

    def ask(**args):
        """Asks as a page does: again, while the answer is partial."""
        deadline = time.monotonic() + 300
        while True:
            body = build_strip(engine, survey, {"start": 0, "count": 5, "class": None, "outcome": None, **args})
            if not body["survey"]["running"]:
                return body
            assert time.monotonic() < deadline
            time.sleep(0.01)

    ask.engine = engine
    yield ask
    survey.close()


def test_a_page_of_all_images(strip):
    body = strip(start=1)
    assert body["images"] == [1, 2, 3, 4, 5]
    assert body["labels"] == ["b", None, "a", "b", "c"]
    assert (body["matching"], body["total"], body["classes"]) == (30, 30, ["a", "b", "c"])
    assert body["errors"][1] == "sample 2: the data set raised OSError: gone"
    assert not body["thumbs"][1].any()
    assert np.array_equal(body["thumbs"][0], thumbnail(images(30, 1, 14, 14)[1, 0].numpy())[0])
    assert body["predicted"] == [None if i == 2 else strip.engine.prediction(i)[0][0] for i in range(1, 6)]


def test_the_last_page_is_shorter_and_beyond_it_is_nothing(strip):
    assert strip(start=28)["images"] == [28, 29]
    beyond = strip(start=40)
    assert (beyond["images"], beyond["thumbs"].shape) == ([], (0, 56, 56, 3))


def test_filters_page_through_what_matches(strip):
    found = strip(**{"class": "b", "start": 3, "count": 2})
    assert (found["images"], found["matching"]) == ([10, 13], 10)
    right = strip(outcome="right", count=60)
    predicted = {i: strip.engine.prediction(i)[0][0] for i in range(30) if i != 2}
    assert right["images"] == [i for i, name in predicted.items() if name == "abc"[i % 3]]
    wrong = strip(outcome="wrong", count=60)
    assert right["matching"] + wrong["matching"] == 29


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"start": -1}, "start is -1; expected an int from 0 on"),
        ({"start": "0"}, "start is '0'"),
        ({"count": 61}, "count is 61; expected an int from 0 to 60"),
        ({"class": "z"}, "class is 'z'; this data set has a, b, c"),
        ({"class": []}, "class is "),
        ({"outcome": "maybe"}, "outcome is 'maybe'; choose 'right' or 'wrong'"),
    ],
)
def test_a_forged_request_is_told_what_is_possible(strip, args, sentence):
    with pytest.raises(ValueError, match=sentence):
        strip(**args)
