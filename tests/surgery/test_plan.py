"""Plans: what is chosen, on which images its cost is measured, what is refused; and that nothing half done is left."""

import numpy as np
import pytest
import torch
from scipy import stats

from filterscope import Estimate, NetError, demo, diagnose
from filterscope.nets.fingerprint import fingerprint
from filterscope.surgery.order import Removal, greedy
from filterscope.surgery.planning import Patient, wilson
from filterscope.surgery.widths import WidthCurve, WidthPoint, Widths

IMAGES = 300


@pytest.fixture(scope="module")
def net():
    return demo.fashion_net()


@pytest.fixture(scope="module")
def data():
    whole = demo.fashion_test_data()
    return [(torch.from_numpy(whole.images[k][None].copy()).float() / 255, int(whole.labels[k])) for k in range(900)]


@pytest.fixture(scope="module")
def found(net, data):
    return diagnose(net, data, images=IMAGES, ablation=False, classes=demo.fashion_test_data().classes, progress=False)


def test_the_cost_is_that_of_the_smaller_net_on_images_that_were_not_used_to_choose(net, data, found):
    before, state = fingerprint(net), torch.random.get_rng_state()
    plan = found.plan(keep=0.75, layers="conv2", images=400)
    assert plan.left == {"conv1": (10, 10), "conv2": (15, 20)} and set(plan.filters) == {"conv2"}
    assert 11 in plan.filters["conv2"]  # which is dead
    assert [group.why for group in plan.groups if group.filters == (("conv2", 11),)] == ["dead"]

    small = plan.apply()
    assert type(small) is demo.FashionNet and small.conv2.out_channels == 15 and not small.training
    others = np.random.default_rng(len(data)).permutation(len(data))[IMAGES : IMAGES + 400]
    images = torch.stack([data[k][0] for k in others])
    labels = torch.tensor([data[k][1] for k in others])
    with torch.no_grad():
        right = (small(images).argmax(1) == labels).double().mean()
        loss = torch.nn.functional.cross_entropy(small(images), labels)
    assert plan.cost.images == 400
    assert plan.cost.accuracy_after == pytest.approx(float(right)) == plan.accuracy.value
    assert plan.cost.loss_after == pytest.approx(float(loss), rel=1e-4)
    assert plan.after.parameters == sum(p.numel() for p in small.parameters())
    assert plan.after.multiply_adds == 26 * 26 * 9 * 10 + 11 * 11 * 9 * 10 * 15 + 375 * 50 + 500
    assert plan.difference < 1e-5
    assert fingerprint(net) == before and torch.equal(torch.random.get_rng_state(), state)
    small.conv2.weight.data.zero_()
    assert plan.apply().conv2.weight.any()  # each is one's own


def test_a_narrower_net_of_the_users_class_loads_the_state(found):
    plan = found.plan(remove={"conv2": [3, 11], "conv1": 4}, images=30)
    narrow = demo.FashionNet()
    narrow.conv1, narrow.conv2 = torch.nn.Conv2d(1, 9, 3), torch.nn.Conv2d(9, 18, 3)
    narrow.fc1 = torch.nn.Linear(18 * 25, 50)
    narrow.load_state_dict(plan.apply().state_dict())
    assert {group.why for group in plan.groups} == {"asked for", "dead"}
    assert "conv2: 18 of 20 filters stay; without 3, 11" in str(plan)
    program = torch.export.export(plan.apply(), (torch.rand(2, 1, 28, 28),))
    images = torch.rand(2, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(images), plan.apply()(images))


def test_parameters_and_loss_are_kept(found):
    plan = found.plan(parameters=0.7, images=30)
    assert 0.5 < plan.after.parameters / plan.before.parameters <= 0.7
    small = found.plan(loss=0.01, images=30)
    large = found.plan(loss=0.3, images=30)
    assert 0 < len(small.groups) < len(large.groups)
    patient = Patient.of(found, 30)
    groups = [patient.structure.group_of(int(layer[-1]) - 1, k) for layer, ks in large.filters.items() for k in ks]
    seen = patient.chosen_on[IMAGES // 2 :]
    assert patient.change(groups, seen, lambda *_: None).loss_change.value <= 0.3


def test_the_order_is_that_of_brute_force():
    """Each group that goes adds least to ½ Σ over pairs, per unit that it saves."""
    random = np.random.default_rng(0)
    moves = random.normal(size=(40, 12)) @ random.normal(size=(12, 12))
    covariance, weights = moves.T @ moves / 40, random.uniform(1, 3, 12)

    class Structure:
        layers = ()
        groups = [type("Group", (), {"filters": ()})] * 12

    order = list(greedy(Removal(Structure, range(12)), list(range(12)), covariance, weights, lambda: False))
    gone = []
    for group in order:

        def cost(groups):
            return covariance[np.ix_(groups, groups)].sum() / 2

        added = {k: (cost([*gone, k]) - cost(gone)) / weights[k] for k in range(12) if k not in gone}
        assert group == min(added, key=added.__getitem__)
        gone.append(group)


def test_the_interval_of_an_accuracy_is_wilsons():
    for right, images in ((0, 40), (37, 40), (400, 500)):
        expected = stats.binomtest(right, images).proportion_ci(method="wilson")
        own = wilson(right / images, images)
        assert (own.low, own.high) == pytest.approx((expected.low, expected.high), abs=1e-7)


def test_filters_begun_anew_are_other_filters_in_a_net_that_computes_what_the_smaller_one_does(
    net, data, found, monkeypatch
):
    monkeypatch.setattr(torch, "manual_seed", None)  # it seeds the generators of all devices
    plan = found.plan(remove={"conv2": [3, 11]}, images=30)
    state = torch.random.get_rng_state()
    anew = plan.reinitialise(seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    images = torch.stack([data[k][0] for k in range(20)])
    with torch.no_grad():
        torch.testing.assert_close(anew(images), plan.apply()(images), rtol=1e-4, atol=1e-4)
        assert not torch.equal(anew.conv2.weight[3], net.conv2.weight[3])
        torch.testing.assert_close(anew.conv2.weight[4], net.conv2.weight[4])
        assert torch.equal(plan.reinitialise(seed=1).conv2.weight, anew.conv2.weight)
        assert not torch.equal(plan.reinitialise(seed=2).conv2.weight, anew.conv2.weight)
    maps = torch.relu(torch.nn.functional.conv2d(torch.rand(8, 10, 13, 13), anew.conv2.weight, anew.conv2.bias))
    assert (maps.amax((0, 2, 3))[[3, 11]] > 0).all()  # the dead one fires
    anew.train()(images).logsumexp(1).sum().backward()
    assert anew.fc1.weight.grad.reshape(50, 20, 25)[:, 11].abs().sum() > 0  # and can be heard


def test_widths_go_down_and_cost_more(found):
    curve = found.widths(layers="conv2", images=200).curves[0]
    kept = [point.kept for point in curve.points]
    assert kept == sorted(kept, reverse=True) and kept[0] == 17 and kept[-1] == 2
    assert curve.points[-1].loss_change.low > curve.points[0].loss_change.high
    assert 0 < curve.spared < 1


def curve(layer, filters, spared, *together):
    return WidthCurve(layer, filters, (WidthPoint(1, Estimate(0, 0, 0), Estimate(0, 0, 0)),), spared, together)


def test_the_layer_with_twice_the_filters_to_spare_of_any_other_is_too_wide():
    def named(*curves):
        return Widths(curves, 100, 2.0).too_wide

    assert named(curve("a", 4, 0.5), curve("b", 32, 0.2)) == "b"
    assert named(curve("a", 8, 0.5), curve("b", 32, 0.2)) is None  # 4 and 6.4
    assert named(curve("a", 4, 0.0), curve("b", 32, 0.09)) is None  # few of its own
    assert named(curve("a", 1, 0.5)) is None  # not one
    assert named(curve("a", 20, 0.3)) == "a"
    words = str(Widths((curve("a", 4, 0.5), curve("b", 32, 0.2)), 100, 2.0))
    assert "b is wider than it has to be: 6 of its 32 filters can be spared, at least 2 times as many" in words
    assert "b is the bottleneck" in words


def test_layers_that_lose_their_filters_together_are_one_in_the_conclusion():
    pair = curve("conv", 8, 0.5, "depthwise"), curve("depthwise", 8, 0.5, "conv")
    widths = Widths((*pair, curve("last", 8, 0.1)), 100, 2.0)
    assert (widths.too_wide, widths.bottleneck) == ("conv", "last")
    assert Widths(pair, 100, 2.0).bottleneck is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "plan is given nothing; give one of loss="),
        ({"loss": 0.1, "keep": 0.5}, "plan is given loss and keep; give one"),
        ({"keep": 1.5}, "keep is 1.5; give the share that stays, between 0 and 1"),
        ({"parameters": True}, "parameters is True; give the share"),
        ({"loss": -1}, "loss is -1; give by how many nats"),
        ({"loss": float("nan")}, "loss is nan; give by how many nats"),
        ({"loss": 0}, "no filter can go with a rise"),
        ({"remove": "useless"}, "remove is 'useless'; give {layer: .indices.}, or of these words"),
        ({"remove": {}}, "remove names no filter"),
        ({"remove": {"conv3": [1]}}, "conv3"),
        ({"remove": {"conv2": [20]}}, r"remove names filter 20 of conv2; it has filters 0 … 19"),
        ({"remove": {"conv2": [True]}}, "remove names filter True"),
        ({"remove": "harmful"}, "no filter that can be removed is harmful"),
        ({"remove": {"conv1": range(10)}}, "nothing would be left of conv1: all its 10 filters would go"),
        ({"keep": 0.5, "images": 3}, "images is 3; give on how many images the cost is measured, 30 or more"),
        ({"keep": 0.5, "layers": "conv9"}, "conv9"),
    ],
)
def test_bad_options_are_refused(net, found, options, sentence):
    before = fingerprint(net)
    if options == {"loss": 0}:
        options = {"loss": 0, "layers": "conv1"}
    with pytest.raises(ValueError, match=sentence):
        found.plan(**options)
    assert fingerprint(net) == before


def test_a_plan_of_other_weights_and_a_diagnosis_of_all_images_are_refused(data):
    net = demo.fashion_net()
    found = diagnose(net, data, images=200, ablation=False, progress=False)
    plan = found.plan(remove={"conv2": [3]}, images=30)
    with torch.no_grad():
        net.conv2.weight[0] += 1
    for ask in (plan.apply, plan.reinitialise, lambda: found.plan(keep=0.5)):
        if ask is plan.apply:
            with pytest.raises(ValueError, match="choose 'bias' or 'map'"):
                ask(border="none")
        with pytest.raises(ValueError, match="weights are others than the diagnosis saw"):
            ask()
    whole = diagnose(demo.fashion_net(), data[:200], images=190, ablation=False, progress=False)
    with pytest.raises(ValueError, match=r"saw 190 of the 200 images, so 10 are left .* and 30 are needed"):
        whole.plan(keep=0.5)


def test_a_scripted_net_cannot_be_cut(data):
    scripted = torch.jit.script(demo.fashion_net())
    found = diagnose(scripted, data, images=100, ablation=False, progress=False)
    with pytest.raises(NetError, match=r"scripted|computed"):
        found.plan(remove={found.layers[1]: [3]}, images=30)


def test_a_net_without_a_score_a_class_is_cut_where_somebody_says_and_its_cost_is_not_known():
    class Segments(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return self.last(torch.relu(self.first(x)))

    found = diagnose(Segments(), torch.rand(90, 1, 8, 8), images=40, ablation=False, progress=False)
    plan = found.plan(remove={"first": [1]}, images=30)
    assert plan.cost is None and plan.accuracy is None and plan.apply().first.out_channels == 3
    assert str(plan).startswith("1 filter goes (1 asked for)")
    with pytest.raises(ValueError, match="output is not one score a class"):
        found.plan(keep=0.5, layers="first")
    with pytest.raises(NetError, match="filter 1 of last cannot be removed: it is a part of the net's output"):
        found.plan(remove={"last": [1]})
