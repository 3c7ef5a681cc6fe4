"""Which filters a prediction rests on, against passes of the net itself in which a hook replaces one map by zero."""

import random
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from batch_nets import DEPENDENT, INDEPENDENT
from filterscope import Explorer, NetError, SampleError, demo
from filterscope.data.source import SampleSource
from filterscope.nets.interruption import StopPass
from filterscope.scans.sampling import IsolatedSamples, find_out_batches, runner_for
from filterscope.verdicts.ablation.filter_effects import measure_filter_effects
from nets import Chooses, Everything, TwoConvs, images, seeded

DATA = demo.fashion_test_data()


class Modules(nn.Module):
    """Every activation is a module's output, so that a hook on that module can replace it."""

    def __init__(self, body, head):
        super().__init__()
        self.body, self.head = body, head

    def forward(self, x):
        return self.head(self.body(x))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.stem_act = nn.Conv2d(1, 6, 3, padding=1), nn.ReLU()
        self.block, self.norm, self.act = nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = self.stem_act(self.stem(x))
        x = x + self.act(self.norm(self.block(x)))
        return self.head(x.mean((2, 3)))


class Twice(nn.Module):
    """One convolution and one activation, each called twice."""

    def __init__(self):
        super().__init__()
        self.stem, self.conv, self.act = nn.Conv2d(1, 5, 3), nn.Conv2d(5, 5, 3, padding=1), nn.Tanh()
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        x = self.act(self.conv(self.stem(x)))
        return self.head(self.act(self.conv(x)).mean((2, 3)))


class Meets(nn.Module):
    """Every image in the batch adds to every other: several cannot go in one pass."""

    def __init__(self):
        super().__init__()
        self.conv, self.act, self.head = nn.Conv2d(1, 7, 3), nn.ReLU(), nn.Linear(7, 3)

    def forward(self, x):
        x = self.act(self.conv(x))
        return self.head((x + x.sum(0, keepdim=True)).mean((2, 3)))


class Probabilities(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.act, self.head = nn.Conv2d(1, 9, 3), nn.ReLU(), nn.Linear(9, 3)

    def forward(self, x):
        return torch.softmax(20 * self.head(self.act(self.conv(x)).mean((2, 3))), 1)


def grouped():
    body = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 12, 3, groups=4), nn.LeakyReLU(0.2)
    )
    return Modules(body, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3)))


def many():
    """More filters than go in one pass, and a number of which no batch is a divisor."""
    body = nn.Sequential(nn.Conv2d(1, 37, 3), nn.ReLU())
    return Modules(body, nn.Sequential(nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(148, 5)))


def signals():
    body = nn.Sequential(nn.Conv1d(2, 6, 5), nn.ReLU(), nn.Conv1d(6, 4, 3), nn.Sigmoid())
    return Modules(body, nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)))


# For each layer the module whose output is its activation, and which of its calls that is.
NETS = {
    "plain": (many, (1, 12, 12), [("body.1", 0)]),
    "residual, batch norm": (Residual, (1, 10, 10), [("stem_act", 0), ("act", 0)]),
    "grouped, batch norm": (grouped, (1, 12, 12), [("body.2", 0), ("body.4", 0)]),
    "called twice": (Twice, (1, 9, 9), [("stem", 0), ("act", 0), ("act", 1)]),
    "one at a time": (Meets, (1, 8, 8), [("act", 0)]),
    "probabilities": (Probabilities, (1, 8, 8), [("act", 0)]),
    "signals": (signals, (2, 30), [("body.1", 0), ("body.3", 0)]),
}


def without_by_hook(net, name, call, index, image):
    """The net's own output, float64, while a hook replaces one map of one call of a module by zero."""
    calls = []

    def replace(module, inputs, output):
        calls.append(module)
        if len(calls) == call + 1:
            output = output.clone()
            output[:, index] = 0
        return output

    handle = net.get_submodule(name).register_forward_hook(replace)
    try:
        with torch.no_grad():
            return net(image)[0].double()
    finally:
        handle.remove()


def brute_force(net, name, call, filters, image):
    with torch.no_grad():
        intact = net(image)[0].double()
    as_logs = (lambda row: row.log()) if isinstance(net, Probabilities) else (lambda row: torch.log_softmax(row, 0))
    best = int(intact.argmax())
    after = [as_logs(without_by_hook(net, name, call, index, image))[best] for index in range(filters)]
    return np.array([float(as_logs(intact)[best] - each) for each in after])


@pytest.mark.parametrize("name", NETS)
def test_they_are_those_of_passes_in_which_a_hook_replaces_one_map_by_zero(name):
    build, shape, places = NETS[name]
    net, data = seeded(build).eval(), images(6, *shape)
    if isinstance(net, Residual):
        net.norm.running_mean.uniform_(-1, 1, generator=torch.Generator().manual_seed(1))
    explorer = Explorer(net, data, image_index=4)
    assert len(explorer.layers) == len(places)
    for layer, place in enumerate(places):
        expected = brute_force(net, *place, explorer.layers[layer].out_channels, data[4:5])
        for _ in range(3):  # the batches grow as it is known how long they take
            effects = explorer.filter_effects(layer)
            assert effects.dtype == np.float32
            np.testing.assert_allclose(effects, expected, rtol=1e-3, atol=1e-5 * max(1, np.abs(expected).max()))
        assert np.abs(expected).max() > 1e-3
    explorer.close()


@pytest.mark.parametrize("name", [name for name in {**DEPENDENT, **INDEPENDENT} if name not in ("no scores", "deep")])
@pytest.mark.filterwarnings("ignore")
def test_whether_or_not_several_images_may_go_together_it_is_what_leaving_out_each_alone_says(name):
    explorer = Explorer(seeded({**DEPENDENT, **INDEPENDENT}[name]), images(6, 1, 12, 12))
    for layer in explorer.layers[:3]:
        effects = explorer.filter_effects(layer.index)
        for index in range(layer.out_channels):
            found = explorer.without(index, layer=layer.index, replaced_by="zero")
            (best, before), after = found.before[0], dict(found.after)
            assert effects[index] == pytest.approx(np.log(before / after[best]), rel=1e-3, abs=1e-4), (layer, index)
    explorer.close()


def test_each_is_what_leaving_out_that_filter_alone_says():
    explorer = Explorer(demo.fashion_net(), DATA, image_index=17, layer_index=1)
    effects = explorer.filter_effects()
    assert effects.shape == (20,)
    for index in range(20):
        found = explorer.without(index, replaced_by="zero")
        (name, before), after = found.before[0], dict(found.after)
        assert effects[index] == pytest.approx(np.log(before / after[name]), rel=1e-3, abs=1e-5)
    assert effects[11] == 0  # it is dead: not nearly 0
    # Memory that lies elsewhere may be summed in another order.
    assert explorer.filter_effects("conv2") == pytest.approx(effects, abs=1e-5)
    explorer.image_index = 18
    assert not np.allclose(explorer.filter_effects(), effects, atol=1e-2)
    explorer.close()


def test_neither_the_net_nor_random_numbers_are_touched():
    net = seeded(Everything).train()
    explorer = Explorer(net, images(5, 1, 10, 10))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = [explorer.filter_effects(layer) for layer in range(3)]
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1]) and random.getstate() == states[2]
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert net.training and all(module.training for module in net.modules())
    assert not any(module._forward_hooks for module in net.modules())
    for layer, effects in enumerate(first):
        assert explorer.filter_effects(layer) == pytest.approx(effects, abs=1e-5)
    explorer.close()


def test_a_change_of_the_weights_is_followed():
    net = seeded(TwoConvs)
    explorer = Explorer(net, images(5, 1, 14, 14))
    first = explorer.filter_effects(0)
    with torch.no_grad():
        net.conv1.weight[2] = 0
        net.conv1.bias[2] = -1
    second = explorer.filter_effects(0)
    assert second[2] == 0 != first[2]
    explorer.close()


def test_a_confident_prediction_still_tells_filters_apart():
    """In float32 a probability of 1 − 1e-9 is 1: differences far below that are found all the same."""
    net = seeded(lambda: Modules(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), nn.Flatten()))
    head = nn.Linear(4 * 36, 2)
    with torch.no_grad():
        head.weight.fill_(0.1)
        head.weight[1] *= -1
        net.body[0].bias.copy_(torch.tensor([0.6, 0.7, 0.8, 0.9]))
        net.body[0].weight.zero_()
        head.bias.zero_()
    net.head = nn.Sequential(nn.Flatten(), head)
    explorer = Explorer(net, images(3, 1, 8, 8))
    assert explorer.prediction[0][1] > 1 - 1e-8
    effects = explorer.filter_effects()
    assert (np.diff(effects) > 0).all() and 0 < effects[0] < 1e-5
    explorer.close()


def of_runner(net, data):
    samples = IsolatedSamples(SampleSource(data))
    runner = runner_for(net, samples)
    find_out_batches(runner, samples, np.arange(len(data)))
    return runner


def test_it_says_how_far_it_is_and_ends_before_any_pass():
    data = images(4, 1, 12, 12)
    runner = of_runner(seeded(many), data)
    runner.images_at_once = lambda: 8
    told = []
    whole = measure_filter_effects(runner, data[0].numpy(), 0, lambda *progress: told.append(progress))
    assert told == [("filters", done, 37) for done in (0, 8, 16, 24, 32, 37)]
    checks = []
    measure_filter_effects(runner, data[0].numpy(), 0, check=lambda: checks.append(1))
    for last in range(len(checks)):
        left = [last]

        def check(left=left):
            if left[0] == 0:
                raise StopPass
            left[0] -= 1

        with pytest.raises(StopPass):
            measure_filter_effects(runner, data[0].numpy(), 0, check=check)
    assert measure_filter_effects(runner, data[0].numpy(), 0).values == pytest.approx(whole.values, abs=1e-5)


def test_what_lies_before_the_layer_is_computed_once():
    data = images(4, 1, 12, 12)
    runner = of_runner(seeded(grouped), data)
    runner.images_at_once = lambda: 3
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        measure_filter_effects(runner, data[0].numpy(), 1)
    # 12 filters in batches of 3; the two convolutions run in the intact pass and while results are written down.
    assert len([event for event in profile.events() if event.name == "aten::conv2d"]) == 4


@pytest.mark.parametrize(
    ("net", "data", "sentence"),
    [
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)),
            images(3, 1, 9, 9),
            "the net's output is not one score a class, so there is no prediction for a filter to have an effect on",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(196, 2)),
            torch.full((3, 1, 9, 9), torch.nan),
            "the net's output for this image is not finite, so there is no prediction",
        ),
    ],
)
def test_without_a_prediction_it_is_a_sentence(net, data, sentence):
    explorer = Explorer(net, data)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        explorer.filter_effects(0)
    explorer.close()


def test_bad_input_is_a_sentence():
    explorer = Explorer(demo.fashion_net(), DATA)
    with pytest.raises(ValueError, match=re.escape("layer is 'fc1'; this net has convolutions 0 … 1: conv1, conv2")):
        explorer.filter_effects("fc1")
    explorer.close()
    net = seeded(lambda: nn.Sequential(Chooses(), nn.Flatten()))
    chooses = Explorer(net, [torch.ones(1, 9, 9), images(1, 9, 9) / 3])
    chooses.image_index = 1
    with pytest.raises(NetError, match=r"the net did not reach layer 0\.two for this image"):
        chooses.filter_effects(1)
    chooses.close()


def test_a_sample_that_cannot_be_read_and_a_net_that_refuses_are_sentences():
    class Data:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            if index == 2:
                raise OSError("disk on fire")
            return images(1, 14, 14) if index == 0 else images(2, 14, 14)

    explorer = Explorer(seeded(TwoConvs), Data())
    explorer.image_index = 2
    with pytest.raises(SampleError, match="disk on fire"):
        explorer.filter_effects()
    explorer.image_index = 1
    with pytest.raises(NetError):
        explorer.filter_effects()
    explorer.image_index = 0
    assert np.isfinite(explorer.filter_effects()).all()
    explorer.close()


def test_a_filter_without_which_the_output_is_not_finite_is_not_known():
    class Divides(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act, self.head = nn.Conv2d(1, 3, 3), nn.Sigmoid(), nn.Linear(3, 2)

        def forward(self, x):
            x = self.act(self.conv(x)).mean((2, 3))
            return self.head(x / x[:, :1] * x[:, :1].sign())

    explorer = Explorer(seeded(Divides), images(4, 1, 8, 8))
    effects = explorer.filter_effects()
    assert np.isnan(effects[0]) and np.isfinite(effects[1:]).all()
    explorer.close()


@pytest.mark.parametrize("most", [3, 7])
def test_a_net_that_takes_two_copies_and_not_so_many_takes_each_alone(most):
    """What was found out with two images holds for two."""

    class Few(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act, self.head = nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Linear(6, 3)

        def forward(self, x):
            if len(x) > 2 and most == 3:
                raise ValueError("at most two")
            x = self.head(self.act(self.conv(x)).mean((2, 3)))
            return x * 0.5 if len(x) > 2 else x

    net, data = seeded(Few).eval(), images(4, 1, 8, 8)
    explorer = Explorer(net, data)
    np.testing.assert_allclose(explorer.filter_effects(), brute_force(net, "act", 0, 6, data[:1]), rtol=1e-3, atol=1e-6)
    explorer.close()


def test_classes_that_are_ruled_out_are_no_obstacle():
    class Masked(Modules):
        def forward(self, x):
            return super().forward(x).index_fill(1, torch.tensor([1]), -torch.inf)

    net = seeded(lambda: Masked(many().body, many().head)).eval()
    data = images(3, 1, 12, 12)
    explorer = Explorer(net, data)
    np.testing.assert_allclose(
        explorer.filter_effects(), brute_force(net, "body.1", 0, 37, data[:1]), rtol=1e-3, atol=1e-6
    )
    explorer.close()


def test_samples_of_several_inputs_go_one_at_a_time():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act, self.head = nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Linear(7, 3)

        def forward(self, x, more):
            return self.head(torch.cat([self.act(self.conv(x)).mean((2, 3)), more], 1))

    net, pixels, more = seeded(Two).eval(), images(4, 1, 8, 8), images(4, 2, seed=1)
    data = [((pixels[k], more[k]), k % 3) for k in range(4)]
    explorer = Explorer(net, data, forward=lambda net, inputs: net(*inputs), image_index=2)
    pair = nn.Module()
    pair.forward = lambda x: net(x, more[2:3])
    pair.net = net
    expected = brute_force(pair, "net.act", 0, 5, pixels[2:3])
    np.testing.assert_allclose(explorer.filter_effects(), expected, rtol=1e-3, atol=1e-6)
    explorer.close()


def test_a_functional_activation_counts_too():
    net, data = seeded(TwoConvs).eval(), images(5, 1, 14, 14)
    explorer = Explorer(net, data)
    effects = explorer.filter_effects("conv1")
    with torch.no_grad():
        best = int(net(data[:1]).argmax())
        logs = []
        for index in (None, *range(4)):
            x = F.relu(net.conv1(data[:1]))
            if index is not None:
                x[:, index] = 0
            x = F.relu(net.conv2(net.pool(x)))
            logs.append(float(torch.log_softmax(net.fc(x.mean((2, 3)))[0].double(), 0)[best]))
    np.testing.assert_allclose(effects, logs[0] - np.array(logs[1:]), rtol=1e-3, atol=1e-6)
    explorer.close()
