"""filter2D against the net itself, and against the classic notebook's own call."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from filterscope.dataset import SampleSource
from filterscope.engine import Engine
from filterscope.response import _convolve, gray, layer_responses, response_over_image, shown_channels
from nets import geometries, images, seeded


def agree(found, expected):
    """To float32 rounding: the error of a sum of a few dozen products, measured against the values' size."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("stride", [1, 2, (2, 3)])
def test_over_input_plus_bias_is_the_pre_activation_for_every_geometry(stride):
    counted = 0
    for geometry in geometries():
        if geometry["stride"] != stride:
            continue
        net = nn.Sequential(seeded(lambda g=geometry: nn.Conv2d(4, 8, **g)))
        engine = Engine(net, SampleSource(images(1, 4, 17, 19)))
        layer = engine.layers[0]
        expected = net(images(1, 4, 17, 19)).detach().numpy()[0]
        bias = net[0].bias.detach().numpy()
        summed = engine.responses(0, 0, None, "input")
        agree(summed + bias[:, None, None], expected)
        for f in (0, 7):
            alone = [engine.response(0, 0, f, c, "input") for c in range(layer.channels)]
            agree(sum(alone) + bias[f], expected[f])
        counted += 1
    assert counted == (360 if stride == 1 else 216)


def test_over_input_of_the_demo_net_is_its_pre_activation():
    from filterscope import demo

    net, data = demo.fashion_net(), demo.fashion_test_data()
    engine = Engine(net, SampleSource(data))
    for image in (0, 4711, 9999):
        seen = {}
        hooks = [
            module.register_forward_hook(lambda m, a, out, name=name: seen.update({name: out[0].detach().clone()}))
            for name, module in net.named_children()
            if name.startswith("conv")
        ]
        with torch.no_grad():
            net(data[image][0][None])
        for hook in hooks:
            hook.remove()
        for layer in engine.layers:
            bias = layer.module.bias.detach().numpy()[:, None, None]
            agree(engine.responses(image, layer.index, None, "input") + bias, seen[layer.name].numpy())
            for f in range(layer.out_channels):
                assert np.array_equal(engine.pre_activation(image, layer.index, f), seen[layer.name][f].numpy())
                expected = torch.relu(seen[layer.name][f]).numpy()
                assert np.array_equal(engine.activation(image, layer.index, f), expected)


def test_over_image_is_the_notebooks_call_bit_for_bit_on_the_demo_net():
    from filterscope import demo

    net, data = demo.fashion_net(), demo.fashion_test_data()
    engine = Engine(net, SampleSource(data))
    for image in (0, 1234):
        pixels = data[image][0][0].numpy()
        for layer, weights in enumerate((net.conv1.weight.data.numpy(), net.conv2.weight.data.numpy())):
            for f in range(weights.shape[0]):
                for c in range(weights.shape[1]):
                    expected = cv2.filter2D(pixels, -1, weights[f][c])
                    assert np.array_equal(engine.response(image, layer, f, c, "image"), expected)


def _record(in_channels, groups=1):
    net = nn.Sequential(seeded(lambda: nn.Conv2d(in_channels, 2 * groups, 3, groups=groups)))
    return Engine(net, SampleSource(images(1, in_channels, 9, 8))).layers[0]


def test_over_image_takes_the_images_own_channels_where_they_match():
    layer, image = _record(3), images(3, 9, 8).numpy()
    kernels = layer.kernels[1]
    parts = [cv2.filter2D(image[c], -1, kernels[c]) for c in range(3)]
    for c in range(3):
        assert np.array_equal(response_over_image(image, kernels, layer, c), parts[c])
    assert np.array_equal(response_over_image(image, kernels, layer, None), parts[0] + parts[1] + parts[2])


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_over_image_takes_one_gray_plane_where_they_do_not_match(channels):
    layer, image = _record(4), images(channels, 9, 8).numpy()
    kernels = layer.kernels[0]
    if channels == 1:
        plane = image[0]
    elif channels == 3:
        plane = (0.299 * image[0].astype(np.float64) + 0.587 * image[1] + 0.114 * image[2]).astype(np.float32)
    else:
        plane = image.astype(np.float64).mean(0).astype(np.float32)
    np.testing.assert_allclose(gray(image), plane, atol=1e-7)
    assert np.array_equal(response_over_image(image, kernels, layer, 2), cv2.filter2D(gray(image), -1, kernels[2]))
    # None is kernel 0 here: a sum of kernels over one plane is nothing that the net computes
    assert shown_channels(image, layer, None, "image") == [0]
    assert np.array_equal(response_over_image(image, kernels, layer, None), cv2.filter2D(gray(image), -1, kernels[0]))


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("channel", [None, 0, 1])
def test_the_whole_layer_by_convolution_agrees_with_filter2d(groups, channel):
    net = nn.Sequential(seeded(lambda: nn.Conv2d(8, 8, 3, 2, padding=1, groups=groups, padding_mode="reflect")))
    engine = Engine(net, SampleSource(images(1, 8, 12, 12)))
    layer, pixels = engine.layers[0], images(8, 12, 12).numpy()
    one_by_one = layer_responses(pixels, pixels, layer.kernels, layer, channel, "input")
    agree(_convolve(pixels, layer.kernels, layer, channel), one_by_one)


def test_a_large_layer_is_not_computed_by_thousands_of_calls(monkeypatch):
    net = nn.Sequential(seeded(lambda: nn.Conv2d(64, 64, 3)))
    engine = Engine(net, SampleSource(images(1, 64, 6, 6)))
    calls = []
    real = cv2.filter2D
    monkeypatch.setattr(cv2, "filter2D", lambda *a, **k: calls.append(1) or real(*a, **k))
    whole = engine.responses(0, 0, None, "input")
    assert not calls
    agree(whole[5], engine.response(0, 0, 5, None, "input"))
    assert len(calls) == 64
