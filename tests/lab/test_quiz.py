"""Guess the filter: the questions are the scan's, and the score is told from guessing."""

import json

import numpy as np
import pytest
from scipy import stats

from filterscope import Explorer, demo
from filterscope.lab.quiz import SIDES


@pytest.fixture(scope="module")
def explorer():
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
    with pytest.raises(ValueError, match="there is none yet"):
        explorer.quiz()
    explorer.scan(images=300).wait()
    return explorer


def test_the_picture_that_drives_is_among_the_scans_nine_and_the_other_has_less(explorer):
    quiz = explorer.quiz(rounds=12, seed=3)
    for each in quiz.rounds:
        driving, other = each.pictures if each.drives == "left" else each.pictures[::-1]
        assert driving.image in explorer.newest_scan.top(each.layer, each.filter, 9).images
        assert driving.value > other.value
    assert {each.drives for each in quiz.rounds} == set(SIDES)
    again = explorer.quiz(rounds=12, seed=3)
    assert [(a.layer, a.filter, a.drives) for a in quiz.rounds] == [(a.layer, a.filter, a.drives) for a in again.rounds]
    assert {each.layer for each in explorer.quiz(rounds=6, layer="conv2").rounds} == {"conv2"}


def test_who_knows_beats_chance_and_who_guesses_does_not(explorer):
    quiz = explorer.quiz(rounds=20)
    for number, each in enumerate(quiz.rounds):
        assert quiz.answer(number, each.drives)
    grade = quiz.grade()
    assert json.loads(json.dumps(grade)) == grade
    assert (grade["right"], grade["score"], grade["better_than_chance"]) == (20, 1.0, True)
    assert grade["p_chance"] == pytest.approx(0.5**20)
    rng, better = np.random.default_rng(0), 0
    for _ in range(200):
        for number in range(20):
            quiz.answer(number, SIDES[int(rng.integers(2))])
        grade = quiz.grade()
        better += grade["better_than_chance"]
        wilson = stats.binomtest(grade["right"], 20).proportion_ci(method="wilson")
        assert (grade["low"], grade["high"]) == pytest.approx((wilson.low, wilson.high), abs=1e-6)
    assert better / 200 <= 0.05  # 15 of 20 is reached by 2.1 % of those who guess


def test_wrong_arguments_are_sentences(explorer):
    for options, sentence in (({"rounds": 0}, "rounds is 0"), ({"seed": -1}, "seed is -1"), ({"layer": "x"}, "x")):
        with pytest.raises(ValueError, match=sentence):
            explorer.quiz(**options)
    quiz = explorer.quiz(rounds=2)
    with pytest.raises(ValueError, match="choose 'left' or 'right'"):
        quiz.answer(0, "both")
    with pytest.raises(ValueError, match="this quiz has rounds 0 … 1"):
        quiz.answer(2, "left")
    assert quiz.grade()["answered"] == 0
