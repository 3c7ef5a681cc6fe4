"""The widget without a page: its properties, its keywords, and the nets that it takes."""

import gc
import sys

import ipywidgets
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from explorers import data, traits
from filterscope import Explorer, NetError, SampleError
from nets import NoConvs, TwoConvs, Unreached, images, seeded


def test_it_is_a_dom_widget_that_nests(explorer):
    assert isinstance(explorer, ipywidgets.DOMWidget)
    assert ipywidgets.HBox([explorer]).children == (explorer,)
    assert "_esm" in explorer.get_state() and explorer.get_state()["image_index"] == 0


def test_properties_are_the_nets_own_values(explorer):
    net = seeded(TwoConvs)
    with torch.no_grad():
        pre1 = net.conv1(images(4, 1, 14, 14)[2:3])
        pre2 = net.conv2(net.pool(F.relu(pre1)))[0]
        probabilities = torch.softmax(net(images(4, 1, 14, 14)[2:3])[0].double(), 0)
    explorer.select(image=2, layer="conv2", filter=5)
    assert np.array_equal(explorer.image, images(4, 1, 14, 14)[2].numpy())
    assert np.array_equal(explorer.display, explorer.image[0])
    assert np.array_equal(explorer.kernel, net.conv2.weight.detach().numpy()[5])
    assert np.array_equal(explorer.pre_activation, pre2[5].numpy())
    assert np.array_equal(explorer.activation, F.relu(pre2[5]).numpy())
    np.testing.assert_allclose(explorer.response + net.conv2.bias[5].item(), pre2[5].numpy(), atol=1e-6)
    assert explorer.activation_name == "conv2 → relu"
    assert explorer.label == "c"
    assert [name for name, _ in explorer.prediction] == ["abc"[i] for i in torch.argsort(-probabilities)]
    np.testing.assert_allclose([p for _, p in explorer.prediction], torch.sort(-probabilities)[0].neg())
    for value in (explorer.image, explorer.display, explorer.kernel, explorer.response, explorer.activation):
        assert value.dtype == np.float32


def test_what_it_gives_away_is_the_callers_own(explorer):
    before = [explorer.image, explorer.kernel, explorer.activation, explorer.layer.kernels]
    copies = [value.copy() for value in before]
    for value in before:
        value += 100
    after = [explorer.image, explorer.kernel, explorer.activation, explorer.layer.kernels]
    assert all(np.array_equal(one, other) for one, other in zip(after, copies, strict=True))


def test_layers_speak_conv2d(explorer):
    layer = explorer.layers[1]
    assert (layer.name, layer.call, layer.index) == ("conv2", 0, 1)
    assert isinstance(layer.module, nn.Conv2d)
    assert layer.kernels.shape == (6, 4, 3, 3)
    assert (layer.stride, layer.padding, layer.dilation, layer.groups) == ((1, 1), (0, 0), (1, 1), 1)
    assert layer.out_shape == (6, 4, 4)
    assert explorer.layer is explorer.layers[0]
    assert np.array_equal(layer.bias, layer.module.bias.detach().numpy())


def test_keywords_are_the_traits_names():
    explorer = Explorer(
        seeded(TwoConvs), data(), image_index=3, layer_index=1, filter_index=5, channel=2, source="image"
    )
    assert traits(explorer) == (3, 1, 5, 2, "image")
    assert traits(Explorer(seeded(TwoConvs), data(), layout=ipywidgets.Layout(width="50%"))) == (0, 0, 0, None, "input")


@pytest.mark.parametrize("keyword", ["filterindex", "layer", "_esm", "comm_"])
def test_an_unknown_keyword_is_a_type_error(keyword):
    with pytest.raises(TypeError, match=f"no keyword '{keyword}'; it has classes, transform"):
        Explorer(seeded(TwoConvs), data(), **{keyword: 1})


@pytest.mark.parametrize("arguments", [(), (seeded(TwoConvs),)])
def test_a_forgotten_argument_is_one_error_alone(arguments, monkeypatch):
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    with pytest.raises(TypeError, match="missing"):
        Explorer(*arguments)
    gc.collect()
    assert ignored == []


def test_a_net_that_makes_signals_of_images():
    net = seeded(lambda: nn.Sequential(nn.Flatten(1, 2), nn.Conv1d(14, 2, 3)))
    explorer = Explorer(net, data())
    assert explorer.image.shape == (1, 14, 14)
    assert explorer.activation.shape == (12,)


@pytest.mark.parametrize("rank", [1, 3])
def test_a_1d_and_a_3d_net_keep_their_own_axes(rank):
    conv = (nn.Conv1d, nn.Conv3d)[rank // 2]
    net = nn.Sequential(seeded(lambda: conv(2, 4, 3, padding=1)), nn.ReLU())
    explorer = Explorer(net, list(images(2, 2, *(9, 8, 7)[:rank])), filter_index=3)
    size = (9, 8, 7)[:rank]
    assert explorer.image.shape == (2, *size)
    assert explorer.kernel.shape == (2, *(3,) * rank)
    for shown in (explorer.response, explorer.pre_activation, explorer.activation):
        assert shown.shape == size
    assert explorer.select(source="image", channel=1).response.shape == size


@pytest.mark.parametrize(
    ("net", "given", "options", "error", "sentence"),
    [
        (None, data(), {}, TypeError, "net is None; expected a torch.nn.Module"),
        (
            TwoConvs,
            data(),
            {},
            TypeError,
            "net is the class TwoConvs; expected a torch.nn.Module; call it to make a net",
        ),
        (NoConvs(), data(), {}, NetError, "no convolution found in a forward pass of the net: NoConvs has none"),
        (Unreached(), data(), {}, NetError, r"it has conv \(Conv2d\), none of them reached from the image"),
        (seeded(TwoConvs), [], {}, ValueError, "empty"),
        (seeded(TwoConvs), data(), {"classes": ["a"]}, ValueError, "classes has 1 name, the net's output 3 classes"),
        (seeded(TwoConvs), ["a cat"], {}, SampleError, "sample 0: it is str 'a cat', not an image"),
        (seeded(TwoConvs), data(channels=3), {}, NetError, r"refused an image of shape \(C, H, W\) = \(3, 14, 14\)"),
    ],
)
def test_what_cannot_be_explored_says_why(net, given, options, error, sentence):
    with pytest.raises(error, match=sentence):
        Explorer(net, given, **options)


def test_names_of_another_set_of_classes_are_not_put_under_the_nets_numbers():
    class Named(TensorDataset):
        classes = ["cat", "dog"]

    explorer = Explorer(seeded(TwoConvs), Named(images(2, 1, 14, 14), torch.tensor([0, 1])))
    assert explorer.label == "cat"
    assert sorted(name for name, _ in explorer.prediction) == [0, 1, 2]
