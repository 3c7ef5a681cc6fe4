"""Other kernels, tried on the twin: equal to OpenCV, to the net that has them, and never in the user's net."""

import copy

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from explorers import data
from filterscope import Explorer, NetError
from nets import Everything, TwoConvs, images, seeded

SOBEL = np.float32([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def explorer_of(net, **options):
    return Explorer(net, data(channels=options.pop("channels", 1)), **options)


def with_kernel(net, layer, filter_index, kernel):
    """The oracle: a copy by hand."""
    other = copy.deepcopy(net).eval()
    with torch.no_grad():
        dict(other.named_modules())[layer].weight[filter_index] = torch.as_tensor(kernel)
    return other


def test_the_edited_response_over_the_image_is_opencvs_bit_for_bit():
    explorer = explorer_of(seeded(TwoConvs), filter_index=2, source="image")
    explorer.kernel = SOBEL
    np.testing.assert_array_equal(explorer.response, cv2.filter2D(explorer.image[0], -1, SOBEL))


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_all_that_is_shown_is_of_the_net_with_that_kernel(layer):
    net = seeded(TwoConvs)
    explorer = explorer_of(net).select(layer=layer, filter=3)
    kernel = np.random.default_rng(0).normal(size=explorer.kernel.shape).astype(np.float32)
    explorer.kernel = kernel
    other = Explorer(with_kernel(net, layer, 3, kernel), data()).select(layer=layer, filter=3)
    np.testing.assert_array_equal(explorer.kernel, kernel)
    for chosen in explorer.layers:
        explorer.select(layer=chosen.index)
        other.select(layer=chosen.index)
        for what in ("response", "pre_activation", "activation"):
            np.testing.assert_array_equal(getattr(explorer, what), getattr(other, what))
    assert explorer.prediction == other.prediction
    assert explorer.arithmetic(1, 2).agrees
    image = torch.from_numpy(explorer.image)[None]
    with torch.no_grad():
        torch.testing.assert_close(explorer.edited_net()(image), other._engine.net(image), rtol=1e-6, atol=1e-6)


class Transposed(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2)
        self.conv = nn.Conv2d(1, 4, 3, groups=1)

    def forward(self, x):
        return self.up(self.conv(x)).mean((2, 3))


class Shared(nn.Module):
    """Two modules with one weight, and a convolution as a function with it."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)
        self.second.weight = self.first.weight

    def forward(self, x):
        y = self.second(self.first(x).relu())
        return nn.functional.conv2d(y, self.first.weight).mean((2, 3))


@pytest.mark.parametrize(
    ("build", "layer", "filter_index"),
    [
        (Everything, "block", 1),
        (Transposed, "up", 4),
        (Shared, "first", 0),
        (lambda: nn.Sequential(nn.Conv1d(1, 3, 5), nn.ReLU()), "0", 1),
    ],
)
def test_any_layer_with_a_weight_of_its_own_is_edited(build, layer, filter_index):
    net = seeded(build)
    of_signals = isinstance(net, nn.Sequential)
    samples = images(3, 1, 20) if of_signals else images(3, 1, 14, 14)
    explorer = Explorer(net, samples, layout="NCHW" if not of_signals else None).select(
        layer=layer, filter=filter_index
    )
    explorer.kernel = np.ones_like(explorer.kernel)
    edited = explorer.edited_net()
    reference = copy.deepcopy(net).eval()
    weight = dict(reference.named_modules())[layer].weight
    with torch.no_grad():
        if build is Transposed:
            weight[2:4, 1] = 1  # filter 4 is the second of the second group
        else:
            weight[filter_index] = 1
        expected = reference(samples[:1])
        torch.testing.assert_close(edited(samples[:1]), expected, rtol=0, atol=0)
    explorer.select(image=0)
    sees = {}
    module = dict(reference.named_modules())[layer]
    module.register_forward_hook(lambda module, args, output: sees.setdefault("map", output.detach()))
    with torch.no_grad():
        reference(samples[:1])
    np.testing.assert_array_equal(explorer.pre_activation, sees["map"][0, filter_index].numpy())


def test_the_users_net_is_bit_identical_after_a_thousand_edits():
    net = seeded(Everything).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    parameters = {name: id(value) for name, value in net.named_parameters()}
    explorer = explorer_of(net)
    rng, drawn = np.random.default_rng(1), torch.get_rng_state()
    for number in range(1000):
        layer = number % len(explorer.layers)
        explorer.select(layer=layer, filter=number % 4)
        explorer.kernel = rng.normal(size=explorer.kernel.shape)
        if number % 100 == 0:
            assert explorer.prediction is not None and explorer.activation is not None
        if number % 7 == 0:
            explorer.lab.undo()
    assert len(explorer.edited) > 3
    explorer.lab.reset()
    assert explorer.edited == ()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert {name: id(value) for name, value in net.named_parameters()} == parameters
    assert net.training and torch.equal(torch.get_rng_state(), drawn)
    assert all(parameter.grad is None for parameter in net.parameters())


def test_steps_are_undone_and_redone_and_a_gesture_is_one_step():
    explorer = explorer_of(seeded(TwoConvs))
    lab, own = explorer.lab, explorer.kernel
    assert not lab.undo() and not lab.redo()
    explorer.kernel = SOBEL
    for value in (1.0, 2.0, 3.0):
        lab.edit(np.full((1, 3, 3), value), gesture="cell 4")
    np.testing.assert_array_equal(explorer.kernel, np.full((1, 3, 3), 3))
    assert lab.undo()
    np.testing.assert_array_equal(explorer.kernel[0], SOBEL)
    assert lab.redo()
    np.testing.assert_array_equal(explorer.kernel, np.full((1, 3, 3), 3))
    lab.reset()
    np.testing.assert_array_equal(explorer.kernel, own)
    assert lab.undo() and len(explorer.edited) == 1
    explorer.kernel = None
    np.testing.assert_array_equal(explorer.kernel, own)


BAD = [
    (np.full((3, 3), np.nan), "NaN or infinite"),
    (np.full((3, 3), 1e300), "NaN or infinite"),
    ("sobel", "kernel is 'sobel'; give numbers of shape \\(1, 3, 3\\)"),
    ([["a", "b"], ["c", "d"]], "give numbers"),
    ([[1, 2], [3]], "give numbers"),
    (np.ones((5, 5)), "kernel has shape \\(5, 5\\); the filters of conv1 have \\(1, 3, 3\\)"),
    (1.0, "kernel has shape"),
    (np.ones((3, 3), complex), "give numbers"),
    (object(), "give numbers"),
]


@pytest.mark.parametrize(("kernel", "sentence"), BAD, ids=range(len(BAD)))
def test_what_is_no_kernel_is_refused_by_a_sentence_and_changes_nothing(kernel, sentence):
    explorer = explorer_of(seeded(TwoConvs))
    explorer.kernel = SOBEL
    revision = explorer._engine.revision
    with pytest.raises(ValueError, match=sentence):
        explorer.kernel = kernel
    np.testing.assert_array_equal(explorer.kernel[0], SOBEL)
    assert explorer._engine.revision == revision and len(explorer.edited) == 1


def test_one_kernel_of_several_needs_a_selected_channel():
    explorer = explorer_of(seeded(TwoConvs), layer_index=1)
    with pytest.raises(ValueError, match=r"or one kernel \(3, 3\) where a channel is selected"):
        explorer.kernel = SOBEL
    before = explorer.kernel
    explorer.channel = 2
    explorer.kernel = SOBEL
    np.testing.assert_array_equal(explorer.kernel[2], SOBEL)
    np.testing.assert_array_equal(explorer.kernel[[0, 1, 3]], before[[0, 1, 3]])


def test_a_kernel_that_each_pass_computes_is_refused_and_one_of_a_net_that_cannot_be_copied():
    net = seeded(TwoConvs)
    nn.utils.parametrizations.weight_norm(net.conv1)
    explorer = explorer_of(net)
    with pytest.raises(ValueError, match="computed in each pass"):
        explorer.kernel = SOBEL

    class NotCopied(TwoConvs):
        def __deepcopy__(self, memo):
            raise RuntimeError("one of a kind")

    net = seeded(NotCopied)
    with pytest.warns(UserWarning, match="cannot be copied"):
        explorer = explorer_of(net)
    before = net.conv1.weight.clone()
    with pytest.raises(NetError, match="cannot be copied"):
        explorer.kernel = SOBEL
    assert torch.equal(net.conv1.weight, before) and explorer.edited == ()


def test_an_edit_outlives_training_and_falls_with_its_layer():
    net = seeded(TwoConvs)
    explorer = explorer_of(net, filter_index=1)
    explorer.kernel = SOBEL
    with torch.no_grad():
        net.conv1.weight.mul_(2)
    np.testing.assert_array_equal(explorer.kernel[0], SOBEL)
    np.testing.assert_array_equal(explorer.layer.kernels[0], net.conv1.weight[0].detach().numpy())
    explorer.refresh()
    assert len(explorer.edited) == 1 and explorer.layer.plain
    net.conv1 = nn.Conv2d(1, 4, 5)
    explorer.refresh()
    assert explorer.edited == () and explorer.kernel.shape == (1, 5, 5)


def test_what_an_edit_does_to_an_image_and_over_many():
    net = seeded(TwoConvs)
    explorer = explorer_of(net, layer_index=0, filter_index=0)
    assert explorer.lab.changes().layers == ()
    with pytest.raises(ValueError, match="no kernel is edited"):
        explorer.lab.effect(4)
    explorer.kernel = SOBEL
    other = Explorer(with_kernel(net, "conv1", 0, SOBEL), data())
    intact = Explorer(net, data())
    changes = explorer.lab.changes()
    assert (changes.before, changes.after) == (intact.prediction, other.prediction)
    for layer, change in enumerate(changes.layers):
        before, after = (each._engine.moment(0, layer).activations for each in (intact, other))
        assert change.name == explorer.layers[layer].name
        assert change.change == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before), rel=1e-5)
    effect = explorer.lab.effect(4)
    losses = []
    for number in range(4):
        image, label = data()[number]
        with torch.no_grad():
            losses.append([float(-one(image[None]).log_softmax(1)[0, label]) for one in (net, other._engine.net)])
    before, after = np.mean(losses, 0)
    assert (effect.loss_before, effect.loss_after) == pytest.approx((before, after), rel=1e-5)
    assert effect.loss_change.value == pytest.approx(after - before, rel=1e-4)


def test_verdicts_and_ablations_are_of_the_users_net():
    net = seeded(TwoConvs)
    explorer, plain = explorer_of(net), explorer_of(net)
    explorer.kernel = SOBEL
    assert explorer.without(1, replaced_by="zero").before == plain.without(1, replaced_by="zero").before
    assert "conv1 filter 0 has other kernels" in explorer._engine.note
