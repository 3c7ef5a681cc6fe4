"""Turns: one at a time, in order, and whoever waits can be interrupted."""

import signal
import threading

import pytest

from filterscope.data.turns import Turns
from filterscope.host.sigint import defer_sigint, let_sigint_through


def in_a_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_one_at_a_time_in_the_order_of_asking():
    turns, order = Turns(), []
    threads = []

    def ask(number):
        with turns.turn():
            order.append(number)

    with turns.turn():
        for number in range(5):
            threads.append(in_a_thread(lambda number=number: ask(number)))
            while len(turns._waiting) <= number:
                pass
        assert order == []
    for thread in threads:
        thread.join(20)
    assert order == [0, 1, 2, 3, 4]


def test_ctrl_c_reaches_a_main_thread_that_waits_and_the_turn_goes_to_the_next():
    turns, taken, end = Turns(), threading.Event(), threading.Event()
    main = threading.main_thread().ident

    def hold():
        with turns.turn():
            taken.set()
            while not turns._waiting:
                pass
            signal.pthread_kill(main, signal.SIGINT)
            end.wait(300)

    holder = in_a_thread(hold)
    assert taken.wait(300)
    with pytest.raises(KeyboardInterrupt), defer_sigint(), let_sigint_through(), turns.turn():
        pytest.fail("it was not this thread's turn")
    assert not turns._waiting
    end.set()
    holder.join(20)
    with turns.turn():
        pass
