"""The table of axes: it fills every column of a verdict, and every way of telling one follows from it."""

from dataclasses import fields
from typing import get_type_hints

import numpy as np

from filterscope import FilterVerdict
from filterscope.verdicts.result.verdict import AXES, BADGE, COLUMNS

OF_THE_LAYER = ("layer", "filter", "images")  # what no axis answers


def test_the_axes_fill_all_columns_with_values_of_the_columns_types():
    types = get_type_hints(FilterVerdict)
    assert set(COLUMNS) == {*OF_THE_LAYER, *(name for axis in AXES for name in axis.columns)}
    for axis in AXES:
        answers = get_type_hints(axis.answer)
        assert answers == {name: types[name] for name in axis.columns}, axis.answer
    assert set(BADGE) <= set(COLUMNS) and len(set(BADGE)) == len(BADGE)


def test_a_column_that_two_axes_have_is_asked_for_once(found):
    """The state: what drives a filter means nothing where it is not live."""
    names = [name for axis in AXES for name in axis.columns]
    assert {name for name in names if names.count(name) > 1} == {"state"}
    states = [[axis.of(verdict).state for verdict in found.filters] for axis in AXES if "state" in axis.columns]
    assert len(states) == 2 and states[0] == states[1]


def test_an_answer_is_the_part_of_the_verdict_that_its_axis_has(found):
    verdict = found.filters[7]
    for axis in AXES:
        answer = axis.of(verdict)
        assert [field.name for field in fields(answer)] == list(axis.columns)
        for name in axis.columns:
            np.testing.assert_equal(getattr(answer, name), getattr(verdict, name))


def test_every_way_of_telling_a_verdict_follows_from_the_table(found):
    page, summary = found._repr_html_(), found.summary("conv2")
    for axis in AXES:
        assert all(f"<th>{cell.heading}</th>" in page for cell in axis.cells)
        answers = [axis.of(verdict) for verdict in found.of_layer("conv2")]
        assert all(words in summary for words in axis.summary(answers))
        for answer, verdict in zip(answers, found.of_layer("conv2"), strict=True):
            assert axis.sentence(answer) in verdict.sentence
    assert list(found.to_dataframe().columns) == [*COLUMNS, "sentence"] == list(found.rows()[0])
