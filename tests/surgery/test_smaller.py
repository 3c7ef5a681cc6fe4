"""A smaller net computes what the net computes whose maps are replaced by hooks, and nothing of the net changes."""

import copy

import numpy as np
import pytest
import torch

from filterscope.errors import NetError
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.runner import NetRunner
from filterscope.surgery.ablation import Merge
from filterscope.surgery.smaller import make_smaller
from filterscope.surgery.structure import find_structure
from narrow_nets import CUT, REFUSED, Concatenated, Depthwise, Fixed, Residual, alive
from nets import images


def opened(net):
    runner = NetRunner(net)
    pictures = list(images(6, 2, 8, 8, seed=3).numpy())
    runner.find_layers(pictures[0])
    runner.takes_batches(pictures)
    means = {
        layer.index: np.random.default_rng(layer.index).normal(0.4, 0.3, layer.out_channels) for layer in runner.layers
    }
    return runner, find_structure(runner, pictures[0]), means, pictures


def ablated(net, runner, structure, chosen, means, pictures):
    """The oracle: the net's own forward, every removed filter's activation replaced after its last operation."""
    filters = structure.filters_of(chosen)
    names = {layer.index: layer.activation.name.split(" → ") for layer in runner.layers}
    functions = {"relu", "silu", "hardswish", "sigmoid", "elu"}

    class Replace(torch.overrides.TorchFunctionMode):
        """Counts convolutions, and replaces maps where the layer's activation is complete."""

        def __init__(self):
            super().__init__()
            self.layer, self.waiting = -1, None

        def __torch_function__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            name = getattr(func, "__name__", "").strip("_")
            if name.startswith("conv") and name.endswith("d"):
                self.layer += 1
                path = [word.split(" (")[0] for word in names[self.layer][1:]]
                self.waiting = (self.layer, path)
                if not path:
                    return self.replaced(result)
            elif self.waiting is not None and self.waiting[1]:
                end = self.waiting[1][-1]
                of_module = {"norm": "batch_norm", "bn": "batch_norm", "bn_last": "batch_norm", "act": "prelu"}
                if name == of_module.get(end, end) and (name in functions or name in of_module.values()):
                    return self.replaced(result)
            return result

        def replaced(self, result):
            layer, self.waiting = self.waiting[0], None
            gone = filters.get(layer, [])
            result = result.clone()
            for index in gone:
                result[:, index] = float(means[layer][index])
            return result

    with torch.no_grad(), Replace():
        return net(torch.from_numpy(np.stack(pictures)))


def some_groups(structure, share=0.4, seed=0):
    left = {layer.index: layer.out_channels for layer in structure.layers}
    chosen = []
    for group in np.random.default_rng(seed).permutation(structure.removable()):
        of = [layer for layer, _ in structure.groups[group].filters]
        if all(left[layer] - of.count(layer) >= 1 for layer in of) and len(chosen) < share * len(structure.groups):
            chosen.append(int(group))
            for layer in of:
                left[layer] -= 1
    return chosen


@pytest.mark.parametrize("name", CUT)
def test_a_smaller_net_computes_what_the_ablated_one_does(name):
    net = alive(CUT[name])
    before, state = fingerprint(net), torch.random.get_rng_state()
    runner, structure, means, pictures = opened(net)
    chosen = some_groups(structure)
    assert len(chosen) >= 3
    expected = ablated(net, runner, structure, chosen, means, pictures)
    batch = torch.from_numpy(np.stack(pictures))
    assert (expected - net(batch)).abs().max() > 0.01  # the filters do something

    made = make_smaller(runner, structure, chosen, means, pictures, border="map")

    with torch.no_grad():
        torch.testing.assert_close(made.net(batch), expected, rtol=1e-4, atol=1e-5)
    assert type(made.net) is type(net)
    assert sum(p.numel() for p in made.net.parameters()) < sum(p.numel() for p in net.parameters())
    for layer, filters in structure.filters_of(chosen).items():
        kept = made.net.get_submodule(runner.layers[layer].name).out_channels
        assert kept == runner.layers[layer].out_channels - len(filters)
    assert fingerprint(net) == before and torch.equal(torch.random.get_rng_state(), state)


def test_one_bias_a_filter_keeps_every_class_and_differs_at_the_border_alone():
    net = alive(Concatenated)
    runner, structure, means, pictures = opened(net)
    chosen = [structure.group_of(0, 1), structure.group_of(1, 2)]
    made = make_smaller(runner, structure, chosen, means, pictures, border="bias")
    assert made.inexact == ("after",) and made.border_difference > 1e-3 and made.difference < 1e-5
    assert [type(module) for module in made.net.modules()] == [type(module) for module in net.modules()]
    narrower = Concatenated()
    narrower.left, narrower.right = torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.Conv2d(2, 3, 1)
    narrower.norm, narrower.after = torch.nn.BatchNorm2d(7), torch.nn.Conv2d(7, 6, 3, padding=1)
    narrower.load_state_dict(made.net.state_dict())  # `after` gained a bias: nothing behind it could take it
    batch = torch.from_numpy(np.stack(pictures))
    with torch.no_grad():
        torch.testing.assert_close(narrower.eval()(batch), made.net(batch))


def test_a_net_with_a_map_of_biases_can_be_copied_saved_and_refuses_other_sizes(tmp_path):
    net = alive(Concatenated)
    runner, structure, means, pictures = opened(net)
    made = make_smaller(runner, structure, [structure.group_of(0, 1)], means, pictures, border="map")
    batch = torch.from_numpy(np.stack(pictures))
    torch.save(made.net, tmp_path / "net.pt")
    for again in (copy.deepcopy(made.net), torch.load(tmp_path / "net.pt", weights_only=False)):
        with torch.no_grad():
            torch.testing.assert_close(again(batch), made.net(batch))
    made.net.fc = torch.nn.Identity()
    with pytest.raises(ValueError, match=r"maps of 8×8 here, not 10×10"):
        made.net(torch.rand(1, 2, 10, 10))


@pytest.mark.parametrize("border", ["bias", "map"])
def test_an_exported_program_computes_what_the_smaller_net_does(border):
    runner, structure, means, pictures = opened(alive(Depthwise))
    made = make_smaller(runner, structure, some_groups(structure), means, pictures, border=border)
    batch = torch.from_numpy(np.stack(pictures))
    program = torch.export.export(made.net, (batch,))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(batch), made.net(batch))


def test_filters_that_are_added_multiplied_or_grouped_go_together():
    runner, structure, _, _ = opened(alive(Residual))
    names = {layer.name: layer.index for layer in runner.layers}
    stem = structure.groups[structure.group_of(names["stem"], 2)]
    assert stem.filters == ((names["stem"], 2), (names["outer"], 2)) and stem.last == stem.filters
    assert structure.groups[structure.group_of(names["inner"], 2)].filters == ((names["inner"], 2),)

    runner, structure, _, _ = opened(alive(Depthwise))
    names = {layer.name: layer.index for layer in runner.layers}
    expand = structure.groups[structure.group_of(names["expand"], 3)]
    assert expand.filters == ((names["expand"], 3), (names["depthwise"], 3), (names["excite"], 3))
    assert expand.last == ((names["depthwise"], 3), (names["excite"], 3))
    grouped = structure.groups[structure.group_of(names["grouped"], 3)]
    assert grouped.filters == tuple((names[layer], k) for layer in ("project", "grouped") for k in (2, 3))


def test_a_duplicate_is_computed_from_its_partner_and_another_one_replaced_by_its_mean():
    net = alive(Concatenated)
    with torch.no_grad():  # behind the norm right 3 is 2 · right 1, in front of the ReLU as well
        net.right.weight[3], net.right.bias[3] = net.right.weight[1], net.right.bias[1]
        for name, value in (("weight", 2.0), ("bias", 2.0), ("running_mean", 1.0), ("running_var", 1.0)):
            getattr(net.norm, name)[8] = value * getattr(net.norm, name)[6]
    runner, structure, means, pictures = opened(net)
    batch = torch.from_numpy(np.stack(pictures))
    chosen = [structure.group_of(1, 3)]
    made = make_smaller(runner, structure, chosen, means, pictures, {(1, 3): Merge(1, 1.0, 0.0)}, border="map")
    assert made.merges and made.inexact == ()
    with torch.no_grad():
        torch.testing.assert_close(made.net(batch), net(batch), rtol=1e-4, atol=1e-5)
        net.norm.bias[8] += 0.5  # now the ReLU cuts another part off
    made = make_smaller(runner, structure, chosen, means, pictures, {(1, 3): Merge(1, 1.0, 0.0)}, border="map")
    assert not made.merges and made.difference < 1e-5


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_removed_is_refused_with_the_reason(name):
    build, layer, reason = REFUSED[name]
    net = alive(build)
    before = fingerprint(net)
    runner, structure, means, pictures = opened(net)
    index = next(record.index for record in runner.layers if record.name == layer)
    with pytest.raises(NetError, match=reason):
        make_smaller(runner, structure, [structure.group_of(index, 0)], means, pictures)
    assert fingerprint(net) == before


def test_a_layer_is_not_emptied_and_a_number_in_forward_is_said():
    runner, structure, means, pictures = opened(alive(Fixed))
    with pytest.raises(NetError, match=r"nothing would be left of conv: all its 6 filters"):
        make_smaller(runner, structure, structure.removable(), means, pictures)
    with pytest.raises(NetError, match=r"does not run.*view\(-1, 500\)"):
        make_smaller(runner, structure, [structure.group_of(0, 2)], means, pictures)


def test_a_smaller_net_is_refused_where_it_differs():
    class Counts(Fixed):
        def forward(self, x):
            maps = torch.relu(self.conv(x))
            return self.fc(torch.nn.functional.pad(maps, (0, 0, 0, 0, 0, 6 - maps.shape[1])).flatten(1))

    runner, structure, means, pictures = opened(alive(Counts))
    with pytest.raises(NetError, match=r"does not run|differs from the ablated"):
        make_smaller(runner, structure, [structure.group_of(0, 2)], means, pictures)
