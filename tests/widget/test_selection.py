"""The selection: what is refused, what is clamped, and what linked widgets see of it."""

import itertools

import ipywidgets
import numpy as np
import pytest
import torch
from torch import nn
from traitlets import TraitError

from explorers import data, traits
from filterscope import Explorer
from filterscope.session.selection import TRAITS
from interrupts import interrupted
from nets import TwoConvs, seeded


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("image_index", 4, r"image_index is 4; this data set has images 0 … 3"),
        ("image_index", -1, "image_index is -1"),
        ("layer_index", 2, "layer_index is 2; this net has convolutions 0 … 1"),
        ("filter_index", 4, "filter_index is 4; conv1 has filters 0 … 3"),
        ("channel", 1, "channel is 1; a filter of conv1 has kernels 0 … 0; None means all"),
        ("source", "both", "expected any of"),
        ("image_index", "2", "expected an int"),
        ("image_index", 1.5, "expected an int"),
    ],
)
def test_an_index_out_of_range_is_refused_and_changes_nothing(explorer, name, value, sentence):
    before = traits(explorer)
    with pytest.raises(TraitError, match=sentence):
        setattr(explorer, name, value)
    assert traits(explorer) == before
    with pytest.raises(TraitError, match=sentence):
        explorer.select(**{"source": "image", name.removesuffix("_index"): value})
    assert traits(explorer) == before
    with pytest.raises(TraitError, match=sentence):
        Explorer(seeded(TwoConvs), data(), **{name: value})


@pytest.mark.parametrize("name", ["image_index", "layer_index", "filter_index", "channel"])
@pytest.mark.parametrize("present", [0, 1])
def test_a_bool_is_no_index_even_where_it_equals_the_present_one(name, present):
    selected = {"image_index": present, "layer_index": 1, "filter_index": present, "channel": present}
    explorer = Explorer(seeded(TwoConvs), data(), **selected)
    before = traits(explorer)
    for value in (False, True):
        with pytest.raises(TraitError, match="expected an int"):
            setattr(explorer, name, value)
        with pytest.raises(TraitError, match="expected an int"):
            explorer.select(**{"source": "image", name.removesuffix("_index"): value})
        assert traits(explorer) == before and all(type(one) is not bool for one in traits(explorer))


def test_numpy_and_torch_integers_are_integers(explorer):
    explorer.image_index = np.int64(2)
    explorer.filter_index = torch.tensor(3)
    assert traits(explorer)[:3] == (2, 0, 3)
    assert type(explorer.image_index) is int


def test_select_by_name_module_index_and_layer(explorer):
    net_module = explorer.layers[1].module
    for layer in ("conv2", net_module, 1, explorer.layers[1]):
        explorer.layer_index = 0
        assert explorer.select(layer=layer) is explorer
        assert explorer.layer_index == 1
    with pytest.raises(ValueError, match="layer is 'conv3'; this net has convolutions 0 … 1: conv1, conv2"):
        explorer.select(layer="conv3")
    with pytest.raises(ValueError, match="layer is the module Conv2d"):
        explorer.select(layer=nn.Conv2d(1, 1, 1))


def test_select_keeps_what_is_left_out_and_none_means_all_channels(explorer):
    explorer.select(image=1, layer=1, filter=3, channel=2, source="image")
    explorer.select(image=3)
    assert traits(explorer) == (3, 1, 3, 2, "image")
    explorer.select(channel=None)
    assert traits(explorer) == (3, 1, 3, None, "image")


def test_a_new_layer_clamps_the_filter_and_drops_a_channel_it_lacks(explorer):
    explorer.select(layer=1, filter=5, channel=3)
    explorer.layer_index = 0
    assert traits(explorer)[1:4] == (0, 3, None)
    explorer.select(layer=1, filter=5, channel=3).select(layer=0)
    assert traits(explorer)[1:4] == (0, 3, None)
    explorer.select(layer=1, filter=5).select(layer=0, filter=1)
    assert traits(explorer)[1:4] == (0, 1, None)


def test_what_changes_together_reaches_the_page_in_one_message(explorer, monkeypatch):
    explorer.select(layer=1, filter=5, channel=3)
    states = []
    monkeypatch.setattr(explorer, "_send", lambda msg, buffers=None: states.append(msg["state"]))
    explorer.layer_index = 0
    explorer.select(image=2, layer=1, filter=4)
    assert states == [
        {"layer_index": 0, "filter_index": 3, "channel": None},
        {"image_index": 2, "layer_index": 1, "filter_index": 4},
    ]


def test_observers_never_see_a_selection_that_does_not_exist(explorer):
    explorer.select(layer=1, filter=5)
    seen = []
    explorer.observe(lambda change: seen.append(explorer.kernel.shape), "layer_index")
    explorer.layer_index = 0
    explorer.select(layer=1, filter=5)
    assert seen == [(1, 3, 3), (4, 3, 3)]


def test_link_with_another_widget(explorer):
    slider = ipywidgets.IntSlider(max=3)
    ipywidgets.link((slider, "value"), (explorer, "image_index"))
    slider.value = 2
    assert explorer.image_index == 2
    explorer.image_index = 1
    assert slider.value == 1


def linked_pair():
    one, other = (Explorer(seeded(TwoConvs, seed), data()) for seed in (0, 1))
    for name in ("image_index", "layer_index", "filter_index", "channel", "source"):
        ipywidgets.link((one, name), (other, name))
    return one, other


@pytest.mark.parametrize("how", ["select", "page", "page, filter first"])
@pytest.mark.parametrize("to", [(0, 2, 0), (0, 3, None), (1, 5, 2), (1, 0, None)], ids=str)
@pytest.mark.parametrize("start", [(1, 5, 3), (1, 4, None), (0, 3, 0)], ids=str)
def test_two_linked_explorers_stay_together(start, to, how):
    one, other = linked_pair()
    for layer, filter, channel in (start, to):
        if how == "select":
            one.select(image=1, layer=layer, filter=filter, channel=channel)
        elif how == "page":
            one.set_state({"layer_index": layer, "filter_index": filter, "channel": channel})
        else:
            one.set_state({"filter_index": filter, "channel": channel, "layer_index": layer})
        assert traits(one)[1:4] == traits(other)[1:4] == (layer, filter, channel)
    other.layer_index = 1
    other.filter_index = 5
    other.layer_index = 0
    assert traits(one)[1:3] == traits(other)[1:3] == (0, 3)


@pytest.fixture(name="shown")
def what_the_pages_know(explorer, monkeypatch):
    """The traits as the pages were told of them."""
    shown = {name: getattr(explorer, name) for name in TRAITS}
    monkeypatch.setattr(explorer.comm, "send", lambda data, buffers=None: shown.update(data.get("state", {})))
    return shown


# What is told to the pages goes through these.
TELLING = ("traitlets.py", "widget.py", "contextlib.py")


def test_wherever_a_move_is_interrupted_the_pages_know_what_python_knows(explorer, shown):
    to_and_fro = itertools.cycle([{"image": 2, "layer": 1, "filter": 5}, {"image": 1, "layer": 0, "filter": 2}])
    explorer.select(**next(to_and_fro))
    places = interrupted(lambda: explorer.select(**next(to_and_fro)), 0, TELLING)
    assert places > 500
    raised = 0
    for at in range(1, places, 13):
        try:
            interrupted(lambda: explorer.select(**next(to_and_fro)), at, TELLING)
        except KeyboardInterrupt:
            raised += 1
        assert [*traits(explorer), explorer.checkpoint_index] == list(shown.values()), at
    assert raised > places / 13 / 2
    explorer.select(image=3, layer=1, filter=1)
    assert [*traits(explorer), None] == list(shown.values()) == [3, 1, 1, None, "input", None]


def test_an_observers_error_leaves_the_pages_with_what_python_has(explorer, shown):
    explorer.observe(lambda change: 1 / 0, "layer_index")
    with pytest.raises(ZeroDivisionError):
        explorer.select(image=2, layer=1, filter=5)
    assert [*traits(explorer), explorer.checkpoint_index] == list(shown.values())
    assert shown["image_index"] == 2
