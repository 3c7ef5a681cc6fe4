"""Recording keeps light snapshots within its bytes, and changes the run by not a bit."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from filterscope import Explorer, demo
from filterscope.nets.net_state import template_of
from filterscope.timeline.callbacks import recording_callback
from filterscope.timeline.checkpoints import Checkpoints
from filterscope.timeline.record import Recorder, light_copy

STEPS = 300


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.3)
        self.end = nn.Linear(8, 4)

    def forward(self, x):
        return self.end(self.drop(F.relu(self.norm(self.conv(x))).mean((2, 3))))


def train(steps, each=lambda net, step: None):
    torch.manual_seed(0)
    net = Net()
    explorer = Explorer(net, torch.rand(4, 1, 12, 12, generator=torch.Generator().manual_seed(1)))
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)
    for step in range(steps):
        images = torch.rand(8, 1, 12, 12)
        loss = F.cross_entropy(net(images + 0.1 * torch.randn_like(images)), torch.randint(4, (8,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        each(explorer, step)
    return net, optimizer, explorer, torch.rand(3)


def test_a_run_of_300_steps_is_the_same_to_the_bit_while_it_is_recorded():
    plain, plain_optimizer, _, after = train(STEPS)

    def record_and_look(explorer, step):
        explorer.record(epoch=step)
        if step % 50 == 7:
            explorer.select(checkpoint=step // 2)
            frame = {"image": 0, "layer": 0, "filter": 0, "source": "input", "checkpoint": 0}
            explorer.pages.requests.handlers["frame"](frame)
            assert explorer.kernel.shape == (1, 3, 3)

    recorded, optimizer, explorer, random = train(STEPS, record_and_look)
    assert len(explorer.session.engine.checkpoints) == STEPS
    assert torch.equal(random, after)
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in recorded.state_dict().items())
    moments = zip(optimizer.state.values(), plain_optimizer.state.values(), strict=True)
    assert all(torch.equal(a[name], b[name]) for a, b in moments for name in a)
    assert recorded.training and all(p.grad is not None for p in recorded.parameters())


def test_a_snapshot_is_the_net_of_its_moment_to_half_precision():
    states = []

    def record(explorer, step):
        states.append(copy.deepcopy(explorer.session.engine.net.state_dict()))
        assert explorer.record(epoch=step) == step

    _, _, explorer, _ = train(5, record)
    assert explorer.checkpoint_index is None
    for step, state in enumerate(states):
        explorer.checkpoint_index = step
        weight = state["conv.weight"].numpy()
        np.testing.assert_array_equal(explorer.layer.kernels, weight.astype(np.float16).astype(np.float32))
        np.testing.assert_allclose(explorer.layer.kernels, weight, rtol=2**-11)
    assert explorer.session.engine.checkpoints.titles == [f"epoch {step}" for step in range(5)]


def test_what_half_precision_does_not_hold_stays_as_it_is():
    state = {
        "large": torch.full((2, 2), 1e6),
        "infinite": torch.tensor([[np.inf, 1.0]]),
        "variance": torch.tensor([1e7, 1e-12]),
        "count": torch.tensor(2**40),
        "weight": torch.randn(3, 3),
        "coarse": torch.randn(2, 2).bfloat16(),
        "both": torch.tensor([[np.inf, 1e6]]),
        "tiny filter": torch.tensor([[1.0, 2.0], [1e-6, -2e-7]]),
        "dead filter": torch.tensor([[1.0, 2.0], [0.0, 0.0]]),
        "none": torch.zeros(0, 3),
    }
    light = light_copy(state)
    for name in ("large", "variance", "count", "coarse", "both", "tiny filter"):
        assert torch.equal(light[name], state[name]) and light[name].dtype == state[name].dtype
        assert light[name].data_ptr() != state[name].data_ptr()
    for name in ("weight", "infinite", "dead filter", "none"):
        assert light[name].dtype == torch.float16
    assert torch.equal(light["infinite"].float(), state["infinite"])


@pytest.mark.parametrize("calls", [3, 40, 333])
def test_recordings_stay_within_their_bytes_evenly_spread(calls):
    net = Net()
    one = sum(value.nbytes for value in light_copy(net.state_dict()).values())
    checkpoints = Checkpoints(None, template_of(net))
    recorder = Recorder(checkpoints, limit=10 * one)
    for step in range(calls):
        recorder.record(net, epoch=step)
        assert recorder.nbytes <= 10 * one
    epochs = [checkpoint.epoch for checkpoint in checkpoints]
    assert epochs == sorted(set(epochs)) and epochs[0] == 0
    assert len(epochs) >= min(calls, 5)
    assert max(np.diff(epochs)) <= 2 * recorder.stride
    assert calls - epochs[-1] <= recorder.stride


def test_a_page_that_stood_at_a_snapshot_that_went_is_told(monkeypatch):
    monkeypatch.setattr("filterscope.timeline.record.RECORDED_BYTES", 1)
    net = Net()
    explorer = Explorer(net, torch.rand(2, 1, 12, 12))
    explorer.session.engine.showing.recorder._limit = 1  # two are kept whatever they take
    sent = []
    explorer.send = lambda content, buffers=None: sent.append(content["kind"])
    explorer.record(epoch=0)
    explorer.record(epoch=1)
    explorer.checkpoint_index = 1
    assert sent == ["checkpoints", "checkpoints"]
    with torch.no_grad():
        net.conv.weight.fill_(0.5)
    explorer.record(epoch=2)
    explorer.record(epoch=3)
    assert len(explorer.session.engine.checkpoints) == 2
    assert "changed" in sent
    assert explorer.checkpoint_index == 1
    assert (explorer.kernel == 0.5).all()


@pytest.mark.parametrize(("epoch", "error"), [(1.5, TypeError), ("3", TypeError)])
def test_a_wrong_epoch_is_told(epoch, error):
    explorer = Explorer(demo.fashion_net(), torch.rand(2, 1, 28, 28))
    with pytest.raises(error, match="give the number of the epoch"):
        explorer.record(epoch=epoch)
    assert len(explorer.session.engine.checkpoints) == 0


def test_a_recorder_of_an_unknown_library_is_refused():
    explorer = Explorer(demo.fashion_net(), torch.rand(2, 1, 28, 28))
    with pytest.raises(ValueError, match="choose 'lightning', 'fastai' or 'transformers'"):
        explorer.recorder("keras")
    with pytest.raises(ValueError, match="1 or more"):
        explorer.recorder("lightning", every=0)


def test_lightning_calls_it_after_each_epoch(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Net()

        def training_step(self, batch):
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    module = Module()
    explorer = Explorer(module.net, torch.rand(2, 1, 12, 12))
    data = torch.utils.data.TensorDataset(torch.rand(8, 1, 12, 12), torch.randint(4, (8,)))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = lightning.Trainer(
        max_epochs=4, callbacks=[explorer.recorder("lightning", every=2)], enable_checkpointing=False, **quiet
    )
    trainer.fit(module, torch.utils.data.DataLoader(data, 4))
    assert explorer.session.engine.checkpoints.titles == ["epoch 0", "epoch 2"]
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    loaded = Explorer(module.net, torch.rand(2, 1, 12, 12), checkpoints=tmp_path / "last.ckpt")
    np.testing.assert_array_equal(loaded.kernel, module.net.conv.weight[0].detach().cpu().numpy())


def test_fastai_calls_it_after_each_epoch():
    fastai = pytest.importorskip("fastai.learner")
    from fastai.data.core import DataLoaders

    net = Net()
    explorer = Explorer(net, torch.rand(2, 1, 12, 12))
    data = torch.utils.data.TensorDataset(torch.rand(8, 1, 12, 12), torch.randint(4, (8,)))
    loader = torch.utils.data.DataLoader(data, 4)
    learner = fastai.Learner(DataLoaders(loader, loader), net, loss_func=F.cross_entropy, opt_func=torch.optim.SGD)
    with learner.no_bar(), learner.no_logging():
        learner.fit(3, lr=0.1, cbs=[explorer.recorder("fastai")])
    assert explorer.session.engine.checkpoints.titles == ["epoch 0", "epoch 1", "epoch 2"]


def test_a_callback_records_every_so_many_epochs(monkeypatch):
    import sys
    import types

    class TrainerCallback:
        pass

    transformers = types.ModuleType("transformers")
    transformers.TrainerCallback = TrainerCallback
    monkeypatch.setitem(sys.modules, "transformers", transformers)
    epochs = []
    callback = recording_callback("transformers", lambda epoch: epochs.append(epoch), every=2)
    for epoch in (1.0, 2.0, 2.9999, 4.0):  # as Hugging Face counts: a fraction of what was seen
        callback.on_epoch_end(None, types.SimpleNamespace(epoch=epoch), None)
    assert epochs == [2, 4]
