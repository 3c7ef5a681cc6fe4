"""The explorer's answers for a position: its fields, exact and effective, and what cannot be told."""

import gc
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fields import point
from filterscope import Explorer
from filterscope.receptive_field.fields import Box
from nets import Everything, TwoConvs, images, seeded


@pytest.mark.parametrize("given", [torch.jit.script, lambda net: torch.jit.trace(net, images(1, 1, 12, 12))])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_scripted_and_traced_nets(given):
    net = given(seeded(TwoConvs).eval())
    field = point(net, 1, 12, 12).fields(0, 1, 0).at((2, 1))
    assert (field.inside, field.status) == (Box(4, 2, 12, 10), "exact")
    explorer = explore(net)
    assert explorer.arithmetic(2, 1).activation == explorer.activation[2, 1]
    assert explorer.effective_receptive_field(2, 1)[4:, 2:10].any()


def test_a_closed_explorer_lets_go_and_says_so():
    explorer = explore()
    explorer.receptive_field(0, 0)
    positions = weakref.ref(explorer.pointer)
    explorer.close()
    for ask in (explorer.receptive_field, explorer.effective_receptive_field, explorer.arithmetic):
        with pytest.raises(RuntimeError, match="closed"):
            ask(0, 0)
    gc.collect()
    assert positions() is None


def explore(net=None, *shape):
    return Explorer(net or seeded(TwoConvs), images(2, *(shape or (1, 12, 12))), layer_index=1)


def test_the_explorer_answers_for_what_is_selected():
    explorer = explore()
    field = explorer.receptive_field(2, 1)
    assert field.inside == Box(4, 2, 12, 10) and field.status == "exact"
    assert str(field) == ("rows 4 … 11, columns 2 … 9 (exact); by the formula rows 4 … 11, columns 2 … 9")
    fields = explorer.receptive_fields()
    assert fields.shape == explorer.pre_activation.shape
    assert fields.axes[0].inside.tolist()[2] == [4, 12]
    explorer.layer_index = 0
    assert explorer.receptive_field(np.int64(9), torch.tensor(0)).inside == Box(9, 0, 12, 3)


def test_the_effective_field_is_the_size_of_the_gradient():
    net = seeded(Everything).eval()
    explorer = Explorer(net, images(1, 1, 9, 10), layer_index=1, filter_index=2)
    found = explorer.effective_receptive_field(4, 6)
    image = images(1, 1, 9, 10).requires_grad_()
    net.block(net.act(net.bn(net.stem(image))))[0, 2, 4, 6].backward()
    np.testing.assert_allclose(found, image.grad[0].abs().sum(0).numpy(), rtol=1e-5, atol=1e-8)
    assert found.dtype == np.float32 and found.shape == (9, 10)


def test_nothing_of_the_net_changes():
    net = seeded(Everything).train()
    net.stem.weight.requires_grad_(False)
    net.head.weight.grad = torch.ones_like(net.head.weight)
    explorer = Explorer(net, images(1, 1, 9, 10), layer_index=1)
    before = [(p.clone(), p.requires_grad, p.grad) for p in net.parameters()]
    buffers, flags = [b.clone() for b in net.buffers()], [m.training for m in net.modules()]
    state = torch.get_rng_state()
    explorer.receptive_field(1, 2), explorer.effective_receptive_field(1, 2), explorer.arithmetic(1, 2)
    for parameter, (values, required, gradient) in zip(net.parameters(), before, strict=True):
        assert torch.equal(parameter, values) and parameter.requires_grad is required and parameter.grad is gradient
        assert parameter.is_leaf and not hasattr(parameter, "_filterscope_footprint")
    assert all(torch.equal(a, b) for a, b in zip(net.buffers(), buffers, strict=True))
    assert [m.training for m in net.modules()] == flags
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_bad_positions_are_named_with_what_is_possible():
    explorer = explore()
    for ask in (explorer.receptive_field, explorer.effective_receptive_field, explorer.arithmetic):
        for row, column, said in [
            (3, 0, "row is 3; the map of conv2 has rows 0 … 2"),
            (0, -1, "column is -1; the map of conv2 has columns 0 … 2"),
            (1.5, 0, "row is 1.5"),
            (True, 0, "row is True"),
            (0, None, "column is None"),
        ]:
            with pytest.raises(ValueError, match=said):
                ask(row, column)
        with pytest.raises(ValueError, match="depth is 0; conv2 has no volumes"):
            ask(0, 0, depth=0)
    with pytest.raises(ValueError, match="choose 'pre_activation' or 'activation'"):
        explorer.receptive_fields("response")


def test_a_layer_that_the_image_does_not_reach_says_so():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.own = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, 1)

        def forward(self, x):
            return self.conv(x) + self.own(torch.ones(1, 1, 1, 1))

    explorer = Explorer(Constant(), images(1, 1, 8, 8)).select(layer="own")
    with pytest.raises(ValueError, match="nothing of the image reaches filter 0 of own"):
        explorer.receptive_field(0, 0)
    with pytest.raises(ValueError, match="no gradient leads from own back to the image"):
        explorer.effective_receptive_field(0, 0)
    assert explorer.select(layer="conv").receptive_field(0, 0).inside == Box(0, 0, 3, 3)


def test_a_way_without_gradients_says_so():
    class Frozen(TwoConvs):
        def forward(self, x):
            with torch.no_grad():
                x = F.relu(self.conv1(x))
            return self.conv2(x)

    explorer = explore(seeded(Frozen))
    with pytest.raises(ValueError, match="no gradient leads from conv2 back to the image"):
        explorer.effective_receptive_field(0, 0)
    assert explorer.receptive_field(0, 0).inside == Box(0, 0, 5, 5)


def test_a_volumes_slices_and_a_signals_row():
    volume = Explorer(nn.Sequential(nn.Conv3d(1, 1, 3)), images(1, 1, 5, 6, 7))
    assert volume.receptive_field(0, 1, depth=2).inside == Box(0, 1, 3, 4, 2, 5)
    assert volume.receptive_field(0, 1) == volume.receptive_field(0, 1, depth=1)
    signal = Explorer(nn.Sequential(nn.Conv1d(1, 1, 3)), images(1, 1, 9))
    assert signal.receptive_field(0, 4).inside == Box(0, 4, 1, 7)
    assert signal.effective_receptive_field(0, 4).shape == (9,)
    with pytest.raises(ValueError, match="row is 1; the map of layer 0 is one row: 0"):
        signal.receptive_field(1, 0)
