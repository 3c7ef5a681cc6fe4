"""How images are given to nets with an unusual call, and what is said where a net cannot be shown."""

import pytest
import torch
from torch import nn

from engines import classify
from filterscope import Explorer, NetError
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.nets.calling import Calling
from nets import TwoConvs, images, seeded
from portraits import portrait

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
    assert (engine.moment(1, 0).activations == expected).all()
    assert classify(engine, [IMAGES[0].numpy(), IMAGES[1].numpy()]) == [None, None]


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
    assert torch.allclose(torch.from_numpy(engine.moment(1, 0).pre_activations), expected, atol=1e-6)
    assert [p for _, p in engine.prediction(2)] == pytest.approx(sorted(scores[2].tolist(), reverse=True))
    assert classify(engine, [image.numpy() for image in IMAGES]) == scores.argmax(1).tolist()
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
        assert torch.equal(torch.from_numpy(engine.moment(1, 0).pre_activations), net(IMAGES[1]))


def test_a_net_that_returns_nothing_on_purpose_is_shown_by_forward():
    class Nothing(TwoConvs):
        def forward(self, x):
            super().forward(x)

    explorer = Explorer(seeded(Nothing), IMAGES, forward=lambda net, image: net(image))
    assert explorer.activation.shape == (12, 12)
    assert explorer.prediction == []
    explorer.close()


OWN = seeded(Masked)


def of_a_closure():
    net = seeded(Masked)
    return net, lambda copied, image: net(image, 1)


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


def test_a_lazy_net_stays_lazy():
    net = nn.Sequential(nn.LazyConv2d(4, 3))
    with pytest.raises(NetError):
        look(net)
    assert nn.parameter.is_lazy(net[0].weight)


def test_a_net_split_over_devices_is_said_to_be():
    """There is one device here: the sentence alone is looked at, with a net half on the meta device."""
    net = seeded(TwoConvs)
    net.fc.to("meta")
    sentence = Calling(net).refusal(net, IMAGES[:1], RuntimeError("Expected all tensors to be on the same device"))
    assert sentence.startswith(
        "the net is split over several devices (cpu, meta), and its image was on cpu: RuntimeError"
    )


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
