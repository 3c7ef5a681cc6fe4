"""The same bytes on every engine; a killed worker's shard is tried again; what cannot be sent is said."""

import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from executors import CONTEXT, ENGINES, Backwards, Fails, find_helpers, processes_of_this_one, two_processes
from filterscope import NetError, scan
from filterscope.scans.executors import ShardPool
from nets import Everything, images, seeded
from scan_cases import (
    COUNT,
    Breaks,
    Kills,
    Locked,
    LockedNet,
    Stream,
    coarse,
    other_data,
    other_net,
    raises,
    small_data,
    small_net,
)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr("filterscope.scans.choice.SHARD_IMAGES", 8)


@pytest.fixture(scope="module")
def processes():
    with two_processes() as executor:
        yield executor


def bytes_of(tmp_path, net, data, **options):
    scan(net, data, progress=False, **options).save(tmp_path / "scan")
    return (tmp_path / "scan").read_bytes()


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
def test_every_engine_gives_the_bytes_of_a_serial_scan_and_leaves_no_process(tmp_path, engine, monkeypatch):
    find_helpers(monkeypatch, tmp_path)
    expected = bytes_of(tmp_path, small_net(), small_data())
    before = processes_of_this_one()
    with engine(tmp_path) as executor:
        assert bytes_of(tmp_path, small_net(), small_data(), executor=executor) == expected
        factories = {"net_factory": small_net, "data_factory": small_data}
        assert bytes_of(tmp_path, small_net(), small_data(), executor=executor, **factories) == expected
    assert processes_of_this_one() <= before


@pytest.mark.parametrize("threads", [1, 2])
def test_processes_give_the_bytes_of_a_serial_scan(tmp_path, processes, threads):
    """Also where this process computes in several threads, and a worker always in one."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        rounding, data = seeded(Everything), list(images(40, 1, 24, 24))
        for net, samples in ((small_net(), small_data()), (rounding, data), (small_net(), Breaks())):
            expected = bytes_of(tmp_path, net, samples)
            assert bytes_of(tmp_path, net, samples, executor=processes) == expected
    finally:
        torch.set_num_threads(before)


def test_factories_stand_for_what_cannot_be_sent(tmp_path, processes):
    expected = bytes_of(tmp_path, small_net(), small_data())
    assert bytes_of(tmp_path, small_net(), Locked(), executor=processes, data_factory=small_data) == expected
    net = coarse(seeded(LockedNet))
    assert bytes_of(tmp_path, net, small_data(), executor=processes, net_factory=small_net) == expected


def test_what_cannot_be_sent_is_said_with_the_factory_for_it(processes):
    sentence = (
        "data cannot be sent to the workers of ProcessPoolExecutor (TypeError: cannot pickle '_thread.lock' object); "
        "give data_factory=, a function of a module that makes it there: scan(net, data, executor=executor, "
        "data_factory=make_data). Threads need no sending: executor=ThreadPoolExecutor()"
    )
    with pytest.raises(ValueError, match=re.escape(sentence)):
        scan(small_net(), Locked(), executor=processes, progress=False)
    with pytest.raises(ValueError, match=r"net cannot be sent to the workers of .* give net_factory=, a function"):
        scan(LockedNet(), small_data(), executor=processes, progress=False)
    with pytest.raises(ValueError, match=r"transform cannot be sent .* neither as a lambda nor inside of another"):
        scan(small_net(), small_data(), executor=processes, transform=lambda image: image, progress=False)
    with pytest.raises(ValueError, match=r"data_factory cannot be sent .* neither as a lambda nor inside of another"):
        scan(small_net(), small_data(), executor=processes, data_factory=lambda: small_data(), progress=False)


def test_a_factory_of_something_else_is_refused(processes):
    with pytest.raises(NetError, match="net_factory makes a net of other layers or weights than the one that scan"):
        scan(small_net(), small_data(), executor=processes, net_factory=other_net, progress=False)
    with pytest.raises(ValueError, match="data_factory makes a data set of other images, labels or class names than"):
        scan(small_net(), small_data(), executor=processes, data_factory=other_data, progress=False)


def test_a_killed_workers_shard_is_tried_again(tmp_path):
    (tmp_path / "kills").mkdir()
    expected = bytes_of(tmp_path, small_net(), small_data())
    with ProcessPoolExecutor(1, CONTEXT) as executor:
        data = Kills(tmp_path / "kills", times=2)
        assert bytes_of(tmp_path, small_net(), data, executor=executor, data_factory=None) == expected
    assert len(list((tmp_path / "kills").iterdir())) == 2


def test_a_shard_that_kills_every_worker_ends_the_scan_and_what_was_seen_is_kept(tmp_path):
    (tmp_path / "kills").mkdir()
    with ProcessPoolExecutor(1, CONTEXT) as executor:
        data = Kills(tmp_path / "kills", times=99)
        with pytest.raises(
            RuntimeError, match=r"the workers of ProcessPoolExecutor ended 3 times over images \d+ … \d+"
        ):
            scan(small_net(), data, executor=executor, resume=tmp_path / "file", progress=False)
    expected = bytes_of(tmp_path, small_net(), small_data())
    assert bytes_of(tmp_path, small_net(), small_data(), resume=tmp_path / "file") == expected


def test_a_shard_whose_worker_was_lost_is_tried_three_times(tmp_path):
    expected = bytes_of(tmp_path, small_net(), small_data())
    executor = Fails(times=2)
    assert bytes_of(tmp_path, small_net(), small_data(), executor=executor) == expected
    assert executor.submitted == -(-COUNT // 8) + 2
    with pytest.raises(RuntimeError, match=r"ended 3 times over images 0 … 7 \(ConnectionError: the worker was lost\)"):
        scan(small_net(), small_data(), images=range(8), executor=Fails(times=3), progress=False)


def test_an_error_in_a_worker_is_raised_and_not_tried_again():
    executor = Fails(times=0)
    with pytest.raises(OSError, match="no weights here"):
        scan(small_net(), small_data(), images=8, executor=executor, net_factory=raises, progress=False)
    assert executor.submitted == 1


def test_no_executor_and_one_that_is_closed_are_said(processes):
    with pytest.raises(TypeError, match=r"executor is an int; give a concurrent\.futures\.Executor, as Process"):
        scan(small_net(), small_data(), executor=4, progress=False)
    with pytest.raises(TypeError, match=r"executor is the class ThreadPoolExecutor; give an executor: ThreadPoolEx"):
        scan(small_net(), small_data(), executor=ThreadPoolExecutor, progress=False)
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(ValueError, match=r"the executor takes no work .* give one that is open, as in with Process"):
        scan(small_net(), small_data(), executor=executor, progress=False)
    with pytest.raises(ValueError, match="data is a stream, which can only be read from its start, so its shards"):
        scan(small_net(), Stream(), executor=processes, progress=False)
    with pytest.raises(ValueError, match=r"workers= reads ahead of a scan here, and an exe"):
        scan(small_net(), small_data(), executor=processes, workers=2, progress=False)


class Doubles:
    """A task that gives twice each index; that of `setup` is what a pool asks of a task."""

    setup = None

    def __call__(self, shard):
        return (2 * shard).tolist()


@pytest.mark.parametrize("most", [1, 3, 16])
def test_results_can_be_had_in_the_order_of_their_shards(monkeypatch, most):
    """Also where the last comes first; and no more are under way than fit, those that wait for their turn included."""
    monkeypatch.setattr(ShardPool, "_most_under_way", lambda pool, in_order: 16)
    executor = Backwards(most)

    def run_the_rest():
        if executor.waiting:
            executor.run()

    pool = ShardPool(executor, Doubles(), run_the_rest)
    shards = np.split(np.arange(100), 50)
    assert list(pool.run(shards, in_order=True)) == [(2 * shard).tolist() for shard in shards]
    assert executor.under_way == most


def test_shards_that_wait_for_the_first_are_not_more_than_fit():
    class Once(Fails):
        """Loses the first shard again and again, as long as others are done."""

        def submit(self, function, *args):
            self.times = self.submitted + 1 if args[0][0] == 0 and self.submitted < 30 else 0
            return super().submit(function, *args)

    given = []

    class Counts(Doubles):
        setup = SimpleNamespace(net=None, data=None, asked="scan")

        def __call__(self, shard):
            given.append(shard)
            return super().__call__(shard)

    shards = np.split(np.arange(100), 50)
    with pytest.raises(RuntimeError, match=r"ended 3 times over images 0 … 1 \(ConnectionError"):
        list(ShardPool(Once(0), Counts(), lambda: None).run(shards, in_order=True))
    assert len(given) < 50
