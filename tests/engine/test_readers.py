"""A sample is read once, whoever asks, and one at a time, unless it takes much longer than usual."""

import signal
import threading
from contextlib import suppress

import pytest

from filterscope.engine import readers
from filterscope.engine.readers import Readers
from filterscope.errors import SampleError
from interrupts import interrupted


class Gate:
    """A read that says that it has begun, and ends when it may."""

    def __init__(self, result="sample"):
        self.began, self.open = threading.Event(), threading.Event()
        self.result, self.times = result, 0

    def __call__(self):
        self.times += 1
        self.began.set()
        assert self.open.wait(300)
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


class Asker(threading.Thread):
    """Asks for a sample in a thread of its own."""

    def __init__(self, target, key, read, for_person=True):
        super().__init__(daemon=True)
        self.ask = lambda: target.read(key, read, for_person)
        self.answer = self.error = None
        self.start()

    def run(self):
        try:
            self.answer = self.ask()
        except BaseException as error:
            self.error = error

    def outcome(self):
        self.join(30)
        assert not self.is_alive()
        return self.answer if self.error is None else self.error


def waiting(target, count):
    """Waits until so many threads wait for a reader."""
    while True:
        with target._changed:
            if len(target._changed._waiters) == count:
                return


def of_quick_samples(monkeypatch, slow=1e9):
    monkeypatch.setattr(readers, "SLOW_READ_SECONDS", slow)
    return Readers(lambda: 0.0)


def test_a_sample_that_several_ask_for_is_read_once(monkeypatch):
    target, read = of_quick_samples(monkeypatch), Gate()
    askers = [Asker(target, 7, read, for_person) for for_person in (False, True, True)]
    waiting(target, 2)
    read.open.set()
    assert [asker.outcome() for asker in askers] == ["sample"] * 3
    assert read.times == 1
    assert target.read(7, lambda: "anew", True) == "anew"  # what was read is for the caller to keep


def test_each_who_waited_is_told_why_it_cannot_be_read(monkeypatch):
    target, read = of_quick_samples(monkeypatch), Gate(SampleError(7, "the file is broken"))
    askers = [Asker(target, 7, read) for _ in range(3)]
    waiting(target, 2)
    read.open.set()
    errors = [asker.outcome() for asker in askers]
    assert [(type(error), error.index, error.cause) for error in errors] == [(SampleError, 7, "the file is broken")] * 3
    assert read.times == 1 and len(set(map(id, errors))) == 3


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit()], ids=repr)
def test_where_its_reader_is_interrupted_another_who_waits_reads_it(monkeypatch, interruption):
    target, interrupted, read = of_quick_samples(monkeypatch), Gate(interruption), Gate()
    first = Asker(target, 7, interrupted)
    assert interrupted.began.wait(300)
    second = Asker(target, 7, read)
    waiting(target, 1)
    read.open.set()
    interrupted.open.set()
    assert first.outcome() is interruption
    assert second.outcome() == "sample" and read.times == 1


def test_one_sample_is_read_at_a_time_and_a_person_goes_first(monkeypatch):
    target = of_quick_samples(monkeypatch)
    reads = {name: Gate(name) for name in ("first", "background", "person")}
    askers = [Asker(target, 0, reads["first"])]
    assert reads["first"].began.wait(300)
    for key, name in enumerate(("background", "person"), 1):
        askers.append(Asker(target, key, reads[name], name == "person"))
        waiting(target, key)
    assert not reads["background"].began.is_set() and not reads["person"].began.is_set()
    reads["first"].open.set()
    assert reads["person"].began.wait(300)
    assert not reads["background"].began.is_set()
    reads["person"].open.set()
    reads["background"].open.set()
    assert [asker.outcome() for asker in askers] == ["first", "background", "person"]


def test_beside_a_slow_sample_a_person_is_given_others_and_the_background_waits(monkeypatch):
    target, slow, other = of_quick_samples(monkeypatch, slow=0.0), Gate(), Gate()
    first = Asker(target, 0, slow)
    assert slow.began.wait(300)
    background = Asker(target, 1, other, for_person=False)
    waiting(target, 1)
    assert target.read(2, lambda: "another", True) == "another"
    assert not other.began.is_set()
    other.open.set()
    slow.open.set()
    assert first.outcome() == background.outcome() == "sample"


def test_samples_that_are_always_slow_are_read_one_at_a_time(monkeypatch):
    monkeypatch.setattr(readers, "SLOW_READ_SECONDS", 0.0)
    target, slow, other = Readers(lambda: 1e9), Gate(), Gate()
    first = Asker(target, 0, slow)
    assert slow.began.wait(300)
    second = Asker(target, 1, other)
    waiting(target, 1)
    assert not other.began.is_set()
    other.open.set()
    slow.open.set()
    assert first.outcome() == second.outcome() == "sample"


def test_no_more_than_a_few_hang_at_once(monkeypatch):
    target, hanging, more = of_quick_samples(monkeypatch, slow=0.0), [Gate() for _ in range(4)], Gate()
    askers = []
    for key, read in enumerate(hanging):
        askers.append(Asker(target, key, read))
        assert read.began.wait(300)
    askers.append(Asker(target, 9, more))
    waiting(target, 1)
    assert not more.began.is_set()
    for read in (more, *hanging):
        read.open.set()
    assert [asker.outcome() for asker in askers] == ["sample"] * 5


def test_a_data_set_that_asks_for_another_of_its_samples_waits_for_nobody(monkeypatch):
    target = of_quick_samples(monkeypatch)
    assert target.read(0, lambda: target.read(1, lambda: target.read(0, lambda: "inner", True), True), True) == "inner"


def test_ctrl_c_at_any_place_leaves_no_reading_that_nobody_ends(monkeypatch):
    target = of_quick_samples(monkeypatch)
    places = interrupted(lambda: target.read(0, lambda: "sample", True), 0, ("threading.py",))
    assert places > 20
    for at in range(1, places):
        with suppress(KeyboardInterrupt):
            interrupted(lambda: target.read(0, lambda: "sample", True), at, ("threading.py",))
        assert not target._active and not target._persons
        assert Asker(target, 0, lambda: "sample").outcome() == "sample"


def test_ctrl_c_reaches_a_main_thread_that_waits_for_another_threads_reading(monkeypatch):
    target, slow = of_quick_samples(monkeypatch), Gate()
    first = Asker(target, 0, slow)
    assert slow.began.wait(300)
    main = threading.main_thread().ident

    def interrupt():
        waiting(target, 1)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        target.read(0, lambda: "sample", True)
    slow.open.set()
    assert first.outcome() == "sample"
