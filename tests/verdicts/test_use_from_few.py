"""Filters ablated on few images: what is said of them, budgets, going on, and how much of a layer is needed."""

import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Subset

from diagnoses import DATA, bytes_of, look
from filterscope import Explorer, demo, diagnose
from filterscope.verdicts.ablation.control import ControlledRise
from filterscope.verdicts.ablation.use import p_rise
from filterscope.verdicts.run.plan import multiplications, plan, shares_behind
from filterscope.verdicts.run.request import AblationRequest, check_request


@pytest.fixture(scope="module", name="few")
def on_64_images():
    return look(demo.fashion_net(), images=2000, ablated_images=64)


def test_it_says_what_all_images_say_to_within_both_errors(few):
    every = look(demo.fashion_net(), images=2000, ablation="all")
    pairs = list(zip(few.filters, every.filters, strict=True))
    assert few.ablated == 64 and every.ablated == 2000
    assert every.filters == look(demo.fashion_net(), images=2000, ablation=True, resume=every).filters
    apart = [
        (a.delta_loss - b.delta_loss) / np.hypot(a.ci_high - a.ci_low, b.ci_high - b.ci_low) * 3.92
        for a, b in pairs
        if a.ci_high > a.ci_low  # not the dead one's
    ]
    assert len(apart) == 29 and np.abs(apart).max() < 4
    both = [(a.use, b.use) for a, b in pairs]
    assert both.count(("used", "used")) >= 8 and ("used", "harmful") not in both
    assert "each filter was removed on 64 images" in " ".join(few.notes)
    assert few.filters[0].hurts_most is None and every.filters[0].hurts_most is not None


def test_a_dead_filter_changes_nothing(few):
    dead = few.of_layer("conv2")[11]
    assert (dead.use, dead.delta_loss, dead.ci_low, dead.ci_high) == ("no measurable use", 0, 0, 0)


def test_small_nets_have_every_filter_ablated_on_every_image():
    found = look(demo.fashion_net(), images=60)
    assert found.ablated == 60 and not found.examination.sampled
    assert bytes_of(found) == bytes_of(look(demo.fashion_net(), images=60, ablation="all"))


def test_nothing_is_harmful_below_64_images():
    falls = [ControlledRise(images, -1.0, 0.01, images - 2.0) for images in (12, 63, 64)]
    assert [np.isnan(p_rise(fall, -1)) for fall in falls] == [True, True, False]
    assert not any(np.isnan(p_rise(fall)) for fall in falls)


def test_it_goes_on_from_where_it_ended():
    net = demo.fashion_net()
    first = look(net, images=100, ablated_images=12)
    on = look(net, images=300, ablated_images=40, resume=first)
    whole = look(net, images=300, ablated_images=40)
    assert (first.ablated, on.ablated) == (12, 40)
    for left, right in zip(on.filters, whole.filters, strict=True):
        assert left.delta_loss == pytest.approx(right.delta_loss, abs=2e-5)  # batches are cut elsewhere, which rounds
    every = look(net, images=300, ablation="all", resume=on)
    assert every.ablated == 300
    assert look(net, images=300, ablated_images=40, resume=every).ablated == 300  # which tells more


def test_a_quick_look_linearises_a_quarter_and_what_is_asked_for_later_the_rest(monkeypatch):
    monkeypatch.setattr("filterscope.verdicts.run.plan._QUICK_LOOK", 0)
    net = demo.fashion_net()
    quick = look(net, images=200, ablation=False)
    on = look(net, images=300, ablated_images=64, resume=quick)
    whole = look(net, images=300, ablated_images=64)
    assert [len(each.examination.linearised(1).indices) for each in (quick, on, whole)] == [50, 300, 300]
    assert on.examination.linearised(1).indices.tolist() == whole.examination.linearised(1).indices.tolist()
    assert on.examination.linearised(1).indices.tolist() == on.examination.order[:300].tolist()
    for left, right in zip(on.filters, whole.filters, strict=True):
        assert left.ablated == right.ablated == 64
        assert left.delta_loss == pytest.approx(right.delta_loss, abs=2e-5)
    assert np.corrcoef([f.estimated_rise for f in quick.filters], [f.delta_loss for f in whole.filters])[0, 1] > 0.4


def test_cancelled_between_layers_it_holds_for_the_layers_that_are_done():
    stop = threading.Event()

    def progress(stage, done, total):
        if stage == "filters" and done >= 10:
            stop.set()

    part = diagnose(demo.fashion_net(), DATA, 200, ablated_images=20, progress=progress, cancel=stop)
    uses = {layer: {f.use for f in part.of_layer(layer)} for layer in part.layers}
    assert "withheld" not in uses["conv1"] and uses["conv2"] == {"withheld"} and not part.complete
    stop.clear()
    on = look(demo.fashion_net(), images=200, ablated_images=20, resume=part)
    assert bytes_of(on) == bytes_of(look(demo.fashion_net(), images=200, ablated_images=20))


def test_the_selected_layer_comes_first():
    found = look(demo.fashion_net(), images=60, ablation=False)
    found.examination.keep_means()
    assert plan(found.examination, AblationRequest("auto", 12, first=1), None).order == (1, 0)
    explorer = Explorer(demo.fashion_net(), DATA)
    explorer.select(layer="conv2")
    running = explorer.diagnose(images=60, ablated_images=12)
    assert running.wait().ablated == 12
    assert list(running.examination.sampled) == [1, 0]
    explorer.close()


def test_what_comes_after_a_layer_is_shared_out_by_its_multiplications():
    found = look(demo.fashion_net(), images=30, ablation=False)
    shares = shares_behind(found.examination.runner)
    assert 1 > shares[0] > shares[1] > 0


def test_the_forecast_counts_the_passes_of_each_layer():
    found = look(demo.fashion_net(), images=600, ablation=False)
    found.examination.keep_means()
    planned = plan(found.examination, AblationRequest("auto", 32), None)
    assert planned.images == 32 and planned.filters == {0: 10, 1: 19}
    assert planned.seconds == pytest.approx(32 * sum(planned.passes.values()) * planned.seconds_a_pass)
    assert planned.share_done(0) == 0 and planned.share_done(29) == pytest.approx(1)
    assert planned.share_done(10) == pytest.approx(planned.passes[0] / sum(planned.passes.values()))


def test_unasked_it_ablates_on_as_many_images_as_some_minutes_allow(monkeypatch):
    found = look(demo.fashion_net(), images=300, ablation=False)
    found.examination.keep_means()
    runner = found.examination.runner
    one_pass = sum(multiplications(runner, layer) for layer in range(len(runner.layers)))
    an_image = one_pass * sum(plan(found.examination, AblationRequest("all"), None).passes.values())
    for affordable, images in ((300, 300), (299, 299), (100, 100), (3, 64)):
        monkeypatch.setattr("filterscope.verdicts.run.plan._QUICK", an_image * (affordable + 0.5))
        planned = plan(found.examination, AblationRequest("auto"), None)
        assert (planned.images, planned.exhaustive) == (images, images == 300)


# Budgets


def test_a_budget_too_small_for_one_image_says_what_it_needs():
    found = look(demo.fashion_net(), images=300, seconds=1e-4)
    assert {f.use for f in found.filters} == {"withheld"} and not found.complete
    (note,) = (note for note in found.notes if "seconds=" in note)
    assert "is too short to ablate filters" in note and "on the 12 that a verdict needs" in note
    assert found.filters[0].rank is not None


def test_a_budget_that_is_large_ablates_on_as_many_images_as_it_allows():
    found = look(demo.fashion_net(), images=200, seconds=1e6)
    assert found.ablated == 200 and found.complete


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"ablation": "some"}, ValueError, "choose 'auto' .*, 'all' .* or False"),
        ({"ablation": None}, ValueError, "choose 'auto'"),
        ({"ablation": "all", "seconds": 5}, ValueError, "seconds is a budget for ablation='auto'"),
        ({"ablation": False, "ablated_images": 20}, ValueError, "ablated_images is a budget for"),
        ({"ablated_images": 3}, ValueError, "ablated_images is 3; give 12 to 1,000"),
        ({"ablated_images": 2000}, ValueError, "give 12 to 1,000"),
        ({"ablated_images": 20.5}, TypeError, "ablated_images is a float; give a number"),
        ({"seconds": 0}, ValueError, "seconds is 0; give how many seconds it may take"),
        ({"seconds": float("nan")}, ValueError, "more than 0"),
        ({"seconds": "5"}, TypeError, "seconds is a str; give a number"),
    ],
)
def test_what_does_not_fit_is_said(options, error, words):
    with pytest.raises(error, match=words):
        look(demo.fashion_net(), images=20, **options)


def test_true_means_all():
    assert check_request(True) == check_request("all") == AblationRequest("all")


# Nets that are otherwise


class Embeds(nn.Module):
    """No score a class."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        return nn.functional.normalize(self.conv(x).mean((2, 3)), dim=1)


def test_a_net_whose_outputs_are_no_classes_has_no_use():
    torch.manual_seed(0)
    found = look(Embeds(), images=100, ablated_images=20)
    assert {f.use for f in found.filters} == {"withheld"} and found.ablated == 0
    assert "not one score a class" in found.filters[0].use_reason
    assert found.filters[0].estimated_rise != found.filters[0].estimated_rise
    with pytest.raises(ValueError, match="cannot be estimated: the net's output is not one score a class"):
        found.cost_together("conv", [0])


class NoGradient(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = demo.fashion_net()

    def forward(self, x):
        return self.net(x.detach()).detach()


def test_without_gradients_few_ablations_stand_alone():
    found = look(NoGradient(), images=300, ablated_images=250)  # alone, 40 are too few for any
    assert found.ablated == 250 and any(f.use == "used" for f in found.filters)
    plain = found.examination.sampled[0]
    assert plain.rises[3].mean == pytest.approx(np.concatenate([part.rises for part in plain.rows])[:, 3].mean())


def test_without_labels_it_goes_by_the_divergence_of_the_output():
    images = torch.from_numpy(DATA.images[:600, None]).float() / 255
    few = look(demo.fashion_net(), data=images, images=600, ablated_images=40)
    every = look(demo.fashion_net(), data=images, images=600, ablation="all")
    for a, b in zip(few.filters, every.filters, strict=True):
        assert a.delta_loss == pytest.approx(b.delta_loss, abs=0.6 * b.delta_loss + 2e-3)
        assert a.use != "harmful"


# How much of a layer is needed


def test_a_layer_says_how_much_of_it_is_needed(few):
    use = few.layer_uses["conv2"]
    assert 0 < use.at_least_used <= sum(f.use == "used" for f in few.of_layer("conv2"))
    assert 11 in use.together and use.images == 256
    words = few.summary("conv2")
    assert f"at least {use.at_least_used} of 20 used; " in words and "on 256 other images)" in words
    assert ("less than 1% of what the net knows" in words) == (use.at_most < 0.01)


def test_a_set_is_measured_on_images_that_did_not_choose_it(few):
    sums = few.examination
    chosen, measured = sums.images_apart()
    assert not set(chosen) & set(measured) and len(measured) == 256
    use = few.layer_uses["conv1"]
    explorer = Explorer(demo.fashion_net(), Subset(DATA, sums.order[list(measured)].tolist()))
    effect = explorer.without(use.together, layer="conv1", images=256).effect
    assert use.rise.value == pytest.approx(effect.loss_change.value, abs=0.004)  # its means are of other images
    explorer.close()


def test_of_few_images_nothing_is_said_of_a_layer():
    found = look(demo.fashion_net(), images=60)
    assert found.layer_uses["conv1"].rise is None and "together" not in found.summary("conv1")


def test_the_three_orders_are_named_apart(few):
    single, joint, square = (few.order("conv2", by) for by in ("single", "joint", "root mean square"))
    assert sorted(single) == sorted(joint) == sorted(square) == list(range(20))
    assert single == sorted(range(20), key=lambda k: -few.of_layer("conv2")[k].delta_loss)
    assert joint[-1] == square[-1] == 11
    with pytest.raises(ValueError, match="choose 'single', 'joint' or 'root mean square'"):
        few.order("conv2", "greedy")
    with pytest.raises(ValueError, match=r"give one or more of 0 … 19, the filters of conv2"):
        few.cost_together("conv2", [20])


def test_a_set_costs_what_it_is_estimated_to(few):
    """Random sets of up to a quarter of a layer: by this net and these images, without a pass."""
    explorer = Explorer(demo.fashion_net(), DATA)
    generator = np.random.default_rng(0)
    ratios = []
    for size in (3, 5):
        filters = [int(k) for k in generator.choice(20, size, replace=False)]
        measured = explorer.without(filters, layer="conv2", images=300).effect.loss_change.value
        ratios.append(few.cost_together("conv2", filters).rise.value / measured)
    assert 0.6 < np.median(ratios) < 1.5
    assert "estimated from gradients on 1,000 images, not measured" in str(few.cost_together("conv2", [1, 2]))
    explorer.close()


def test_without_ablation_the_rise_is_estimated_in_nats(few):
    found = look(demo.fashion_net(), images=1000, ablation=False)
    assert {f.use for f in found.filters} == {"withheld"}
    sentence = found.filters[4].sentence
    assert "Estimated from gradients, without it the loss would change by +0." in sentence
    used = [k for k, f in enumerate(few.filters) if f.use == "used"]
    ratios = [found.filters[k].estimated_rise / few.filters[k].delta_loss for k in used]
    assert 0.6 < np.median(ratios) < 1.5
