"""Whether training pulled on a filter, from its layer's input: against its own null, and where it cannot be told."""

from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from filterscope import demo, diagnose
from filterscope.verdicts.activations.inputs import InputMoments
from filterscope.verdicts.activations.training import P_PULLED, judge_training

OPTIONS = {"stride": (1, 1), "pads": ((0, 0), (0, 0)), "dilation": (1, 1)}


def moments_of(maps, size, groups=1, **options):
    return InputMoments.of(torch.as_tensor(maps, dtype=torch.float32), size, groups=groups, **{**OPTIONS, **options})


def uneven(images=32, channels=24, side=9, seed=0):
    """Maps whose channels vary together and whose neighbours are alike: a few directions hold most of the variance."""
    random = np.random.default_rng(seed)
    mix = random.normal(size=(channels, channels)) * np.exp(-np.arange(channels) / 4)
    maps = np.einsum("cd,ndhw->nchw", mix, random.normal(size=(images, channels, side, side)))
    return 3 + maps + np.roll(maps, 1, 2) + np.roll(maps, 1, 3)


@pytest.mark.parametrize(
    ("size", "options"),
    [((1, 1), {}), ((3, 3), {"pads": ((1, 1), (1, 1)), "stride": (2, 2)}), ((2, 3), {"dilation": (2, 1)})],
)
def test_the_moments_are_those_of_torchs_windows(size, options):
    """With as few windows as these, all of them are looked at, and unfold has the same."""
    maps = torch.as_tensor(uneven(images=4, channels=6, side=5), dtype=torch.float32)
    options = {**OPTIONS, **options}
    unfolded = F.unfold(maps, size, options["dilation"], [pad for pad, _ in options["pads"]], options["stride"])
    windows = unfolded.transpose(1, 2).reshape(-1, 2, 3, int(np.prod(size))).double().numpy()
    windows = windows - windows.mean(0)
    parts = [moments_of(maps[part], size, groups=2, **options) for part in (slice(1), slice(1, 4))]
    parts[0].merge(parts[1])
    assert (parts[0].images, parts[0].windows) == (4, len(windows))
    np.testing.assert_allclose(
        parts[0].over_channels, np.einsum("ngcs,ngds->gcd", windows, windows), rtol=1e-4, atol=1e-3
    )
    np.testing.assert_allclose(
        parts[0].over_places, np.einsum("ngcs,ngct->gst", windows, windows), rtol=1e-4, atol=1e-3
    )


def test_an_image_that_is_not_finite_is_left_out():
    maps = uneven(images=6)
    maps[2, 0, 0, 0] = np.nan
    whole, rest = moments_of(maps, (1, 1)), moments_of(np.delete(maps, 2, 0), (1, 1))
    assert whole.images == 5
    np.testing.assert_array_equal(whole.over_channels, rest.over_channels)


@pytest.mark.parametrize(
    ("shape", "groups"), [((64, 24, 1, 1), 1), ((48, 24, 3, 3), 1), ((24, 1, 5, 5), 24), ((48, 6, 2, 2), 4)]
)
def test_random_filters_are_seldom_called_pulled_and_turned_ones_are(shape, groups):
    """For any input, however uneven: a random filter is a draw of the null."""
    counted = Counter()
    for repeat in range(25):
        random = np.random.default_rng([1, repeat])
        moments = moments_of(uneven(seed=repeat), shape[2:], groups)
        judged = judge_training(random.normal(size=shape), groups, moments, seed=repeat)
        counted.update(filter.verdict for filter in judged)
    total = counted.total()
    assert counted["pulled"] <= P_PULLED * total + 4 * np.sqrt(P_PULLED * total)
    if groups == 1:  # turned to the direction of most variance
        kernels = random.normal(size=shape)
        kernels /= np.sqrt((kernels**2).sum((1, 2, 3), keepdims=True))
        most = np.linalg.eigh(moments.over_channels[0])[1][:, -1]
        spread = np.linalg.eigh(moments.over_places[0])[1][:, -1].reshape(shape[2:])
        turned = kernels + 2 * np.einsum("c,hw->chw", most, spread)
        assert {one.verdict for one in judge_training(turned, 1, moments)} == {"pulled"}


def test_it_does_not_depend_on_scales():
    kernels, moments = np.random.default_rng(0).normal(size=(20, 24, 1, 1)), moments_of(uneven(), (1, 1))
    scaled = kernels * np.geomspace(1e-6, 1e6, 20)[:, None, None, None]
    larger = moments_of(100 * uneven(), (1, 1))
    expected = [one.p for one in judge_training(kernels, 1, moments)]
    np.testing.assert_allclose([one.p for one in judge_training(scaled, 1, larger)], expected, atol=2e-3)


def test_what_cannot_be_told_says_why():
    random = np.random.default_rng(0)
    maps = uneven()
    few = judge_training(random.normal(size=(24, 1, 3, 3)), 24, moments_of(maps, (3, 3), 24))
    assert {one.reason.split(";")[0] for one in few} == {
        "9 weights a filter are too few to tell a direction from chance"
    }
    kernels = random.normal(size=(8, 24, 1, 1))
    kernels[3], kernels[4, 0] = 0, np.inf
    judged = judge_training(kernels, 1, moments_of(maps, (1, 1)))
    assert [k for k, one in enumerate(judged) if "zero or not finite" in one.reason] == [3, 4]
    flat = judge_training(random.normal(size=(8, 24, 1, 1)), 1, moments_of(np.full_like(maps, 2), (1, 1)))
    assert {one.reason for one in flat} == {"its input does not vary on these images"}
    unseen = judge_training(random.normal(size=(8, 24, 1, 1)), 1, InputMoments(1, 24, 1))
    assert {one.reason for one in unseen} == {"none of its inputs could be read"}


class Unusual(torch.nn.Module):
    """A layer that is called twice, and a transposed one."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Conv2d(1, 16, 3)
        self.again = torch.nn.Conv2d(16, 16, 1)
        self.up = torch.nn.ConvTranspose2d(16, 16, 3)
        self.head = torch.nn.Linear(16, 10)

    def forward(self, x):
        x = self.again(self.again(self.first(x)).relu())
        return self.head(self.up(x).mean((2, 3)))


def test_of_layers_whose_input_tells_nothing_the_reason_is_said():
    net, data = Unusual(), demo.fashion_test_data()
    found = diagnose(net, data, images=20, ablation=False, progress=False)
    reasons = {verdict.layer: verdict.training_reason for verdict in found.filters}
    assert "more than once" in reasons["again"] and "transposed" in reasons["up"]
    assert {verdict.training for verdict in found.filters} == {"can't tell"}


def test_of_the_demo_net_the_filter_that_never_fired_was_not_pulled_on_and_untrained_ones_were_not():
    data = demo.fashion_test_data()
    trained = diagnose(demo.fashion_net(), data, images=64, layers="conv2", ablation=False, progress=False)
    assert [one.filter for one in trained.filters if one.training != "pulled"] == [11]
    assert "Training pulled on it" in trained.filters[0].sentence and "19 pulled on by training" in trained.summary(
        "conv2"
    )
    untrained = diagnose(demo.fashion_net(epoch=0), data, images=64, layers="conv2", ablation=False, progress=False)
    assert {one.training for one in untrained.filters} == {"can't tell"}


def test_more_images_change_nothing_and_going_on_looks_at_the_first_ones_alone():
    options = {"layers": "conv2", "ablation": False, "progress": False}
    net, data = demo.fashion_net(), demo.fashion_test_data()
    part = diagnose(net, data, images=20, **options)
    whole = diagnose(net, data, images=400, resume=part, **options)
    further = diagnose(net, data, images=800, resume=whole, **options)
    windows = [one.examination.inputs[1].windows for one in (part, whole, further)]
    at_once = diagnose(net, data, images=400, **options)
    assert windows[0] < windows[1] == windows[2] == at_once.examination.inputs[1].windows
    assert [one.p_training for one in whole.filters] == [one.p_training for one in further.filters]
    apart = [abs(one.p_training - other.p_training) for one, other in zip(whole.filters, at_once.filters, strict=True)]
    assert max(apart) < 1e-3
