"""The engine's lock is set down while somebody's data are read, however often its holder holds it."""

import threading

import pytest

from filterscope.engine.lock import EngineLock


def free(lock):
    """Whether another thread could acquire it now."""
    answers = []

    def attempt():
        answers.append(lock.acquire(blocking=False))
        if answers[0]:
            lock.release()

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join(20)
    return answers[0]


@pytest.mark.parametrize("times", [0, 1, 3])
def test_it_is_free_while_it_is_set_down_and_held_as_often_as_before_afterwards(times):
    lock = EngineLock()
    for _ in range(times):
        lock.acquire()
    with lock.set_down():
        assert free(lock)
        with lock:
            assert not free(lock)
    for _ in range(times):
        assert not free(lock)
        lock.release()
    assert free(lock)
    with pytest.raises(RuntimeError):
        lock.release()


def test_an_error_while_it_is_set_down_leaves_it_held():
    lock = EngineLock()
    with lock:
        with pytest.raises(KeyboardInterrupt), lock.set_down():
            raise KeyboardInterrupt
        assert not free(lock)
    assert free(lock)


def test_it_is_entered_and_left_in_no_python_code():
    """Ctrl-C acts in Python code only: in between it would leave the lock held by nobody who knows of it."""
    for name in ("__enter__", "__exit__", "acquire", "release"):
        assert not hasattr(getattr(EngineLock, name), "__code__")
