"""`filterscope.diagnose`: the contract, planted faults, bad input, and the harm not done."""

import csv
import gc
import io
import re
import signal
import threading
import warnings
from html import escape

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.utils.data import IterableDataset, Subset, TensorDataset

from filterscope import Diagnosis, Explorer, NetError, demo, diagnose
from filterscope.verdicts.ablation.ablation import LayerAblation
from filterscope.verdicts.ablation.losses import Knowledge
from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.result.plain_words import plain_words
from nets import Everything, TwoConvs, images, seeded
from planted import COPIES, STILL, plant

DATA = demo.fashion_test_data()
COLUMNS = {
    *(
        "layer",
        "filter",
        "structure",
        "p_structured",
        "p_noise",
        "noise_score",
        "state",
        "duplicate_of",
        "mirror_of",
        "use",
    ),
    *("taylor", "delta_loss", "ci_low", "ci_high", "template", "name", "match", "p_template", "images"),
}


def look(net, data=DATA, images=200, **options):
    return diagnose(net, data, images=images, progress=False, **options)


def same(one, other):
    """Whether two diagnoses say the same, to rounding."""
    for left, right in zip(one.rows(), other.rows(), strict=True):
        for name, value in left.items():
            if isinstance(value, float):
                # What a copy costs follows from how it differs from its partner: a small difference of large numbers.
                rounding = 1e-5 if name == "merge_cost" else 1e-7
                assert value == pytest.approx(right[name], rel=1e-4, abs=rounding, nan_ok=True), name
            elif name != "sentence":
                assert value == right[name], name
    return True


@pytest.fixture(scope="module", name="found")
def of_the_demo_net():
    return look(demo.fashion_net(), images=300)


def test_the_demo_net_in_full(found):
    assert isinstance(found, Diagnosis)
    assert found.layers == ("conv1", "conv2") and len(found.filters) == 30
    assert set(found.rows()[0]) >= COLUMNS
    conv2 = found.of_layer("conv2")
    assert [f.filter for f in conv2 if f.structure != "structured"] == [11]
    assert [f.filter for f in found.of_layer("conv2") if f.state != "live"] == [11]
    assert conv2[11].state == "dead" and "300 images" in conv2[11].state_reason
    assert {f.structure for f in found.of_layer("conv1")} == {"can't tell"}
    assert {f.use for f in found.filters} >= {"used", "no measurable use"}
    assert conv2[11].use == "no measurable use" and conv2[11].delta_loss == 0
    assert all(f.images == f.ablated == 300 for f in found.filters)
    assert found.complete and len(found.fingerprint) == 16


def test_every_filter_has_a_sentence_and_every_layer_a_summary(found):
    assert found.summary("conv2").startswith("conv2: 19 of 20 structured, 1 of 20 noise-like, 1 dead")
    for one in found.filters:
        assert one.sentence.endswith(".") and "nan" not in one.sentence and "None" not in one.sentence
    assert "never fired in 300 images" in found.of_layer("conv2")[11].sentence
    assert "conv1: " in str(found)
    with pytest.raises(KeyError, match="choose one of conv1, conv2"):
        found.of_layer("conv3")


def test_a_layer_or_class_that_is_but_a_number_is_called_one_in_a_sentence():
    net = seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)))
    pairs = TensorDataset(torch.rand(40, 1, 8, 8), torch.arange(40) % 3)
    found = diagnose(net, pairs, images=40, progress=False)
    assert found.summary("0").startswith("layer 0: 4 of 4 can't tell (structured or noise)")
    live = [one for one in found.filters if one.state == "live"]
    assert live and all(re.search(r"most for class \d, least for class \d", one.sentence) for one in live)
    assert all(" class " in plain_words(one) for one in live)
    effect = Explorer(net, pairs).without([0], images=40).effect
    assert [one.name for one in effect.classes] == ["class 0", "class 1", "class 2"]


def test_the_rise_without_a_filter_is_what_the_net_loses(found):
    """Against a copy of the net whose filter gives its mean."""
    order = np.random.default_rng(len(DATA)).permutation(len(DATA))[:300]
    pixels = torch.stack([DATA[int(k)][0] for k in order])
    labels = torch.tensor([DATA[int(k)][1] for k in order])
    net = demo.fashion_net()
    with torch.no_grad():
        first = torch.relu(net.conv1(pixels))
        intact = nn.functional.cross_entropy(net(pixels), labels)
        for index in (3, 8):
            ablated = first.clone()
            ablated[:, index] = first[:, index].mean()
            x = net.pool(torch.relu(net.conv2(net.pool(ablated)))).flatten(1)
            loss = nn.functional.cross_entropy(net.fc2(torch.relu(net.fc1(x))), labels)
            assert found.of_layer("conv1")[index].delta_loss == pytest.approx(float(loss - intact), rel=1e-3)


def test_taylor_is_the_gradient_times_the_activation(found):
    order = np.random.default_rng(len(DATA)).permutation(len(DATA))[:300]
    pixels = torch.stack([DATA[int(k)][0] for k in order])
    labels = torch.tensor([DATA[int(k)][1] for k in order])
    net = demo.fashion_net()
    second = torch.relu(net.conv2(net.pool(torch.relu(net.conv1(pixels)))))
    output = net.fc2(torch.relu(net.fc1(net.pool(second).flatten(1))))
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(output, labels, reduction="sum"), second)
    expected = (second * gradient).sum((2, 3)).abs().mean(0).detach().numpy()
    np.testing.assert_allclose([f.taylor for f in found.of_layer("conv2")], expected, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("first", [200, 550])
def test_going_on_with_more_images_is_the_same_as_all_at_once(first):
    """Ablation and the test of merging included, where the first images were ablated on already."""
    net = plant(demo.fashion_net(), "conv1", "10 % noise", [7, 9], [0, 3], np.random.default_rng(0))
    part = look(net, images=first, layers="conv1")
    on = look(net, images=650, layers="conv1", resume=part)
    whole = look(net, images=650, layers="conv1")
    assert on.images == on.ablated == 650 and part.images == first  # what was held before stays
    assert [f.filter for f in whole.filters if f.duplicate_of is not None] == [7, 9]
    assert same(on, whole)
    assert same(look(net, images=650, layers="conv1", resume=on), on)


def test_ablation_may_come_later(found):
    first = look(demo.fashion_net(), images=300, ablation=False)
    assert same(look(demo.fashion_net(), images=300, resume=first), found)


def test_without_ablation_an_estimate_ranks(found):
    first = look(demo.fashion_net(), images=300, ablation=False)
    for layer in first.layers:
        estimates = [f.estimate for f in first.of_layer(layer)]
        ranks = [f.rank for f in first.of_layer(layer)]
        assert sorted(ranks) == list(range(1, len(ranks) + 1))
        assert np.argsort(ranks).tolist() == np.argsort(-np.array(estimates), kind="stable").tolist()
        assert f"place {ranks[0]} in its layer" in first.of_layer(layer)[0].sentence
        measured = [f.delta_loss for f in found.of_layer(layer)]
        assert [f.rank for f in found.of_layer(layer)] == (1 + np.argsort(np.argsort(-np.array(measured)))).tolist()


def test_the_estimate_ranks_better_than_taylors_of_a_map_of_zeros():
    filters = look(demo.fashion_net(), images=1000, layers="conv1").filters
    measured = [f.delta_loss for f in filters]
    by_estimate = stats.spearmanr(measured, [f.estimate for f in filters])[0]
    assert by_estimate > 0.7 and by_estimate > stats.spearmanr(measured, [f.taylor for f in filters])[0]


def test_resume_refuses_what_does_not_fit(found):
    changed = demo.fashion_net()
    with torch.no_grad():
        changed.conv1.weight[0, 0, 0, 0] += 1e-3
    with pytest.raises(ValueError, match="other weights"):
        look(changed, resume=found)
    with pytest.raises(ValueError, match="same layers"):
        look(demo.fashion_net(), resume=found, layers="conv1")
    with pytest.raises(ValueError, match="10000 samples"):
        look(demo.fashion_net(), data=Subset(DATA, range(50)), resume=found)
    with pytest.raises(TypeError, match="give what diagnose"):
        look(demo.fashion_net(), resume=3)


def test_cancelled_it_holds_for_the_images_seen():
    stop = threading.Event()

    def after_the_first(stage, done, total):
        assert (stage, total) == ("images", 600)
        if done:
            stop.set()

    part = diagnose(demo.fashion_net(), DATA, images=600, progress=after_the_first, cancel=stop)
    assert not part.complete and 0 < part.images < 600
    assert "stopped early" in str(part)
    whole = look(demo.fashion_net(), images=part.images, ablation=False)
    for name in ("taylor", "fires", "state", "drives_most"):
        assert [row[name] for row in part.rows()] == [row[name] for row in whole.rows()]
    stop.clear()
    on = look(demo.fashion_net(), images=600, resume=part, ablation=False)
    assert on.images == 600 and on.complete


def test_interrupted_by_the_person_it_keeps_what_it_has():
    def interrupt(stage, done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="stopped"):
        part = diagnose(demo.fashion_net(), DATA, images=600, progress=interrupt)
    assert not part.complete and 0 < part.images < 600


@pytest.fixture(name="ctrl_c")
def as_in_a_terminal():
    """What a shell starts in the background is told to ignore Ctrl-C; a kernel is not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("where", [LayerStatistics, LayerAblation, Knowledge])
def test_interrupted_while_sums_are_added_up_no_batch_counts_by_half(where, monkeypatch):
    """Ctrl-C at the worst moment: one of the sums has the batch, others don't."""
    merge, calls = where.merge, []

    def interrupted(self, other):
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        merge(self, other)

    monkeypatch.setattr(where, "merge", interrupted)
    with pytest.warns(UserWarning, match="stopped"):
        part = look(demo.fashion_net(), images=600, layers="conv2")
    monkeypatch.undo()
    assert not part.complete
    seen = part.examination.statistics[1]
    assert part.images == seen.images == part.examination.knowledge.images
    assert {rise.images for one in part.examination.ablations.values() for rise in one.rises} <= {part.ablated}
    assert same(
        look(demo.fashion_net(), images=600, layers="conv2", resume=part),
        look(demo.fashion_net(), images=600, layers="conv2"),
    )


@pytest.mark.parametrize("fault", STILL)
def test_filters_that_say_nothing_are_found(fault):
    net = plant(demo.fashion_net(), "conv2", fault, [2, 5], [2, 5], np.random.default_rng(0))
    state = "constant" if fault == "always on" else "dead"
    found = {f.filter: f.state for f in look(net, ablation=False, layers="conv2").filters if f.state != "live"}
    assert found == {2: state, 5: state, 11: "dead"}


@pytest.mark.parametrize("fault", [*COPIES, "sign flip"])
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_copies_are_named_with_their_cost(fault, layer):
    net = plant(demo.fashion_net(), layer, fault, [7, 9], [0, 3], np.random.default_rng(0))
    filters = look(net, layers=layer).filters
    duplicates = {f.filter: f.duplicate_of for f in filters if f.duplicate_of is not None}
    if fault == "sign flip":
        assert not duplicates
        assert {f.filter: f.mirror_of for f in filters if f.mirror_of is not None} == {7: 0, 0: 7, 9: 3, 3: 9}
    else:
        assert duplicates == {7: 0, 9: 3}
        if filters[7].use != "withheld":  # a doubled map in conv1 leaves nothing of what the net knew
            assert all(abs(filters[k].merge_cost) < 0.023 for k in (7, 9))
        assert "Says the same as filter 0" in filters[7].sentence


@pytest.mark.parametrize("seed", range(8))
def test_an_untrained_net_has_no_use_to_tell(seed):
    net = seeded(demo.FashionNet, seed)
    found = look(net, images=500)
    assert {f.use for f in found.filters} == {"withheld"}
    assert "guessing" in found.filters[0].use_reason
    assert found.ablated == 0  # nothing is spent on it


def test_epoch_0_is_not_structured():
    assert "structured" not in {f.structure for f in look(demo.fashion_net(epoch=0)).filters}


def test_without_labels_use_goes_by_the_nets_own_output():
    unlabelled = [DATA[k][0] for k in range(200)]
    found = look(demo.fashion_net(), unlabelled)
    assert "without labels" in found.knowledge
    uses = {f.use for f in found.filters}
    assert "used" in uses and "harmful" not in uses and "withheld" not in uses
    assert all(f.delta_loss >= 0 for f in found.filters)
    assert any("no labels" in f.sentence for f in found.filters)
    assert {f.use for f in look(demo.fashion_net(epoch=0), unlabelled).filters} == {"withheld"}


def test_one_class_is_too_little():
    coats = [k for k in range(2000) if DATA[k][1] == 4][:100]
    found = look(demo.fashion_net(), Subset(DATA, coats), images=100)
    assert "one class" in found.filters[0].use_reason
    assert {f.state for f in found.filters} == {"live", "dead"}


def test_few_images_are_said():
    found = look(demo.fashion_net(), images=20)
    assert {f.use for f in found.filters} == {"withheld"}
    assert "20 images are too few" in found.filters[0].use_reason
    assert found.filters[0].delta_loss != found.filters[0].delta_loss  # NaN


def test_broken_images_and_losses_are_left_out_and_counted():
    pixels, labels = torch.stack([DATA[k][0] for k in range(80)]), torch.tensor([DATA[k][1] for k in range(80)])
    pixels[:5] = torch.nan
    found = look(demo.fashion_net(), TensorDataset(pixels, labels), images=80)
    assert any("5 images gave a NaN" in note for note in found.notes)
    clean = look(demo.fashion_net(), TensorDataset(pixels[5:], labels[5:]), images=75)
    assert found.filters[0].taylor == pytest.approx(clean.filters[0].taylor, rel=1e-3)
    assert found.filters[0].delta_loss == pytest.approx(clean.filters[0].delta_loss, rel=1e-2, abs=1e-5)
    everywhere = look(demo.fashion_net(), TensorDataset(torch.full_like(pixels, torch.nan), labels), images=80)
    assert {f.state for f in everywhere.filters} == {"can't tell"}
    assert {f.use for f in everywhere.filters} == {"withheld"}


def test_one_broken_image_at_the_start_changes_nothing_for_the_rest():
    """Images of several sizes come one by one: the first batch is that image alone."""
    net = seeded(TwoConvs)
    sizes = [(1, 14, 14), (1, 16, 12)]
    data = [(images(*sizes[k % 2], seed=k), k % 3) for k in range(40)]
    first = np.random.default_rng(40).permutation(40)[0]
    for broken, label in ((data[first][0] * np.nan, 1), (data[first][0], None)):
        spoilt = [*data[:first], (broken, label), *data[first + 1 :]]
        found = look(net, spoilt, images=40)
        assert not any("Taylor" in note for note in found.notes)
        assert all(f.taylor > 0 for f in found.filters if f.state == "live")
        assert found.filters[0].labelled and "without labels" not in found.knowledge


@pytest.mark.parametrize("make", [torch.jit.script, lambda net: torch.jit.trace(net, torch.zeros(1, 1, 28, 28))])
def test_scripted_and_traced_nets(found, make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls both deprecated
        assert same(look(make(demo.fashion_net()), images=300), found)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-6), (torch.bfloat16, 0.02)])
def test_other_precisions(found, dtype, close):
    other = look(demo.fashion_net().to(dtype), images=300)
    for one, two in zip(other.filters, found.filters, strict=True):
        assert one.state == two.state
        assert one.delta_loss == pytest.approx(two.delta_loss, abs=close)
        assert one.estimate == pytest.approx(two.estimate, abs=close)


def test_the_same_layer_called_twice_is_judged_for_each_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.again = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
            self.fc = nn.Linear(6, 3)

        def forward(self, x):
            return self.fc(self.again(self.again(self.first(x).relu()).relu()).relu().mean((2, 3)))

    found = look(seeded(Twice), [(images(1, 9, 9, seed=k), k % 3) for k in range(40)], images=40)
    assert found.layers == ("first", "again", "again (call 1)")
    once, twice = found.of_layer("again"), found.of_layer("again (call 1)")
    assert [f.structure for f in once] == [f.structure for f in twice]
    assert [f.taylor for f in once] != [f.taylor for f in twice]


class Segments(nn.Module):
    """Not one score a class."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 5)

    def forward(self, x):
        return torch.relu(self.conv(x))


def test_of_a_net_that_is_no_classifier_structure_and_state_are_told():
    found = look(seeded(Segments), images=40)
    assert {f.state for f in found.filters} == {"live"}
    assert "not one score a class" in found.filters[0].use_reason
    assert found.filters[0].images == 40


class Mixed(nn.Module):
    """BatchNorm, a residual, depthwise and 1×1 convolutions, GELU, SiLU, LeakyReLU."""

    def __init__(self):
        super().__init__()
        self.stem, self.bn = nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 8, 1)
        self.deep = nn.Conv2d(8, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(nn.functional.gelu(self.bn(self.stem(x))), 4)
        x = x + nn.functional.silu(self.pointwise(self.depthwise(x)))
        return self.fc(nn.functional.leaky_relu(self.deep(x)).mean((2, 3)))


def test_layers_of_every_kind_are_told_or_say_why_not():
    net = seeded(Mixed)
    with torch.no_grad():
        net.depthwise.weight[3] = net.depthwise.weight[2]  # another channel: no duplicate
        net.depthwise.bias[3] = net.depthwise.bias[2]
        net.deep.weight[1], net.deep.bias[1] = 0, 0
    found = look(net, images=100)
    by_layer = {layer: found.of_layer(layer) for layer in found.layers}
    assert list(by_layer) == ["stem", "depthwise", "pointwise", "deep"]
    for layer, why in (("stem", "9 weights"), ("depthwise", "9 weights"), ("pointwise", "1×1")):
        assert {f.structure for f in by_layer[layer]} == {"can't tell"}
        assert why in by_layer[layer][0].structure_reason
    assert by_layer["pointwise"][0].name is None
    assert by_layer["deep"][1].state == "dead"
    assert [f.filter for f in found.filters if f.duplicate_of is not None] == []


@pytest.mark.parametrize(("convolution", "shape"), [(nn.Conv1d, (1, 40)), (nn.Conv3d, (1, 9, 9, 9))])
def test_signals_and_volumes(convolution, shape):
    net = seeded(lambda: nn.Sequential(convolution(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3)))
    net(images(1, *shape))
    found = look(net, TensorDataset(images(60, *shape), torch.arange(60) % 3), images=60)
    assert {f.state for f in found.filters} <= {"live", "dead"}
    assert {f.name for f in found.filters} == {None}


def test_the_net_is_left_as_it_came():
    net = seeded(Everything).train()
    fired = []
    net.stem.register_forward_hook(lambda *given: fired.append(1))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.head.weight.grad = torch.ones_like(net.head.weight)
    versions = [parameter._version for parameter in net.parameters()]
    state, python = torch.get_rng_state(), np.random.get_state()[1].copy()
    diagnose(net, TensorDataset(images(60, 1, 10, 10), torch.arange(60) % 3), images=60, progress=False)
    assert not fired
    assert all(module.training for module in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert versions == [parameter._version for parameter in net.parameters()]
    assert torch.equal(net.head.weight.grad, torch.ones_like(net.head.weight))
    assert all(p.grad is None for name, p in net.named_parameters() if name != "head.weight")
    assert torch.equal(torch.get_rng_state(), state) and (np.random.get_state()[1] == python).all()


def test_no_batch_stays_in_memory():
    """Circles of references would be taken away at last, after gigabytes of them."""
    look(demo.fashion_net(), images=20)
    gc.collect()
    gc.disable()
    try:
        found = look(demo.fashion_net(), images=600)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what else is in memory
            held = [one for one in gc.get_objects() if isinstance(one, torch.Tensor) and one.numel() > 30_000]
    finally:
        gc.enable()
    assert found.images == found.ablated == 600
    assert not [tuple(one.shape) for one in held if one.shape[0] >= 88]  # the smallest batch


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_frozen_parameters_and_no_grad_make_no_difference(found, around):
    net = demo.fashion_net().requires_grad_(False)
    with around():
        assert same(look(net, images=300), found)


def test_a_net_without_gradients_says_so_and_is_judged_all_the_same():
    class Cut(TwoConvs):
        def forward(self, x):
            with torch.no_grad():
                return super().forward(x)

    found = look(seeded(Cut), TensorDataset(images(60, 1, 14, 14), torch.arange(60) % 3), images=60)
    assert any("No Taylor estimate" in note for note in found.notes)
    assert {f.state for f in found.filters} <= {"live", "dead"}


class Stream(IterableDataset):
    def __iter__(self):
        for k in range(90):
            yield images(1, 14, 14, seed=k), k % 3


def test_a_stream_is_read_from_its_start():
    net = seeded(TwoConvs)
    held = [(images(1, 14, 14, seed=k), k % 3) for k in range(50)]
    found = look(net, Stream(), images=50)
    assert found.images == 50
    fires = [f.fires for f in look(net, held, images=50).filters]
    assert [f.fires for f in found.filters] == pytest.approx(fires)
    assert look(net, Stream(), images=200, resume=found).images == 90


def test_images_of_several_sizes():
    sizes = [(1, 14, 14), (1, 16, 12), (1, 14, 14)]
    data = [(images(*sizes[k % 3], seed=k), k % 3) for k in range(40)]
    found = look(seeded(TwoConvs), data, images=40)
    assert found.images == 40 and found.filters[0].state == "live"


def test_layers_are_chosen_by_index_name_or_module():
    net = demo.fashion_net()
    for chosen in (1, "conv2", net.conv2, [1], ["conv2", net.conv2]):
        assert look(net, images=20, ablation=False, layers=chosen).layers == ("conv2",)
    for wrong in ("conv3", 2, -1, net.fc1, True):
        with pytest.raises(ValueError, match=r"this net has convolutions 0 … 1: conv1, conv2"):
            look(net, images=20, layers=wrong)
    with pytest.raises(ValueError, match="layers has nothing in it"):
        look(net, images=20, layers=[])


@pytest.mark.parametrize("wrong", [0, -3, 2.5, "all", True, None])
def test_a_number_of_images_is_a_number(wrong):
    with pytest.raises(ValueError, match="how many images"):
        look(demo.fashion_net(), images=wrong)


def test_what_is_no_net_or_no_data_is_refused():
    with pytest.raises(TypeError, match="net is"):
        look("net")
    with pytest.raises(TypeError):
        look(demo.fashion_net(), data=3)
    with pytest.raises(NetError, match="refused an image"):
        look(demo.fashion_net(), data=images(4, 3, 28, 28))


def test_tables(found, tmp_path, monkeypatch):
    text = found.to_csv()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 30 and set(rows[0]) >= COLUMNS
    assert float(rows[0]["delta_loss"]) == pytest.approx(found.filters[0].delta_loss)
    assert rows[0]["duplicate_of"] == "" and rows[0]["noise_score"] == ""
    assert found.to_csv(tmp_path / "verdicts.csv") is None
    assert (tmp_path / "verdicts.csv").read_text(encoding="utf-8") == text
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        found.to_dataframe()


def test_the_table_of_pandas(found):
    pandas = pytest.importorskip("pandas")
    frame = found.to_dataframe()
    assert isinstance(frame, pandas.DataFrame) and set(frame.columns) >= COLUMNS and len(frame) == 30


def test_html_escapes_names():
    class Named(list):
        classes = ("<b>", "&", "c")

    data = Named([(images(1, 14, 14, seed=k), k % 3) for k in range(30)])
    page = look(seeded(TwoConvs), data, images=30)._repr_html_()
    assert "<b>" not in page and "&lt;b&gt;" in page
    assert page.count("<tr") == 10 + 2 and "<details open>" in page


def test_html_of_a_large_net_has_the_first_tables_and_all_summaries():
    wide = seeded(lambda: nn.Sequential(*(nn.Conv2d(1 if not k else 90, 90, 1) for k in range(7))))
    found = look(wide, images(3, 1, 4, 4), images=3)
    page = found._repr_html_()
    assert page.count("<details") == 4 and page.count("<tr title") == 360
    assert all(escape(found.summary(layer)) in page for layer in found.layers)
    assert "3 layers without a table here" in page


def test_without_ablation_html_shows_the_places(found):
    page = look(demo.fashion_net(), images=60, ablation=False)._repr_html_()
    assert "place 1 by estimate" in page and "place 20 by estimate" in page
    assert "by estimate" not in found._repr_html_()


def test_no_bar_where_tqdm_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "tqdm.auto", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        diagnose(demo.fashion_net(), DATA, images=20, ablation=False)
    assert capsys.readouterr().err == ""


def test_a_bar_where_it_is_there(capsys):
    pytest.importorskip("tqdm")
    diagnose(demo.fashion_net(), DATA, images=40)
    assert "40/40" in capsys.readouterr().err
