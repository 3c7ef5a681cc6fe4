"""A diagnosis on any engine gives the bytes of a serial one; what goes wrong there is said."""

import re
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import torch

from diagnoses import bytes_of, same
from diagnosis_cases import (
    COUNT,
    Changed,
    data,
    net,
    no_gradient_of_marked,
    other_data,
    other_net,
    refuses_marked,
)
from executors import CONTEXT, ENGINES, Fails, find_helpers, two_processes
from filterscope import NetError, diagnose
from filterscope.verdicts.run import examine as examining
from filterscope.verdicts.run.division import ranges
from nets import TwoConvs, seeded
from scan_cases import Kills, Locked, LockedNet, Stream


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    """Of 20 images; in the parent alone, which divides them."""

    def small(start, stop, runner, layers):
        return [(begin, min(begin + 20, stop)) for begin in range(start, stop, 20)]

    monkeypatch.setattr(examining, "ranges", small)


@pytest.fixture(scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def as_in_a_worker(one_thread):
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def processes():
    with two_processes() as executor:
        yield executor


def look(net, data, **options):
    return diagnose(net, data, progress=False, **{"images": COUNT, "layers": "conv1", **options})


@pytest.fixture(scope="module")
def expected(one_thread):
    """What a serial diagnosis gives."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_shards.__wrapped__(monkeypatch)
        serial = look(net(), data())
    (ablation,) = serial.examination.ablations.values()
    assert serial.ablated == COUNT and set(ablation.merged) == {(7, 0)}  # all parts have something to do
    return bytes_of(serial)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.__name__)
def test_every_engine_gives_the_bytes_of_a_serial_diagnosis(engine, expected, monkeypatch, tmp_path):
    find_helpers(monkeypatch, tmp_path)
    with engine(tmp_path) as executor:
        assert bytes_of(look(net(), data(), executor=executor)) == expected
        factories = {"net_factory": net, "data_factory": data}
        assert bytes_of(look(net(), data(), executor=executor, **factories)) == expected


def test_processes_give_the_bytes_of_a_serial_diagnosis(processes, expected):
    assert bytes_of(look(net(), data(), executor=processes)) == expected


def test_few_ablations_are_spread_as_well(processes):
    few = {"ablated_images": 24, "layers": None}
    serial = look(net(), data(), **few)
    assert serial.ablated == 24 and len(serial.examination.sampled) == 2
    assert bytes_of(look(net(), data(), executor=processes, **few)) == bytes_of(serial)


def test_where_this_process_computes_in_several_threads_workers_say_the_same(processes):
    """To rounding: the last digits of a product of matrices depend on the number of threads."""
    torch.set_num_threads(2)
    assert same(look(net(), data(), executor=processes), look(net(), data()))


ORDER = np.random.default_rng(COUNT).permutation(COUNT).tolist()  # in which the images are looked at
LATE = ORDER[50:]
CASES = {
    "no labels": (net, Changed(labelled=())),
    "labels of the last images only": (net, Changed(labelled=tuple(LATE))),
    "a label of one of the first": (net, Changed(labelled=(ORDER[19],))),
    "unreadable samples": (net, Changed(unreadable=(0, 5, *LATE[:3]))),
    "images of another size": (net, Changed(odd=(7, 9, 30))),
    "images that the net refuses": (refuses_marked, Changed(marked=(4, *sorted(LATE)[-4:]))),
    "one that has no gradient": (no_gradient_of_marked, Changed(marked=tuple(LATE[:1]))),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ablation", [False, True])
def test_what_a_later_image_shows_holds_from_there_on(processes, case, ablation):
    make, samples = CASES[case]
    options = {"ablation": ablation, "layers": 0}
    serial = look(make(), samples, **options)
    assert serial.images >= COUNT - 8
    assert bytes_of(look(make(), samples, executor=processes, **options)) == bytes_of(serial)


def test_on_an_engine_it_goes_on_from_an_earlier_diagnosis(processes, expected):
    part = look(net(), data(), images=40)
    assert bytes_of(look(net(), data(), resume=part, executor=processes)) == bytes_of(look(net(), data(), resume=part))
    whole = look(net(), data(), executor=processes)
    assert bytes_of(look(net(), data(), resume=whole, executor=processes)) == expected


def test_the_net_and_the_data_stay_as_they_are(processes):
    own, random = net(), torch.get_rng_state()
    before = {name: value.clone() for name, value in own.state_dict().items()}
    look(own, data(), executor=processes)
    assert all(torch.equal(value, before[name]) for name, value in own.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize("stage", ["images", "ablation", "merging"])
def test_cancelled_on_an_engine_it_holds_for_the_images_seen(stage):
    stop = threading.Event()

    def after_the_first_of_a_stage(at, done, total):
        if at == stage and done == 20:
            stop.set()

    with ThreadPoolExecutor(2) as executor:
        part = diagnose(
            net(), data(), COUNT, "conv1", executor=executor, progress=after_the_first_of_a_stage, cancel=stop
        )
        assert list(executor.map(abs, [-1])) == [1]  # it stays open
    sums = part.examination
    assert not part.complete
    assert (sums.seen, sums.ablated, sums.merged) == {
        "images": (20, 0, 0),
        "ablation": (COUNT, 20, 0),
        "merging": (COUNT, COUNT, 20),
    }[stage]
    assert bytes_of(look(net(), data(), resume=part)) == bytes_of(look(net(), data()))


def test_a_killed_workers_shard_is_tried_again(tmp_path):
    (tmp_path / "kills").mkdir()
    samples = Kills(tmp_path / "kills", times=2, samples=data())
    expected = bytes_of(look(net(), samples))
    with ProcessPoolExecutor(1, CONTEXT) as executor:
        assert bytes_of(look(net(), samples, executor=executor)) == expected
    assert len(list((tmp_path / "kills").iterdir())) == 2


def test_a_shard_that_kills_every_worker_is_named(tmp_path):
    (tmp_path / "kills").mkdir()
    sentence = r"the workers of ProcessPoolExecutor ended 3 times over \d+ images, the first of them \d+ \(.*\)\. They"
    with ProcessPoolExecutor(1, CONTEXT) as executor, pytest.raises(RuntimeError, match=sentence) as error:
        look(net(), Kills(tmp_path / "kills", times=99, samples=data()), executor=executor)
    assert "scan" not in str(error.value)


def test_a_lost_workers_shard_is_tried_three_times(expected):
    assert bytes_of(look(net(), data(), executor=Fails(times=2))) == expected


def test_factories_stand_for_what_cannot_be_sent(processes, expected):
    class Local(type(net())):
        """A class of this function, which no worker finds."""

    local = net()
    local.__class__ = Local
    assert bytes_of(look(local, data(), executor=processes, net_factory=net)) == expected


def test_what_cannot_be_sent_is_said_with_the_factory_for_it(processes):
    sentence = (
        "data cannot be sent to the workers of ProcessPoolExecutor (TypeError: cannot pickle '_thread.lock' object); "
        "give data_factory=, a function of a module that makes it there: diagnose(net, data, executor=executor, "
        "data_factory=make_data). Threads need no sending: executor=ThreadPoolExecutor()"
    )
    with pytest.raises(ValueError, match=re.escape(sentence)):
        look(seeded(TwoConvs), Locked(), executor=processes)
    with pytest.raises(ValueError, match=r"net cannot be sent to the workers of .* give net_factory=, a function"):
        look(LockedNet(), Locked().samples, executor=processes)
    with pytest.raises(ValueError, match=r"transform cannot be sent .* neither as a lambda nor inside of another"):
        look(net(), data(), executor=processes, transform=lambda image: image)


def test_a_factory_of_something_else_is_refused(processes):
    with pytest.raises(NetError, match=r"net_factory makes a net of other layers or weights than .* diagnose\(\) was"):
        look(net(), data(), executor=processes, net_factory=other_net)
    with pytest.raises(ValueError, match=r"data_factory makes a data set of other images, .* diagnose\(\) was given"):
        look(net(), data(), executor=processes, data_factory=other_data)


def test_no_executor_and_a_stream_are_said(processes):
    with pytest.raises(TypeError, match=r"executor is an int; give a concurrent\.futures\.Executor, as Process"):
        look(net(), data(), executor=4)
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(ValueError, match=r"the executor takes no work .* executor: diagnose\(net, data, executor"):
        look(net(), data(), executor=executor)
    with pytest.raises(ValueError, match="data is a stream, which can only be read from its start, so its shards"):
        look(seeded(TwoConvs), Stream(), executor=processes)


class OfLayers:
    """Layers of so many filters, and how many images go in one pass."""

    def __init__(self, filters, at_once):
        self.layers = [type("Layer", (), {"out_channels": filters})]
        self.at_once = at_once

    def images_at_once(self):
        return self.at_once


@pytest.mark.parametrize(
    ("filters", "at_once", "step"),
    [(10, 256, 256), (10, 7, 252), (10, 1, 256), (512, 8, 8 * 16), (512, 1, 16), (4096, 4, 4)],
)
def test_shards_are_whole_batches_whose_sums_fit(filters, at_once, step):
    shards = list(ranges(500, 1300, OfLayers(filters, at_once), [0]))
    assert shards[0] == (500, 500 + step) and shards[-1][1] == 1300
    assert all(before[1] == after[0] for before, after in pairwise(shards))


def test_a_net_that_refuses_all_images_is_said_on_an_engine(processes):
    """All but the one that it is opened with."""
    assert 0 not in ORDER[:20]
    samples = Changed(marked=tuple(range(1, COUNT)))
    with pytest.raises(NetError, match="the net refused an image of shape"):
        diagnose(refuses_marked(), samples, images=20, progress=False, executor=processes)
