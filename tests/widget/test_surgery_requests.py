"""What a page is told of its tray: the net with and without what is in it, what that saves, and what it costs."""

import numpy as np
import pytest
import torch

from filterscope import Explorer, NetError, demo
from filterscope.nets.fingerprint import fingerprint

IMAGES = 300


@pytest.fixture(scope="module")
def explorer():
    whole = demo.fashion_test_data()
    data = [(torch.from_numpy(whole.images[k][None].copy()).float() / 255, int(whole.labels[k])) for k in range(900)]
    explorer = Explorer(demo.fashion_net(), data, classes=whole.classes)
    explorer.diagnose(images=IMAGES, ablation=False).wait()
    yield explorer
    explorer.close()


def answer(explorer, name, **args):
    """The answer once it is there, as a page asks again for it."""
    for _ in range(3000):
        body = explorer.pages.requests.handlers[name](args)
        if body["status"] not in ("preparing", "running"):
            return body
    raise AssertionError(f"no answer to {name} {args}")


def tray(explorer, filters=(), image=2, layer=1, **more):
    return answer(explorer, "tray", image=image, layer=layer, filters=[list(each) for each in filters], **more)


def filters_in(body):
    return [(layer["index"], index) for layer in body["layers"] for index in layer["filters"]]


def test_what_is_in_the_tray_is_what_the_smaller_net_lacks(explorer):
    before = fingerprint(explorer.session.engine.net)
    body = tray(explorer, [(1, 3)], toggles=[[1, 11]])
    assert filters_in(body) == [(1, 3), (1, 11)]
    assert body["layers"] == [{"index": 1, "name": "conv2", "filters": [3, 11], "had": 20}]

    scope = {"explorer": explorer}
    exec(body["python"].replace("print(plan)", ""), scope)  # the lines that a person copies
    plan, smaller = scope["plan"], scope["smaller"]
    assert plan.filters == {"conv2": (3, 11)}
    assert body["parameters"] == (plan.before.parameters, sum(p.numel() for p in smaller.parameters()))
    image = torch.from_numpy(np.asarray(explorer.session.engine.sample(2).net_input))[None]
    for net, told in ((explorer.session.engine.net, body["before"]), (smaller, body["after"])):
        with torch.no_grad():
            probabilities = torch.softmax(net(image)[0], 0)
        names = explorer.session.engine.classes
        expected = {names[k]: float(probabilities[k]) for k in range(10)}
        assert dict(told) == pytest.approx(expected, abs=1e-5)
    assert fingerprint(explorer.session.engine.net) == before

    assert filters_in(tray(explorer, filters_in(body), toggles=[[1, 3]])) == [(1, 11)]  # and it is taken out again

    assert "Explorer.compare(net, smaller, test_data)" in body["python"]
    both = Explorer.compare(explorer.session.engine.net, smaller, demo.fashion_test_data(), images=50).comparison
    kept = [k for k in range(20) if k not in (3, 11)]
    partners = both.of_layer("conv2").partner
    assert partners[kept].tolist() == list(range(18)) and (partners[[3, 11]] == -1).all()
    assert tray(explorer)["python"] == "" and tray(explorer)["before"] == tray(explorer)["after"]


def test_a_word_puts_in_all_of_which_it_holds(explorer):
    words = dict(tray(explorer)["words"])
    dead = [verdict.filter for verdict in explorer.diagnosis.of_layer("conv2") if verdict.state == "dead"]
    assert words["dead"] == len(dead) > 0
    assert filters_in(tray(explorer, [(0, 1)], word="dead")) == [(0, 1), *((1, index) for index in dead)]


def test_the_order_leads_from_the_whole_net_to_a_filter_a_layer(explorer):
    body = answer(explorer, "tray_order")
    left, groups = body["left"], body["groups"]
    assert left[0] == 1 and (np.diff(left) < 0).all() and len(left) == len(groups) + 1 == 29
    count = tray(explorer, [each for group in groups[:12] for each in group])["parameters"]
    assert count[1] / count[0] == pytest.approx(left[12])
    assert len(filters_in(tray(explorer, [each for group in groups for each in group]))) == 28


def test_the_measured_cost_is_the_plans(explorer):
    body = answer(explorer, "tray_plan", filters=[[1, 3], [1, 4]])
    plan = explorer.diagnosis.plan(remove={"conv2": [3, 4]})
    assert body["effect"]["images"] == 600 == plan.cost.images  # of 900, without those that the diagnosis saw
    assert body["effect"]["accuracy_after"] == plan.cost.accuracy_after
    assert body["effect"]["loss_change"]["value"] == pytest.approx(plan.cost.loss_change.value, rel=1e-4)
    assert body["after"]["parameters"] == plan.after.parameters < body["before"]["parameters"]


def test_the_width_curve_is_pythons(explorer):
    body = answer(explorer, "tray_widths", layer=1)
    (curve,) = explorer.diagnosis.widths(layers="conv2", images=1000).curves
    assert body["kept"] == [point.kept for point in curve.points] == [17, 15, 12, 10, 7, 5, 2]
    np.testing.assert_allclose(body["loss"][:, 0], [point.loss_change.value for point in curve.points], rtol=1e-3)
    assert body["spared"] == pytest.approx(curve.spared, abs=1e-3)


def test_what_makes_no_sense_is_refused_and_what_is_cancelled_ends(explorer):
    handlers = explorer.pages.requests.handlers
    for name, args, words in (
        ("tray", {"filters": "all"}, "give a list"),
        ("tray", {"filters": [[1, 20]]}, "conv2 has filters 0 … 19"),
        ("tray", {"filters": [[2, 0]]}, "this net has convolutions 0 … 1"),
        ("tray", {"filters": [3]}, "a filter is 3"),
        ("tray", {"filters": [], "word": "ugly"}, "word is 'ugly'"),
        ("tray", {"filters": [], "word": "harmful"}, "no filter that can be removed is harmful"),
        ("tray_plan", {"filters": []}, "The tray is empty"),
        ("tray_widths", {"layer": 7}, "this net has convolutions 0 … 1"),
    ):
        with pytest.raises(ValueError, match=words):
            handlers[name]({"image": 0, "layer": 1, **args})
    with pytest.raises(NetError, match="all its 10 filters would go"):
        tray(explorer, [(0, index) for index in range(10)])
    handlers["tray_widths"]({"layer": 0})
    assert handlers["tray_widths"]({"cancel": True}) == {"status": "cancelled"}


def test_the_smaller_net_stands_beside_the_original_with_the_plans_pairs(explorer):
    handlers, gone = explorer.pages.requests.handlers, [(0, 2), (1, 3), (1, 11)]
    told = []
    sent, explorer.send = explorer.send, lambda *message: told.append(message[0])
    try:
        assert not tray(explorer, gone)["beside"] and explorer.comparison is None
        assert answer(explorer, "tray_compare", filters=[list(each) for each in gone]) == {"status": "done"}
        assert [message["kind"] for message in told] == ["changed"]  # so that the pages describe it anew
        assert handlers["describe"]({})["two_nets"] and tray(explorer, gone)["beside"]
        assert not tray(explorer, gone[:2])["beside"]

        smaller = explorer.diagnosis.plan(remove={"conv1": [2], "conv2": [3, 11]}).apply()
        kept = [k for k in range(20) if k not in (3, 11)]
        layer = explorer.comparison.of_layer("conv2")
        assert layer.partner[kept].tolist() == list(range(18)) and (layer.partner[[3, 11]] < 0).all()
        assert layer.summary == "conv2: 18 of 20 stay, 2 left out"
        images = explorer.comparison.images
        seen = set(explorer.diagnosis.examination.order[:IMAGES].tolist())
        assert len(images) == 500 and not seen & set(images.tolist())
        data = explorer.session.engine
        batch = torch.from_numpy(np.stack([np.asarray(data.sample(int(k)).net_input) for k in images]))
        labels = [data.sample(int(k)).label for k in images]
        with torch.no_grad():
            right = [np.array([data.classes[k] for k in net(batch).argmax(1)]) == labels for net in (data.net, smaller)]
        assert sorted(explorer.comparison.only_a) == sorted(images[right[0] & ~right[1]])
        assert sorted(explorer.comparison.only_b) == sorted(images[~right[0] & right[1]])

        args = {"image": 2, "layer": 1, "channel": None, "source": "input"}
        pair = handlers["comparison_pair"]({**args, "filter": 12})
        assert (pair["filter_b"], pair["relation"]) == (10, "partner")
        np.testing.assert_allclose(pair["kernels"][1], smaller.conv2.weight[10].detach(), rtol=1e-6)
        pair = handlers["comparison_pair"]({**args, "filter": 3})
        assert (pair["filter_b"], pair["relation"]) == (None, "left out")

        assert answer(explorer, "tray_compare", close=True) == {"status": "done"}
        assert explorer.comparison is None and not handlers["describe"]({})["two_nets"]
        assert [message["kind"] for message in told] == ["changed"] * 2
    finally:
        explorer.send = sent


def test_a_smaller_net_of_earlier_weights_stands_beside_it_no_longer():
    net = demo.fashion_net()
    explorer = Explorer(net, demo.fashion_test_data())
    explorer.diagnose(images=50, ablation=False).wait()
    tray(explorer)
    answer(explorer, "tray_compare", filters=[[1, 3]])
    assert explorer.comparison is not None
    with torch.no_grad():
        net.conv1.weight.mul_(2)
    explorer.refresh()
    assert explorer.comparison is None
    explorer.close()


def test_two_nets_that_somebody_compares_stay():
    net = demo.fashion_net()
    explorer = Explorer.compare(net, demo.fashion_net(epoch=1), demo.fashion_test_data(), images=30)
    comparison = explorer.comparison
    explorer.diagnose(images=50, ablation=False).wait()
    for args in ({"filters": [[1, 3]]}, {"close": True}):
        with pytest.raises(ValueError, match="compares two nets already"):
            answer(explorer, "tray_compare", **args)
    assert explorer.comparison is comparison
    explorer.close()


def test_without_a_diagnosis_of_these_weights_there_is_a_sentence():
    whole = demo.fashion_test_data()
    net = demo.fashion_net()
    with_none = Explorer(net, whole)
    assert tray(with_none) == {"status": "waiting", "why": with_none.session.tray.waits_for}
    with pytest.raises(ValueError, match="press Diagnose first"):
        answer(with_none, "tray_order")
    with_none.diagnose(images=50, ablation=False).wait()
    assert filters_in(tray(with_none, [(1, 3)])) == [(1, 3)]
    with torch.no_grad():
        net.conv1.weight.mul_(2)
    with_none.refresh()
    assert "diagnose again first" in tray(with_none)["why"]
    with pytest.raises(ValueError, match="diagnose again first"):
        answer(with_none, "tray_widths", layer=1)
    with_none.close()
