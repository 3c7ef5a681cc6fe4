"""Two nets on one page: both pictures, their difference, and the filters that explain a disagreement."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from filterscope import Explorer, compare, demo

DATA = demo.fashion_test_data()


def ask(explorer, name, **args):
    return explorer.pages.requests.handlers[name](args)


def pair_of(explorer, image, layer, filter_index):
    return ask(explorer, "comparison_pair", image=image, layer=layer, filter=filter_index, source="input")


def test_the_page_is_told_what_compare_finds():
    a, b = demo.fashion_net(epoch=1), demo.fashion_net()
    explorer, alone = Explorer.compare(a, b, DATA, images=100), compare(a, b, DATA, images=100)
    assert str(explorer.comparison) == str(alone)
    assert len(alone.only_a) + len(alone.only_b) > 0
    assert ask(explorer, "describe")["two_nets"] is True
    body = ask(explorer, "comparison", layer=1)
    assert body["lines"] == str(alone).splitlines()
    told = [(row["filter"], row["partner"], row["correlation"]) for row in body["filters"]]
    rows = [row for row in alone.rows() if row["layer"] == "conv2"]
    assert told == [(row["filter"], row["partner"], row["correlation"]) for row in rows]
    assert body["only_a"] == alone.only_a[:24].tolist()
    assert all(value is None or np.isfinite(value) for row in body["filters"] for value in row.values())


def test_both_pictures_and_their_difference_are_the_nets_own():
    a = demo.fashion_net(epoch=1)
    b = copy.deepcopy(a)
    with torch.no_grad():
        b.conv1.weight.copy_(a.conv1.weight.flip(0) * 2)
        b.conv1.bias.copy_(a.conv1.bias.flip(0) * 2)
    explorer = Explorer.compare(a, b, DATA, images=60)
    image = DATA[7][0][None]
    for index in range(10):
        body = pair_of(explorer, 7, 0, index)
        assert (body["filter_b"], body["relation"]) == (9 - index, "partner")
        with torch.no_grad():
            expected = [F.relu(a.conv1(image))[0, index], F.relu(b.conv1(image))[0, 9 - index]]
        expected.append(expected[1] - expected[0])
        for shown, truth in zip(body["activations"], expected, strict=True):
            np.testing.assert_allclose(shown, truth, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(body["kernels"][0], a.conv1.weight[index].detach())
        np.testing.assert_allclose(body["kernels"][2], a.conv1.weight[index].detach(), rtol=1e-6)


def test_another_width_and_normalisation_have_one_page_too():
    torch.manual_seed(0)
    a = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 3, 3))
    b = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 3, bias=False), torch.nn.ReLU(), torch.nn.Conv2d(6, 3, 3))
    with torch.no_grad():
        b[0].weight[:4] = a[0].weight * 5
    images = torch.rand(30, 1, 12, 12)
    explorer = Explorer.compare(a, b, images, images=30, data_b=images / 5 - 1)
    assert explorer.comparison.of_layer("0").partner.tolist() == [0, 1, 2, 3]
    body = pair_of(explorer, 3, 0, 2)
    with torch.no_grad():
        np.testing.assert_allclose(body["activations"][1], F.relu(b[0](images[3:4] / 5 - 1))[0, 2], atol=1e-5)
    assert pair_of(explorer, 3, 1, 0)["kernels"][2] is None  # of 4 and of 6 channels
    with pytest.raises(ValueError, match="not one score a class"):
        ask(explorer, "comparison_swaps", image=0, layer=0)


def test_the_filter_that_was_broken_explains_the_disagreement():
    """One filter of b is broken: with a's map in its place b says what a says."""
    a = demo.fashion_net()
    b = copy.deepcopy(a)
    with torch.no_grad():
        b.conv2.bias[4] += 8
    explorer = Explorer.compare(a, b, DATA, images=200, same_run=True)
    wrong = explorer.comparison.only_a
    assert len(wrong)
    image = int(wrong[0])
    body = ask(explorer, "comparison_swaps", image=image, layer=1)
    assert body["class_name"] == explorer.select(image=image).label
    assert body["swaps"][0]["filter"] == body["swaps"][0]["partner"] == 4
    assert body["swaps"][0]["probability"] == pytest.approx(body["of_a"], abs=1e-5)
    assert body["of_b"] != pytest.approx(body["of_a"], abs=0.05)
    # Each of the others is as the oracle says: a's map in b by a hook.
    own = F.relu(a.conv2(F.max_pool2d(F.relu(a.conv1(DATA[image][0][None])), 2))).detach()
    for swap in body["swaps"][1:]:

        def put(module, inputs, output, index=swap["filter"]):
            output = output.clone()
            output[:, index] = own[:, index]
            return output

        hooked = copy.deepcopy(b).eval()
        handle = hooked.conv2.register_forward_hook(put)
        with torch.no_grad():
            scores = torch.softmax(hooked(DATA[image][0][None]).double(), 1)[0]
        handle.remove()
        number = DATA.classes.index(body["class_name"])
        assert swap["probability"] == pytest.approx(float(scores[number]), abs=1e-5)


def test_neither_net_nor_the_random_numbers_change():
    a, b = demo.fashion_net(epoch=1).train(), demo.fashion_net().train()
    before, state = [copy.deepcopy(net.state_dict()) for net in (a, b)], torch.get_rng_state()
    explorer = Explorer.compare(a, b, DATA, images=30)
    pair_of(explorer, 0, 1, 2)
    ask(explorer, "comparison_swaps", image=0, layer=1)
    assert torch.equal(torch.get_rng_state(), state) and a.training and b.training
    for net, kept in zip((a, b), before, strict=True):
        assert all(torch.equal(value, kept[name]) for name, value in net.state_dict().items())


def test_one_net_alone_says_so():
    explorer = Explorer(demo.fashion_net(), DATA)
    assert explorer.comparison is None and ask(explorer, "describe")["two_nets"] is False
    with pytest.raises(ValueError, match=r"one net alone.*Explorer\.compare\(a, b, data\)"):
        ask(explorer, "comparison", layer=0)
    with pytest.raises(ValueError, match="no layer in common"):
        Explorer.compare(demo.fashion_net(), torch.nn.Conv2d(1, 2, 3), DATA, images=20)
