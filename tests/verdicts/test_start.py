"""How far filters went from a checkpoint of their start, and what is no such checkpoint."""

import argparse
import copy

import numpy as np
import pytest
import torch

from filterscope import CheckpointError, Explorer, demo, diagnose
from filterscope.verdicts.weights.start import judge_start
from weight_files import save_safetensors

DATA = demo.fashion_test_data()


def look(net, start, **options):
    return diagnose(net, DATA, images=20, ablation=False, progress=False, start=start, **options)


def of_layer(found, layer="conv2"):
    return [verdict.start for verdict in found.of_layer(layer)]


def half_frozen():
    """The trained net, with every second filter of conv2 as it started, one scaled, and its start."""
    net, start = demo.fashion_net(), demo.fashion_net(epoch=0).state_dict()
    with torch.no_grad():
        net.conv2.weight[::2] = start["conv2.weight"][::2]
        net.conv2.weight[0] *= 0.3
    return net, start


EXPECTED = ["only scaled", *(["left its start", "never left its start"] * 10)[:-1]]
EXPECTED[11] = "never left its start"  # the demo net's dead filter: it never got a gradient


def test_what_never_left_its_start_is_said_for_any_kernel():
    net, start = half_frozen()
    found = look(net, start)
    assert of_layer(found) == EXPECTED and set(of_layer(found, "conv1")) == {"left its start"}
    moved = (net.conv2.weight - start["conv2.weight"]).detach().flatten(1).norm(dim=1).numpy()
    then = start["conv2.weight"].flatten(1).norm(dim=1).numpy()
    shares = [verdict.start_share for verdict in found.of_layer("conv2")]
    np.testing.assert_allclose(shares, moved / np.sqrt((moved**2).mean()), rtol=1e-5)
    np.testing.assert_allclose([verdict.start_distance for verdict in found.of_layer("conv2")], moved / then, rtol=1e-5)
    assert "10 never left its start, 1 only scaled" in found.summary("conv2")
    assert "It never left its start." in found.of_layer("conv2")[2].sentence


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_dtype_of_the_checkpoint_does_not_matter(dtype):
    net, start = half_frozen()
    coarse = {name: value.to(dtype) if value.is_floating_point() else value for name, value in start.items()}
    assert of_layer(look(net, coarse)) == EXPECTED


@pytest.mark.parametrize(
    "form",
    [
        "path",
        "safetensors",
        "folder",
        "lightning",
        "data parallel",
        "compiled",
        "both",
        "with an optimizer",
        "averaged",
    ],
)
def test_checkpoints_come_in_many_forms(form, tmp_path):
    net, start = half_frozen()
    beginnings = {"lightning": "model.", "data parallel": "module.", "compiled": "_orig_mod."}
    beginning = {**beginnings, "both": "net.module._orig_mod."}.get(form, "")
    given = {beginning + name: value for name, value in start.items()}
    if form in ("lightning", "with an optimizer"):
        momentum = {name: torch.zeros_like(value) for name, value in start.items()}
        given = {"optimizer": {"state": {"momentum": momentum}}, "state_dict": given, "epoch": 3}
    if form == "averaged":
        given = {"trainer": {"best": {"weights": given}}, "n_averaged": torch.tensor(3)}
    if form in ("path", "lightning"):
        if form == "lightning":  # as its files have them
            given["hyper_parameters"] = argparse.Namespace(lr=0.1)
        torch.save(given, tmp_path / "start.pt")
        given = tmp_path / "start.pt" if form == "path" else str(tmp_path / "start.pt")
    if form in ("safetensors", "folder"):
        save_safetensors(tmp_path / "model.safetensors", given)
        given = tmp_path if form == "folder" else tmp_path / "model.safetensors"
    assert of_layer(look(net, given)) == EXPECTED


class Evil:
    """What a pickle can do."""

    def __reduce__(self):
        return (open, ("evil", "w"))


def test_what_is_no_start_is_said_and_nothing_of_it_is_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = demo.fashion_net()
    before = copy.deepcopy(net.state_dict())
    torch.save(Evil(), "evil.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    (tmp_path / "short.safetensors").write_bytes(b"no checkpoint")
    other = {**net.state_dict(), "conv2.weight": torch.zeros(20, 10, 5, 5)}
    for start, error, words in (
        ("evil.pt", CheckpointError, r"start is 'evil.pt': reading it would call \w+\.open, .* nothing of it was run"),
        ("text.pt", CheckpointError, "start is 'text.pt': it is damaged, or no file of weights"),
        ("short.safetensors", CheckpointError, "its header is longer than the file"),
        ("nowhere.pt", ValueError, "no such file"),
        (net, TypeError, "a FashionNet; give a state dict"),
        ({}, ValueError, "has none; it has no tensor"),
        ({"encoder.weight": torch.zeros(3)}, ValueError, "it has encoder.weight"),
        (other, ValueError, r"conv2.weight is of shape \(20, 10, 5, 5\), the net's of \(20, 10, 3, 3\)"),
    ):
        with pytest.raises(error, match=words):
            look(net, start)
        with pytest.raises(error, match=words):
            Explorer(net, DATA).diagnose(images=20, start=start)
    assert not (tmp_path / "evil").exists()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_layer_that_the_checkpoint_lacks_cannot_be_told_and_without_one_nothing_is_said():
    net, start = half_frozen()
    del start["conv1.weight"]
    found = look(net, start)
    assert of_layer(found) == EXPECTED and set(of_layer(found, "conv1")) == {"can't tell"}
    assert found.filters[0].start_reason == "the checkpoint of the start has no conv1.weight"
    torch.nn.utils.parametrizations.weight_norm(net.conv2)
    assert (
        "computed in the forward pass"
        in look(net, {**start, "conv1.weight": torch.zeros(10, 1, 3, 3)}).filters[-1].start_reason
    )
    silent = look(demo.fashion_net(), None)
    assert {verdict.start for verdict in silent.filters} == {"not given"} and "start" not in silent.filters[0].sentence


def test_an_explorer_keeps_the_start_when_it_goes_on():
    net, start = half_frozen()
    explorer = Explorer(net, DATA)
    assert of_layer(explorer.diagnose(images=20, ablation=False, start=start).wait()) == EXPECTED
    assert of_layer(explorer.diagnose(images=40, ablation=False).wait()) == EXPECTED
    explorer.close()


def test_filters_that_are_not_finite_or_started_at_zero():
    start = np.random.default_rng(0).normal(size=(4, 3, 1, 1))
    now = start.copy()
    now[1, 0], start[2], now[3] = np.nan, 0, -start[3]
    judged = judge_start(now, start)
    assert [one.verdict for one in judged] == ["never left its start", "can't tell", "left its start", "left its start"]
    assert np.isnan(judged[2].distance)
