"""What pages are told of positions, against the explorer's own methods; and what waits for whom."""

import numpy as np
import pytest

from filterscope import Explorer, wire
from filterscope.nets.interruption import StopPass, StopWhen
from filterscope.widget.position_requests import PositionRequests
from filterscope.widget.requests import Requests
from nets import TwoConvs, seeded
from wire_messages import unpack


@pytest.fixture
def explorer():
    data = np.random.default_rng(0).random((3, 1, 14, 14), np.float32)
    one = Explorer(seeded(TwoConvs), data, layer_index=1, filter_index=2)
    yield one
    one.close()


@pytest.fixture
def requests(explorer):
    return PositionRequests(explorer.session.engine, explorer.pointer, lambda: False, lambda: False)


def ask(requests, name, **args):
    content, buffers = wire.answer(
        {"kind": "request", "id": "p-1", "name": name, "args": args}, Requests(requests.rows).handlers
    )
    if "error" in content:
        return content["error"]["message"]
    return unpack((content, buffers))[1]


PLACE = {"image": 0, "layer": 1, "filter": 2}


def test_arithmetic_is_the_explorers(explorer, requests):
    body = ask(requests, "arithmetic", **PLACE, row=3, column=1)
    own = explorer.arithmetic(3, 1)
    for name in ("patch", "kernel", "products", "channel_sums"):
        assert np.array_equal(body[name], getattr(own, name)), name
    assert body["numbers"]["pre_activation"][0] == explorer.pre_activation[3, 1]
    assert body["position"] == [3, 1] and body["image"] == 0 and body["agrees"] is True


def test_fields_are_the_explorers_for_every_position(explorer, requests):
    body = ask(requests, "fields", **PLACE)
    rows, columns = body["fields"]["pre_activation"]["axes"]
    height, width = explorer.pre_activation.shape
    for row in range(height):
        for column in range(width):
            inside = explorer.receptive_field(row, column).inside
            assert [*rows["inside"][row], *columns["inside"][column]] == [
                *(inside.top, inside.bottom),
                *(inside.left, inside.right),
            ]


def test_the_effective_field_comes_as_codes_of_its_own_range(explorer, requests):
    body = ask(requests, "effective", **PLACE, row=3, column=1)
    own = explorer.effective_receptive_field(3, 1)
    (shown,) = body["ranges"]
    assert shown["high"] == own.max() and shown["low"] == 0
    assert np.array_equal(body["tensor"], 2 + np.floor(own.astype(float) / own.max() * 252 + 0.5).astype(np.uint8))


def test_the_layers_input_is_the_activation_before_it(explorer, requests):
    body = ask(requests, "input", **PLACE, input_channel=3)
    given = explorer.session.engine.maps(0, 1).input[3].numpy()
    (shown,) = body["ranges"]
    assert body["size"] == list(given.shape)
    place = (given.astype(float) - shown["low"]) / (shown["high"] - shown["low"])
    assert np.array_equal(body["tensor"], 2 + np.floor(place * 252 + 0.5).astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("arithmetic", {"row": 99, "column": 0}, "row is 99; the map of conv2 has rows 0 … "),
        ("arithmetic", {"row": 0}, "column is None; the map of conv2 has columns 0 … "),
        ("arithmetic", {"row": True, "column": 0}, "row is True"),
        ("arithmetic", {"row": 0, "column": 0, "slice": 1}, "conv2 has no volumes to slice"),
        ("effective", {"row": -1, "column": 0}, "row is -1"),
        ("input", {"input_channel": 77}, "input_channel is 77; conv2 is given channels 0 … "),
        ("fields", {"layer": 9}, "layer is 9; this net has convolutions 0 … 1"),
    ],
)
def test_bad_positions_get_a_sentence_and_change_nothing(explorer, requests, name, args, sentence):
    before = explorer.activation
    assert sentence in ask(requests, name, **{**PLACE, **args})
    assert np.array_equal(explorer.activation, before)


def test_a_search_for_fields_gives_way_and_starts_again(explorer):
    hurried = iter([False, False, True])
    requests = PositionRequests(explorer.session.engine, explorer.pointer, lambda: next(hurried, False), lambda: False)
    assert ask(requests, "fields", **PLACE)["fields"] is None
    assert explorer.pointer._geometries == {}
    assert ask(requests, "fields", **PLACE)["fields"] is not None


def test_an_interruption_is_no_error_of_the_net(explorer):
    with pytest.raises(StopPass), StopWhen(lambda: True):
        explorer.pointer.geometry(0)
    explorer.pointer.geometry(0)


def test_a_running_cell_waits_no_longer_than_the_patience(explorer, monkeypatch):
    monkeypatch.setattr("filterscope.widget.position_requests.RUNNING_CELL_SECONDS", -1)
    requests = PositionRequests(explorer.session.engine, explorer.pointer, lambda: False, lambda: True)
    assert ask(requests, "fields", **PLACE)["fields"] is None
