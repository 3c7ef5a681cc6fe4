"""The tables of fields: the formula on chains, boxes, and where a map lies over the image."""

import numpy as np
import torchvision
from torch import nn

from fields import Net, conv, point
from filterscope import wire
from filterscope.frames.positions import build_fields
from filterscope.receptive_field.fields import Box
from gradient_mask import ends_and_middle
from nets import TwoConvs, seeded


def formula(steps, index):
    """Araujo, Norris and Sim: the ends of the field of one index, before any step is cut. Steps are (k, s, p, d)."""
    low = high = index
    for kernel, stride, padding, dilation in reversed(steps):
        low, high = low * stride - padding, high * stride - padding + dilation * (kernel - 1)
    return low, high + 1


def test_theoretical_is_the_formula_on_chains():
    generator = np.random.default_rng(0)
    for _ in range(12):
        steps = [
            (int(generator.integers(1, 5)), int(generator.integers(1, 4)), int(generator.integers(0, 4)), int(d))
            for d in generator.integers(1, 3, size=3)
        ]
        modules = [nn.Conv2d(1, 1, k, stride=s, padding=p, dilation=d) for k, s, p, d in steps]
        pointer = point(nn.Sequential(*modules), 1, 61, 70)
        fields = pointer.fields(0, 2, 0)
        for row, column in ends_and_middle(fields.shape):
            (top, bottom), (left, right) = formula(steps, row), formula(steps, column)
            assert fields.at((row, column)).theoretical == Box(top, left, bottom, right)


def test_theoretical_of_a_known_net():
    # 483 is the paper's figure for a ResNet-50 that strides in the 1×1 convolution; torchvision's strides in the 3×3.
    pointer = point(torchvision.models.resnet18(weights=None).eval(), 3, 64, 64)
    box = pointer.fields(0, len(pointer.layers) - 1, 0).at((0, 0)).theoretical
    assert box.right - box.left == box.bottom - box.top == 435
    centres = pointer.fields(0, len(pointer.layers) - 1, 0).axes[0].centres
    assert np.array_equal(np.diff(centres), [32.0])


def test_theoretical_goes_around_all_branches():
    net = Net(lambda n, x: x[:, :, 2:] + n.a(x), a=conv(2, 2, (3, 5), padding=(0, 2)))
    assert point(net, 2, 12, 13).fields(0, 1, 0).at((3, 4)).theoretical == Box(2, 1, 7, 8)


def test_inside_is_the_gradients_box_and_not_the_formula_cut():
    """Dilated by 5 from an index in the padding of the layer before: the formula, cut at the image, would be larger."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1, padding=1), nn.Conv2d(1, 1, 2, dilation=5))
    fields = point(net, 1, 10, 10).fields(0, 1, 0)
    field = fields.at((0, 0))
    assert field.inside == Box(4, 4, 5, 5)
    assert field.theoretical == Box(-1, -1, 5, 5)


def test_where_a_map_lies_over_the_image():
    net = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3, padding=1))
    rows, columns = point(net, 1, 30, 42).fields(0, 1, 0).axes
    assert np.array_equal(rows.centres, 2.5 + 4 * np.arange(7))  # pixels 0 … 4 are one pooled cell
    assert np.array_equal(columns.centres, 2.5 + 4 * np.arange(10))


def test_an_axis_of_which_nothing_is_left_has_no_place_over_the_image():
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 1, 1))
    for axis in point(net, 1, 12, 13).fields(0, 0, 0).axes:
        assert axis.centres is None and axis.along is None


def test_a_map_without_a_place_over_the_image_says_why():
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 1, 1))
    fields = point(net, 1, 12, 13).fields(0, 0, 0)
    assert not fields.placed and "every position sees the same" in fields.place
    turned = Net(lambda n, x: x.transpose(2, 3))
    fields = point(turned, 2, 12, 13).fields(0, 0, 0)
    assert not fields.placed and "do not follow the image's" in fields.place
    assert fields.at((1, 5)).inside == Box(4, 0, 7, 3)
    assert point(Net(lambda n, x: x), 2, 12, 13).fields(0, 0, 0).place == ""


def test_squeeze_and_excitation_leaves_a_map_where_it_is():
    net = Net(lambda n, x: n.a(x) * x.mean((2, 3), keepdim=True), a=nn.Conv2d(2, 2, 3, stride=2))
    rows = point(net, 2, 13, 15).fields(0, 0, 0).axes[0]
    assert np.array_equal(rows.centres, 1.5 + 2 * np.arange(6))
    behind = point(net, 2, 13, 15).fields(0, 1, 0)
    assert behind.placed and np.array_equal(behind.axes[0].centres, rows.centres)


def test_a_page_can_find_every_box_in_the_tables():
    pointer = point(seeded(TwoConvs), 1, 12, 12)
    content, buffers = wire.reply("1", "point", build_fields(pointer, 0, 1, 2))
    fields = content["body"]["fields"]["pre_activation"]
    tensors = [
        np.frombuffer(buffer, tensor["dtype"]).reshape(tensor["shape"])
        for buffer, tensor in zip(buffers, content["tensors"], strict=True)
    ]
    for row, column in ends_and_middle(fields["shape"]):
        inside = [
            tensors[axis["inside"]["tensor"]][(row, column)[axis["along"]]].astype(int).tolist()
            for axis in fields["axes"]
        ]
        box = pointer.fields(0, 1, 2).at((row, column)).inside
        assert inside == [[box.top, box.bottom], [box.left, box.right]]


def test_the_activation_behind_a_pool_has_fields_of_its_own():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU())
    pointer = point(net, 1, 12, 12)
    assert pointer.fields(0, 0, 0).at((1, 2)).inside == Box(1, 2, 4, 5)
    assert pointer.fields(0, 0, 0, "activation").at((1, 2)).inside == Box(2, 4, 6, 8)
