"""Ctrl-C held back and let through, by signals that the test itself raises."""

import signal
import threading

import pytest

from filterscope.host.sigint import defer_sigint, let_sigint_through


def interrupt():
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def the_handler_is_pythons_own():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_it_acts_when_the_body_has_ended():
    done = []

    def work():
        with defer_sigint():
            interrupt()
            interrupt()
            done.append("body")
        done.append("after")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["body"]


@pytest.mark.parametrize("deferrals", [1, 2, 3])
def test_it_acts_at_once_where_it_is_let_through(deferrals):
    done = []

    def inside(count):
        with defer_sigint():
            if count > 1:
                inside(count - 1)
            else:
                with let_sigint_through():
                    interrupt()
                    done.append("let through")
            done.append("the rest")

    with pytest.raises(KeyboardInterrupt):
        inside(deferrals)
    assert done == []


def test_what_came_before_it_is_let_through_acts_then():
    done = []

    def work():
        with defer_sigint():
            interrupt()
            done.append("held back")
            with let_sigint_through():
                done.append("somebody else's code")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["held back"]


def test_a_second_one_does_not_disturb_the_cleaning_up_after_the_first():
    done = []

    def work():
        with defer_sigint():
            try:
                with let_sigint_through():
                    interrupt()
            finally:
                interrupt()
                done.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["cleaned up"]


def test_a_handler_that_only_notes_is_called_each_time_it_is_let_through():
    noted = []
    signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    with defer_sigint():
        with let_sigint_through():
            interrupt()
            interrupt()
        assert len(noted) == 2
        interrupt()
        assert len(noted) == 2
    assert len(noted) == 3
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_without_a_deferral_and_in_other_threads_nothing_changes():
    with pytest.raises(KeyboardInterrupt), let_sigint_through():
        interrupt()
    handlers = []

    def other():
        with defer_sigint(), let_sigint_through():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]
