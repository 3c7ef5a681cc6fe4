"""Requests are answered one at a time, the newest of each kind, and nothing is left behind."""

import threading

import pytest

from filterscope.nets.interruption import StopPass
from filterscope.widget import inbox as room
from filterscope.widget.inbox import Inbox
from filterscope.widget.requests import Request, Requests, Urgency

URGENCIES = {
    "prefetch": Urgency.NEXT_MOVE,
    "strip": Urgency.NEXT_MOVE,
    "prediction": Urgency.REST,
    "filters": Urgency.REST,
    "describe": Urgency.PICTURE,
    "frame": Urgency.PICTURE,
}
REQUESTS = Requests(Request(name, urgency, lambda args: {}) for name, urgency in URGENCIES.items())


def request(number, name="frame", asker="page"):
    return {"kind": "request", "id": f"{asker}-{number}", "name": name}


class Desk:
    """Work that waits to be let through, so that a test decides what has come by then."""

    def __init__(self, monkeypatch, threaded=True):
        monkeypatch.setattr(room, "_in_ipykernel", lambda: threaded)
        self.done, self.skipped, self.threads = [], [], []
        self.began, self.gate = threading.Semaphore(0), threading.Semaphore(0)
        self.finished = threading.Semaphore(0)
        self.inbox = Inbox(REQUESTS, self.work, lambda content: self.skipped.append(content["id"]))

    def work(self, content):
        self.threads.append(threading.current_thread())
        self.began.release()
        assert self.gate.acquire(timeout=120)
        self.done.append(content["id"])
        self.finished.release()

    def let_through(self, count):
        for _ in range(count):
            self.gate.release()
        for _ in range(count):
            assert self.finished.acquire(timeout=120)


@pytest.fixture(autouse=True)
def _with_no_answer_that_is_slow(monkeypatch):
    monkeypatch.setattr(room, "SLOW_ANSWER_SECONDS", 1e6)


@pytest.fixture(name="desk")
def a_desk(monkeypatch):
    desk = Desk(monkeypatch)
    yield desk
    desk.gate.release(1000)
    desk.inbox.close()


def test_of_those_that_wait_only_the_newest_of_each_asker_and_name_is_answered(desk):
    desk.inbox.take(request(1))
    assert desk.began.acquire(timeout=120)
    for number in (2, 3, 4):
        desk.inbox.take(request(number))
    desk.inbox.take(request(1, asker="other"))
    desk.inbox.take(request(5, name="describe"))
    desk.let_through(4)
    assert desk.done == ["page-1", "page-5", "page-4", "other-1"]
    assert desk.skipped == ["page-2", "page-3"]


def test_what_a_person_waits_for_comes_first(desk):
    desk.inbox.take(request(1))
    assert desk.began.acquire(timeout=120)
    for number, name in enumerate(("strip", "prefetch", "filters", "prediction", "nonsense", "frame"), 2):
        desk.inbox.take(request(number, name, asker=f"page{number}"))
    desk.let_through(7)
    assert [one.partition("-")[0] for one in desk.done[1:]] == ["page6", "page7", "page5", "page4", "page3", "page2"]


def test_the_work_is_done_in_a_thread_of_its_own_and_never_in_two(desk):
    for number in range(3):
        desk.inbox.take(request(number, asker=f"page{number}"))
    desk.let_through(3)
    assert len(set(desk.threads)) == 1
    assert threading.current_thread() not in desk.threads


def test_without_ipykernel_the_callers_thread_does_it(monkeypatch):
    desk = Desk(monkeypatch, threaded=False)
    desk.gate.release(2)
    desk.inbox.take(request(1))
    desk.inbox.take(request(2))
    assert desk.done == ["page-1", "page-2"]
    assert set(desk.threads) == {threading.current_thread()}


def test_long_work_hears_when_somebody_waits(desk):
    desk.inbox.take(request(1, "strip"))
    assert desk.began.acquire(timeout=120)
    desk.inbox.take(request(2, "prefetch"))
    assert not desk.inbox.someone_waits()
    desk.inbox.take(request(3, "frame"))
    assert desk.inbox.someone_waits()
    desk.let_through(3)
    assert not desk.inbox.someone_waits()


def test_close_forgets_what_waits_and_takes_no_more(desk):
    desk.inbox.take(request(1))
    assert desk.began.acquire(timeout=120)
    desk.inbox.take(request(2))
    desk.gate.release()
    desk.inbox.close()
    desk.inbox.take(request(3))
    assert desk.done == ["page-1"]
    assert not desk.threads[0].is_alive()


def test_the_thread_ends_when_nobody_asks(monkeypatch, desk):
    monkeypatch.setattr(room, "INBOX_IDLE_SECONDS", 0.01)
    desk.inbox.take(request(1))
    desk.let_through(1)
    desk.threads[0].join(timeout=120)
    assert not desk.threads[0].is_alive()
    desk.inbox.take(request(2))
    desk.let_through(1)
    assert desk.done == ["page-1", "page-2"]


def test_a_request_that_comes_alone_is_answered_before_its_message_is_done_with(desk):
    desk.gate.release()
    desk.inbox.take(request(1))
    assert desk.done == ["page-1"]  # without a wait: Jupyter says "idle" of the message when `take` returns


def test_no_message_waits_long_for_long_work_nor_in_a_burst(desk, monkeypatch):
    waits = []
    monkeypatch.setattr(room.threading, "Event", lambda: Watched(waits))
    desk.inbox.take(request(1))
    assert waits.count(room.LONE_ANSWER_SECONDS) == 1  # a thread's start waits for an event as well
    assert desk.done == []  # the work goes on
    monkeypatch.setattr(room, "LONE_REQUEST_SECONDS", 1e6)
    desk.inbox.take(request(2))
    assert waits.count(room.LONE_ANSWER_SECONDS) == 1


class Watched(threading.Event):
    """An event that writes down for how long it is waited for."""

    def __init__(self, waits, instead=None):
        super().__init__()
        self.waits, self.instead = waits, instead

    def wait(self, timeout=None):
        self.waits.append(timeout)
        if self.instead is None or timeout != room.LONE_ANSWER_SECONDS:
            return super().wait(timeout)
        return self.instead()


def test_ever_more_askers_keep_no_more_than_a_few_waiting_and_each_is_answered(desk):
    desk.inbox.take(request(1))
    assert desk.began.acquire(timeout=120)
    desk.inbox.take(request(1, "strip", asker="slow"))
    for number in range(1000):
        desk.inbox.take(request(1, asker=f"page{number}"))
    desk.let_through(1 + room.MOST_WAITING)
    newest = [f"page{number}-1" for number in range(1000 - room.MOST_WAITING, 1000)]
    assert desk.done == ["page-1", *newest]
    assert desk.skipped == ["slow-1", *(f"page{number}-1" for number in range(1000 - room.MOST_WAITING))]
    assert len(set(desk.threads)) == 1


def test_what_was_queued_up_behind_a_slow_answer_is_a_burst_in_which_nobody_waits(desk, monkeypatch):
    waits, now = [], [1000.0]
    monkeypatch.setattr(room.threading, "Event", lambda: Watched(waits, lambda: advance(room.LONE_ANSWER_SECONDS)))
    monkeypatch.setattr(room.time, "monotonic", lambda: now[0])

    def advance(seconds):
        now[0] += seconds

    for number in range(50):  # each handed over as soon as the one before is done with
        desk.inbox.take(request(number, asker=f"page{number}"))
    assert waits.count(room.LONE_ANSWER_SECONDS) == 1
    advance(2 * room.LONE_REQUEST_SECONDS)
    desk.inbox.take(request(99))
    assert waits.count(room.LONE_ANSWER_SECONDS) == 2


def test_work_that_raises_ends_neither_the_thread_nor_those_that_wait_for_it(monkeypatch, capsys):
    desk = Desk(monkeypatch)
    work, errors = desk.work, [SystemExit("a"), KeyboardInterrupt("b"), ValueError("c"), StopPass()]

    def fails(content):
        work(content)
        if errors:
            raise errors.pop(0)

    desk.inbox._work = fails
    for number in range(5):
        desk.inbox.take(request(number, asker=f"page{number}"))
    desk.let_through(5)
    assert len(desk.done) == 5 and len(set(desk.threads)) == 1
    desk.inbox.close()
    assert [line for line in capsys.readouterr().err.splitlines() if line[:1].strip() and line[0] != "T"] == [
        "SystemExit: a",
        "KeyboardInterrupt: b",
        "ValueError: c",
    ]


def test_an_answer_that_takes_long_keeps_no_later_request_waiting(desk, monkeypatch):
    monkeypatch.setattr(room, "SLOW_ANSWER_SECONDS", 0.01)
    slow, quick = threading.Event(), threading.Semaphore(0)
    done = []

    def work(content):
        if content["id"] == "page-1":
            desk.began.release()
            assert slow.wait(20)
        done.append(content["id"])
        quick.release()

    desk.inbox._work = work
    desk.inbox.take(request(1))
    assert desk.began.acquire(timeout=120)
    for number in (2, 3):
        desk.inbox.take(request(number, asker=f"other{number}"))
    for _ in range(2):
        assert quick.acquire(timeout=120)
    assert sorted(done) == ["other2-2", "other3-3"]
    slow.set()
    assert quick.acquire(timeout=120)
    assert done[2] == "page-1"
    desk.inbox.take(request(4))
    assert quick.acquire(timeout=120)
    desk.inbox.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("filterscope requests")]


def test_no_more_than_a_few_threads_answer_slowly(desk, monkeypatch):
    monkeypatch.setattr(room, "SLOW_ANSWER_SECONDS", 0.01)
    for number in range(9):
        desk.inbox.take(request(number, asker=f"page{number}"))
    for _ in range(5):
        assert desk.began.acquire(timeout=120)
    assert len(desk.inbox._slow) == 4
    desk.let_through(9)
    assert len(set(desk.done)) == 9


def test_one_that_came_before_the_first_was_taken_up_does_not_wait_for_a_slow_answer(desk, monkeypatch):
    monkeypatch.setattr(room, "SLOW_ANSWER_SECONDS", 0.01)
    with desk.inbox._changed:  # no thread can take up anything meanwhile
        desk.inbox.take(request(1))
        desk.inbox.take(request(2, asker="other"))
    for _ in range(2):
        assert desk.began.acquire(timeout=120)
    desk.let_through(2)


def test_the_watch_stays_while_a_thread_that_has_only_begun_has_taken_up_nothing(desk, monkeypatch):
    monkeypatch.setattr(room, "SLOW_ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(desk.inbox, "_starts", lambda: True)  # a thread that is slow to begin
    desk.inbox._thread = threading.current_thread()
    looked = threading.Semaphore(0)
    monkeypatch.setattr(desk.inbox._closing, "wait", lambda seconds: looked.release() or threading.Event().wait(0.001))
    for number in (1, 2):
        desk.inbox.take(request(number, asker=f"page{number}"))
    for _ in range(3):
        assert looked.acquire(timeout=120)
    assert desk.inbox._watch is not None and desk.inbox._watch.is_alive()
