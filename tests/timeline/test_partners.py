"""Which filter is which: planted pairs are found, others are not, at the null's rate."""

import copy
import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize import linear_sum_assignment
from torch import nn

import filterscope.timeline.damage as damage_module
from filterscope import compare, demo
from filterscope.nets.runner import NetRunner
from filterscope.timeline.damage import moves_of_scores
from filterscope.timeline.partners import Places, pairs_of

DATA = demo.fashion_test_data()


def permuted(net, seed):
    """The same function with the filters of both layers in another order, each scaled by a number of its own."""
    net, generator = copy.deepcopy(net), torch.Generator().manual_seed(seed)
    one, two = torch.randperm(10, generator=generator), torch.randperm(20, generator=generator)
    s1, s2 = (torch.rand(n, generator=generator) * 3 + 0.1 for n in (10, 20))
    with torch.no_grad():
        net.conv1.weight.copy_((net.conv1.weight * s1[:, None, None, None])[one])
        net.conv1.bias.copy_((net.conv1.bias * s1)[one])
        net.conv2.weight.copy_(net.conv2.weight[:, one] / s1[one][None, :, None, None])
        net.conv2.weight.copy_((net.conv2.weight * s2[:, None, None, None])[two])
        net.conv2.bias.copy_((net.conv2.bias * s2)[two])
        scaled = net.fc1.weight.view(50, 20, 25)[:, two] / s2[two][None, :, None]
        net.fc1.weight.copy_(scaled.reshape(50, 500))
    return net, np.argsort(one.numpy()), np.argsort(two.numpy())


def test_a_planted_permutation_and_rescaling_is_recovered_whole():
    net = demo.fashion_net()
    for seed in range(2):
        other, one, two = permuted(net, seed)
        images = torch.stack([DATA[k][0] for k in range(8)])
        with torch.no_grad():
            torch.testing.assert_close(other.eval()(images), net.eval()(images), rtol=1e-3, atol=1e-3)  # the plant
        found = compare(net, other, DATA, images=100)
        for layer, truth in (("conv1", one), ("conv2", two)):
            partners = found.of_layer(layer)
            np.testing.assert_array_equal(partners.partner, truth)
            np.testing.assert_allclose(partners.correlation, 1, atol=1e-4)
        assert len(found.only_a) == len(found.only_b) == 0
        assert str(found).startswith(
            "conv1: all 10 found again\nconv2: all 20 found again\nof 100 images b is wrong on 0"
        )


def test_altered_filters_are_found_and_no_others():
    net = demo.fashion_net()
    other = copy.deepcopy(net)
    torch.manual_seed(0)
    with torch.no_grad():
        other.conv2.weight[[2, 5, 11]] = torch.randn(3, 10, 3, 3) * 0.1
    partners = compare(net, other, DATA, images=100).of_layer("conv2")
    again = np.setdiff1d(np.arange(20), [2, 5, 11])
    np.testing.assert_array_equal(partners.partner[again], again)
    assert (partners.partner[[2, 5, 11]] == -1).all()
    assert partners.summary in (
        "conv2: 17 of 20 found again, 3 without a partner",
        *(f"conv2: 17 of 20 found again, {3 - n} without a partner, {n} merged" for n in (1, 2)),
    )


def test_the_pairs_are_those_of_the_greatest_sum_of_fishers_z():
    random = np.random.default_rng(0)
    for _ in range(20):
        correlations = random.uniform(-1, 1, (5, 6))
        z = np.arctanh(np.clip(correlations, 0, None))
        best = max(z[np.arange(5), order].sum() for order in itertools.permutations(range(6), 5))
        rows, columns = pairs_of(correlations)
        np.testing.assert_allclose(z[rows, columns].sum(), best)


def test_filters_in_another_order_of_weights_break_up_no_other_pair():
    net, altered = demo.fashion_net(), [2, 5, 13, 16]
    whole = np.setdiff1d(np.arange(20), altered)
    broken = 0
    for seed in (0, 3):
        torch.manual_seed(seed)
        other = copy.deepcopy(net)
        with torch.no_grad():
            for k in altered:
                other.conv2.weight[k] = net.conv2.weight[k].flatten()[torch.randperm(90)].view(10, 3, 3)
        (partners,) = compare(net, other, DATA, 100, layers=["conv2"], shuffles=19).layers
        np.testing.assert_array_equal(partners.partner[whole], whole)
        assert (partners.partner[altered] != altered).all()
        _, by_sum = linear_sum_assignment(-partners.correlations)
        broken += (by_sum[whole] != whole).sum()
    assert broken > 0  # the greatest sum of correlations would have broken one up


def test_a_copy_with_four_weights_a_filter_is_found_again():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(1, 24, 2, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    (partners,) = compare(net, copy.deepcopy(net), DATA, 100, shuffles=19).layers
    np.testing.assert_array_equal(partners.partner, np.arange(24))


def test_filters_that_never_met_have_partners_at_the_nulls_rate():
    found, filters = 0, 0
    for seed in range(8):
        torch.manual_seed(2 * seed)
        a = demo.FashionNet()
        torch.manual_seed(2 * seed + 1)
        b = demo.FashionNet()
        partners = compare(a, b, DATA, images=40).of_layer("conv2")
        found += int((partners.partner >= 0).sum())
        filters += len(partners.partner)
    # 5 % of 160 are 8; more than 16 come up in 3 of 1000.
    assert found <= 16


def test_the_pairing_is_scipys_over_numpys_correlations():
    torch.manual_seed(0)
    a, b = demo.fashion_net(epoch=1), demo.fashion_net()
    images = torch.stack([DATA[k][0] for k in range(20)])
    with torch.no_grad():
        maps_a, maps_b = (net.conv1(images).transpose(0, 1).reshape(10, -1).numpy() for net in (a, b))
    expected = np.corrcoef(maps_a, maps_b)[:10, 10:]
    found = compare(a, b, images, images=20).of_layer("conv1")
    np.testing.assert_allclose(found.correlations, expected, atol=0.06)  # of 8,192 places, here of all
    rows, columns = linear_sum_assignment(-found.correlations)
    np.testing.assert_array_equal(found.correlation, found.correlations[rows, columns])


@pytest.mark.parametrize(
    "options",
    [
        {"stride": 2, "padding": 1},
        {"dilation": 2},
        {"padding": "same"},
        {"padding": 1, "padding_mode": "reflect"},
        {"groups": 2},
    ],
)
def test_a_shuffled_filter_computes_what_torch_says(options):
    """The null's patches times the weights are the convolution itself."""
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(4, 6, 3, bias=False, **options)
    net = torch.nn.Sequential(conv)

    from filterscope.timeline.partners import _patches, calls_of

    runner = NetRunner(net)
    images = torch.randn(3, 4, 11, 9)
    runner.find_layers(images[0].numpy())
    calls, _ = calls_of(runner, images, [0])
    call = calls[0]
    positions = call.output[0, 0].numel()
    places = torch.arange(positions)[None].expand(3, -1)
    patches = _patches(call, places)
    weights = call.kernels.reshape(call.groups, -1, patches.shape[2])
    values = torch.matmul(weights, patches.transpose(1, 2)).reshape(6, 3, positions).transpose(0, 1)
    torch.testing.assert_close(values.reshape(call.output.shape), call.output, rtol=1e-4, atol=1e-5)


def test_another_width_pairs_as_many_as_there_are():
    torch.manual_seed(0)
    a = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 4, 3))
    b = torch.nn.Sequential(torch.nn.Conv2d(1, 5, 3), torch.nn.ReLU(), torch.nn.Conv2d(5, 4, 3))
    with torch.no_grad():
        b[0].weight.copy_(a[0].weight[[7, 3, 1, 0, 5]])
    found = compare(a, b, torch.rand(30, 1, 16, 16), images=30).of_layer("0")
    for place, index in enumerate([7, 3, 1, 0, 5]):
        assert found.partner[index] == place
    assert (found.partner[[2, 4, 6]] == -1).all()


def test_a_constant_map_has_no_partner():
    a = demo.fashion_net()
    b = copy.deepcopy(a)
    with torch.no_grad():
        b.conv1.weight[3] = 0
    found = compare(a, b, DATA, images=50).of_layer("conv1")
    assert found.partner[3] == -1 and np.isnan(found.correlation[3])
    np.testing.assert_array_equal(np.delete(found.partner, 3), np.delete(np.arange(10), 3))


def test_wrong_input_is_told_and_the_nets_stay():
    a, b = demo.fashion_net(), demo.fashion_net(epoch=1)
    before = [copy.deepcopy(net.state_dict()) for net in (a, b)]
    for options, sentence in (
        ({"images": 0}, "images is 0"),
        ({"shuffles": True}, "shuffles is True"),
        ({"layers": "conv9"}, "conv9"),
        ({"data_b": torch.rand(3, 1, 28, 28)}, "data has 10000 images and data_b 3"),
    ):
        with pytest.raises(ValueError, match=sentence):
            compare(a, b, DATA, **options)
    with pytest.raises(ValueError, match="no layer in common"):
        compare(a, torch.nn.Conv2d(1, 2, 3), DATA)
    for net, state in zip((a, b), before, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())


def test_places_of_maps_of_other_sizes_are_refused():
    class Call:
        def __init__(self, side):
            self.output = torch.rand(2, 3, side, side)

    with pytest.raises(ValueError, match="other sizes"):
        Places(4).add(Call(5), Call(6))


def test_two_nets_of_one_run_are_paired_by_index():
    a, b = demo.fashion_net(epoch=0), demo.fashion_net()
    found = compare(a, b, DATA, images=40, same_run=True)
    for partners, filters in zip(found.layers, (10, 20), strict=True):
        np.testing.assert_array_equal(partners.partner, np.arange(filters))
        np.testing.assert_array_equal(partners.correlation, np.diag(partners.correlations))
    assert str(found).startswith("conv1: all 10 paired by their index")
    assert not np.isnan(np.concatenate(found.distance)).any()


def test_the_damage_is_how_far_the_scores_go_when_one_filter_is_quantised():
    """To first order; the truth is the net with this filter quantised, and no other."""
    net = demo.fashion_net()
    other = copy.deepcopy(net)
    for layer in (other.conv1, other.conv2):
        scale = float(layer.weight.data.abs().max()) / 127
        layer.weight.data = torch.fake_quantize_per_tensor_affine(layer.weight.data, scale, 0, -127, 127)
    found = compare(net, other, DATA, images=32)
    images = torch.stack([DATA[int(index)][0] for index in found.images])
    for name, damage in zip(("conv1", "conv2"), found.damage, strict=True):
        truth = []
        for index in range(len(damage)):
            changed = copy.deepcopy(net)
            changed.get_submodule(name).weight.data[index] = other.get_submodule(name).weight.data[index]
            with torch.no_grad():
                truth.append((changed.eval()(images) - net.eval()(images)).norm(dim=1).mean().item())
        np.testing.assert_allclose(damage, truth, rtol=0.15)
        assert stats.spearmanr(damage, truth).statistic > 0.95


def test_no_damage_is_told_where_the_filter_is_another_one():
    net = demo.fashion_net()
    other, one, _ = permuted(net, 0)
    damage = compare(net, other, DATA, images=50).damage[0]
    np.testing.assert_array_equal(np.isnan(damage), one != np.arange(10))
    same_images = torch.stack([DATA[k][0] for k in range(50)])
    assert np.isnan(compare(net, net, same_images, images=50, data_b=same_images * 1).damage[0]).all()
    assert (compare(net, net, same_images, images=50).damage[0] == 0).all()


@pytest.mark.parametrize(
    "conv",
    [
        torch.nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
        torch.nn.Conv2d(4, 6, 3, padding="same", dilation=2, padding_mode="reflect"),
        torch.nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular", bias=False),
        torch.nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1),
    ],
)
def test_a_net_that_is_linear_goes_exactly_as_far_as_its_damage_says(conv):
    net = torch.nn.Sequential(conv, torch.nn.Flatten(), torch.nn.LazyLinear(24)).eval()
    images = torch.rand(5, 4, 8, 9)
    before = net(images).detach()  # 24 scores: more than are taken one by one
    runner = NetRunner(net)
    runner.find_layers(images[0].numpy())
    changed = copy.deepcopy(net)
    changed[0].weight.data *= 1.5
    for most, close in ((24, 1e-4), (16, 0.6)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(damage_module, "MOST_SCORES", most)
            found = moves_of_scores(runner, images, {0: (changed[0].weight.data, changed[0].bias)})[0]
        for index in range(6):
            single = copy.deepcopy(net)
            weight = single[0].weight.data if not isinstance(conv, torch.nn.ConvTranspose2d) else None
            if weight is None:
                single[0].weight.data[:, index] *= 1.5
            else:
                weight[index] *= 1.5
            truth = (single(images).detach() - before).norm(dim=1).numpy()
            np.testing.assert_allclose(found[:, index].numpy(), truth, rtol=close)
