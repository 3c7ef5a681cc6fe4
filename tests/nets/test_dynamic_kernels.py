"""Kernels that a net makes from the image: each image is shown with its own, and with what they made of it."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from dynamic_nets import BRIGHTNESS, DYNAMIC, IMAGES, UNSEEN, Attends, Classifies, Conditional, DynamicBias, InNumpy
from filterscope import Explorer
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.errors import NetError
from filterscope.frames.frame import build_frame
from filterscope.session.selection import Selection
from nets import images, seeded

ORDER = (0, 1, 2, 0, 3, 1, 4)


@pytest.mark.parametrize("name", DYNAMIC)
def test_kernel_response_and_map_are_of_the_selected_image_in_any_order(name):
    net = seeded(DYNAMIC[name]).eval()
    explorer = Explorer(net, IMAGES)
    last = explorer.layers[-1].index
    for image in ORDER:
        explorer.select(image=image, layer=last, filter=1, channel=None, source="input")
        one = IMAGES[image : image + 1]
        with torch.no_grad():
            kernels, maps = net.kernels(one).numpy(), seeded(DYNAMIC[name]).eval()(one)[0, 1].numpy()
            bias = float(net.bias(one)[1]) if isinstance(net, Attends) else 0.0
        scale = abs(maps).max()
        assert abs(explorer.pre_activation - maps).max() < 1e-5 * scale
        assert abs(explorer.response + bias - maps).max() < 1e-4 * scale
        np.testing.assert_allclose(explorer.kernel, kernels[1], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(explorer.layer.kernels, kernels, rtol=1e-4, atol=1e-6)
    explorer.close()


@pytest.mark.parametrize("name", DYNAMIC)
def test_a_layer_whose_kernels_are_made_from_the_image_is_known_when_it_is_found_or_by_the_second_image(name):
    engine = Engine(seeded(DYNAMIC[name]).eval(), SampleSource(IMAGES))
    last = engine.layers[-1]
    assert last.dynamic is (name not in UNSEEN)
    moments = [engine.moment(image, last.index) for image in (0, 2)]
    assert moments[1].dynamic and engine.moment(0, last.index).dynamic
    assert not torch.equal(moments[0].weight, moments[1].weight)
    assert not any(layer.dynamic for layer in engine.layers[:-1])


def test_a_kernel_that_is_kept_is_no_view_of_what_the_net_overwrites():
    net = seeded(DYNAMIC["Buffered"]).eval()
    engine = Engine(net, SampleSource(IMAGES))
    kept = [engine.maps(image, 0).weight for image in range(5)]
    for image, weight in enumerate(kept):
        with torch.no_grad():
            torch.testing.assert_close(weight, net.kernels(IMAGES[image : image + 1]))


def test_kernels_of_each_image_count_in_the_memory_that_maps_take():
    dynamic = Engine(seeded(Conditional), SampleSource(IMAGES)).maps(0, 0)
    assert dynamic.nbytes == 4 * (12 * 12 + 2 * 4 * 10 * 10 + 4 * 9)


class Blurs(nn.Module):
    """Constant kernels that take dtype, device and shape of the image, and no more."""

    def __init__(self):
        super().__init__()
        self.register_buffer("blur", torch.ones(1, 1, 3, 3, dtype=torch.float64) / 9)
        self.own, self.mixed = nn.Parameter(torch.randn(2, 1, 3, 3)), nn.Parameter(torch.randn(1, 2, 1, 1))

    def forward(self, x):
        x = F.conv2d(x, self.blur.type_as(x))
        x = F.conv2d(x, self.blur.to(x))
        x = F.conv2d(x, self.own.expand(2, x.shape[1], 3, 3))
        x = F.conv2d(x, self.mixed)
        x = F.conv2d(x, torch.ones_like(x[:, :, :3, :3]))
        return F.conv2d(x, x.new_ones(1, 1, 2, 2))


COMPUTED = {
    "weight_norm": lambda: nn.Sequential(parametrizations.weight_norm(nn.Conv2d(1, 4, 3))),
    "spectral_norm": lambda: nn.Sequential(parametrizations.spectral_norm(nn.Conv2d(1, 4, 3))),
    "orthogonal": lambda: nn.Sequential(parametrizations.orthogonal(nn.Conv2d(1, 4, 3))),
    "constant": Blurs,
    "plain": lambda: nn.Sequential(nn.Conv2d(1, 4, 3)),
    "a weight that is NaN": lambda: nan(nn.Sequential(parametrizations.weight_norm(nn.Conv2d(1, 4, 3)))),
}


def nan(net):
    with torch.no_grad():
        net[0].parametrizations.weight.original1[0] = float("nan")
    return net


@pytest.mark.parametrize("build", COMPUTED.values(), ids=COMPUTED)
def test_weights_that_do_not_depend_on_the_image_are_kept_once_for_all(build):
    engine = Engine(seeded(build).eval(), SampleSource(IMAGES))
    for layer in engine.layers:
        weights = [engine.moment(image, layer.index).weight for image in (0, 3, 1)]
        assert len({weight.data_ptr() for weight in weights}) == 1
        assert not layer.dynamic and not engine.moment(3, layer.index).dynamic
        assert "made" not in layer.title


def test_the_kernels_of_an_unreadable_image_are_those_of_all_where_all_have_the_same():
    class Broken:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            if index == 1:
                raise OSError("no such file")
            return IMAGES[index]

    for build, same in ((COMPUTED["weight_norm"], True), (Conditional, False)):
        net = seeded(build).eval()
        engine = Engine(net, SampleSource(Broken()))
        if same:
            assert np.array_equal(engine.kernels(0, 1), net[0].weight.detach().numpy())
        else:
            with pytest.raises(ValueError, match="no such file"):
                engine.kernels(0, 1)


class OneForEachSpot(Conditional):
    """As many kernels as there are bright spots, as in CondInst."""

    def kernels(self, x):
        return super().kernels(x)[: 2 + int((x > 1.5).any())]

    def forward(self, x):
        return F.conv2d(x, self.kernels(x))


class Dilates(nn.Module):
    """Looks farther apart in bright images."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        return F.conv2d(x, self.conv.weight, dilation=1 if x.mean() < 1 else 2)


@pytest.mark.parametrize(
    ("build", "words"),
    [(OneForEachSpot, r"kernels \(F, C_in/groups, \*k\) = \(3, 1, 3, 3\)"), (Dilates, r"dilation = \(2, 2\)")],
)
def test_a_convolution_that_is_another_one_for_another_image_is_refused_for_that_image(build, words):
    engine = Engine(seeded(build).eval(), SampleSource(IMAGES))
    assert engine.moment(0, 0).pre_activations.shape[0] == 2
    with pytest.raises(NetError, match=f"with {words} for this image"):
        engine.moment(2, 0)


def test_the_note_of_a_frame_says_so_and_the_kernels_come_with_each_image():
    engine = Engine(seeded(Conditional).eval(), SampleSource(IMAGES))
    for image in (0, 2):
        frame = build_frame(engine.moment(image, 0), Selection(image, 0), kernels_held=True)
        assert frame["notes"]["kernel"].endswith("; made by the net from the image, so each image has its own")
        with torch.no_grad():
            expected = engine.net.kernels(IMAGES[image : image + 1]).numpy()
        np.testing.assert_allclose(frame["kernels"]["tensor"], expected, rtol=1e-5, atol=1e-7)


def test_going_back_to_the_first_image_sends_its_kernels_though_only_the_second_showed_that_they_differ():
    engine = Engine(seeded(InNumpy).eval(), SampleSource(IMAGES))
    frames = [build_frame(engine.moment(k, 0), Selection(k, 0), kernels_held=True)["kernels"] for k in (0, 2, 0)]
    assert frames[0] is None and frames[1] is not None and frames[2] is not None


def test_weights_that_change_in_training_are_followed_where_they_are_mixed_for_each_image():
    net = seeded(lambda: Classifies(Conditional)).eval()
    engine = Engine(net, SampleSource(IMAGES * BRIGHTNESS))
    engine.moment(1, 0)
    with torch.no_grad():
        net.maps.bank.mul_(3)
        expected = net.maps.kernels((IMAGES * BRIGHTNESS)[1:2]).numpy()
    assert engine.check()
    np.testing.assert_allclose(engine.moment(1, 0).kernels, expected, rtol=1e-5, atol=1e-7)


def test_a_net_in_one_dimension_with_kernels_of_its_own_for_each_signal():
    class Signal(nn.Module):
        def __init__(self):
            super().__init__()
            self.make = nn.Linear(20, 12)

        def forward(self, x):
            return F.conv1d(x, self.make(x[:, 0]).view(4, 1, 3), padding=1)

    net, signals = seeded(Signal).eval(), images(3, 1, 20)
    engine = Engine(net, SampleSource(signals, inputs=((1, 1),)))
    for k in (0, 2, 1):
        with torch.no_grad():
            expected = net.make(signals[k]).view(4, 1, 3).numpy()
        np.testing.assert_allclose(engine.moment(k, 0).kernels, expected, rtol=1e-5, atol=1e-7)


def test_a_bias_of_each_image_belongs_to_its_map_and_the_kernels_to_all():
    net = seeded(DynamicBias).eval()
    engine = Engine(net, SampleSource(IMAGES))
    for image in ORDER:
        moment, one = engine.moment(image, 0), IMAGES[image : image + 1]
        with torch.no_grad():
            expected = net.bias(one).numpy()
        np.testing.assert_allclose(moment.bias, expected, rtol=1e-5, atol=1e-7)
        frame = build_frame(moment, Selection(image, 0, source="input"))
        assert (abs(frame["agreement"]["difference"]) < 1e-5 * abs(moment.pre_activations).max()).all()
        assert frame["notes"]["kernel"] == "kernel 0 of 1"
    assert not engine.layers[0].dynamic and engine.layers[0].dynamic_bias
