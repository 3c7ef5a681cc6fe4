"""Our own random numbers: the user's generators stay, also while another thread draws."""

import random
import threading

import numpy as np
import torch
from torch.nn import functional as F

from filterscope.randomness import RandomStream


def states():
    return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())


def test_nothing_drawn_inside_moves_the_global_generators():
    before = states()
    stream = RandomStream()
    with stream.instead():
        torch.rand(3), torch.randperm(5), torch.empty(2).uniform_(), F.dropout(torch.ones(9)), random.random()
        np.random.rand(), torch.nn.init.normal_(torch.empty(2))
    assert states() == before


def test_numbers_go_on_from_draw_to_draw_and_from_use_to_use():
    stream = RandomStream()
    drawn = []
    for _ in range(2):
        with stream.instead():
            drawn += [float(torch.rand(())), float(torch.rand(())), random.random(), float(np.random.rand())]
    assert len(set(drawn)) == 8


def test_they_are_put_back_after_an_error():
    before = states()
    try:
        with RandomStream().instead():
            torch.rand(1), random.random()
            raise RuntimeError
    except RuntimeError:
        pass
    assert states() == before


def test_a_generator_of_the_users_own_is_used_as_it_is():
    expected = torch.rand(3, generator=torch.Generator().manual_seed(5))
    with RandomStream().instead():
        assert torch.equal(torch.rand(3, generator=torch.Generator().manual_seed(5)), expected)


def test_another_thread_that_draws_from_torch_meanwhile_gets_its_own_numbers():
    def draw(numbers, stop):
        while not stop.is_set() and len(numbers) < 5_000:
            numbers.append(float(torch.rand(())))

    torch.manual_seed(3)
    expected = [float(torch.rand(())) for _ in range(5_000)]
    torch.manual_seed(3)
    numbers, stop = [], threading.Event()
    thread = threading.Thread(target=draw, args=(numbers, stop))
    stream = RandomStream()
    thread.start()
    # Inside, but deterministic, as a test set is: the thread draws all the while.
    while thread.is_alive():
        with stream.instead():
            torch.ones(10).sum()
    thread.join()
    assert numbers == expected
