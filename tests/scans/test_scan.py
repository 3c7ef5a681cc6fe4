"""Which images are scanned, and what is said of those left out, of streams, of random data and of bad input."""

import random
import sys

import numpy as np
import pytest
import torch
from torch import nn

import filterscope
from batch_nets import BatchStatistics
from filterscope import NetError, SampleError, demo, scan
from nets import Chooses, Everything, Unreached, images, seeded
from scan_cases import COUNT, Breaks, Stream, brute_force, order, small_data, small_net


def refused_by(net, samples):
    """The images that a net refuses alone, and the maxima of the others' first layer."""
    refused, maxima = [], {}
    for index, image in enumerate(samples):
        try:
            with torch.no_grad():
                net(image[None])
                maxima[index] = torch.relu(net.conv(image[None])).amax((2, 3))[0].numpy()
        except RuntimeError:
            refused.append(index)
    return refused, maxima


class Particular(nn.Module):
    """Refuses an image for what it holds, and then all that are with it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        if (x > 100).any():
            raise RuntimeError("a value above 100")
        return torch.relu(self.conv(x)).mean((2, 3))


@pytest.mark.parametrize("odd", [(5,), (3, 11, 12, 23), tuple(range(1, 24, 2))])
def test_images_that_the_net_refuses_are_left_out_and_counted(odd):
    net, samples = seeded(Particular).eval(), list(images(24, 1, 12, 12))
    for index in odd:
        samples[index] = torch.full((1, 12, 12), 1e3)
    refused, maxima = refused_by(net, samples)
    assert refused == list(odd)
    found = scan(net, samples, progress=False)
    assert found.images == 24 - len(odd) and found.state.images.tolist() == sorted(maxima)
    assert f"the net refused {len(odd)} images, which are left out: RuntimeError: a value above 100." in found.notes
    for number in range(4):
        top = found.top(0, number, 24)
        np.testing.assert_allclose(top.values, [maxima[image][number] for image in top.images], rtol=1e-6)


def test_images_that_cannot_be_read_are_left_out_and_counted():
    found = scan(small_net(), Breaks(), progress=False)
    assert found.state.images.tolist() == [index for index in range(COUNT) if index not in (3, 40)]
    assert "2 samples could not be read and are left out." in found.notes
    assert found.state.unreadable == (2, "the data set raised OSError: image 3 is gone")


def test_a_net_that_refuses_all_but_the_image_it_was_opened_with_is_an_error():
    samples = [images(1, 12, 12), *([torch.full((1, 12, 12), 1e3)] * 50)]
    with pytest.raises(NetError, match="the net refused all 50 images: RuntimeError: a value above 100"):
        scan(seeded(Particular).eval(), samples, images=range(1, 51), progress=False)


def test_where_an_image_depends_on_those_beside_it_each_goes_alone():
    net, data = seeded(BatchStatistics).eval(), images(20, 1, 9, 9)
    found = scan(net, data, progress=False)
    with torch.no_grad():
        maps = torch.cat([net.maps(image[None]) for image in data])
    maxima, _, _ = brute_force(maps)
    assert any("so each image went through it in a pass of its own" in note for note in found.notes)
    for number in range(4):
        top = found.top(0, number, 20)
        np.testing.assert_allclose(top.values, np.sort(maxima[:, number])[::-1], rtol=1e-5)


def test_a_stream_is_scanned_to_its_end_or_as_far_as_is_asked():
    whole = scan(small_net(), small_data(), progress=False)
    found = scan(small_net(), Stream(), progress=False)
    assert found.images == COUNT and found.rows() == whole.rows()
    part = scan(small_net(), Stream(), images=25, progress=False)
    assert part.state.images.tolist() == list(range(25))
    with pytest.raises(ValueError, match="images are indices, and this data set is a stream, which is read from its"):
        scan(small_net(), Stream(), images=range(5, 9), progress=False)


@pytest.mark.parametrize("draw", [lambda: torch.rand(()).item(), random.random, np.random.random])
def test_a_random_data_set_is_said_to_be_random_and_the_users_random_numbers_stay(draw, tmp_path):
    class Draws:
        def __len__(self):
            return 30

        def __getitem__(self, index):
            return torch.full((1, 5, 5), float(index)) + draw(), index % 2

    before = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()]
    found = scan(seeded(lambda: nn.Conv2d(1, 2, 3)), Draws(), progress=False, resume=tmp_path / "file")
    assert any(note.startswith("This data set is random: read again, it gives another image.") for note in found.notes)
    assert found.images == 30 and len(found.top(0, 0).crops()) == 9
    after = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1]]
    assert torch.equal(before[0], after[0]) and before[1] == after[1] and np.array_equal(before[2], after[2])
    again = scan(seeded(lambda: nn.Conv2d(1, 2, 3)), Draws(), progress=False, resume=tmp_path / "file")
    assert again.images == 30  # it is the same data set, and nothing is left to scan


def test_without_labels_nothing_is_told_by_class():
    data = images(20, 1, 12, 12)
    found = scan(small_net(), data, progress=False)
    assert found.by_class(0, 0) == {} and found.classes == () and list(found.moments(0, 0)) == [None]
    assert "No image has a class, so nothing is told by class." in found.notes
    assert found.top(0, 0).labels == (None,) * 9


def test_classes_are_names_numbers_or_missing_and_stand_in_the_data_sets_order():
    pixels = images(6, 1, 12, 12)
    labels = ["dog", 7, None, "cat", "ant", 2]
    found = scan(small_net(), list(zip(pixels, labels, strict=True)), progress=False)
    assert found.classes == (2, 7, "ant", "cat", "dog")
    assert {name: part.images.tolist() for name, part in found.by_class(0, 0).items()} == {
        2: [5],
        7: [1],
        "ant": [4],
        "cat": [3],
        "dog": [0],
    }
    named = scan(small_net(), list(zip(pixels, [0, 1, 2] * 2, strict=True)), classes=["z", "y", "x"], progress=False)
    assert named.classes == ("z", "y", "x")


def test_what_the_net_tells_is_kept():
    net, data = demo.fashion_net(), demo.fashion_test_data()
    found = scan(net, data, images=range(40), progress=False)
    with torch.no_grad():
        expected = net.eval()(torch.stack([data[index][0] for index in range(40)])).argmax(1)
    assert found.state.predicted.tolist() == expected.tolist()
    top = found.top("conv1", 0)
    assert top.predicted.tolist() == expected[torch.from_numpy(top.images)].tolist()


def test_a_layer_that_not_all_images_reach_has_those_that_do():
    data = torch.cat([torch.ones(5, 1, 8, 8), torch.zeros(5, 1, 8, 8)])[torch.arange(10) * 3 % 10]
    found = scan(seeded(Chooses), data, progress=False)
    bright = [index for index in range(10) if data[index].mean() > 0.5]
    assert sorted(found.top("two", 0, 10).images.tolist()) == bright
    assert len(found.top("one", 0, 10)) == 10


def test_maps_of_several_sizes_have_no_mean_map_and_it_is_said():
    data = [image for side in (9, 14) for image in images(6, 1, side, side + 2, seed=side)]
    found = scan(small_net(), data, progress=False)
    assert "The maps of conv1 have 2 sizes, so they have no mean map." in found.notes
    with pytest.raises(ValueError, match=r"the maps of conv1 have 2 sizes \(7×9, 12×14\), so they have no mean map"):
        found.mean_map("conv1", 0)
    maxima = np.concatenate([torch.relu(small_net().conv1(image[None])).amax((2, 3)).detach() for image in data])
    assert found.top("conv1", 0, 12).images.tolist() == order(maxima[:, 0], True)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (range(5, 9), [5, 6, 7, 8]),
        (slice(50, None), list(range(50, 60))),
        ([7, 3, 3], [3, 7]),
        (np.array([1, 2]), [1, 2]),
        (torch.tensor([4]), [4]),
    ],
)
def test_images_may_be_chosen(chosen, expected):
    found = scan(small_net(), small_data(), images=chosen, progress=False)
    assert found.state.images.tolist() == expected


def test_so_many_images_are_drawn_from_all_and_the_same_every_time():
    found = scan(small_net(), small_data(), images=20, progress=False)
    again = scan(small_net(), small_data(), images=20, progress=False)
    assert found.images == 20 and found.state.images.max() > 40
    assert (found.state.images == again.state.images).all()
    more = scan(small_net(), small_data(), images=30, progress=False)
    assert set(found.state.images) < set(more.state.images)
    assert scan(small_net(), small_data(), images=1000, progress=False).images == COUNT


def test_only_the_chosen_layers_are_scanned():
    net = seeded(Everything).eval()
    found = scan(net, images(12, 1, 9, 9), layers=["block"], progress=False)
    assert found.layers == ("block", "block (call 1)") and list(found.state.sums) == [1, 2]
    whole = scan(net, images(12, 1, 9, 9), progress=False)
    assert found.top("block (call 1)", 2).images.tolist() == whole.top(2, 2).images.tolist()
    with pytest.raises(ValueError, match=r"layer is 0; this scan has block \(1\), block \(call 1\) \(2\)"):
        found.top(0, 0)


def test_progress_is_told_before_the_first_shard_and_after_each(monkeypatch):
    monkeypatch.setattr("filterscope.scans.choice.SHARD_IMAGES", 25)
    told = []
    scan(small_net(), small_data(), progress=lambda *words: told.append(words))
    assert told == [("images", 0, 60), ("images", 25, 60), ("images", 50, 60), ("images", 60, 60)]


BAD = {
    "no net": ({"net": 3}, TypeError, "int"),
    "no convolution": ({"net": Unreached()}, NetError, "no convolution found"),
    "no data": ({"data": 3}, TypeError, "int"),
    "only bad samples": ({"data": ["a", "b"]}, SampleError, "a"),
    "no images": ({"images": 0}, ValueError, "images is 0; give how many, 1 or more; their indices, as range"),
    "images that are a word": ({"images": "all"}, TypeError, "images is a str; give how many, 1 or more"),
    "images that are true": ({"images": True}, TypeError, "images is a bool; give how many"),
    "images that are a fraction": ({"images": 2.5}, TypeError, "images is a float; give how many"),
    "an image beyond the last": (
        {"images": [3, 60]},
        ValueError,
        "images has 60 in it; this data set has images 0 … 59",
    ),
    "an image before the first": ({"images": [-1]}, ValueError, "images has -1 in it; this data set has images 0 … 59"),
    "an index that is none": ({"images": [1, "b"]}, ValueError, "images has 'b' in it; this data set has images 0"),
    "no index": ({"images": []}, ValueError, "images has no index in it; this data set has images 0 … 59"),
    "no such layer": (
        {"layers": "conv9"},
        ValueError,
        "layers is 'conv9'; this net has convolutions 0 … 1: conv1, conv2",
    ),
    "workers that are a word": (
        {"workers": "two"},
        ValueError,
        "workers is 'two'; give how many processes read images",
    ),
    "workers below none": ({"workers": -1}, ValueError, "workers is -1; give how many processes read images ahead"),
    "progress that is a number": ({"progress": 3}, TypeError, "progress is an int; give True, False, or a function"),
    "a mean without std": ({"mean": 0.5}, ValueError, "mean and std are given together"),
    "a resume that is a number": (
        {"resume": 3.5},
        TypeError,
        "resume is a float; give the path of a file, as resume='fashion.npz'",
    ),
    "a resume that is a folder": (
        {"resume": "/"},
        IsADirectoryError,
        "resume is '/', a folder; give a file in it: '/fashion.npz'",
    ),
    "a cancel that is true": (
        {"cancel": True},
        TypeError,
        "cancel is a bool; give a threading.Event, which another thread sets, or None",
    ),
    "a net instead of what makes one": (
        {"net_factory": 3},
        TypeError,
        "net_factory is an int; give a function of a module that takes nothing, or None",
    ),
    "a data set instead of what makes one": (
        {"data_factory": [1]},
        TypeError,
        "data_factory is a list; give a function of a module that takes nothing, or None",
    ),
    "a forward that is a number": (
        {"forward": 3},
        TypeError,
        "forward is an int; give a function of net and image, or None",
    ),
    "a transform that is a number": (
        {"transform": 3},
        TypeError,
        "transform is an int; give a function of one image, or None",
    ),
    "no such layout": ({"layout": "XYZ"}, ValueError, "layout is 'XYZ'; choose 'CHW', 'HWC'"),
    "no layer": ({"layers": []}, ValueError, "layers has nothing in it; give one layer or more, or None for all"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_a_sentence(name):
    options, error, sentence = BAD[name]
    arguments = {"net": small_net(), "data": small_data(), "progress": False} | options
    net, data = arguments.pop("net"), arguments.pop("data")
    before = {key: value.clone() for key, value in net.state_dict().items()} if isinstance(net, nn.Module) else {}
    with pytest.raises(error, match=sentence):
        scan(net, data, **arguments)
    assert all(torch.equal(value, before[key]) for key, value in (net.state_dict() if before else {}).items())


ASKED = {
    "no such layer": (lambda found: found.top("conv9", 0), r"layer is 'conv9'; this scan has conv1 \(0\), conv2 \(1\)"),
    "no such filter": (lambda found: found.top(0, 4), "filter is 4; conv1 has filters 0 … 3"),
    "a filter that is a word": (lambda found: found.bottom(0, "a"), "filter is 'a'; conv1 has filters 0 … 3"),
    "no images": (lambda found: found.top(0, 0, 0), "k is 0; give a whole number, 1 or more"),
    "half an image": (lambda found: found.by_class(0, 0, k=2.5), "k is 2.5; give a whole number, 1 or more"),
    "no groups": (lambda found: found.typical(0, 0, groups=0), "groups is 0; give a whole number, 1 or more"),
    "no bins": (lambda found: found.histogram(0, 0, 0), "bins is 0; give a whole number, 1 or more"),
    "no such class": (lambda found: found.by_class(0, 0, "cat"), "label is 'cat'; this scan has 0, 1, 2"),
    "a negative layer": (lambda found: found.mean_map(-1, 0), r"layer is -1; this scan has conv1 \(0\), conv2 \(1\)"),
    "a negative filter": (lambda found: found.moments(0, -1), "filter is -1; conv1 has filters 0 … 3"),
    "a true filter": (lambda found: found.typical(0, True), "filter is True; conv1 has filters 0 … 3"),
    "no k": (lambda found: found.bottom(0, 0, None), "k is None; give a whole number, 1 or more"),
    "a module": (lambda found: found.top(nn.ReLU(), 0), r"layer is ReLU\(\); this scan has conv1 \(0\), conv2 \(1\)"),
    "no such score": (lambda found: found.top(0, 0, score="sum"), "score is 'sum'; choose 'maximum' or 'mean'"),
}


@pytest.mark.parametrize("name", ASKED)
def test_bad_questions_are_a_sentence(name):
    ask, sentence = ASKED[name]
    found = scan(small_net(), small_data(), images=range(12), progress=False)
    with pytest.raises(ValueError, match=sentence):
        ask(found)


def test_what_is_merged_must_be_a_scan():
    found = scan(small_net(), small_data(), images=range(12), progress=False)
    with pytest.raises(TypeError, match="other is a list; give a Scan, as scan"):
        found.merge([1])


def test_a_data_frame_has_a_row_a_filter():
    pytest.importorskip("pandas")
    found = scan(small_net(), small_data(), progress=False)
    frame = found.to_dataframe()
    assert len(frame) == 10 and frame["layer"].tolist() == ["conv1"] * 4 + ["conv2"] * 6
    row = frame.iloc[5]
    assert row["top_image"] == found.top("conv2", 1).images[0]
    assert row["bottom_image"] == found.bottom("conv2", 1).images[0]
    assert row["greatest"] == found.top("conv2", 1).values[0]
    assert row["fires"] == found.moments("conv2", 1)[None].fires


def test_a_data_frame_keeps_whole_numbers_where_some_are_missing():
    pytest.importorskip("pandas")
    net = small_net()
    with torch.no_grad():
        net.conv1.bias[1] = torch.nan
    frame = scan(net, small_data(), layers="conv1", progress=False).to_dataframe()
    for name in ("top_image", "bottom_image"):
        assert str(frame[name].dtype) == "Int64" and frame[name].isna().tolist() == [False, True, False, False]
    assert [type(value) for value in frame["top_class"]] == [int, type(None), int, int]
    assert frame["nan"].tolist() == [0, COUNT, 0, 0] and frame["fires"].isna().tolist() == [False, True, False, False]


def test_without_pandas_it_is_said_what_does_without(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    found = scan(small_net(), small_data(), images=range(12), progress=False)
    with pytest.raises(
        ImportError, match=r"to_dataframe\(\) needs pandas, .*: pip install pandas\. rows\(\) gives the"
    ):
        found.to_dataframe()
    assert len(found.rows()) == 10


def test_it_is_public():
    assert {
        "scan",
        "load_scan",
        "Scan",
        "Exemplar",
        "Exemplars",
        "Crop",
        "Moments",
        "Histogram",
        "exemplar_figure",
    } <= set(filterscope.__all__)
    assert filterscope.scan is scan
