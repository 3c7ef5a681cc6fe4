"""Names of filters: planted detectors get theirs, filters that know nothing get none; where none can be told, why."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from filterscope import demo, load_scan, scan
from filterscope.nets.fingerprint import fingerprint
from filterscope.scans.attributes import ATTRIBUTES
from filterscope.scans.names import goes_with
from filterscope.scans.shuffled import ShuffledNets
from nets import Chooses, TwoConvs, images, seeded
from scan_cases import Breaks, Signals, Stream, Volumes, pixels, small_data, small_net

CLASSES = ("cross", "saltire", "corner", "tee")
PATTERNS = torch.tensor(
    [
        [[0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]],
        [[1, 0, 0, 0, 1], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]],
        [[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 1, 1, 1]],
        [[1, 1, 1, 1, 1], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]],
    ],
    dtype=torch.float32,
)


class Small(nn.Module):
    """Two convolutions, of 12 and 6 filters."""

    def __init__(self, channels=1):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, 12, 5), nn.Conv2d(12, 6, 3)

    def forward(self, x):
        return F.relu(self.conv2(F.relu(self.conv1(x)))).mean((2, 3))


def shapes(count=400, seed=0):
    """Noise, with one of four patterns of 5 × 5 pixels somewhere in it."""
    rng = np.random.default_rng(seed)
    pixels = images(count, 1, 12, 12, seed=seed) * 0.8
    labels = rng.integers(0, 4, count)
    for image, label in zip(pixels, labels, strict=True):
        row, column = rng.integers(0, 8, 2)
        image[0, row : row + 5, column : column + 5] += PATTERNS[label]
    return [(image, int(label)) for image, label in zip(pixels, labels, strict=True)]


def detector(kernel):
    """A net whose filter 0 in the first layer has a kernel, all others as they were drawn."""
    net = seeded(Small)
    with torch.no_grad():
        net.conv1.weight[0, 0] = kernel - kernel.mean()
        net.conv1.bias[0] = 0
    return net.eval()


def names_of(net, data, classes=CLASSES, **options):
    return scan(net, data, classes=classes, progress=False).names(progress=False, **options)


@pytest.mark.parametrize("label", range(4))
def test_a_planted_detector_of_a_class_gets_its_name(label):
    name, *others = names_of(detector(PATTERNS[label]), shapes())
    assert (name.layer, name.filter, name.name, name.classes) == ("conv1", 0, CLASSES[label], (CLASSES[label],))
    assert name.auc > 0.95 and name.p_holm < 0.01 and name.precision > 0.8 and name.base_rate < 0.35
    assert name.sentence.startswith(f"fires for {CLASSES[label]}: AUC {name.auc:.2f}".replace("0.", "."))
    assert [other.name for other in others[:11]] == [None] * 11  # those of the next layer see through this one


def test_a_planted_detector_of_what_two_classes_share_gets_both():
    halved = [(image, 4 if label == 1 and k % 2 else label) for k, (image, label) in enumerate(shapes())]
    name = names_of(detector(PATTERNS[1]), halved, (*CLASSES, "cross of Andrew"))[0]
    assert name.name == name.best == "saltire or cross of Andrew" and name.classes == ("saltire", "cross of Andrew")


def test_a_planted_detector_of_an_attribute_gets_its_name():
    tints = images(300, 3, 1, 1, seed=1)
    data = [(tint + images(3, 12, 12, seed=k), 0) for k, tint in enumerate(tints)]
    net = seeded(lambda: Small(3)).eval()
    with torch.no_grad():
        net.conv1.weight[0] = torch.tensor([1, -0.5, -0.5])[:, None, None]
    name = names_of(net, data, ["any"])[0]
    assert name.name == "reddish images" and name.classes == ()
    assert name.attributes["red"] == name.auc > 0.95


def test_filters_of_untrained_nets_get_no_name_though_they_tell_classes_significantly():
    names = []
    for seed in range(6):
        data = [(image * (0.3 + 0.2 * label), label) for image, label in shapes(500, seed)]  # they differ in brightness
        names += names_of(seeded(Small, seed=10 + seed).eval(), data)
    assert sum(name.p < 1e-6 for name in names) > 50  # that a filter tells brightness is no finding
    assert sum(name.name is not None for name in names) <= 1 and len(names) == 6 * 18
    assert all(
        ("nothing stands out" in name.sentence or "can't tell" in name.sentence) == (name.name is None)
        for name in names
    )


def test_the_untrained_demo_net_gets_no_name_and_what_it_tells_best_is_said():
    found = scan(demo.fashion_net(0), demo.fashion_test_data(), images=1000, progress=False)
    names = found.names(progress=False)
    assert [name.name for name in names] == [None] * 30
    assert sum(name.p < 1e-6 for name in names) > 20 and all(
        name.best or "can't tell" in name.sentence for name in names
    )


def test_what_is_told_is_what_scipy_and_counting_give():
    data = shapes(300, 3)
    found = scan(detector(PATTERNS[1]), data, classes=CLASSES, progress=False)
    labels = np.array([label for _, label in data])
    attributes = found.state.attributes
    for name in found.names(progress=False):
        maxima = found.state.column(found.layers.index(name.layer), name.filter).maximum.astype(np.float64)
        if name.best is None:
            assert maxima.min() == maxima.max()
            continue
        if name.classes:
            inside = np.isin(labels, [CLASSES.index(label) for label in name.classes])
        else:
            (place,) = [k for k, each in enumerate(ATTRIBUTES) if name.best in (each.high, each.low)]
            inside = (attributes[:, place] > np.median(attributes[:, place])) == (name.best == ATTRIBUTES[place].high)
        test = stats.mannwhitneyu(maxima[inside], maxima[~inside], alternative="greater", method="asymptotic")
        assert name.auc == pytest.approx(test.statistic / inside.sum() / (~inside).sum(), abs=1e-12)
        assert name.p == pytest.approx(test.pvalue, rel=1e-9)
        top = np.argsort(-maxima, kind="stable")[:100]
        assert (name.precision, name.base_rate) == (inside[top].mean(), inside.mean())
        assert name.p_holm >= max(name.p, name.p_shuffled)
        for place, each in enumerate(ATTRIBUTES):
            if each.name in name.attributes:
                above = attributes[:, place] > np.median(attributes[:, place])
                u = stats.mannwhitneyu(maxima[above], maxima[~above]).statistic
                assert name.attributes[each.name] == pytest.approx(u / above.sum() / (~above).sum(), abs=1e-12)


def test_a_brightness_that_goes_with_a_class_is_said():
    with_light = [(image + 0.1 * (label == 0), label) for image, label in shapes(400, 5)]
    bright = names_of(detector(PATTERNS[0]), with_light)[0]
    assert bright.name == "cross" and bright.attributes["brightness"] > 0.6
    strongest = max(max(auc, 1 - auc) for auc in bright.attributes.values())
    assert "; also for images" in bright.sentence or "; also for bright images" in bright.sentence
    assert bright.sentence.endswith(f"{strongest:.2f}".removeprefix("0"))


def test_that_it_is_not_brightness_is_said_too():
    assert goes_with({"brightness": 0.52, "contrast": 0.41}) == "; not by brightness: .52"
    assert goes_with({"brightness": 0.52, "contrast": 0.3}) == "; also for images of low contrast: .70"
    assert goes_with({"brightness": 0.81, "row": 0.7}) == "; also for bright images: .81"
    assert goes_with({"brightness": np.nan, "contrast": 0.5}) == "; not by contrast: .50"
    assert goes_with({}) == goes_with({"brightness": np.nan}) == ""


def test_without_shuffled_nets_it_is_not_told(tmp_path):
    net, data = detector(PATTERNS[0]), shapes()
    found = scan(net, data, classes=CLASSES, progress=False)
    found.save(tmp_path / "scan.npz")
    loaded = load_scan(tmp_path / "scan.npz")
    for name, why in (
        (loaded.names(progress=False)[0], "loaded without its net and data set: load_scan(path, net, data)"),
        (found.names(shuffles=0, progress=False)[0], "no nets with weights in random order were scanned"),
    ):
        assert name.name is None and name.best == "cross" and name.auc > 0.95 and np.isnan(name.p_shuffled)
        assert name.sentence.startswith("can't tell: the best is cross (AUC ") and why in name.sentence
    again = load_scan(tmp_path / "scan.npz", net, data, classes=CLASSES)
    assert repr(again.names(progress=False)) == repr(found.names(progress=False))  # NaN is not itself


def test_a_merged_scan_has_the_names_of_the_whole():
    net, data = detector(PATTERNS[2]), shapes()
    halves = [scan(net, data, images=half, classes=CLASSES, progress=False) for half in (range(150), range(150, 400))]
    whole = scan(net, data, classes=CLASSES, progress=False).names(progress=False)
    assert repr(halves[1].merge(halves[0]).names(progress=False)) == repr(whole)


def test_without_labels_attributes_alone_are_tried():
    names = names_of(detector(PATTERNS[0]), [image for image, _ in shapes()], None)
    assert all(name.classes == () and name.best is not None for name in names if name.best is not None)
    assert any(name.best is not None for name in names)


def test_one_class_is_not_told_from_nothing():
    names = names_of(detector(PATTERNS[0]), [(image, 0) for image, _ in shapes()], ["cross"])
    assert all(name.classes == () for name in names)


def test_few_images_tell_nothing():
    names = names_of(detector(PATTERNS[0]), shapes(40))
    assert {name.sentence for name in names} == {"can't tell: 40 images have a maximum, and it takes 50"}
    assert {(name.name, name.best, name.classes) for name in names} == {(None, None, ())}


def test_a_filter_that_never_varies_tells_nothing():
    net = detector(PATTERNS[0])
    with torch.no_grad():
        net.conv2.bias[1] = -1e3
    name = names_of(net, shapes())[13]
    assert (name.filter, name.name) == (1, None)
    assert name.sentence == "can't tell: its maximum is the same for all 400 images"


def test_images_whose_map_has_a_nan_are_left_out():
    data = shapes()
    for index in range(0, 400, 7):
        data[index] = (torch.full((1, 12, 12), torch.nan), data[index][1])
    name = names_of(detector(PATTERNS[3]), data)[0]
    assert name.name == "tee"


def test_classes_of_few_images_are_not_tried():
    data = shapes()
    crosses = [sample for sample in data if sample[1] == 0]
    others = [sample for sample in data if sample[1] != 0]
    assert all("cross" not in name.classes for name in names_of(detector(PATTERNS[0]), others + crosses[:9]))
    assert names_of(detector(PATTERNS[0]), others + crosses[:40])[0].name == "cross"


def test_a_layer_of_few_filters_needs_more_shuffled_nets():
    found = scan(seeded(lambda: nn.Conv2d(1, 2, 5)).eval(), shapes(), classes=CLASSES, progress=False)
    for name in found.names(progress=False):
        assert name.name is None and np.isnan(name.p_shuffled)
        assert (
            "and fewer than 20 filters with shuffled weights tell it; ask for more: names(shuffles=20)" in name.sentence
        )
    assert all(name.p_shuffled > 0 for name in found.names(shuffles=20, progress=False))


@pytest.mark.parametrize(
    ("net", "data", "options"),
    [
        (small_net, Stream, {}),
        (small_net, Breaks, {}),
        (small_net, small_data, {"pre_activation": True}),
        (small_net, small_data, {"forward": lambda net, image: net(image)}),
        (lambda: seeded(Signals), lambda: pixels(60, 2, 31), {}),
        (lambda: seeded(Volumes), lambda: pixels(60, 1, 5, 6, 7), {}),
        (lambda: seeded(Chooses), lambda: list(images(60, 1, 8, 8)), {}),
        (
            lambda: seeded(TwoConvs),
            lambda: [image for size in (8, 9) for image in images(30, 1, size, 8, seed=size)],
            {},
        ),
    ],
    ids=["stream", "unreadable", "pre-activation", "forward", "signals", "volumes", "other path", "several sizes"],
)
def test_every_kind_of_net_and_data_is_told_about(net, data, options):
    found = scan(net().eval(), data(), progress=False, **options)
    names = found.names(progress=False)
    assert len(names) == sum(layer.filters for layer in found.identity.layers)
    assert all(name.name is None and (name.best or name.sentence.startswith("can't tell: ")) for name in names)
    assert any(name.best for name in names)


class Norms(nn.Module):
    """BatchNorm whose statistics are those of its weights as they were trained."""

    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 6, 3, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.norm2 = nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5)

    def forward(self, x):
        return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


def test_shuffled_nets_have_the_same_weights_in_another_order_and_norms_that_fit():
    net = seeded(Norms)
    net.train()(images(64, 1, 12, 12))
    data = [image for image, _ in shapes(100)]
    found = scan(net.eval(), data, progress=False)
    cropper = found._cropper
    nets = ShuffledNets(cropper.runner, cropper.samples, [0, 1], False)
    shuffled = nets._shuffled(np.arange(100), 3)
    for name in ("conv1", "conv2"):
        own, other = (getattr(each, name).weight.detach().flatten(1) for each in (net, shuffled))
        assert not torch.equal(own, other) and torch.equal(own.sort(1)[0], other.sort(1)[0])
        seen = []
        norm = getattr(shuffled, name.replace("conv", "norm"))
        handle = norm.register_forward_hook(lambda module, inputs, output, seen=seen: seen.append(output))
        with torch.no_grad():
            shuffled(torch.stack(data))
        handle.remove()
        statistics = seen[0].transpose(0, 1).flatten(1)
        torch.testing.assert_close(statistics.mean(1), norm.bias.detach(), atol=1e-3, rtol=0)
        torch.testing.assert_close(statistics.var(1, unbiased=False), norm.weight.detach() ** 2, atol=1e-2, rtol=0)
    assert not shuffled.norm1._forward_pre_hooks
    again = nets._shuffled(np.arange(100), 3)
    assert fingerprint(again) == fingerprint(shuffled) != fingerprint(nets._shuffled(np.arange(100), 4))


def test_norms_that_were_never_trained_stay_as_they_are():
    found = scan(seeded(Norms).eval(), [image for image, _ in shapes(60)], progress=False)
    cropper = found._cropper
    shuffled = ShuffledNets(cropper.runner, cropper.samples, [0, 1], False)._shuffled(np.arange(60), 0)
    assert shuffled.norm1.running_mean.tolist() == [0] * 6 and shuffled.norm2.running_var.tolist() == [1] * 5


def test_the_net_and_random_numbers_stay_as_they_were_and_the_scan_too():
    net = seeded(Norms)
    net.train()(images(64, 1, 12, 12))
    found = scan(net, shapes(100), classes=CLASSES, progress=False)
    before, generator, rows = fingerprint(net), torch.get_rng_state(), found.rows()
    state = np.random.get_state(legacy=False)["state"]["pos"]
    found.names(progress=False)
    assert fingerprint(net) == before and net.training and net.norm1.training
    assert torch.equal(torch.get_rng_state(), generator) and np.random.get_state(legacy=False)["state"]["pos"] == state
    assert found.rows() == rows


class NoWeights(nn.Module):
    """A convolution whose kernel is no parameter."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", torch.ones(2, 1, 3, 3))

    def forward(self, x):
        return F.conv2d(x, self.kernel)


def test_a_net_without_weights_to_shuffle_is_not_told():
    name = names_of(NoWeights(), shapes())[0]
    assert name.name is None and name.sentence.startswith("can't tell: the best is ")
    assert (
        "the net cannot be run with its weights in random order: the net has no weights that can be put in"
        in name.sentence
    )


def test_rows_take_names_along():
    found = scan(detector(PATTERNS[0]), shapes(), classes=CLASSES, progress=False)
    names = found.names(progress=False)
    assert "name" not in found.rows()[0]
    rows = found.rows(names)
    assert [row["name"] for row in rows] == [name.name for name in names] and rows[0]["name"] == "cross"
    assert [row["auc"] for row in rows][:1] == [name.auc for name in names][:1]
    part = found.rows(found.names("conv2", progress=False))
    assert part[0]["name"] is None and part[0]["auc"] is None and repr(part[12]["p_holm"]) == repr(names[12].p_holm)


def test_names_of_a_layer_are_those_among_all():
    found = scan(detector(PATTERNS[0]), shapes(), classes=CLASSES, progress=False)
    assert repr(found.names("conv2", progress=False)) == repr(found.names(progress=False)[12:])
    assert repr(found.names(0, progress=False)) == repr(found.names(progress=False)[:12])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"layer": "conv9"}, "layer is 'conv9'; this scan has conv1"),
        ({"alpha": 0}, "alpha is 0; give a chance above 0 and below 1, as 0.05"),
        ({"alpha": True}, "alpha is True; give a chance"),
        ({"alpha": "0.05"}, "alpha is '0.05'; give a chance"),
        ({"shuffles": -1}, "shuffles is -1; give a whole number, 0 or more"),
        ({"shuffles": 2.5}, "shuffles is 2.5; give a whole number, 0 or more"),
    ],
)
def test_bad_options_are_refused_by_a_sentence(options, sentence):
    found = scan(seeded(TwoConvs), shapes(60), progress=False)
    with pytest.raises(ValueError, match=sentence.replace(".", r"\.")):
        found.names(**options)
