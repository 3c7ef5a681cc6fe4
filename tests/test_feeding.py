"""How images are given to nets with an unusual call, and what is said where a net cannot be shown."""

import pytest
import torch
from torch import nn

from filterscope import Explorer, NetError
from filterscope.dataset import SampleSource
from filterscope.engine import Engine
from filterscope.feeding import Feeding
from nets import TwoConvs, images, seeded
from test_twin import portrait

IMAGES = images(3, 1, 14, 14)


def look(net, **options):
    return Engine(net, SampleSource(IMAGES), **options)


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)

    def forward(self, x, mask):
        return self.fc(self.conv(x * mask).relu().mean((-2, -1)).reshape(-1, 4))


class TakesAList(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, images):
        if not isinstance(images, list):
            raise TypeError("give a list")
        return [{"maps": self.conv(image[None]).relu()} for image in images]


def test_a_net_that_takes_a_list_of_images_is_given_one():
    net = seeded(TakesAList)
    engine = look(net)
    with torch.no_grad():
        expected = net([IMAGES[1]])[0]["maps"][0].numpy()
    assert (engine.activations(1, 0) == expected).all()
    assert engine.classify([IMAGES[0].numpy(), IMAGES[1].numpy()]) == [None, None]


@pytest.mark.parametrize(
    "forward",
    [
        lambda net, image: net(image, torch.ones(1)),
        lambda net, image: net(image[0], torch.ones(1)),
        lambda net, image: net(image, mask=1),
    ],
    ids=["a batch", "takes one image of it", "by keyword"],
)
def test_forward_calls_the_net_the_users_way(forward):
    net = seeded(Masked).train()
    before = portrait(net)
    engine = look(net, forward=forward)
    with torch.no_grad():
        expected = net.conv(IMAGES[1:2])[0]
        scores = torch.softmax(net(IMAGES, torch.ones(1)), 1)
    assert torch.allclose(torch.from_numpy(engine.pre_activations(1, 0)), expected, atol=1e-6)
    assert [p for _, p in engine.prediction(2)] == pytest.approx(sorted(scores[2].tolist(), reverse=True))
    assert engine.classify([image.numpy() for image in IMAGES]) == scores.argmax(1).tolist()
    assert portrait(net) == before


class TakesOneImage(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, image):
        if image.ndim != 3:
            raise ValueError("one image, please")
        return self.conv(image)


def test_a_forward_that_refuses_a_batch_is_given_the_image_alone():
    net = seeded(TakesOneImage)
    engine = look(net, forward=lambda net, image: net(image))
    with torch.no_grad():
        assert torch.equal(torch.from_numpy(engine.pre_activations(1, 0)), net(IMAGES[1]))


def test_explorer_takes_forward_and_hands_a_net_that_returns_nothing_through():
    class Nothing(TwoConvs):
        def forward(self, x):
            super().forward(x)

    with pytest.raises(NetError, match=r"returned None for an image; does Nothing\.forward lack its return"):
        look(seeded(Nothing))
    explorer = Explorer(seeded(Nothing), IMAGES, forward=lambda net, image: net(image))
    assert explorer.activation.shape == (12, 12)
    assert explorer.prediction == []
    explorer.close()


OWN = seeded(Masked)


def of_a_closure():
    net = seeded(Masked)
    return net, lambda given, image: net(image, 1)


@pytest.mark.parametrize(
    "make",
    [lambda: (OWN, lambda net, image: OWN(image, 1)), of_a_closure, lambda: (OWN, OWN.forward)],
    ids=["a global", "a closure", "a method"],
)
def test_a_forward_that_runs_the_users_own_net_is_refused(make):
    net, forward = make()
    before = portrait(net)
    with pytest.raises(ValueError, match="forward uses the net itself and not the one that it is given"):
        look(net, forward=forward)
    assert portrait(net) == before


class Raises(TwoConvs):
    def forward(self, x):
        super().forward(x)
        raise RuntimeError("boom\nand more")


def on_meta():
    with torch.device("meta"):
        return TwoConvs()


def with_unused():
    net = nn.Sequential(nn.Flatten(), nn.Linear(196, 3))
    net.conv = nn.Identity()
    net[0].conv = nn.Conv2d(1, 1, 1)
    return net


REFUSED = {
    "raises": (Raises, {}, NetError, r"the net refused an image of shape \(C, H, W\) = \(1, 14, 14\), float32: "
               r"RuntimeError: boom\. Give images"),
    "several inputs": (Masked, {}, NetError, r"forward takes 2 inputs \(x, mask\), and was given the image alone: .*"
                       r"forward=lambda net, image: net\(image, mask\)"),
    "forward raises": (Masked, {"forward": lambda net, image: 1 / 0}, NetError,
                       r"forward= raised for an image .*ZeroDivisionError"),
    "forward is no function": (Masked, {"forward": 3}, TypeError, "forward is a int; give a function of net and image"),
    "lazy": (lambda: nn.Sequential(nn.LazyConv2d(4, 3)), {}, NetError,
             r"lazy modules that saw no image yet \(0.weight, 0.bias have no values\); run it once"),
    "meta": (on_meta, {}, NetError, r"on the meta device \(conv1.weight, .* and 3 more\), where tensors have no val"),
    "a conv that is not run": (with_unused, {}, NetError, r"no convolution found.*it has 0.conv \(Conv2d\), none"),
    "a class": (lambda: TwoConvs, {}, TypeError, "net is the class TwoConvs.*call it to make a net"),
    "a state_dict": (lambda: TwoConvs().state_dict(), {}, TypeError, "a state_dict holds weights alone"),
    "None": (lambda: None, {}, TypeError, "net is a NoneType; expected a torch.nn.Module"),
}  # fmt: skip


@pytest.mark.parametrize(("build", "options", "error", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_shown_is_said_in_a_sentence_and_left_as_it_was(build, options, error, sentence):
    net = seeded(build)
    before = portrait(net) if isinstance(net, nn.Module) and "lazy" not in sentence and "meta" not in sentence else None
    with pytest.raises(error, match=sentence):
        look(net, **options)
    assert before is None or portrait(net) == before


def test_a_lazy_net_stays_lazy():
    net = nn.Sequential(nn.LazyConv2d(4, 3))
    with pytest.raises(NetError):
        look(net)
    assert nn.parameter.is_lazy(net[0].weight)


def test_a_net_split_over_devices_is_said_to_be():
    """There is one device here: the sentence alone is looked at, with a net half on the meta device."""
    net = seeded(TwoConvs)
    net.fc.to("meta")
    said = Feeding(net).refusal(net, IMAGES[:1], RuntimeError("Expected all tensors to be on the same device"))
    assert said.startswith("the net is split over several devices (cpu, meta), and its image was on cpu: RuntimeError")


def test_a_structure_that_can_no_longer_be_shown_is_said_and_one_that_can_is_shown():
    net = seeded(TwoConvs)
    explorer = Explorer(net, IMAGES)
    net.conv2 = nn.Conv2d(4, 6, 3, padding=1)
    assert explorer.layer.out_shape == (4, 12, 12)
    assert explorer.select(layer=1).layer.out_shape == (6, 6, 6)
    net.conv1 = nn.Conv2d(2, 4, 3)
    with pytest.raises(NetError, match=r"the net refused an image of shape \(C, H, W\) = \(1, 14, 14\)"):
        _ = explorer.activation
    net.conv1 = nn.Conv2d(1, 4, 3)
    assert explorer.activation.shape == (6, 6)
    explorer.close()


def test_weights_that_are_nan_are_shown_as_such_and_predict_nothing():
    net = seeded(TwoConvs)
    net.conv1.weight.data[1] = float("nan")
    explorer = Explorer(net, IMAGES).select(layer="conv1", filter=1)
    assert (explorer.kernel != explorer.kernel).all()
    assert (explorer.activation != explorer.activation).all()
    explorer.filter_index = 0
    assert (explorer.activation == explorer.activation).all()
    explorer.close()
