"""What is shown of a checkpoint is what a net with its weights computes, whatever was shown before; the net stays."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from traitlets import TraitError

from filterscope import CheckpointError, Explorer, demo
from filterscope.engine import shown_net

EPOCHS = (0, 1, 7, 20)
IMAGES = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def explorer_of(net=None, **options):
    options.setdefault("checkpoints", {f"epoch {k}": demo.fashion_net(epoch=k) for k in EPOCHS})
    return Explorer(demo.fashion_net() if net is None else net, IMAGES, **options)


def frame(explorer, **change):
    args = {"image": 0, "layer": 0, "filter": 0, "channel": None, "source": "input", **change}
    return explorer.pages.requests.handlers["frame"](args)


def expect_net(explorer, net):
    """All that the explorer says is what this net computes."""
    with torch.no_grad():
        image = IMAGES[explorer.image_index][None]
        first = net.conv1(image)
        second = net.conv2(F.max_pool2d(F.relu(first), 2))
        pre = (first, second)[explorer.layer_index][0, explorer.filter_index].numpy()
        scores = torch.softmax(net.eval()(image)[0], 0)
    module = (net.conv1, net.conv2)[explorer.layer_index]
    np.testing.assert_array_equal(explorer.kernel, module.weight[explorer.filter_index].detach().numpy())
    np.testing.assert_allclose(explorer.pre_activation, pre, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(explorer.activation, np.maximum(pre, 0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(explorer.layers[0].kernels, net.conv1.weight.detach().numpy())
    assert explorer.prediction[0][0] == int(scores.argmax())
    assert explorer.prediction[0][1] == pytest.approx(float(scores.max()), rel=1e-5)


def test_each_checkpoint_is_shown_as_its_net_computes_in_any_order():
    explorer = explorer_of()
    assert explorer.checkpoint_index == 0
    order = np.random.default_rng(0).integers(-1, len(EPOCHS), 24)
    for step, at in enumerate(order):
        index = None if at < 0 else int(at)
        explorer.select(checkpoint=index, image=step % 6, layer=step % 2, filter=step % 10)
        expect_net(explorer, demo.fashion_net() if index is None else demo.fashion_net(epoch=EPOCHS[index]))


def test_the_users_net_is_never_changed_and_is_live_beside_its_checkpoints():
    net = demo.fashion_net().train()
    before = copy.deepcopy(net.state_dict())
    torch.manual_seed(3)
    random = torch.get_rng_state()
    explorer = explorer_of(net)
    for index in (1, None, 3, 2):
        explorer.checkpoint_index = index
        assert explorer.kernel.shape == (1, 3, 3)
    assert net.training and torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert explorer.layers[0].module is net.conv1
    with torch.no_grad():
        net.conv1.weight.add_(1)
    explorer.checkpoint_index = None
    np.testing.assert_array_equal(explorer.kernel, net.conv1.weight[0].detach().numpy())
    explorer.checkpoint_index = 1
    expect_net(explorer, demo.fashion_net(epoch=1))


def test_a_state_that_was_given_may_change_afterwards():
    state = copy.deepcopy(demo.fashion_net(epoch=1).state_dict())
    explorer = explorer_of(checkpoints=[state])
    expected = explorer.kernel
    with torch.no_grad():
        state["conv1.weight"].zero_()
    np.testing.assert_array_equal(explorer.kernel, expected)


def test_frames_of_all_checkpoints_stand_side_by_side_in_a_page():
    explorer = explorer_of()
    frames = [frame(explorer, checkpoint=k) for k in (*range(4), None)]
    revisions = [one["revision"] for one in frames]
    assert len(set(revisions)) == 5  # none is taken for another
    assert [one["checkpoint"] for one in frames] == [0, 1, 2, 3, None]
    again = [frame(explorer, checkpoint=k) for k in (3, 1)]
    assert [one["revision"] for one in again] == [revisions[3], revisions[1]]
    for one, epoch in zip(frames, (*EPOCHS, 20), strict=True):
        kernels = demo.fashion_net(epoch=epoch).conv1.weight.detach().numpy()
        np.testing.assert_array_equal(np.reshape(one["kernels"]["tensor"], kernels.shape), kernels)
    assert explorer.checkpoint_index == 0  # a frame that is asked for ahead selects nothing


def test_a_change_of_the_live_net_outdates_what_pages_hold():
    net = demo.fashion_net()
    explorer = explorer_of(net, checkpoint_index=None)
    live, first = frame(explorer, checkpoint=None)["revision"], frame(explorer, checkpoint=0)["revision"]
    with torch.no_grad():
        net.conv1.weight.add_(1)
    explorer.session.look()
    changed = frame(explorer, checkpoint=None)["revision"]
    assert changed > max(live, first)
    # Numbers of checkpoints follow: a page takes nothing that was computed before the change.
    assert frame(explorer, checkpoint=0)["revision"] > changed


def test_what_is_kept_is_bounded(monkeypatch):
    size = sum(value.nbytes for value in demo.fashion_net().state_dict().values())
    monkeypatch.setattr(shown_net, "CHECKPOINTS_BYTES", int(2.5 * size))
    explorer = explorer_of()
    nets = explorer.session.engine.showing._nets
    for index in (0, 1, 2, 3, 1, 0):
        explorer.checkpoint_index = index
        expect_net(explorer, demo.fashion_net(epoch=EPOCHS[index]))
        assert len(nets) <= 2 and nets.nbytes <= 2.5 * size
    explorer.session.sleep()
    assert len(nets) == 0
    expect_net(explorer, demo.fashion_net(epoch=0))


@pytest.mark.parametrize("wrong", [4, -1, 2.5, True, "1"])
def test_a_checkpoint_that_is_not_there_changes_nothing(wrong):
    explorer = explorer_of()
    explorer.checkpoint_index = 2
    with pytest.raises(TraitError):
        explorer.checkpoint_index = wrong
    assert explorer.checkpoint_index == 2
    with pytest.raises(ValueError, match="there are checkpoints 0 … 3; None means the net itself"):
        frame(explorer, checkpoint=4)
    plain = Explorer(demo.fashion_net(), IMAGES)
    assert plain.checkpoint_index is None
    with pytest.raises(TraitError, match=r"there are no checkpoints; give some by .* or record them"):
        plain.checkpoint_index = 0


def test_a_file_that_is_gone_is_told_where_it_is_looked_at(tmp_path):
    for epoch in (0, 1):
        torch.save(demo.fashion_net(epoch=epoch).state_dict(), tmp_path / f"epoch_{epoch}.pt")
    explorer = explorer_of(checkpoints=str(tmp_path / "*.pt"))
    (tmp_path / "epoch_1.pt").unlink()
    expect_net(explorer, demo.fashion_net(epoch=0))
    explorer.checkpoint_index = 1
    with pytest.raises(CheckpointError, match="checkpoint epoch_1: it cannot be read"):
        explorer.kernel  # noqa: B018
    explorer.checkpoint_index = 0
    expect_net(explorer, demo.fashion_net(epoch=0))


class Odd(nn.Module):
    """Batch normalisation, weight norm, a tied weight, a hook that changes what is computed."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 4, 3, padding=1))
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.third = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.third.weight = self.second.weight
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x):
        return self.third(self.second(torch.relu(self.norm(self.first(x)))))


def test_buffers_parametrisations_tied_weights_and_hooks_are_the_checkpoints_own():
    net = Odd(0)
    hook = net.second.register_forward_hook(lambda module, args, output: output + 1)
    others = [Odd(1), Odd(2)]
    explorer = Explorer(net, IMAGES, checkpoints=[copy.deepcopy(other.state_dict()) for other in others])
    for index, other in enumerate(others):
        other.second.register_forward_hook(lambda module, args, output: output + 1)
        other.eval()
        for layer, module in enumerate((other.first, other.second, other.third)):
            explorer.select(checkpoint=index, layer=layer, filter=2)
            kept = []
            handle = module.register_forward_hook(lambda m, a, output, kept=kept: kept.append(output))
            with torch.no_grad():
                other(IMAGES[:1])
            handle.remove()
            expected = kept[0][0, 2].numpy() - (1 if layer == 1 else 0)
            np.testing.assert_allclose(explorer.pre_activation, expected, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(explorer.kernel, module.weight[2].detach().numpy(), rtol=1e-6)
    hook.remove()


def test_a_diagnosis_is_of_the_checkpoint_that_is_selected():
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), checkpoints={"0": demo.fashion_net(epoch=0)})
    found = explorer.diagnose(images=20, ablation=False).wait()
    from filterscope.nets.fingerprint import fingerprint

    assert found.fingerprint == fingerprint(demo.fashion_net(epoch=0))
    assert not explorer.session.examiner.of_earlier_weights()
    explorer.checkpoint_index = None
    assert explorer.session.examiner.of_earlier_weights()
    explorer.checkpoint_index = 0
    assert not explorer.session.examiner.of_earlier_weights()


def test_a_kernel_is_edited_in_the_net_itself_and_an_image_is_tried_on_every_checkpoint():
    nets = [demo.fashion_net(epoch=k) for k in EPOCHS]
    explorer = explorer_of(nets[2])
    kernel = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    with pytest.raises(ValueError, match="select checkpoint None first"):
        explorer.kernel = kernel
    explorer.checkpoint_index = None
    explorer.kernel = kernel
    edited = explorer.activation
    for index, net in enumerate(nets):
        explorer.checkpoint_index = index
        expect_net(explorer, net)
    explorer.checkpoint_index = None
    np.testing.assert_array_equal(explorer.kernel, kernel)
    np.testing.assert_array_equal(explorer.activation, edited)
    assert explorer.lab.undo()
    expect_net(explorer, nets[2])
    explorer.lab.try_image(np.zeros((28, 28), np.uint8))
    for index, net in enumerate(nets):
        explorer.checkpoint_index = index
        with torch.no_grad():
            expected = F.relu(net.conv1(torch.zeros(1, 1, 28, 28)))[0, 0]
        np.testing.assert_allclose(explorer.activation, expected, atol=1e-6)
    explorer.lab.try_image(None)
    expect_net(explorer, nets[-1])
