"""Our own random numbers: the user's generators stay, also while another thread draws."""

import random
import threading

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from filterscope.nets import rng
from filterscope.nets.rng import RandomStream


def states():
    return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())


def test_nothing_drawn_inside_moves_the_global_generators():
    before = states()
    stream = RandomStream()
    with stream.isolated():
        torch.rand(3), torch.randperm(5), torch.empty(2).uniform_(), F.dropout(torch.ones(9)), random.random()
        np.random.rand(), torch.nn.init.normal_(torch.empty(2))
    assert states() == before


def test_numbers_go_on_from_draw_to_draw_and_from_use_to_use():
    stream = RandomStream()
    drawn = []
    for _ in range(2):
        with stream.isolated():
            drawn += [float(torch.rand(())), float(torch.rand(())), random.random(), float(np.random.rand())]
    assert len(set(drawn)) == 8


def test_they_are_put_back_after_an_error():
    before = states()
    try:
        with RandomStream().isolated():
            torch.rand(1), random.random()
            raise RuntimeError
    except RuntimeError:
        pass
    assert states() == before


def test_a_generator_of_the_users_own_is_used_as_it_is():
    expected = torch.rand(3, generator=torch.Generator().manual_seed(5))
    with RandomStream().isolated_torch():
        assert torch.equal(torch.rand(3, generator=torch.Generator().manual_seed(5)), expected)


def test_every_torch_draw_has_numbers_of_its_own_and_leaves_the_global_ones():
    draws = [
        lambda: torch.rand(4),
        lambda: torch.randn(4),
        lambda: torch.randint(9, (4,)),
        lambda: torch.randint(2, 9, (4,)),
        lambda: torch.randperm(6),
        lambda: torch.normal(0.0, 1.0, (4,)),
        lambda: torch.normal(torch.zeros(4), 1.0),
        lambda: torch.bernoulli(torch.full((8,), 0.5)),
        lambda: torch.multinomial(torch.ones(9), 5),
        lambda: torch.rand_like(torch.zeros(4)),
        lambda: torch.randn_like(torch.zeros(4)),
        lambda: torch.randint_like(torch.zeros(4), 9),
        lambda: torch.poisson(torch.full((4,), 5.0)),
        lambda: torch.empty(4).uniform_(),
        lambda: torch.empty(4).exponential_(),
        lambda: F.dropout(torch.ones(16)),
        lambda: F.rrelu(-torch.ones(8), training=True),
    ]
    for draw in draws:
        torch.manual_seed(11)
        first = draw()
        torch.manual_seed(11)
        before = states()
        with RandomStream().isolated_torch():
            assert torch.equal(draw(), first)  # it starts where the user's generator stands
        assert states() == before


def test_seeding_inside_seeds_this_stream_and_nothing_else():
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(123)
    before = states()
    stream = RandomStream()
    with stream.isolated():
        torch.manual_seed(4)
        assert torch.equal(torch.rand(3), expected)
    with stream.isolated(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        assert torch.equal(torch.rand(3), expected)
    assert states() == before


def beside(read, draw):
    """What another thread draws, in all, while `read` runs inside over and over; None for without it."""
    torch.manual_seed(3), random.seed(3), np.random.seed(3)
    numbers = []
    thread = threading.Thread(target=lambda: numbers.extend(draw() for _ in range(4_000)))
    stream = RandomStream()
    thread.start()
    while read is not None and thread.is_alive():
        with stream.isolated():
            read()
    thread.join()
    return numbers


def test_a_thread_that_draws_from_torch_is_not_disturbed_whatever_is_drawn_inside():
    def draw():
        return float(torch.rand(()))

    expected = beside(None, draw)
    for read in (lambda: torch.ones(10).sum(), lambda: torch.randn(1, 100, 100), lambda: F.dropout(torch.ones(10_000))):
        assert beside(read, draw) == expected


def test_a_thread_that_draws_from_all_three_is_not_disturbed_by_a_data_set_that_draws_from_none():
    def draw():
        return float(torch.rand(())), random.random(), float(np.random.rand())

    assert beside(lambda: torch.ones(10).sum(), draw) == beside(None, draw)


@pytest.mark.parametrize("inside", [0, 1])
def test_seeding_inside_leaves_the_users_numbers_where_they_are(inside):
    """With the seed that is in force as well, which the seed alone does not tell."""
    torch.manual_seed(0)
    torch.rand(3)
    expected = torch.rand(3)
    torch.manual_seed(0)
    torch.rand(3)
    stream = RandomStream()
    with stream.isolated_torch():
        torch.manual_seed(inside)
        first = torch.rand(2)
        torch.manual_seed(inside)
        again = torch.rand(2)
    assert torch.equal(first, again)
    assert torch.equal(torch.rand(3), expected)
    with torch.random.fork_rng(devices=[]):
        assert torch.equal(first, torch.rand(2, generator=torch.Generator().manual_seed(inside)))


def seed_beside(target, monkeypatch):
    """Seeds in another thread of a script while the body runs, through `target`; returns the state then and after."""
    monkeypatch.setattr(rng, "cells_are_known", lambda: False)
    begun, seeded, states_then = threading.Event(), threading.Event(), []

    def seed():
        begun.wait()
        target()
        states_then.append(torch.get_rng_state())
        seeded.set()

    thread = threading.Thread(target=seed)
    thread.start()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        with RandomStream().isolated_torch():
            begun.set()
            seeded.wait()
            torch.rand(2)
        after = torch.get_rng_state()
    thread.join()
    return states_then[0], after


def test_a_seed_that_another_thread_of_a_script_sets_in_the_meantime_stays(monkeypatch):
    then, after = seed_beside(lambda: torch.manual_seed(77), monkeypatch)
    assert torch.equal(then, after)
    assert torch.equal(after, torch.Generator().manual_seed(77).get_state())


def test_a_seed_of_the_bodys_own_is_undone_in_a_script_while_another_thread_waits_for_us(monkeypatch):
    """A progress bar wakes up now and then: that it ran says nothing about who has seeded."""
    monkeypatch.setattr(rng, "cells_are_known", lambda: False)
    stop, awake = threading.Event(), threading.Event()

    def poll():
        while not stop.wait(0.0001):
            awake.set()

    waiting = eval(compile("lambda poll: poll()", "ours", "eval"), {"__name__": "filterscope.waiting"})
    thread = threading.Thread(target=waiting, args=(poll,))
    thread.start()
    before = torch.get_rng_state()
    with RandomStream().isolated_torch():
        awake.clear()
        awake.wait()
        torch.manual_seed(78)
    stop.set()
    thread.join()
    assert torch.equal(torch.get_rng_state(), before)
