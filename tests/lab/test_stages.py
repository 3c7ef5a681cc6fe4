"""The strip of stages, the spectrum and the geometry, each against torch or NumPy."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from explorers import data
from filterscope import Explorer
from filterscope.lab.spectrum import amplitudes, frequency_response
from nets import Everything, TwoConvs, images, seeded


class Staged(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.pool = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.AvgPool2d(2)
        self.bn.running_mean += 0.1

    def forward(self, x):
        return self.pool(F.gelu(self.bn(self.conv(x)))).mean((2, 3))


def test_each_stage_is_what_the_net_computes():
    net = seeded(Staged).eval()
    explorer = Explorer(net, data(), filter_index=2)
    stages = explorer.lab.stages()
    assert [stage.kind for stage in stages] == ["input", "response", "bias", "normalisation", "nonlinearity", "pool"]
    image = torch.from_numpy(explorer.image)[None]
    with torch.no_grad():
        response = F.conv2d(image, net.conv.weight)
        biased = net.conv(image)
        normed = net.bn(biased)
        expected = [image, response, biased, normed, F.gelu(normed), net.pool(F.gelu(normed))]
    for stage, tensor in zip(stages, expected, strict=True):
        np.testing.assert_allclose(stage.values, tensor[0, 0 if stage.kind == "input" else 2], atol=1e-6)
    assert [stage.name for stage in stages[3:]] == ["bn", "gelu", "pool"]


def test_the_way_ends_before_an_addition_and_a_layer_without_bias_has_no_such_stage():
    explorer = Explorer(seeded(Everything), data())
    assert [stage.kind for stage in explorer.lab.stages()] == ["input", "response", "normalisation", "nonlinearity"]
    explorer.select(layer=1)
    assert [stage.kind for stage in explorer.lab.stages()] == ["input", "response", "bias"]
    explorer.kernel = np.zeros_like(explorer.kernel)
    assert not explorer.lab.stages()[1].values.any()


def test_the_gain_is_how_much_higher_a_wave_comes_out():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(5, 5))
    spectrum = frequency_response(kernel)
    y, x = np.mgrid[:5, :5]
    for row, column in ((32, 32), (40, 35), (10, 60)):
        fy, fx = (row - 32) / 64, (column - 32) / 64
        direct = abs((kernel * np.exp(-2j * np.pi * (fy * y + fx * x))).sum())
        assert spectrum.gain[row, column] == pytest.approx(direct, rel=1e-5)
    assert spectrum.frequencies[32] == 0 and spectrum.unit == "cycles a pixel"


def test_of_a_signal_it_is_scipys_in_hz_where_the_rate_is_known():
    signal = pytest.importorskip("scipy.signal")
    kernel = np.random.default_rng(1).normal(size=33)
    spectrum = frequency_response(kernel, sampling_rate=16_000)
    frequencies, response = signal.freqz(kernel, worN=257, fs=16_000, include_nyquist=True)
    np.testing.assert_allclose(spectrum.frequencies, frequencies, rtol=1e-6)
    np.testing.assert_allclose(spectrum.gain, np.abs(response), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(spectrum.decibels, 20 * np.log10(spectrum.gain), rtol=1e-5)
    assert frequency_response(kernel).frequencies[-1] == 0.5
    for bad in (0, -1, "16 kHz", np.nan, True):
        with pytest.raises(ValueError, match="sampling_rate"):
            frequency_response(kernel, sampling_rate=bad)
    plane = np.float32([[1, np.nan], [np.inf, 0]])
    assert np.isfinite(amplitudes(plane)).all()


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 2, 2), ([1, 2], [2, 0], [1, 2])])
def test_another_geometry_gives_torchs_map_and_size(mode, stride, padding, dilation):
    net = seeded(TwoConvs)
    explorer = Explorer(net, data(), layer_index=1, filter_index=4)
    trial = explorer.lab.geometry(stride, padding, mode, dilation)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    pairs = {name: tuple(value) if isinstance(value, list) else (value, value) for name, value in options.items()}
    other = nn.Conv2d(4, 6, 3, padding_mode=mode, **pairs)
    other.load_state_dict(net.conv2.state_dict())
    given = explorer._engine.maps(0, 1).input
    with torch.no_grad():
        expected = other(given[None])[0, 4].numpy()
    np.testing.assert_allclose(trial.values, expected, atol=1e-6)
    assert [line.split(" = ")[-1] for line in trial.formula] == [str(side) for side in expected.shape]
    assert trial.parameters == sum(p.numel() for p in net.conv2.parameters())


def test_a_geometry_that_leaves_nothing_is_refused_by_a_sentence():
    explorer = Explorer(seeded(TwoConvs), data())
    for options, sentence in (
        ({"dilation": 9}, "no position is left"),
        ({"stride": 0}, "stride is 0; give a whole number from 1"),
        ({"stride": "two"}, "stride is 'two'"),
        ({"padding": -1}, "padding is -1"),
        ({"padding": [1, 2, 3]}, "padding is"),
        ({"padding_mode": "mirror"}, "choose 'zeros'"),
        ({"padding": 20, "padding_mode": "reflect"}, "has at most 13"),
    ):
        with pytest.raises(ValueError, match=sentence):
            explorer.lab.geometry(**options)
    assert explorer.lab.geometry().values.shape == explorer.pre_activation.shape
    signal = Explorer(seeded(lambda: nn.Conv1d(1, 2, 5)), images(2, 1, 30))
    assert signal.lab.geometry(stride=2).values.shape == (13,)
