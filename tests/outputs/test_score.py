"""The user's score: given each image's own part of an output, and refused in a sentence where it gives no number."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from filterscope import NetError, Score
from filterscope.outputs.kind import MASKS, kind_of
from filterscope.outputs.score import KindScore, as_score, one_of

Pair = namedtuple("Pair", "first second")


def test_each_image_has_its_own_part_of_an_output():
    x = torch.arange(6.0).reshape(2, 3)
    assert one_of(x, 1, 2).tolist() == [3, 4, 5]
    assert one_of({"a": x, "b": [x, x]}, 1, 2)["b"][0].tolist() == [3, 4, 5]
    assert one_of(Pair(x, x), 0, 2).second.tolist() == [0, 1, 2]
    assert one_of([{"boxes": 1}, {"boxes": 2}], 1, 2) == {"boxes": 2}

    @dataclass
    class ModelOutput(OrderedDict):
        logits: torch.Tensor = None

        def __post_init__(self):
            self["logits"] = self.logits

    assert one_of(ModelOutput(logits=x), 1, 2).logits.tolist() == [3, 4, 5]


def test_scores_go_image_by_image():
    score = Score(lambda output, target: -(output - target).abs().mean(), "closeness", -1)
    scores = score.of(torch.tensor([[1.0, 2.0], [3.0, 5.0]]), [1, 4], (4, 4))
    np.testing.assert_allclose(scores, [-0.5, -1.0])


@pytest.mark.parametrize(
    ("function", "sentence"), [(lambda o, t: o, "one number an image"), (lambda o, t: o[9], "score= raised IndexError")]
)
def test_a_score_that_is_no_number_is_refused_in_words(function, sentence):
    with pytest.raises(NetError, match=sentence):
        Score(function).of(torch.rand(1, 3), [0], (4, 4))


def test_what_is_no_function_is_no_score():
    with pytest.raises(TypeError, match="give a function"):
        as_score("accuracy")

    def psnr(output, target):
        return 0

    assert as_score(None) is None and as_score(psnr).name == "psnr" and as_score(lambda o, t: 0).name == "score"


def test_without_labels_a_task_is_held_against_what_the_net_says():
    scorer, output = KindScore(MASKS), torch.rand(2, 3, 8, 8)
    answers = scorer.targets(output, [None, None], (8, 8), labelled=False)
    assert scorer.of(output, answers, (8, 8)).tolist() == [1, 1]
    assert np.isnan(scorer.of(output, scorer.targets(output, [None, 3], (8, 8), labelled=True), (8, 8))).all()


def test_a_mask_says_that_a_map_is_one_and_without_it_nothing_is_claimed():
    output, mask = torch.rand(1, 3, 8, 8), np.zeros((8, 8), int)
    assert kind_of(output, 1, (8, 8), mask) is MASKS
    assert kind_of(output, 1, (8, 8), None) is None and kind_of(output, 1, (8, 8), torch.rand(3, 8, 8)) is None
    assert kind_of(torch.rand(1, 3), 1, (8, 8), mask) is None
    boxes = [{"boxes": torch.rand(1, 4), "labels": torch.ones(1), "scores": torch.ones(1)}]
    assert kind_of(boxes, 1, (8, 8)).name == "boxes"
