"""Statistics, state, duplicates, reruns and use, each against plain arithmetic."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from filterscope import demo
from filterscope.data.source import SampleSource
from filterscope.verdicts.ablation.ablation import Known, LayerAblation, Rise
from filterscope.verdicts.ablation.losses import Knowledge, class_numbers, log_probabilities
from filterscope.verdicts.ablation.rerun import Rerun
from filterscope.verdicts.ablation.use import gate, interval
from filterscope.verdicts.activations.duplicates import find_duplicates, find_mirrors
from filterscope.verdicts.activations.state import judge_state
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.result.evidence import FEWEST_OF_CLASS, class_rises
from filterscope.verdicts.run.sampling import batches, order_of
from filterscope.verdicts.run.subject import Subject
from nets import Everything, TwoConvs, images, seeded


def maps(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def statistics_of(activation, labels=None, classes=0):
    seen = LayerStatistics(activation.shape[1], classes)
    seen.add(activation, labels)
    return seen


@pytest.mark.parametrize("shape", [(30, 4, 5, 6), (30, 4, 7), (30, 4, 3, 4, 5), (30, 4)])
def test_moments_and_correlations_are_numpys(shape):
    activation = maps(*shape) * torch.arange(1, 5).view(-1, *[1] * (len(shape) - 2)) + 7
    seen = statistics_of(activation)
    flat = activation.transpose(0, 1).reshape(4, -1).double().numpy()
    np.testing.assert_allclose(seen.mean, flat.mean(1), rtol=1e-5)
    np.testing.assert_allclose(seen.deviation, flat.std(1), rtol=1e-4)
    np.testing.assert_allclose(seen.correlation, np.corrcoef(flat), atol=1e-4)
    np.testing.assert_allclose(seen.high, flat.max(1))
    np.testing.assert_allclose(seen.low, flat.min(1))
    np.testing.assert_array_equal(seen.fired, (flat > 0).sum(1))


def test_correlations_near_1_are_exact_over_many_positions():
    first = maps(256, 1, 26, 26).relu()
    activation = torch.cat([first, first + 0.01 * maps(256, 1, 26, 26, seed=1)], 1)
    flat = activation.transpose(0, 1).reshape(2, -1).double().numpy()
    left_out = 1 - np.corrcoef(flat)[0, 1]
    assert 1 - statistics_of(activation).correlation[0, 1] == pytest.approx(left_out, rel=0.01)


def test_batches_merge_to_what_one_pass_gives():
    activation, labels = maps(90, 4, 5, 6) + 3, np.arange(90) % 3
    whole = statistics_of(activation, labels, 3)
    parts = LayerStatistics(4, 3)
    for start, stop in ((0, 1), (1, 40), (40, 90)):
        parts.add(activation[start:stop], labels[start:stop])
    for name in ("mean", "moment", "high", "low", "fired", "fired_images", "class_count", "class_sum"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-4, atol=1e-3, err_msg=name)
    by_hand = [activation[labels == k].mean((0, 2, 3)).numpy() for k in range(3)]
    np.testing.assert_allclose(whole.class_mean, by_hand, rtol=1e-5)


def test_the_estimate_is_that_of_replacing_a_map_by_its_mean():
    """Taken in with means that were others at that time."""
    activation, gradient = maps(90, 4, 5, 6) + 3, maps(90, 4, 5, 6, seed=1)
    seen = LayerStatistics(4)
    for start, stop in ((0, 1), (1, 40), (40, 90)):
        part = LayerStatistics.of(activation[start:stop])
        part.add_taylor(activation[start:stop], gradient[start:stop])
        seen.merge(part)
    change = ((activation.mean((0, 2, 3)).view(4, 1, 1) - activation) * gradient).sum((2, 3)).double()
    np.testing.assert_allclose(seen.estimate, change.square().mean(0).sqrt().numpy(), rtol=1e-4)
    np.testing.assert_allclose(seen.taylor / 90, (activation * gradient).sum((2, 3)).abs().mean(0), rtol=1e-4)
    constant = LayerStatistics.of(torch.full((9, 1, 5, 6), 0.1))
    constant.add_taylor(torch.full((9, 1, 5, 6), 0.1), maps(9, 1, 5, 6))
    assert constant.estimate[0] < 1e-6
    assert np.isnan(LayerStatistics(3).estimate).all()


def test_images_with_nan_are_left_out_and_counted():
    activation = maps(10, 3, 4, 4)
    activation[3, 1, 0, 0], activation[7, 0, 1, 1] = torch.nan, torch.inf
    seen = statistics_of(activation, np.arange(10) % 2, 2)
    kept = np.array([k for k in range(10) if k not in (3, 7)])
    np.testing.assert_allclose(seen.mean, activation[kept].mean((0, 2, 3)).numpy(), rtol=1e-4, atol=1e-6)
    assert (seen.images, seen.left_out) == (8, 2)
    assert seen.class_count.tolist() == [np.sum(kept % 2 == 0), np.sum(kept % 2 == 1)]


@pytest.mark.parametrize("constant", [0.1, 100.0, -3.7e4, 1e-3])
def test_a_constant_is_constant_however_large_beside_small_signals(constant):
    activation = maps(50, 3, 9, 9).relu() * 0.01
    activation[:, 1], activation[:, 2] = constant, 0
    states = judge_state(statistics_of(activation))
    assert [state.verdict for state in states] == ["live", "constant", "dead"]
    assert "50 images" in states[2].reason and "0.06" in states[2].reason  # rule of three


def test_a_filter_that_fires_once_is_live():
    activation = torch.zeros(500, 2, 4, 4)
    activation[:, 0] = maps(500, 4, 4).relu()
    activation[321, 1, 2, 2] = 0.5
    assert [state.verdict for state in judge_state(statistics_of(activation))] == ["live", "live"]


def test_of_nothing_seen_nothing_is_told():
    assert judge_state(LayerStatistics(2))[0].verdict == "can't tell"
    seen = statistics_of(torch.full((4, 2, 3, 3), torch.nan))
    assert "NaN" in judge_state(seen)[0].reason


def test_copies_are_found_and_sign_flips_are_mirrors():
    random = np.random.default_rng(0)
    kernels = random.normal(size=(5, 1, 3, 3)).astype(np.float32)
    kernels[3], kernels[4] = 2 * kernels[0], -kernels[1]
    bias = np.array([0.1, 0.2, 0.3, 0.2, 0.4], np.float32)
    made = F.conv2d(images(20, 1, 9, 9), torch.from_numpy(kernels), torch.from_numpy(bias)).relu()
    seen, live = statistics_of(made), np.ones(5, bool)
    (pair,) = find_duplicates(kernels, bias, seen, live)
    assert (pair.filter, pair.partner) == (3, 0)
    assert pair.cosine == pytest.approx(1) and pair.correlation == pytest.approx(1)
    assert (pair.scale, pair.offset) == (pytest.approx(2, rel=1e-3), pytest.approx(0, abs=1e-3))
    assert find_mirrors(kernels, live) == {1: 4, 4: 1}
    live[0] = False
    assert find_duplicates(kernels, bias, seen, live) == []


def test_equal_weights_in_other_groups_are_no_duplicates_unless_they_say_the_same():
    kernels = np.repeat(np.random.default_rng(0).normal(size=(1, 1, 3, 3)), 2, axis=0).astype(np.float32)
    pixels = images(20, 2, 9, 9)
    apart = statistics_of(F.conv2d(pixels, torch.from_numpy(kernels), groups=2))
    assert find_duplicates(kernels, None, apart, np.ones(2, bool), groups=2) == []
    pixels[:, 1] = pixels[:, 0]
    alike = statistics_of(F.conv2d(pixels, torch.from_numpy(kernels), groups=2))
    assert len(find_duplicates(kernels, None, alike, np.ones(2, bool), groups=2)) == 1


@pytest.mark.parametrize(("shift", "copies"), [(0.0, 1), (0.02, 1), (0.6, 0)])
def test_equal_weights_with_another_shift_of_the_norm_behind_them_are_no_duplicates(shift, copies):
    """The convolution's own parameters can't tell; the maps are alike at more than 0.95."""
    kernels = np.repeat(np.random.default_rng(0).normal(size=(1, 2, 3, 3)), 2, axis=0).astype(np.float32)
    scores = F.conv2d(maps(30, 2, 12, 12), torch.from_numpy(kernels))
    scores = scores / scores.std() + torch.tensor([0.6, 0.6 + shift]).view(2, 1, 1)
    seen = statistics_of(scores.relu())
    assert seen.correlation[0, 1] > 0.95
    assert len(find_duplicates(kernels, None, seen, np.ones(2, bool), normed=True)) == copies
    assert len(find_duplicates(kernels, None, seen, np.ones(2, bool))) == 1  # without a norm there is no shift


def test_mirrors_are_named_within_a_group_only():
    kernels = np.repeat(np.random.default_rng(0).normal(size=(1, 2, 3, 3)), 4, axis=0)
    kernels[1:] *= -1
    assert find_mirrors(kernels, np.ones(4, bool), groups=2) == {0: 1, 1: 0}
    assert find_mirrors(kernels, np.ones(4, bool)) == {0: 1, 1: 0, 2: 0, 3: 0}


class Grouped(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.conv2 = nn.Conv2d(8, 12, 3, groups=4)
        self.fc = nn.Linear(12, 3)

    def forward(self, x):
        return self.fc(F.relu(self.conv2(F.relu(self.conv1(x)))).mean((2, 3)))


class Written(nn.Module):
    """Writes into its tensors after the convolution, with its result ignored."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv1(x)
        F.relu_(x)
        y = self.conv2(x)
        x += y  # conv1's activation is written over
        x.relu_()
        return self.fc(x.mean((2, 3)))


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class OwnActivation(nn.Module):
    """An activation that is a module of several functions."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), Swish(), nn.Conv2d(4, 4, 3), Swish())
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.body(x).amax((2, 3)))


def ablated_by_hand(net, layer, index, value, pixels):
    """The activation overwritten by a hook where it is made: the oracle, for nets where that is simple."""
    with torch.no_grad():
        if isinstance(net, TwoConvs):
            x = F.relu(net.conv1(pixels))
            x[:, index] = value if layer == 0 else x[:, index]
            x = F.relu(net.conv2(net.pool(x)))
            x[:, index] = value if layer == 1 else x[:, index]
            return torch.log_softmax(net.fc(x.mean((2, 3))), 1)
        if isinstance(net, Written):
            x = net.conv1(pixels).relu()
            x[:, index] = value if layer == 0 else x[:, index]
            y = net.conv2(x)
            y[:, index] = value if layer == 1 else y[:, index]
            return torch.log_softmax(net.fc((x + y).relu().mean((2, 3))), 1)
        if isinstance(net, Grouped):
            x = F.relu(net.conv1(pixels))
            x[:, index] = value if layer == 0 else x[:, index]
            x = F.relu(net.conv2(x))
            x[:, index] = value if layer == 1 else x[:, index]
            return torch.log_softmax(net.fc(x.mean((2, 3))), 1)
        x = net.body[1](net.body[0](pixels))
        x[:, index] = value if layer == 0 else x[:, index]
        x = net.body[3](net.body[2](x))
        x[:, index] = value if layer == 1 else x[:, index]
        return torch.log_softmax(net.fc(x.amax((2, 3))), 1)


@pytest.mark.parametrize("build", [TwoConvs, Written, OwnActivation, Grouped])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_rerun_is_a_whole_pass_with_the_map_replaced(build, layer):
    net, pixels = seeded(build).eval(), images(7, 1, 12, 12)
    subject = Subject(net, SampleSource(pixels))
    intact = torch.log_softmax(net(pixels), 1).detach()
    rerun = Rerun(subject, layer, pixels, intact)
    for _ in range(2):  # one rerun must not spoil the next
        for index in range(4):

            def change(activation, index=index):
                activation[:, index] = 0.3

            expected = ablated_by_hand(net, layer, index, 0.3, pixels)
            torch.testing.assert_close(rerun(change), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(rerun(lambda activation: None), intact, rtol=1e-5, atol=1e-6)


def test_what_lies_before_the_layer_is_not_computed_again():
    class Counting(TwoConvs):
        ran = 0

        def forward(self, x):
            x = self.pool(F.relu(self.conv1(x)))
            Counting.ran += 1
            return self.fc(F.relu(self.conv2(x)).mean((2, 3)))

    calls = []
    net, pixels = seeded(Counting).eval(), images(4, 1, 14, 14)
    subject = Subject(net, SampleSource(pixels))
    rerun = Rerun(subject, 1, pixels, torch.log_softmax(net(pixels), 1).detach())
    assert rerun.reuses
    real, torch_conv2d = F.conv2d, torch.conv2d
    assert real is torch_conv2d
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        rerun(lambda activation: calls.append(activation.shape))
    assert calls == [(4, 6, 4, 4)]
    assert not [event for event in profile.events() if event.name == "aten::conv2d"]


def test_a_net_with_everything_is_rerun_right():
    net, pixels = seeded(Everything).eval(), images(5, 1, 10, 10)
    subject = Subject(net, SampleSource(pixels))
    intact = torch.log_softmax(net(pixels), 1).detach()
    for layer in range(len(subject.layers)):
        rerun = Rerun(subject, layer, pixels, intact)
        torch.testing.assert_close(rerun(lambda activation: None), intact, rtol=1e-5, atol=1e-6)
        changed = rerun(lambda activation: activation.zero_())
        assert not torch.allclose(changed, intact, atol=1e-4)
        torch.testing.assert_close(rerun(lambda activation: None), intact, rtol=1e-5, atol=1e-6)


def test_rises_are_students_t():
    rises = np.random.default_rng(0).normal(0.3, 1, size=200)
    one, other = Rise(), Rise()
    one.add(rises[:70])
    other.add(rises[70:])
    one.merge(other)
    low, high = interval(one)
    expected = stats.ttest_1samp(rises, 0).confidence_interval(0.95)
    np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-3)
    one.add(np.array([np.nan, np.inf]))
    assert one.images == 200


class Reruns:
    """In a `Rerun`'s place: gives log-probabilities whose rises are known, one map after the other."""

    def __init__(self, after):
        self.after = iter(after)

    def __call__(self, change):
        return next(self.after)


def test_the_rises_of_a_class_have_students_interval_where_its_images_are_enough():
    """Against scipy on each class's own images, some without a finite loss, taken in as batches and merged."""
    sizes = [FEWEST_OF_CLASS + 1, FEWEST_OF_CLASS, 70, 1, 0]  # of class 0 two images will not count
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(5), sizes))
    intact = torch.log_softmax(2 * maps(len(labels), 5), 1)
    after = torch.log_softmax(2 * maps(len(labels), 5) + intact, 1).repeat(3, 1, 1)
    after[1, np.flatnonzero(labels == 0)[:2]] = torch.nan
    rows = np.arange(len(labels))
    rises = (intact[rows, labels] - after[:, rows, labels]).double().numpy()
    rises[2] = 0  # a map that is constant is its own mean

    whole = LayerAblation.of(np.zeros(3))
    for part in np.array_split(rows, [1, 40, 150]):
        one = LayerAblation.of(np.zeros(3))
        one.add(Reruns(after[:2, part]), Known(intact[part], labels[part], True), np.array([True, True, False]))
        whole.merge(one)

    for index in range(3):
        shown = class_rises(whole, index, 5)
        assert shown.fewest == FEWEST_OF_CLASS
        for number in range(5):
            own = rises[index, labels == number]
            own = own[np.isfinite(own)]
            found = shown.value[number], shown.low[number], shown.high[number]
            if len(own) < FEWEST_OF_CLASS:
                assert np.isnan(found[1:]).all()
                assert found[0] == np.float32(own.mean()) if len(own) else np.isnan(found[0])
                continue
            spread = np.ptp(own) > 0
            expected = stats.ttest_1samp(own, 0).confidence_interval(0.95) if spread else (own.mean(), own.mean())
            np.testing.assert_allclose(found, [own.mean(), *expected], rtol=2e-3, atol=1e-6)
    assert np.isnan(class_rises(whole, 1, 5).low[0]) and not np.isnan(class_rises(whole, 0, 5).low[0])
    assert class_rises(LayerAblation.of(np.zeros(3)), 0, 5) is None is class_rises(None, 0, 5)


def knowledge(losses, labels, classes=3):
    known = Knowledge.of(classes, labelled=True)
    known.add(np.asarray(losses, float), np.asarray(labels), np.full((len(losses), classes), 1 / classes))
    return known


def test_what_a_net_knows_is_measured_against_guessing():
    labels = np.arange(300) % 3
    losses = np.random.default_rng(0).uniform(0.1, 0.5, 300)
    nats, p = knowledge(losses, labels).nats()
    test = stats.ttest_1samp(np.log(3) - losses, 0, alternative="greater")
    assert nats == pytest.approx(np.log(3) - losses.mean())
    assert p == pytest.approx(test.pvalue, abs=1e-12)
    assert gate(knowledge(losses, labels)) == ""


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (None, "not one score a class"),
        (knowledge(np.full(300, 1.0986), np.arange(300) % 3), "not clearly below that of guessing"),
        (knowledge(np.full(300, 5.0), np.arange(300) % 3), "not clearly below"),
        (knowledge(np.full(300, 0.1), np.zeros(300, int)), "one class"),
        (knowledge(np.full(9, 0.1), np.arange(9) % 3), "9 images are too few"),
        (knowledge(np.full(50, np.nan), np.arange(50) % 3), "NaN or infinite for all 50"),
    ],
)
def test_the_gate_says_why_it_is_closed(known, said):
    assert said in gate(known)


def test_labels_are_numbered_as_the_net_does():
    names = ["cat", "dog", "dog"]
    assert class_numbers(["cat", "dog", "bird", None, 2, 3, -1], names, 3).tolist() == [0, -1, -1, -1, 2, -1, -1]


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"logits": x}, lambda x: (x, 1), lambda x: x.softmax(1)])
def test_outputs_are_read_as_log_probabilities(wrap):
    logits = maps(6, 4)
    torch.testing.assert_close(log_probabilities(wrap(logits), 6), torch.log_softmax(logits, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("output", [torch.zeros(6, 4, 5, 5), torch.zeros(6, 1), torch.zeros(5, 4), None, torch.ones(6)])
def test_other_outputs_are_no_scores(output):
    assert log_probabilities(output, 6) is None


def test_every_image_is_read_once_in_an_order_that_stays():
    class Broken(list):
        def __getitem__(self, index):
            if index in (3, 40):
                raise OSError("gone")
            return super().__getitem__(index)

    data = Broken([(torch.full((1, 5 + (k // 20) % 2, 5), float(k)), k) for k in range(60)])
    source = SampleSource(data)
    subject = Subject(seeded(TwoConvs), SampleSource(images(2, 1, 14, 14)))
    found, unreadable, ends = [], 0, []
    for batch in batches(source, np.arange(60), 0, 60, 8, subject.random):
        assert len({image.shape for image in batch.images}) <= 1
        found += batch.labels
        unreadable += batch.unreadable
        ends.append(batch.end)
    assert found == [k for k in range(60) if k not in (3, 40)]
    assert unreadable == 2 and ends == sorted(ends) and ends[-1] == 60
    assert sorted(order_of(source, 5)) == list(range(60))
    assert (order_of(source, 5) == order_of(source, 60)).all()


def test_activations_are_those_of_the_demo_net():
    net, data = demo.fashion_net(), demo.fashion_test_data()
    pixels = torch.stack([data[k][0] for k in range(5)])
    taken = {}
    Subject(net, SampleSource(data)).run(pixels, [0, 1], lambda layer, activation: taken.setdefault(layer, activation))
    with torch.no_grad():
        first = F.relu(net.conv1(pixels))
        torch.testing.assert_close(taken[0], first)
        torch.testing.assert_close(taken[1], F.relu(net.conv2(net.pool(first))))
