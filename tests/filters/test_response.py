"""filter2D against the net itself, and against the classic notebook's own call."""

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from torch import nn

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.filters.response import _convolve, gray, layer_responses, response_over_image, shown_channels
from nets import ANY_RANK, images, nets_of_every_geometry, seeded


def agree(responses, expected):
    """To float32 rounding: the error of a sum of a few dozen products, measured against the values' size."""
    np.testing.assert_allclose(responses, expected, rtol=0, atol=2e-6 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("stride", [1, 2, (2, 3)])
def test_over_input_plus_bias_is_the_pre_activation_for_every_geometry(stride):
    batch = images(1, 4, 17, 19)
    for net in nets_of_every_geometry(stride):
        engine = Engine(net, SampleSource(batch))
        assert len(engine.layers) == len(net.convs)
        for k, conv in enumerate(net.convs):
            expected = conv(batch).detach().numpy()[0]
            bias = conv.bias.detach().numpy()
            summed = engine.moment(0, k).responses.of_all_filters(None, "input")
            agree(summed + bias[:, None, None], expected)
            for f in (0, 7):
                alone = [engine.response(0, k, f, c, "input") for c in range(engine.layers[k].channels)]
                agree(sum(alone) + bias[f], expected[f])


@pytest.mark.parametrize("kind", ANY_RANK)
def test_every_rank_and_transposed(kind):
    net = nn.Sequential(seeded(ANY_RANK[kind]), nn.ReLU())
    rank = len(net[0].kernel_size)
    batch = images(1, 4, *(17, 9, 7)[:rank]) if rank < 3 else images(1, 4, 6, 9, 7)
    engine = Engine(net, SampleSource(list(batch), inputs=[(rank, None)]))
    layer = engine.layers[0]
    with torch.no_grad():
        pre = net[0](batch)[0].numpy()
    assert layer.out_shape == pre.shape
    assert layer.kernels.shape == (6, 4 // layer.groups, *net[0].kernel_size)
    bias = np.zeros(6, np.float32) if layer.bias is None else layer.bias
    across = bias.reshape(-1, *(1,) * rank)
    agree(engine.moment(0, 0).responses.of_all_filters(None, "input") + across, pre)
    agree(_convolve(batch[0].numpy(), layer.kernels, layer, None) + across, pre)
    for f in (0, 5):
        alone = [engine.response(0, 0, f, c, "input") for c in range(layer.channels)]
        agree(sum(alone) + bias[f], pre[f])
        assert np.array_equal(engine.moment(0, 0).pre_activation(f), pre[f])
        assert np.array_equal(engine.moment(0, 0).activation(f), np.maximum(pre[f], 0))
    # Over the image: its own size, and one kernel's response does not depend on the others.
    assert engine.response(0, 0, 1, 0, "image").shape == batch.shape[2:]


def test_a_transposed_kernel_is_the_stamp_of_its_filter_and_channel():
    net = nn.Sequential(seeded(lambda: nn.ConvTranspose2d(4, 6, 3, groups=2, bias=False)))
    engine = Engine(net, SampleSource(images(1, 4, 5, 5)))
    for f in range(6):
        for c in range(2):
            impulse = torch.zeros(1, 4, 1, 1)
            impulse[0, f // 3 * 2 + c] = 1
            stamp = net(impulse)[0, f].detach().numpy()
            assert np.array_equal(engine.layers[0].kernels[f, c], stamp)


def test_over_a_signal_and_a_volume_with_the_same_border_along_every_axis():
    for rank, kernel in ((1, 3), (3, (2, 3, 3))):
        conv = (nn.Conv1d, nn.Conv3d)[rank // 2]
        net = nn.Sequential(seeded(lambda conv=conv, kernel=kernel: conv(1, 2, kernel)))
        batch = images(1, 1, *(6, 9, 7)[:rank])
        engine = Engine(net, SampleSource(list(batch), inputs=[(rank, None)]))
        weight = engine.layers[0].kernels[1, 0].astype(float)
        # scipy's "mirror" is OpenCV's reflect 101, and both put the anchor at k // 2.
        expected = correlate(batch[0, 0].numpy().astype(float), weight, mode="mirror")
        agree(engine.response(0, 0, 1, 0, "image"), expected)


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
            agree(
                engine.moment(image, layer.index).responses.of_all_filters(None, "input") + bias,
                seen[layer.name].numpy(),
            )
            for f in range(layer.out_channels):
                assert np.array_equal(engine.moment(image, layer.index).pre_activation(f), seen[layer.name][f].numpy())
                expected = torch.relu(seen[layer.name][f]).numpy()
                assert np.array_equal(engine.moment(image, layer.index).activation(f), expected)


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


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("chosen", [[0], [5], [2, 3], [3, 4, 5], range(8)])
def test_some_filters_by_convolution_are_those_of_the_whole_layer(groups, chosen):
    net = nn.Sequential(seeded(lambda: nn.Conv2d(8, 8, 3, 2, padding=1, groups=groups)))
    engine = Engine(net, SampleSource(images(1, 8, 12, 12)))
    layer, pixels = engine.layers[0], images(8, 12, 12).numpy()
    agree(_convolve(pixels, layer.kernels, layer, None, chosen), _convolve(pixels, layer.kernels, layer, None)[chosen])


@pytest.mark.parametrize(
    ("convolution", "shape"),
    [
        (lambda: nn.Conv2d(3, 4, (4, 3)), (3, 9, 8)),
        (lambda: nn.Conv2d(3, 4, 5, groups=1), (5, 9, 8)),  # one gray plane
        (lambda: nn.Conv2d(1, 4, 2), (1, 7, 9)),
        (lambda: nn.Conv1d(2, 4, 4), (2, 11)),
        (lambda: nn.Conv3d(1, 4, (2, 3, 4)), (1, 5, 6, 7)),
    ],
)
@pytest.mark.parametrize("channel", [None, 0])
def test_over_a_large_image_one_convolution_agrees_with_filter2d(monkeypatch, convolution, shape, channel):
    module = seeded(convolution)
    sample = images(1, module.in_channels, *shape[1:])
    layer = Engine(nn.Sequential(module), SampleSource(sample, inputs=[(len(shape) - 1, None)])).layers[0]
    image = images(*shape, seed=1).numpy()
    arguments = image, image, layer.kernels, layer, channel, "image"
    by_filter2d = layer_responses(*arguments)
    monkeypatch.setattr("filterscope.filters.response._MOST_FILTER2D_CALLS", 0)
    calls = []
    monkeypatch.setattr(cv2, "filter2D", lambda *a, **k: calls.append(1))
    agree(layer_responses(*arguments), by_filter2d)
    agree(layer_responses(*arguments, [1, 2]), by_filter2d[1:3])
    assert not calls


def test_a_large_layer_is_not_computed_by_thousands_of_calls(monkeypatch):
    net = nn.Sequential(seeded(lambda: nn.Conv2d(64, 64, 3)))
    engine = Engine(net, SampleSource(images(1, 64, 6, 6)))
    calls = []
    real = cv2.filter2D
    monkeypatch.setattr(cv2, "filter2D", lambda *a, **k: calls.append(1) or real(*a, **k))
    whole = engine.moment(0, 0).responses.of_all_filters(None, "input")
    assert not calls
    agree(whole[5], engine.response(0, 0, 5, None, "input"))
    assert len(calls) == 64


def test_a_nan_under_a_large_kernel_stays_where_the_kernel_meets_it():
    """filter2D takes a Fourier transform for kernels of 11×11 and more, which would spread it."""
    net = seeded(lambda: nn.Conv2d(1, 2, 13, padding=6))
    data = images(1, 1, 40, 40)
    data[0, 0, 20, 20] = float("nan")
    engine = Engine(net, SampleSource(data))
    response, pre = engine.response(0, 0, 1, None, "input"), engine.moment(0, 0).pre_activation(1)
    assert np.isnan(pre).sum() == 13 * 13
    assert np.array_equal(np.isnan(response), np.isnan(pre))
    assert np.nanmax(np.abs(response + engine.weights(0)[1][1] - pre)) < 1e-5
