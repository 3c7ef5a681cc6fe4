"""Several explorers at once, and moves from two threads."""

import threading

import numpy as np

from explorers import data, traits
from filterscope import Explorer
from nets import TwoConvs, seeded


def test_two_explorers_tied_by_observers_and_moved_from_two_threads_do_not_lock_each_other():
    one, other = (Explorer(seeded(TwoConvs), data(30)) for _ in range(2))
    one.observe(lambda change: other.select(filter=change["new"]), "filter_index")
    other.observe(lambda change: one.select(image=change["new"]), "image_index")
    threads = [
        threading.Thread(target=lambda: [one.select(filter=step % 4) for step in range(200)], daemon=True),
        threading.Thread(target=lambda: [other.select(image=step % 30) for step in range(200)], daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)


def test_several_explorers_do_not_mix():
    one, other = (Explorer(seeded(TwoConvs, seed), data()) for seed in (0, 1))
    one.select(layer=1, filter=3)
    assert traits(other) == (0, 0, 0, None, "input")
    assert not np.array_equal(one.kernel, other.select(layer=1, filter=3).kernel)
    one.close()
    assert other.kernel.shape == (4, 3, 3)


def test_moves_from_two_threads_leave_one_true_state(explorer):
    errors = []

    def drag(values):
        try:
            for step in range(60):
                explorer.set_state({"image_index": values[step % len(values)]})
                explorer.select(layer=step % 2)
                _ = explorer.activation
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=drag, args=(values,)) for values in ([0, 1], [2, 3])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert explorer.image_index in (1, 3)
