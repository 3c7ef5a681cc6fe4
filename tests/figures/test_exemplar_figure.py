"""Kernel and exemplars of each filter, a row each, for a paper."""

import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from torch import nn

from filterscope import Explorer, SampleError, exemplar_figure, load_scan, scan
from filterscope.figures.palette import lookup, palette_for
from filterscope.figures.scene import number
from filterscope.filters.value_range import encode, value_range
from nets import TwoConvs, images, seeded
from scan_cases import Signals, Volumes

DATA = [(image, f"class {index % 3}") for index, image in enumerate(images(30, 1, 14, 12))]


def firing(seed=0):
    """A net of which every filter fires for every image."""
    net = seeded(TwoConvs, seed=seed).eval()
    with torch.no_grad():
        net.conv1.bias += 1
        net.conv2.bias += 1
    return net


@pytest.fixture(scope="module")
def net():
    return firing()


@pytest.fixture(scope="module")
def found(net):
    return scan(net, DATA, progress=False)


def drawn(figure, filter, what):
    (axes,) = [axes for axes in figure.axes if axes.get_label() == f"filter {filter} {what}"]
    return axes


def labels(figure):
    return [axes.get_label() for axes in figure.axes]


def words(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_a_row_has_the_kernel_and_what_the_greatest_maxima_see(found, net, layer):
    figure = exemplar_figure(found, layer, k=5)
    kernels = getattr(net, layer).weight.detach().numpy()
    for number_of_filter in range(len(kernels)):
        tiles = drawn(figure, number_of_filter, "kernel").images[0].get_array()
        np.testing.assert_array_equal(tiles[:3, :3], kernels[number_of_filter, 0])
        top = found.top(layer, number_of_filter, 5)
        for place, crop in enumerate(top.crops()):
            pixels = drawn(figure, number_of_filter, f"crop {place}").images[0].get_array()
            np.testing.assert_array_equal(pixels, crop.pixels)
        captions = [text for record in top for text in (record.label, number(record.value))]
        place = words(figure).index(captions[0])
        assert all(caption in words(figure) for caption in captions) and place > 0
    assert len(figure.axes) == len(kernels) * 6 + 1  # and a colour bar


@pytest.mark.parametrize("signed", [True, False])
def test_kernels_share_one_scale_in_the_pages_colours(signed):
    net = firing()
    if not signed:
        with torch.no_grad():
            net.conv2.weight.abs_()
    figure = exemplar_figure(scan(net, DATA, progress=False), "conv2", k=1)
    kernels = value_range(net.conv2.weight.detach().numpy())
    assert kernels.signed == signed
    for index in range(6):
        picture = drawn(figure, index, "kernel").images[0]
        values = np.asarray(picture.get_array())
        colours = (picture.cmap(picture.norm(values))[..., :3] * 255).round()
        np.testing.assert_array_equal(colours, lookup(palette_for(signed))[encode(values, kernels)])


def test_crops_have_one_scale_and_an_edge(found):
    figure = exemplar_figure(found, "conv2", k=9)
    for index in range(6):
        for place, crop in enumerate(found.top("conv2", index, 9).crops()):
            axes = drawn(figure, index, f"crop {place}")
            assert (np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())) == (8, 8)
            (frame,) = axes.patches
            assert (frame.get_height(), frame.get_width()) == crop.pixels.shape


def test_filters_are_chosen_in_order_and_counted(found):
    figure = exemplar_figure(found, 1, filters=np.array([4, 1]), k=2)
    assert labels(figure)[:6] == [f"filter {f} {w}" for f in (4, 1) for w in ("kernel", "crop 0", "crop 1")]
    assert any("2 of 6 filters" in text for text in words(figure))
    assert labels(exemplar_figure(found, 1, filters=3, k=1))[:2] == ["filter 3 kernel", "filter 3 crop 0"]


def test_a_wide_layer_shows_its_first_filters_and_says_so():
    wide = seeded(lambda: nn.Conv2d(1, 70, 3)).eval()
    figure = exemplar_figure(scan(wide, images(2, 1, 8, 8), progress=False), 0, k=1)
    assert len(figure.axes) == 2 * 64 + 1 and any("64 of 70 filters" in text for text in words(figure))


def test_how_often_a_filter_fires_and_that_nothing_drives_one_is_said():
    net = firing()
    with torch.no_grad():
        net.conv1.bias[0] = -100  # never above zero
    data = images(20, 1, 12, 12)
    data[3, 0, 5, 5] = torch.nan
    figure = exemplar_figure(scan(net, data, progress=False), "conv1", k=3)
    assert "filter 0 · its maximum is 0 in every image, so none of them drives it; 1 with a NaN are left out" in words(
        figure
    )
    assert not [label for label in labels(figure) if label.startswith("filter 0 crop")]
    assert "filter 1 · above 0 in 100 % of the images; 1 with a NaN are left out" in words(figure)
    figure = exemplar_figure(scan(net, data[:3], progress=False), "conv1", filters=[0])
    assert any(
        "Of 3 images none drives a filter's activation (conv1 → relu) more than" in text for text in words(figure)
    )
    figure = exemplar_figure(scan(net, data[3:4], progress=False), "conv1", filters=[0])
    assert "filter 0 · its map has a NaN in every image" in words(figure)


def test_it_says_what_it_shows(net, found):
    (head,) = [text.replace("\n", " ") for text in words(exemplar_figure(found, "conv2", k=4)) if "Conv2d" in text]
    assert head.startswith("conv2 · Conv2d(4→6, 3×3) · 6×")
    assert (
        "Of 30 images, the 4 with the greatest maximum of each filter's activation (conv2 → relu): the 8×8 pixels that "
        "the maximum sees; below it the image's class and the maximum."
    ) in head
    before = scan(net, images(9, 1, 14, 12), progress=False, pre_activation=True)
    said = " ".join(words(exemplar_figure(before, "conv2"))).replace("\n", " ")
    assert "each filter's pre-activation: the" in said and "below it the image's index and the maximum" in said
    assert f"image {before.top('conv2', 2)[0].image}" in said and "weight · all 4 kernels 3×3" in said


@pytest.mark.parametrize("k", [1, 5, 9, 12])
def test_words_are_readable_inside_of_the_figure_and_apart(k):
    net = firing()
    data = [(image, "a class with a name as long as this one $x_1$\nand two lines") for image, _ in DATA]
    figure = exemplar_figure(scan(net, data, progress=False), "conv2", k=k)
    FigureCanvasAgg(figure).draw()
    boxes = []
    for text in [*figure.texts, figure.axes[-1].xaxis.label, *figure.axes[-1].get_xticklabels()]:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text.get_text()
        assert text.get_fontsize() >= 8
        boxes.append(box)
    assert not any(text.get_parse_math() for text in figure.texts)
    shrunk = [box.expanded(0.98, 0.9) for box in boxes]
    assert not [(a, b) for a in range(len(shrunk)) for b in range(a) if shrunk[a].overlaps(shrunk[b])]


class SeesAll(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        return torch.relu(self.conv(x * torch.sigmoid(x.mean((2, 3), keepdim=True))))


def test_where_all_of_the_image_is_seen_a_ring_marks_the_position():
    net = seeded(SeesAll).eval()
    with torch.no_grad():
        net.conv.weight.abs_()
    found = scan(net, images(9, 1, 10, 11), progress=False)
    figure = exemplar_figure(found, 0, k=2)
    for place, crop in enumerate(found.top(0, 1, 2).crops()):
        axes = drawn(figure, 1, f"crop {place}")
        assert axes.images[0].get_array().shape == (10, 11)
        (ring, _) = axes.lines
        assert (ring.get_ydata()[0], ring.get_xdata()[0]) == crop.centre
    assert any("the whole image, which every position sees" in text.replace("\n", " ") for text in words(figure))


@pytest.mark.parametrize(
    "net_and_data", [(Signals, (8, 2, 40)), (Volumes, (8, 1, 7, 8, 9))], ids=["signals", "volumes"]
)
def test_signals_and_volumes_are_drawn(net_and_data):
    build, shape = net_and_data
    figure = exemplar_figure(scan(seeded(build).eval(), images(*shape), progress=False), 0, k=3)
    assert len(figure.axes) == 3 * 4 + 1
    assert np.asarray(Image.open(io.BytesIO(figure._repr_png_()))).std() > 5


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_it_is_saved_as(found, form, start):
    file = io.BytesIO()
    exemplar_figure(found, "conv1", k=2).savefig(file, format=form)
    assert file.getvalue().startswith(start)


def test_an_explorer_draws_the_selected_layer_or_another(net, found):
    explorer = Explorer(net, DATA, layer_index=1)
    of_explorer = explorer.figure(kind="exemplars", scan=found, filters=[2], k=3)
    for figure, layer in ((of_explorer, "conv2"), (explorer.figure(kind="exemplars", scan=found, layer=net.conv1), 0)):
        expected = found.top(layer, 2, 3).crops()[1].pixels
        np.testing.assert_array_equal(drawn(figure, 2, "crop 1").images[0].get_array(), expected)
    assert labels(of_explorer)[0] == "filter 2 kernel" and len(of_explorer.axes) == 5
    explorer.close()


BAD = {
    "no scan": (
        {},
        ValueError,
        r"kind='exemplars' needs a scan of this net; .*scan=filterscope.scan\(net, test_data\)",
    ),
    "another thing": ({"scan": 3}, TypeError, "the scan is an int; give a Scan, as scan.* and load_scan.* return it"),
    "no such filter": ({"filters": [6]}, ValueError, "filters is 6; conv2 has filters 0 … 5"),
    "no filter": ({"filters": []}, ValueError, "filters is empty"),
    "no such layer": (
        {"layer": "conv9"},
        ValueError,
        "layer is 'conv9'; this net has convolutions 0 … 1: conv1, conv2",
    ),
    "no crops": ({"k": 0}, ValueError, "k is 0; give how many crops stand in a row, 1 to 12"),
    "too many": ({"k": 13}, ValueError, "k is 13; give how many crops stand in a row, 1 to 12"),
    "half a crop": ({"k": 1.5}, ValueError, "k is 1.5; give how many crops"),
    "options of the grid": ({"columns": 3}, ValueError, "maps and columns are for the grid; give kind='grid'"),
    "another kind": (
        {"kind": "grid", "k": 3},
        ValueError,
        "scan, layer and k are for exemplars; give kind='exemplars'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_drawn_is_said(net, found, name):
    options, error, sentence = BAD[name]
    explorer = Explorer(net, DATA, layer_index=1)
    options = {"kind": "exemplars"} | ({} if name in ("no scan", "another kind") else {"scan": found}) | options
    with pytest.raises(error, match=sentence):
        explorer.figure(**options)
    explorer.close()


def test_the_scan_must_be_of_this_net_as_it_is_now_and_know_its_images(tmp_path):
    net = firing()
    found = scan(net, DATA, progress=False)
    found.save(tmp_path / "scan.npz")
    with pytest.raises(ValueError, match=r"loaded without its net and data set.*load_scan\(path, net, data\)"):
        exemplar_figure(load_scan(tmp_path / "scan.npz"), "conv1")
    assert exemplar_figure(load_scan(tmp_path / "scan.npz", net, DATA), "conv1", filters=0)
    conv2_alone = scan(net, DATA, layers="conv2", progress=False)
    with pytest.raises(ValueError, match=r"this scan has conv2 \(1\)"):
        exemplar_figure(conv2_alone, 0)
    explorer = Explorer(firing(seed=1), DATA)
    with pytest.raises(
        ValueError, match=r"the scan is of a net with other weights \(fingerprint .*\); scan this explor"
    ):
        explorer.figure(kind="exemplars", scan=found)
    explorer.close()
    with torch.no_grad():
        net.conv1.weight += 1
    with pytest.raises(ValueError, match=r"the net has other weights by now \(fingerprint .*\); scan it again"):
        exemplar_figure(found, "conv1")


def test_an_image_that_is_gone_raises(net):
    class Gone(list):
        gone = False

        def __getitem__(self, index):
            if self.gone:
                raise OSError("gone")
            return super().__getitem__(index)

    data = Gone(DATA)
    found = scan(net, data, progress=False)
    data.gone = True
    with pytest.raises(SampleError, match="the data set raised OSError: gone"):
        exemplar_figure(found, "conv1")


def test_it_needs_no_display_and_matplotlib_is_not_imported_before(tmp_path):
    code = f"""
import sys
from filterscope import demo, exemplar_figure, scan
found = scan(demo.fashion_net(), demo.fashion_test_data(), images=30, progress=False)
print("matplotlib" in sys.modules)
exemplar_figure(found, "conv1", k=2).savefig({str(tmp_path / "exemplars.pdf")!r})
print([name for name in ("ipympl", "matplotlib.pyplot") if name in sys.modules])
"""
    env = {"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout.split("\n")[:2] == ["False", "[]"], done.stdout + done.stderr
    assert (tmp_path / "exemplars.pdf").stat().st_size > 5000
