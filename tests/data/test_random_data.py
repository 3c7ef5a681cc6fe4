"""A data set that gives another image when it is read again is noticed."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset
from torchvision.datasets import FakeData
from torchvision.transforms import ToTensor

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from nets import images


class Draws(Dataset):
    """Gives another image each time, drawn from one of the three generators."""

    def __init__(self, draw, chance=1.0):
        self.draw, self.chance = draw, chance

    def __len__(self):
        return 30

    def __getitem__(self, index):
        drawn = self.draw()
        return torch.full((1, 4, 4), drawn if drawn < self.chance else 1.0)


@pytest.mark.parametrize("draw", [lambda: torch.rand(()).item(), random.random, lambda: np.random.random()])
def test_a_random_data_set_is_noticed_and_the_users_random_numbers_stay(draw):
    engine = Engine(nn.Conv2d(1, 1, 3), SampleSource(Draws(draw)))
    before = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()]
    first = engine.sample(3).image
    assert engine.source.random
    assert engine.source.note == "This data set is random: read again, it gives another image. What is shown stays."
    assert np.array_equal(engine.sample(3).image, first)
    after = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1]]
    assert torch.equal(before[0], after[0]) and before[1] == after[1] and np.array_equal(before[2], after[2])


def test_a_data_set_that_seeds_with_the_index_is_not_random():
    data = FakeData(5, (1, 6, 6), 3, transform=ToTensor())
    engine = Engine(nn.Conv2d(1, 1, 3), SampleSource(data))
    for index in (0, 3, 0, 2):
        assert np.array_equal(engine.samples.read(index).image, data[index][0].numpy())
    assert not engine.source.random


def test_a_coin_that_is_tossed_is_noticed_mostly_at_once():
    class Coin(Draws):
        def __getitem__(self, index):
            return torch.full((1, 4, 4), float(torch.rand(()) < 0.5))

    noticed = 0
    with torch.random.fork_rng():
        for seed in range(20):
            torch.manual_seed(seed)  # where the explorer's own random numbers begin
            noticed += Engine(nn.Conv2d(1, 1, 3), SampleSource(Coin(None))).source.random
    assert noticed > 10


def test_a_data_set_that_is_not_random_is_not_said_to_be():
    source = SampleSource(images(5, 1, 4, 4))
    for index in (0, 1, 0, 4, 1):
        source.read(index)
    assert not source.random and source.note == ""


def test_a_sample_that_differs_when_it_is_needed_again_is_noticed_too():
    data = images(5, 1, 4, 4).clone()
    source = SampleSource(data)
    source.read(0), source.read(3)
    data[3] += 1
    source.read(3)
    assert source.random
    source.measure()  # the user said that it changed
    assert not source.random
