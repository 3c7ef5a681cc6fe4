"""The arithmetic of a position against torch's own convolutions, and against what the net computed."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope import Explorer, wire
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.frames.positions import build_arithmetic
from filterscope.session.positions import Positions
from gradient_mask import ends_and_middle
from nets import ANY_RANK, Everything, TwoConvs, images, nets_of_every_geometry, seeded


def point(net, *shape):
    """A pointer at a net, for one image of that shape."""
    return Positions(Engine(net, SampleSource(list(images(1, *shape)), inputs=[(len(shape) - 1, None)])))


def check(pointer, filter_index, position, layer_index=0):
    """One position: the arrays hang together, and the sum is what the net computed."""
    a = pointer.arithmetic(0, layer_index, filter_index, position)
    layer = pointer.layers[layer_index]
    assert a.patch.shape == a.kernel.shape == a.products.shape == (layer.channels, *layer.kernel_size)
    assert all(x.dtype == np.float32 for x in (a.patch, a.kernel, a.products, a.channel_sums))
    assert all(isinstance(x, np.float32) for x in (a.bias, a.pre_activation, a.activation))
    assert np.array_equal(a.kernel, layer.kernels[filter_index])
    assert np.array_equal(a.products, a.patch * a.kernel)
    np.testing.assert_allclose(a.channel_sums, a.products.reshape(layer.channels, -1).sum(1), rtol=0, atol=1e-5)
    np.testing.assert_allclose(a.recomputed, a.products.sum(dtype=np.float64) + a.bias)
    assert a.agrees and a.difference < 2e-6 * max(1, np.abs(a.products).sum())
    return a


@pytest.mark.parametrize("stride", [1, 2, (2, 3)])
def test_every_geometry(stride):
    for net in nets_of_every_geometry(stride):
        pointer = point(net, 4, 17, 19)
        for k, conv in enumerate(net.convs):
            pre = conv(images(1, 4, 17, 19)).detach().numpy()[0]
            for number, position in enumerate(ends_and_middle(pre.shape[1:])):
                f = (0, 7)[number % 2]
                assert check(pointer, f, position, k).pre_activation == pre[(f, *position)]


@pytest.mark.parametrize("kind", ANY_RANK)
def test_every_rank_and_transposed(kind):
    net = nn.Sequential(seeded(ANY_RANK[kind]), nn.ReLU())
    shape = (4, *((17,), (9, 7), (6, 9, 7))[len(net[0].kernel_size) - 1])
    pointer = point(net, *shape)
    with torch.no_grad():
        pre = net[0](images(1, *shape))[0].numpy()
    for position in ends_and_middle(pre.shape[1:]):
        for f in (0, 5):
            a = check(pointer, f, position)
            assert a.pre_activation == pre[(f, *position)]
            assert a.activation == max(pre[(f, *position)], 0)


def test_each_cell_has_the_input_value_that_it_says():
    """By hand, cell by cell, from the definition of cross-correlation."""
    net = nn.Sequential(seeded(lambda: nn.Conv2d(4, 2, (3, 2), stride=(2, 1), padding=(2, 1), dilation=2, groups=2)))
    pointer, source = point(net, 4, 7, 6), images(4, 7, 6).numpy()
    for f, (row, column) in [(0, (0, 0)), (1, (0, 5)), (1, (3, 2)), (0, (1, 1))]:
        a = pointer.arithmetic(0, 0, f, (row, column))
        assert a.channels == (2 * f, 2 * f + 2)
        for c in range(2):
            for u in range(3):
                for v in range(2):
                    y, x = 2 * row - 2 + 2 * u, column - 1 + 2 * v
                    outside = not (0 <= y < 7 and 0 <= x < 6)
                    assert a.padding[u, v] == outside
                    assert a.patch[c, u, v] == (0 if outside else source[2 * f + c, y, x])
                    assert outside or (a.sources[0][u], a.sources[1][v]) == (y, x)
        assert not a.between.any()


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_a_padding_mode_says_where_its_values_come_from(mode):
    net = nn.Sequential(seeded(lambda: nn.Conv2d(1, 1, 5, padding=2, padding_mode=mode)))
    a = point(net, 1, 6, 7).arithmetic(0, 0, 0, (0, 6))
    source = images(1, 6, 7).numpy()[0]
    padded = F.pad(torch.from_numpy(source)[None, None], (2, 2, 2, 2), mode=mode)[0, 0].numpy()
    assert np.array_equal(a.patch[0], padded[0:5, 6:11])
    assert np.array_equal(a.patch[0], source[np.ix_(*a.sources)])
    assert a.padding.tolist() == [[True] * 5, [True] * 5, *[[False] * 3 + [True] * 2] * 3]
    assert a.padding_mode == mode


def test_a_transposed_convolution_tells_gaps_from_padding():
    net = nn.Sequential(seeded(lambda: nn.ConvTranspose2d(1, 1, 3, stride=2)))
    a = point(net, 1, 4, 4).arithmetic(0, 0, 0, (0, 3))
    assert a.sources[0].tolist() == [0, -1, -1] and a.sources[1].tolist() == [-1, 1, -1]
    assert a.between.tolist() == [[True, False, True], [True] * 3, [True, False, True]]
    assert a.padding.tolist() == [[False] * 3, [False] * 3, [False, True, False]]


def test_the_steps_to_the_activation_by_name_and_value():
    net = seeded(Everything).eval()
    net.bn.running_mean += 0.3
    pointer = point(net, 1, 8, 8)
    a = pointer.arithmetic(0, 0, 2, (3, 4))
    with torch.no_grad():
        pre = net.stem(images(1, 1, 8, 8))
        normed = net.bn(pre)
    assert [step.name for step in a.steps] == ["bn", "act"]
    assert [step.value for step in a.steps] == [normed[0, 2, 3, 4].numpy(), normed[0, 2, 3, 4].relu().numpy()]
    assert a.pre_activation == pre[0, 2, 3, 4].numpy() and a.activation == a.steps[-1].value
    assert a.bias == 0


def test_a_pool_on_the_way_is_named_with_the_cell_that_holds_the_position():
    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return F.relu(F.max_pool2d(self.conv(x), 2))

    net = seeded(Pooled)
    explorer = Explorer(net, images(1, 1, 9, 9), filter_index=1)
    a = explorer.arithmetic(3, 4)
    assert [(step.name, step.position, step.note) for step in a.steps] == [
        ("max_pool2d", (1, 2), "at (1, 2)"),
        ("relu", (1, 2), "at (1, 2)"),
    ]
    assert a.activation == explorer.activation[1, 2]
    assert a.steps[0].value == explorer.pre_activation[2:4, 4:6].max()
    dropped = explorer.arithmetic(6, 0)  # 7 rows in windows of 2: the last one is in none
    assert np.isnan(dropped.activation)
    assert "no window of the pool holds this position" in str(dropped)


def test_overlapping_windows_are_counted():
    net = nn.Sequential(seeded(lambda: nn.Conv2d(1, 1, 1)), nn.MaxPool2d(3, 2, 1), nn.ReLU())
    a = point(net, 1, 6, 6).arithmetic(0, 0, 0, (3, 1))
    assert a.steps[0].position == (2, 1)
    assert a.steps[0].note == "at (2, 1), one of 4 windows that hold this position"


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_dtypes_agree_to_their_own_rounding(dtype):
    net = nn.Sequential(seeded(lambda: nn.Conv2d(3, 4, 3, padding=1))).to(dtype)
    pointer = point(net, 3, 8, 8)
    for position in ends_and_middle((8, 8)):
        a = pointer.arithmetic(0, 0, 1, position)
        assert a.agrees
        assert a.rounding < 0.2


def test_a_wrong_value_is_no_rounding():
    """The proof can fail: another kernel than the net's gives a difference above the bound, and the text says so."""
    from dataclasses import replace

    a = point(nn.Sequential(seeded(lambda: nn.Conv2d(4, 2, 3))), 4, 8, 8).arithmetic(0, 0, 0, (1, 1))
    wrong = replace(a, difference=np.float64(1e-3))
    assert a.agrees and not wrong.agrees
    assert "more than rounding" in str(wrong)


def test_the_text_of_a_small_kernel_shows_every_cell():
    net = nn.Sequential(nn.Conv2d(1, 1, 2, padding=1), nn.ReLU())
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[[[1.0, -2.0], [0.5, 4.0]]]]))
        net[0].bias.fill_(-0.25)
    explorer = Explorer(net, torch.tensor([[[[3.0, 5.0], [7.0, 9.0]]]]))
    assert str(explorer.arithmetic(0, 1)).splitlines() == [
        "0, filter 0, position (0, 1): kernel 2×2, 1 channel",
        "",
        "channel 0: patch × kernel = products, sum 21.5",
        "       (0)        (0)             1         −2             0          0",
        "        3          5   ×        0.5          4  =        1.5         20",
        "  ( ) in the padding (zeros)",
        "",
        "sum over the channels           21.5",
        "+ bias                         −0.25",
        "= recomputed                   21.25",
        "pre-activation                 21.25   differs by 0.0e+00: rounding",
        "→ ReLU                         21.25",
        "activation                     21.25   0 → ReLU",
    ]


def test_the_text_of_many_channels_and_large_kernels_is_short_and_sorted():
    net = nn.Sequential(seeded(lambda: nn.Conv2d(64, 2, 3)))
    a = point(net, 64, 6, 6).arithmetic(0, 0, 1, (2, 2))
    text = str(a)
    assert len(text.splitlines()) < 40 and max(map(len, text.splitlines())) < 120
    assert "53 more channels" in text
    named = [int(line.split()[1].rstrip(":")) for line in text.splitlines() if line.startswith("channel ")]
    assert named == np.argsort(-np.abs(a.channel_sums), kind="stable")[:11].tolist()
    large = point(nn.Sequential(seeded(lambda: nn.Conv2d(3, 2, 11))), 3, 16, 16).arithmetic(0, 0, 1, (2, 2))
    assert len(str(large).splitlines()) < 14


def test_the_weights_are_those_of_the_moment_of_asking():
    net = seeded(TwoConvs)
    explorer = Explorer(net, images(1, 1, 12, 12), layer_index=1)
    before = explorer.arithmetic(1, 1)
    with torch.no_grad():
        net.conv1.weight *= 2
        net.conv2.bias += 1
    after = explorer.arithmetic(1, 1)
    assert after.agrees and after.bias == np.float32(before.bias) + np.float32(1)
    assert not np.array_equal(after.patch, before.patch)
    assert after.pre_activation == explorer.pre_activation[1, 1]
    assert after.activation == explorer.activation[1, 1]


def test_a_signal_has_one_row_and_a_volume_slices():
    signal = Explorer(nn.Sequential(seeded(lambda: nn.Conv1d(2, 3, 4))), images(1, 2, 15))
    assert signal.arithmetic(0, 5).pre_activation == signal.pre_activation[5]
    assert "position (5)" in str(signal.arithmetic(0, 5))
    volume = Explorer(nn.Sequential(seeded(lambda: nn.Conv3d(2, 3, 2))), images(1, 2, 5, 6, 7))
    assert volume.arithmetic(1, 2, depth=3).pre_activation == volume.pre_activation[3, 1, 2]
    assert volume.arithmetic(1, 2).pre_activation == volume.pre_activation[2, 1, 2]
    with pytest.raises(ValueError, match="depth is 4; the map of layer 0 has slices 0 … 3"):
        volume.arithmetic(1, 2, depth=4)


def test_a_page_gets_the_same():
    pointer = point(seeded(Everything).eval(), 1, 8, 8)
    a = pointer.arithmetic(0, 1, 2, (3, 4))
    content, buffers = wire.reply("1", "arithmetic", build_arithmetic(1, 2, (3, 4), a))
    body, tensors = content["body"], content["tensors"]
    for name in ("patch", "kernel", "products", "channel_sums"):
        k = body[name]["tensor"]
        array = np.frombuffer(buffers[k], np.float32).reshape(tensors[k]["shape"])
        assert np.array_equal(array, getattr(a, name))
    assert body["order"] == a.order.tolist() and body["text"] == str(a)
    k = body["numbers"]["pre_activation"]["tensor"]
    assert np.frombuffer(buffers[k], np.float32)[0] == a.pre_activation


def test_the_steps_go_past_what_a_net_looks_at_for_itself():
    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)

        def forward(self, x):
            x = self.conv(x)
            x.clone()
            x = self.bn(x)
            x.isnan().any()
            return F.relu(x).mean((2, 3))

    explorer = Explorer(seeded(Looks).eval(), images(1, 1, 8, 8), filter_index=1)
    a = explorer.arithmetic(2, 3)
    assert [step.name for step in a.steps] == ["bn", "relu"]
    assert a.activation == explorer.activation[2, 3]
