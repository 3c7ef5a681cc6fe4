"""Diagnoses of nets of every kind, and the harm not done to them."""

import gc
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from diagnoses import look, same
from dynamic_nets import Classifies, Conditional, Dynamic, InNumpy
from filterscope import Explorer, demo, diagnose
from filterscope.frames.verdicts import build_verdict
from filterscope.verdicts.result.plain_words import plain_words
from nets import Everything, TwoConvs, images, seeded


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
    for layer, why in (("stem", "9 weights"), ("depthwise", "9 weights"), ("pointwise", "8 weights")):
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
    others = large_tensors()  # other tests' nets
    gc.disable()
    try:
        found = look(demo.fashion_net(), images=600)
        new = [tensor for tensor in large_tensors() if not any(tensor is other for other in others)]
    finally:
        gc.enable()
    assert found.images == found.ablated == 600
    assert not [tuple(tensor.shape) for tensor in new if tensor.shape[0] >= 88]  # the smallest batch


def large_tensors():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what else is in memory
        return [each for each in gc.get_objects() if isinstance(each, torch.Tensor) and each.numel() > 30_000]


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


@pytest.mark.parametrize("build", [Conditional, Dynamic, InNumpy])
def test_kernels_that_each_image_has_of_its_own_are_not_judged_by_those_of_one(build):
    explorer = Explorer(seeded(lambda: Classifies(build)), [(images(1, 9, 9, seed=k), k % 3) for k in range(30)])
    diagnosis = explorer.diagnose(images=30).wait()
    for verdict in diagnosis.filters:
        assert (verdict.structure, verdict.name, verdict.template) == ("can't tell", None, None)
        assert verdict.structure_reason == "the net makes the kernels from the image, and each image has its own"
        assert verdict.name_reason == verdict.structure_reason
        assert verdict.duplicate_of is None and verdict.mirror_of is None
        words = "so they are not judged" if verdict.state == "live" else "It never fires"
        assert words in plain_words(verdict)
    body = build_verdict(explorer.layers[0], diagnosis, 1)
    assert body["kernel"] is None and body["looks"] is None and body["structure_chance"] is None
    explorer.close()
