"""Nets that are given something else than one image: pairs, vectors, signals without a channel axis, channels last."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from engines import classify
from filterscope import Explorer, NetError, diagnose
from nets import images, seeded

PICTURES = images(6, 1, 12, 12)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect"), nn.ReLU())
        self.head = nn.Linear(4, 3)

    def forward(self, a, b):
        return self.head((self.features(a) - self.features(b)).mean((2, 3)))


def box(field):
    inside = field.inside
    return inside.top, inside.left, inside.bottom, inside.right


def of_pair(net, pair):
    return net(*pair)


def both(i):
    return PICTURES[i], PICTURES[i + 1]


PAIRS = {
    "((a, b), label)": [(both(i), i % 3) for i in range(4)],
    "(a, b, label)": [(*both(i), i % 3) for i in range(4)],
    "lists": [[list(both(i)), i % 3] for i in range(4)],
    "arrays side by side": TensorDataset(PICTURES[:4], PICTURES[1:5], torch.arange(4) % 3),
    "gray NumPy arrays": [(*(image[0].numpy() for image in both(i)), i % 3) for i in range(4)],
}


@pytest.mark.parametrize("data", PAIRS.values(), ids=PAIRS)
def test_forward_receives_both_images_of_a_pair(data):
    net = seeded(Siamese)
    explorer = Explorer(net, data, forward=of_pair).select(image=1)
    assert [(layer.name, layer.call) for layer in explorer.layers] == [("features.0", 0), ("features.0", 1)]
    with torch.no_grad():
        maps = net.features(PICTURES[1:3]).numpy()
        scores = torch.softmax(net(PICTURES[1:2], PICTURES[2:3]), 1)[0].tolist()
    for call in range(2):
        explorer.select(layer=call, filter=2)
        np.testing.assert_allclose(explorer.activation, maps[call, 2], atol=1e-6)
        # The layer pads by itself: its input is what it was given, also where that is not the image that is shown.
        assert explorer.session.engine.maps(1, call).input.shape == (1, 12, 12)
    assert np.array_equal(explorer.image, PICTURES[1].numpy())
    assert explorer.label == 1
    assert [p for _, p in explorer.prediction] == pytest.approx(sorted(scores, reverse=True))
    assert "forward= receives all 2 inputs" in explorer.session.engine.moment(1, 0).note
    explorer.close()


def test_receptive_fields_are_in_the_image_that_is_shown():
    explorer = Explorer(seeded(Siamese), PAIRS["(a, b, label)"], forward=of_pair)
    assert box(explorer.receptive_field(5, 5)) == (4, 4, 7, 7)
    assert explorer.session.positions.effective(0, 0, 0, (5, 5)).any()
    with pytest.raises(ValueError, match="comes from another input of the sample"):
        explorer.select(layer=1).receptive_field(5, 5)
    explorer.close()


def test_a_diagnosis_and_an_ablation_see_both_images():
    net = seeded(Siamese)
    diagnosis = diagnose(net, PAIRS["((a, b), label)"], images=4, forward=of_pair, progress=False)
    assert diagnosis.images == 4
    explorer = Explorer(net, PAIRS["((a, b), label)"], forward=of_pair)
    with torch.no_grad():
        before = torch.softmax(net(PICTURES[:1], PICTURES[1:2]), 1)[0].tolist()
    assert [p for _, p in explorer.without(layer=0, filters=[1]).before] == pytest.approx(sorted(before, reverse=True))
    explorer.close()


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(4 + 5, 3)

    def forward(self, image, vector):
        return self.fc(torch.cat([self.conv(image).relu().mean((2, 3)), vector], 1))


VECTORS = images(4, 5, seed=1)


@pytest.mark.parametrize(
    ("data", "forward"),
    [
        ([((PICTURES[i], VECTORS[i]), 2) for i in range(4)], of_pair),
        ([(PICTURES[i], VECTORS[i], 2) for i in range(4)], of_pair),
        (
            [{"image": PICTURES[i], "vector": VECTORS[i], "label": 2, "name": "a.png"} for i in range(4)],
            lambda net, parts: net(parts["image"], parts["vector"]),
        ),
    ],
    ids=["together", "side by side", "a dictionary"],
)
def test_an_image_with_a_vector(data, forward):
    net = seeded(Parts)
    explorer = Explorer(net, data, forward=forward).select(image=3)
    with torch.no_grad():
        scores = torch.softmax(net(PICTURES[3:4], VECTORS[3:4]), 1)[0].tolist()
    assert [p for _, p in explorer.prediction] == pytest.approx(sorted(scores, reverse=True))
    assert explorer.label == 2
    explorer.close()


def test_a_forward_that_takes_the_image_alone_goes_on_doing_so():
    net = seeded(Parts)
    masks = [(PICTURES[i], torch.ones(12, 12, dtype=torch.int64)) for i in range(4)]
    received = []
    explorer = Explorer(net, masks, forward=lambda net, image: received.append(image) or net(image, torch.ones(1, 5)))
    assert all(isinstance(image, torch.Tensor) and image.shape == (1, 1, 12, 12) for image in received)
    assert explorer.session.engine.moment(0, 0).note == ""
    explorer.close()


class Generator(nn.Module):
    def __init__(self, size=16):
        super().__init__()
        self.norm, self.fc = nn.BatchNorm1d(size), nn.Linear(size, 32)
        self.up, self.out = nn.ConvTranspose2d(2, 3, 4, 2, 1), nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, z):
        return self.out(self.up(self.fc(self.norm(z)).view(-1, 2, 4, 4)).relu()).tanh()


class FromOnePixel(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.out = nn.ConvTranspose2d(16, 3, 4), nn.Conv2d(3, 1, 3)

    def forward(self, z):
        return self.out(self.up(z.view(z.shape[0], -1, 1, 1)).relu())


LATENT = images(5, 16) * 4 - 2


@pytest.mark.parametrize("build", [Generator, FromOnePixel])
@pytest.mark.parametrize(
    "data",
    [LATENT, LATENT.numpy(), list(LATENT), [(z, 1) for z in LATENT], (LATENT, [1] * 5)],
    ids=["a tensor", "an array", "a list", "with labels", "(Z, labels)"],
)
def test_each_latent_vector_is_an_item(build, data):
    net = seeded(build).eval()
    explorer = Explorer(net, data).select(image=4, layer="up", filter=1)
    caught = []
    hook = net.up.register_forward_hook(lambda module, args, output: caught.append(output))
    with torch.no_grad():
        net(LATENT[4:5])
    hook.remove()
    np.testing.assert_allclose(explorer.pre_activation, caught[0][0, 1].numpy(), atol=1e-5)
    assert len(explorer.session.engine.source) == 5
    assert np.array_equal(explorer.image, LATENT[4:5].numpy())
    assert explorer.display.shape == (1, 16)
    assert "as (1, 16)" in explorer.session.engine.moment(4, 0).note
    field = explorer.receptive_field(0, 0)
    assert field.status == "whole image" and box(field)[1::2] == (0, 16)
    explorer.close()


class Wave(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 3, 5, stride=2)

    def forward(self, x):
        _items, _length = x.shape
        return self.conv(x[:, None]).mean(2)


class Electrodes(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, (1, 5))

    def forward(self, x):
        _items, _electrodes, _times = x.shape
        return self.conv(x.unsqueeze(1)).mean((2, 3))


class ByStft(nn.Module):
    """Makes pictures of its waveforms itself."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)

    def forward(self, x):
        _items, _length = x.shape
        return self.conv(x.unfold(1, 8, 4)[:, None]).mean((2, 3))


SIGNALS, RECORDINGS = images(3, 60), images(3, 8, 40)


@pytest.mark.parametrize(
    ("build", "data", "batch"),
    [
        (Wave, SIGNALS, SIGNALS),
        (Wave, list(SIGNALS), SIGNALS),
        (Wave, (SIGNALS, [0, 1, 2]), SIGNALS),
        (Electrodes, RECORDINGS, RECORDINGS),
        (Electrodes, [(one.numpy(), 1) for one in RECORDINGS], RECORDINGS),
        (ByStft, list(SIGNALS), SIGNALS),
    ],
    ids=["waves", "a list of waves", "(waves, labels)", "recordings", "a list of recordings", "waves into pictures"],
)
def test_signals_without_a_channel_axis_are_shown_without_a_forward(build, data, batch):
    net = seeded(build)
    explorer = Explorer(net, data).select(image=2, filter=1)
    caught = []
    hook = net.conv.register_forward_hook(lambda module, args, output: caught.append(output))
    with torch.no_grad():
        net(batch)
    hook.remove()
    np.testing.assert_allclose(explorer.pre_activation, caught[0][2, 1].numpy(), atol=1e-5)
    assert f"as (1, {', '.join(map(str, batch.shape[1:]))})" in explorer.session.engine.moment(2, 0).note
    explorer.close()


def test_rows_of_an_array_are_items_where_layout_says_so():
    net = seeded(ByStft)
    with pytest.raises(NetError, match="if its rows are items, layout='NL'"):
        Explorer(net, SIGNALS)
    explorer = Explorer(net, SIGNALS, layout="NL")
    assert len(explorer.session.engine.source) == 3
    explorer.close()


class ChannelsLast(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(channels, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.conv(x.permute(0, 3, 1, 2)).relu().mean((2, 3)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("last", [True, False], ids=["(N, H, W, C)", "(N, C, H, W)"])
def test_a_net_that_takes_its_channels_last(channels, last):
    net, batch = seeded(lambda: ChannelsLast(channels)), images(4, channels, 10, 12)
    data = batch.permute(0, 2, 3, 1).contiguous() if last else batch
    explorer = Explorer(net, data).select(image=3, filter=2)
    with torch.no_grad():
        expected = net.conv(batch)[3, 2].numpy()
        best = net(batch.permute(0, 2, 3, 1)).argmax(1).tolist()
    np.testing.assert_allclose(explorer.pre_activation, expected, atol=1e-6)
    assert np.array_equal(explorer.image, batch[3].numpy())
    assert classify(explorer.session.engine, [image.numpy() for image in batch]) == best
    assert f"channels last, as (1, 10, 12, {channels})" in explorer.session.engine.moment(3, 0).note
    assert box(explorer.receptive_field(2, 3)) == (2, 3, 5, 6)
    explorer.close()


def test_a_net_that_refuses_its_images_is_not_given_them_in_another_order_by_accident():
    """Each of these nets runs without an error on the images in a wrong order of axes."""

    class OfOneSize(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.conv = nn.Conv2d(channels, 4, 3, padding=1)

        def forward(self, x):
            if x.shape[1:] == (1, 12, 10):
                raise ValueError("another size, please")
            return self.conv(x)

    for channels in (1, 12):
        with pytest.raises(NetError, match="another size, please"):
            Explorer(seeded(lambda channels=channels: OfOneSize(channels)), images(3, 1, 12, 10))
    # A row of pixels would be a picture of one line.
    with pytest.raises(NetError, match="the net refused a vector of 144 values"):
        Explorer(seeded(lambda: nn.Sequential(nn.Conv2d(1, 2, 3, padding=1))), list(PICTURES.flatten(1)))


def test_one_vector_among_pictures_is_a_broken_image_and_no_vector():
    explorer = Explorer(seeded(lambda: nn.Sequential(nn.Conv2d(1, 2, 3))), [torch.zeros(12), *PICTURES])
    assert explorer.session.engine.first_image == 1
    explorer.close()
