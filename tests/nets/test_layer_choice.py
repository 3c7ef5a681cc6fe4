"""Which layer is meant, against the layers of nets that call one twice or are wrapped."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Explorer, diagnose
from filterscope.indices import as_index, check_index
from filterscope.nets.layer_choice import layer_index, layer_indices
from nets import Everything, TwoConvs, images, seeded


@pytest.fixture(name="layers", scope="module")
def of_a_net_that_calls_one_twice():
    explorer = Explorer(seeded(Everything), images(2, 1, 10, 10))
    yield explorer.layers
    explorer.close()


@pytest.mark.parametrize("number", [1, np.int64(1), np.uint8(1), torch.tensor(1), np.array(1)])
def test_an_index_of_any_library(layers, number):
    assert layer_index(layers, number) == 1 and type(layer_index(layers, number)) is int
    assert layer_indices(layers, number) == layer_indices(layers, [number]) == [1]


def test_a_name_and_a_module_mean_the_first_call_or_all(layers):
    assert [(layer.name, layer.call) for layer in layers if layer.name == "block"] == [("block", 0), ("block", 1)]
    calls = [layer.index for layer in layers if layer.name == "block"]
    for block in ("block", layers[calls[0]].module):
        assert layer_index(layers, block) == calls[0]
        assert layer_indices(layers, block) == calls
    assert layer_indices(layers, "block (call 1)") == layer_indices(layers, layers[calls[1]]) == [calls[1]]


def test_several_keep_their_order_and_come_once(layers):
    assert layer_indices(layers, [2, "stem", 2, layers[0]]) == [2, 0]
    assert layer_indices(layers, np.array([1, 0])) == layer_indices(layers, torch.tensor([1, 0])) == [1, 0]
    assert layer_indices(layers, None) == layer_indices(layers, slice(None)) == list(range(len(layers)))


@pytest.mark.parametrize("wrong", [-1, 99, 1.5, True, np.True_, torch.tensor(True), None, "fc", "", nn.Conv2d(1, 1, 1)])
def test_what_is_no_layer_is_one_sentence(layers, wrong):
    titles = ", ".join(f"{layer.name} (call {layer.call})" if layer.call else layer.name for layer in layers)
    description = f"the module {wrong}" if isinstance(wrong, nn.Module) else repr(wrong)
    sentence = f"these is {description}; this net has convolutions 0 … {len(layers) - 1}: {titles}"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        layer_index(layers, wrong, "these")
    with pytest.raises(ValueError, match=re.escape(sentence)):
        layer_indices(layers, [wrong], "these")


def test_nothing_is_no_choice(layers):
    for nothing in ([], (), np.zeros(0, int), slice(5, 5)):
        with pytest.raises(ValueError, match="layers has nothing in it"):
            layer_indices(layers, nothing)


def test_a_layer_of_the_net_as_it_was_is_the_one_of_its_name():
    explorer = Explorer(seeded(TwoConvs), images(2, 1, 14, 14))
    before = explorer.layers[1]
    explorer.refresh()
    assert explorer.layers[1] is not before
    assert explorer.select(layer=before).layer_index == 1
    explorer.close()


@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda net: nn.DataParallel(nn.DataParallel(net))])
def test_a_wrapped_net_s_layers_have_the_names_of_the_net_inside(wrap, tmp_path):
    net, data = seeded(TwoConvs), images(8, 1, 14, 14)
    explorer = Explorer(wrap(net), data)
    assert explorer.select(layer="conv2").layer_index == 1
    assert explorer.diagnose(images=4, layers="conv2", ablation=False).wait().layers == (explorer.layers[1].name,)
    assert explorer.without(0, layer="conv2").layer == explorer.layers[1].name
    assert explorer.save_html(tmp_path / "page.html", layers="conv2", progress=False).is_file()
    explorer.close()
    diagnosis = diagnose(wrap(net), data, images=4, layers=["conv2"], ablation=False, progress=False)
    assert len(diagnosis.layers) == 1 and diagnosis.layers[0].endswith("conv2")


@pytest.mark.parametrize("value", [3, np.int32(3), torch.tensor(3), np.array(3)])
def test_an_integer_of_any_library_is_an_index(value):
    assert as_index(value) == 3 and type(as_index(value)) is int
    assert check_index(value, 4, "image", "there are") == 3
    with pytest.raises(ValueError, match=r"image is .*3.*; there are 0 … 2, or None"):
        check_index(value, 3, "image", "there are", ", or None")


@pytest.mark.parametrize(
    "value", [True, np.True_, torch.tensor(True), np.array(True), 3.0, np.float32(3), "3", None, [3]]
)
def test_anything_else_is_no_index(value):
    assert as_index(value) is None
    with pytest.raises(ValueError, match="image is"):
        check_index(value, 9, "image", "there are")
