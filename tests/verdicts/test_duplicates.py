"""Filters that say the same as another, and mirrors."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from activation_maps import maps, statistics_of
from filterscope.verdicts.activations.duplicates import find_duplicates, find_mirrors
from nets import images


def test_copies_are_found_and_sign_flips_are_mirrors():
    random = np.random.default_rng(0)
    kernels = random.normal(size=(5, 1, 3, 3)).astype(np.float32)
    kernels[3], kernels[4] = 2 * kernels[0], -kernels[1]
    bias = np.array([0.1, 0.2, 0.3, 0.2, 0.4], np.float32)
    made = F.conv2d(images(20, 1, 9, 9), torch.from_numpy(kernels), torch.from_numpy(bias)).relu()
    seen, live = statistics_of(made), np.ones(5, bool)
    (pair,) = find_duplicates(kernels, bias, seen, live)
    assert (pair.filter, pair.partner) == (3, 0)
    assert pair.cosine == pytest.approx(1) and pair.correlation == pytest.approx(1)
    assert (pair.scale, pair.offset) == (pytest.approx(2, rel=1e-3), pytest.approx(0, abs=1e-3))
    assert find_mirrors(kernels, live) == {1: 4, 4: 1}
    live[0] = False
    assert find_duplicates(kernels, bias, seen, live) == []


def test_equal_weights_in_other_groups_are_no_duplicates_unless_they_say_the_same():
    kernels = np.repeat(np.random.default_rng(0).normal(size=(1, 1, 3, 3)), 2, axis=0).astype(np.float32)
    pixels = images(20, 2, 9, 9)
    apart = statistics_of(F.conv2d(pixels, torch.from_numpy(kernels), groups=2))
    assert find_duplicates(kernels, None, apart, np.ones(2, bool), groups=2) == []
    pixels[:, 1] = pixels[:, 0]
    alike = statistics_of(F.conv2d(pixels, torch.from_numpy(kernels), groups=2))
    assert len(find_duplicates(kernels, None, alike, np.ones(2, bool), groups=2)) == 1


@pytest.mark.parametrize(("shift", "copies"), [(0.0, 1), (0.02, 1), (0.6, 0)])
def test_equal_weights_with_another_shift_of_the_norm_behind_them_are_no_duplicates(shift, copies):
    """The convolution's own parameters can't tell; the maps are alike at more than 0.95."""
    kernels = np.repeat(np.random.default_rng(0).normal(size=(1, 2, 3, 3)), 2, axis=0).astype(np.float32)
    scores = F.conv2d(maps(30, 2, 12, 12), torch.from_numpy(kernels))
    scores = scores / scores.std() + torch.tensor([0.6, 0.6 + shift]).view(2, 1, 1)
    seen = statistics_of(scores.relu())
    assert seen.correlation[0, 1] > 0.95
    assert len(find_duplicates(kernels, None, seen, np.ones(2, bool), normed=True)) == copies
    assert len(find_duplicates(kernels, None, seen, np.ones(2, bool))) == 1  # without a norm there is no shift


def test_mirrors_are_named_within_a_group_only():
    kernels = np.repeat(np.random.default_rng(0).normal(size=(1, 2, 3, 3)), 4, axis=0)
    kernels[1:] *= -1
    assert find_mirrors(kernels, np.ones(4, bool), groups=2) == {0: 1, 1: 0}
    assert find_mirrors(kernels, np.ones(4, bool)) == {0: 1, 1: 0, 2: 0, 3: 0}
