"""Cells are told of where there is IPython, and what a cell of another thread seeds is left alone."""

import gc
import threading
import weakref

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from filterscope.host.cells import CellWatch, follow_cells
from filterscope.nets.rng import RandomStream


@pytest.fixture(name="shell")
def an_ipython():
    shell = InteractiveShell.instance()
    yield shell
    shell.reset(new_session=False)
    InteractiveShell.clear_instance()


class Follower:
    def __init__(self):
        self.heard = []

    def cell_starts(self):
        self.heard.append("starts")

    def cell_ended(self):
        self.heard.append("ended")


def test_a_cell_is_told_of_before_and_after_also_where_it_raises(shell):
    follower = Follower()
    assert follow_cells(follower) is False
    shell.user_ns["heard"] = follower.heard
    shell.run_cell("seen = list(heard)")
    assert shell.user_ns["seen"] == ["starts"]
    shell.run_cell("1 / 0", silent=True)
    assert follower.heard == ["starts", "ended"] * 2


def test_a_widgets_message_is_no_cell(shell):
    follower = Follower()
    follow_cells(follower)
    import comm

    channel = comm.create_comm(target_name="test")
    channel.on_msg(lambda message: None)
    channel.handle_msg({})
    assert follower.heard == []


def test_a_follower_made_in_a_cell_is_told_so_and_not_kept_alive(shell):
    follower = Follower()
    shell.user_ns.update(follow_cells=follow_cells, follower=follower)
    shell.run_cell("inside = follow_cells(follower)")
    assert shell.user_ns["inside"] is True
    assert follower.heard == ["ended"]
    known = weakref.ref(follower)
    del follower, shell.user_ns["follower"]
    gc.collect()
    assert known() is None
    shell.run_cell("1")


def test_without_ipython_there_are_no_cells():
    assert follow_cells(Follower()) is False
    assert not CellWatch().elsewhere_since(0)


SEEDS = "import torch; torch.manual_seed(123); drawn = torch.rand(3)"


def test_a_cell_that_seeds_while_another_thread_runs_the_net_keeps_its_seed(shell):
    stream = RandomStream()
    inside, seeded = threading.Event(), threading.Event()

    def a_pass():
        with stream.isolated():
            torch.rand(2)
            inside.set()
            assert seeded.wait(300)

    thread = threading.Thread(target=a_pass)
    thread.start()
    assert inside.wait(300)
    shell.run_cell(SEEDS)
    seeded.set()
    thread.join()
    expected = torch.Generator().manual_seed(123)
    assert torch.equal(shell.user_ns["drawn"], torch.rand(3, generator=expected))
    assert torch.equal(torch.rand(3), torch.rand(3, generator=expected))
