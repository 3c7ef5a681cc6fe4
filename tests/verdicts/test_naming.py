"""What a kernel looks for: known patterns are named, at the stated error rate random kernels are not."""

import numpy as np
import pytest

from filterscope.verdicts.weights.matching import match_kernels
from filterscope.verdicts.weights.naming import NO_PATTERN, name_patterns
from filterscope.verdicts.weights.templates import bank
from pattern_bank import FAMILIES, LINED, draw, noisy

SOBEL = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1.0]])
LINE = np.array([[-1, -1, 2], [-1, 2, -1], [2, -1, -1.0]])


def name(kernel):
    return name_patterns(np.asarray(kernel, float)[None, None])[0].name


def angle_apart(one, other):
    return abs((one - other + 90) % 180 - 90)


@pytest.mark.parametrize(("size", "ratio", "right"), [(3, 0.25, 0.97), (5, 0.5, 0.95), (7, 0.5, 0.95), (5, 0.25, 0.97)])
def test_patterns_with_noise_are_named(size, ratio, right):
    random = np.random.default_rng(size)
    drawn = [draw(size, random) for _ in range(600)]
    matches = match_kernels(np.array([noisy(kernel, ratio, random) for _, kernel, _ in drawn]))
    hits = [m.template == family and m.is_clear for m, (family, _, _) in zip(matches, drawn, strict=True)]
    assert np.mean(hits) >= right
    apart = [
        angle_apart(m.angle, angle)
        for m, (family, _, angle), hit in zip(matches, drawn, hits, strict=True)
        if hit and family in LINED
    ]
    assert np.median(apart) <= 5


@pytest.mark.parametrize(("size", "ratio"), [(3, 0.25), (3, 0.5), (3, 1.0), (5, 0.5), (5, 1.0), (7, 1.0)])
def test_a_wrong_name_is_rare_however_much_noise_there_is(size, ratio):
    random = np.random.default_rng([5, size])
    drawn = [draw(size, random) for _ in range(3000)]
    matches = match_kernels(np.array([noisy(kernel, ratio, random) for _, kernel, _ in drawn]))
    wrong = [m.is_clear and m.template != family for m, (family, _, _) in zip(matches, drawn, strict=True)]
    assert np.mean(wrong) <= 0.03 + 3 * np.sqrt(0.03 / 3000)


def test_between_two_families_there_is_no_plain_name():
    """A spot that is as much a point, by construction: the likelihoods' ratio is that of what is left over."""
    point = np.zeros((5, 5))
    point[2, 2] = 1
    blob = next(t for t in bank(5, 5) if t.family == "blob").basis[0].reshape(5, 5)
    between = point / np.linalg.norm(point) + blob / np.linalg.norm(blob)
    match = match_kernels(between[None])[0]
    assert {match.template, match.runner_up} == {"point", "blob"}
    assert match.p_template < 0.01 and match.times_likelier < 3 and name(between) == NO_PATTERN
    assert name_patterns(between[None, None])[0].reason == f"{match.runner_up} fits about as well"
    unit = between.ravel() / np.linalg.norm(between)
    left = {f: min(1 - ((t.basis @ unit) ** 2).sum() for t in bank(5, 5) if t.family == f) for f in ("point", "blob")}
    assert match.times_likelier == pytest.approx((left[match.runner_up] / left[match.template]) ** 12.5)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_random_kernels_are_named_in_one_of_a_hundred(size):
    kernels = np.random.default_rng(9).normal(size=(5000, 1, size, size))
    named = np.mean([pattern.name != NO_PATTERN for pattern in name_patterns(kernels)])
    assert 0.003 <= named <= 0.015


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pure_pattern_is_matched_whole(family):
    random = np.random.default_rng(0)
    for _ in range(10):
        match = match_kernels(draw(7, random, family)[1][None])[0]
        assert match.template == family
        assert match.match > 0.75


def test_polarity_and_direction_stand_in_the_name():
    assert name(SOBEL) == "horizontal edge: dark above, bright below"
    assert name(-SOBEL) == "horizontal edge: dark below, bright above"
    assert name(SOBEL.T) == "vertical edge: dark left, bright right"
    assert name(SOBEL + SOBEL.T) == "edge at 45°, bright at the lower right"
    assert name(LINE) == "bright bar at 45°"
    assert name(-LINE) == "dark bar at 45°"
    assert name([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]) == "bright spot on dark"
    assert name([[0, 0, 0], [0, 0, 0], [0, 0, 1]]) == "bright pixel 1 below and 1 right"
    assert name(np.ones((3, 3))) == "smoothing"


@pytest.mark.parametrize("angle", range(0, 360, 15))
def test_an_edges_angle_is_that_of_its_line(angle):
    turn = np.radians(angle)
    down, x = np.mgrid[-2:3, -2:3].astype(float)
    match = match_kernels((np.cos(turn) * x - np.sin(turn) * down)[None])[0]
    assert match.template == "edge"
    assert angle_apart(match.facing / 2, angle / 2) < 1e-6
    assert angle_apart(match.angle, angle + 90) < 1e-6


def test_colours_take_the_place_of_bright_and_dark():
    blue_yellow = np.array([-1, -1, 2.0])[:, None, None]
    named = name_patterns((blue_yellow * SOBEL)[None], sees_rgb=True)[0]
    assert named.name == "blue-yellow horizontal edge: blue below, yellow above"
    assert named.shared == pytest.approx(1)
    gray = name_patterns((np.ones((3, 1, 1)) * SOBEL)[None], sees_rgb=True)[0]
    assert gray.name == "horizontal edge: dark above, bright below"


def test_channels_without_a_common_pattern_get_no_name():
    filters = np.random.default_rng(0).normal(size=(400, 10, 3, 3))
    assert sum(pattern.name != NO_PATTERN for pattern in name_patterns(filters)) <= 4


def test_why_there_is_no_name_is_said():
    random = np.random.default_rng(2).normal(size=(300, 10, 3, 3))
    reasons = [pattern.reason for pattern in name_patterns(random) if pattern.name == NO_PATTERN]
    assert all(reasons) and any("in 100 random kernels match one template or another" in said for said in reasons)
    assert any("its channels look different" in said for said in reasons)
    assert name_patterns(SOBEL[None, None])[0].reason == ""


@pytest.mark.parametrize("shape", [(4, 3, 1, 1), (4, 3, 5), (4, 2, 3, 3, 3), (4, 2, 1, 7), (4, 3, 2, 2)])
def test_sizes_without_templates_say_so(shape):
    for pattern in name_patterns(np.ones(shape)):
        assert pattern.name is None and pattern.match is None
        assert "no templates" in pattern.reason


def test_zero_and_broken_kernels_have_no_match():
    kernels = np.stack([np.zeros((3, 3)), np.full((3, 3), np.nan), SOBEL])[:, None]
    found = name_patterns(kernels)
    assert [pattern.name is None for pattern in found] == [True, True, False]


@pytest.mark.parametrize("size", [(3, 3), (4, 4), (5, 5), (3, 5), (11, 11)])
def test_templates_are_orthonormal(size):
    for template in bank(*size):
        np.testing.assert_allclose(template.basis @ template.basis.T, np.eye(len(template.basis)), atol=1e-9)
