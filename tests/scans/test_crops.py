"""A crop is the box that the gradient of that value has, of the image as the net was given it, Normalize undone."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import transforms

from filterscope import Box, SampleError, scan
from gradient_mask import Gradients, spans
from nets import Everything, TwoConvs, images, seeded
from scan_cases import Grouped, Signals, Volumes


class SeesAll(nn.Module):
    """Its second layer sees the whole image, by a mean over all positions."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 4, 3)

    def forward(self, x):
        y = F.relu(self.one(x))
        return F.relu(self.two(y * torch.sigmoid(y.mean((2, 3), keepdim=True))))


NETS = {
    "two convolutions": (TwoConvs, (1, 16, 17)),
    "a skip": (Everything, (1, 12, 11)),
    "strides, groups, dilation, transposed": (Grouped, (4, 21, 20)),
    "signals": (Signals, (2, 40)),
    "volumes": (Volumes, (1, 7, 8, 9)),
    "the whole image": (SeesAll, (1, 10, 11)),
}


@pytest.mark.parametrize("pre_activation", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_the_box_is_that_of_the_gradient(name, pre_activation):
    build, shape = NETS[name]
    net, data = seeded(build).eval(), images(12, *shape)
    found = scan(net, data, progress=False, pre_activation=pre_activation)
    layers = found._cropper.runner.layers
    gradients = Gradients(net, shape, layers, 12)
    for layer in layers:
        for number in range(layer.out_channels):
            exemplars = found.top(layer, number, 4)
            crops = exemplars.crops()
            places = [(number, *crop.position) for crop in crops]
            for crop, expected in zip(crops, gradients.boxes(layer, places), strict=True):
                if crop.status == "nothing":
                    assert expected == [(0, 0)] * (len(shape) - 1)
                    continue
                assert crop.status in ("exact", "whole image")
                assert spans(crop.box, len(shape) - 1) == expected


def cut(picture, box):
    return picture[box.top : box.bottom, box.left : box.right]


def test_pixels_are_those_of_the_image_with_normalize_undone():
    pixels = images(20, 3, 16, 15)

    class Normalized(torch.utils.data.Dataset):
        def __init__(self):
            self.transform = transforms.Normalize([0.4, 0.5, 0.6], [0.2, 0.25, 0.3])

        def __len__(self):
            return 20

        def __getitem__(self, index):
            return self.transform(pixels[index]), 0

    net = seeded(lambda: TwoConvs(3)).eval()
    plain = transforms.Normalize([0.4, 0.5, 0.6], [0.2, 0.25, 0.3])(pixels)
    for data, options in ((Normalized(), {}), (plain, {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]})):
        found = scan(net, data, progress=False, **options)
        for layer in found.layers:
            for crop in found.top(layer, 1).crops():
                expected = cut(pixels[crop.image].permute(1, 2, 0).numpy(), crop.box)
                np.testing.assert_allclose(crop.pixels, expected, atol=2e-7)
                assert crop.pixels.shape[:2] == ((3, 3) if layer == "conv1" else (8, 8))


def test_the_crop_of_the_maximum_gives_the_maximum():
    net, data = seeded(TwoConvs).eval(), images(30, 1, 16, 15)
    found = scan(net, data, progress=False)
    for number in range(4):
        exemplars = found.top("conv1", number)
        for crop, value in zip(exemplars.crops(), exemplars.values, strict=True):
            patch = data[crop.image][None, :, crop.box.top : crop.box.bottom, crop.box.left : crop.box.right]
            assert F.relu(net.conv1(patch))[0, number].item() == pytest.approx(float(value), rel=1e-5)


def test_a_layer_that_sees_all_shows_all_and_says_where_the_position_is():
    found = scan(seeded(SeesAll).eval(), images(10, 1, 10, 11), progress=False)
    for crop in found.top("two", 0).crops():
        assert (crop.status, crop.pixels.shape, crop.box) == ("whole image", (10, 11), Box(0, 0, 10, 11))
        row, column = crop.position
        assert crop.centre == (row + 2.5, column + 2.5)


def test_of_a_signal_all_channels_are_cut_and_of_a_volume_the_slice_in_the_middle():
    signals = images(10, 2, 40)
    found = scan(seeded(Signals).eval(), signals, progress=False)
    for crop in found.top("one", 0).crops():
        np.testing.assert_array_equal(crop.pixels, signals[crop.image, :, crop.box.left : crop.box.right].numpy())
    volumes = images(10, 1, 7, 8, 9)
    found = scan(seeded(Volumes).eval(), volumes, progress=False)
    for crop in found.top("conv", 0).crops():
        middle = (crop.box.front + crop.box.back) // 2
        np.testing.assert_array_equal(crop.pixels, cut(volumes[crop.image, 0, middle].numpy(), crop.box))


def test_where_nothing_of_the_image_is_seen_all_of_it_is_shown():
    net = nn.Conv2d(1, 1, 1, padding=2)
    nn.init.constant_(net.weight, -1.0)
    nn.init.zeros_(net.bias)  # the padding gives the maximum
    found = scan(net.eval(), images(3, 1, 5, 6) + 0.1, progress=False)
    (crop, *_) = found.top(0, 0).crops()
    assert (crop.status, crop.pixels.shape, crop.position) == ("nothing", (5, 6), (0, 0))


def test_images_of_several_sizes_are_cut_each_by_its_own_fields():
    data = [image for side in (9, 14) for image in images(6, 1, side, side + 2, seed=side)]
    found = scan(seeded(TwoConvs).eval(), data, progress=False)
    exemplars = found.top("conv2", 2, 12)
    assert sorted(exemplars.images.tolist()) == list(range(12))
    for crop in exemplars.crops():
        assert crop.pixels.shape == (8, 8)
        np.testing.assert_array_equal(crop.pixels, cut(data[crop.image][0].numpy(), crop.box))


def test_an_image_that_is_gone_is_said():
    class Gone(list):
        gone = False

        def __getitem__(self, index):
            if self.gone:
                raise OSError("gone")
            return super().__getitem__(index)

    data = Gone(images(8, 1, 12, 12))
    found = scan(seeded(TwoConvs).eval(), data, progress=False)
    data.gone = True
    with pytest.raises(SampleError, match="the data set raised OSError: gone"):
        found.top(0, 0).crops()


def test_exemplars_are_a_sequence_of_records():
    net, data = seeded(TwoConvs).eval(), [(image, index % 3) for index, image in enumerate(images(9, 1, 12, 12))]
    top = scan(net, data, progress=False).top("conv2", 1, 6)
    assert [record.image for record in top] == top.images.tolist() and len(list(top)) == 6
    assert [record.value for record in top] == top.values.tolist()
    assert [(record.row, record.column) for record in top] == [tuple(place) for place in top.positions.tolist()]
    assert [record.box for record in top] == [crop.box for crop in top.crops()]
    assert [record.label for record in top] == list(top.labels) and {record.copies for record in top} == {1}
    assert top[-1].image == top.images[-1] and top[1:3].images.tolist() == top.images[1:3].tolist()
    with pytest.raises(IndexError):
        top[6]


def test_a_position_in_the_map_of_a_signal_has_no_row():
    record = scan(seeded(Signals).eval(), images(3, 2, 40), progress=False).top(0, 0)[0]
    assert record.row is None and record.column == record.position[0]
