"""The timeline of a saved page: at each checkpoint what torch gives with its weights; what cannot be saved says so."""

import base64
import hashlib

import numpy as np
import pytest
import torch

from filterscope import Explorer, demo
from saved_pages import Page

EPOCHS = (0, 1, 20)


@pytest.fixture(scope="module")
def nets():
    return {f"epoch {epoch}": demo.fashion_net(epoch=epoch) for epoch in EPOCHS}


@pytest.fixture
def explorer(nets):
    states = {name: net.state_dict() for name, net in nets.items()}
    found = Explorer(demo.fashion_net(), demo.fashion_test_data(), checkpoints=states, layer_index=1, filter_index=3)
    yield found
    found.close()


def saved(explorer, path, **options):
    return Page(explorer.save_html(path / "p.html", progress=False, timeline=True, **options))


def test_each_checkpoint_has_its_own_kernels_and_maps(explorer, nets, tmp_path):
    live = {name: tensor.clone() for name, tensor in nets["epoch 20"].state_dict().items()}
    page = saved(explorer, tmp_path, images=[0, 7], layers=[1], precision=32)
    assert page.part("outline")["saved"]["timeline"] == {"layer": 0, "titles": list(nets), "shown": 0}
    part, image = page.part("timeline"), page.part("timeline-1")
    pixels = torch.from_numpy(explorer.session.engine.sample(7).image)[None]
    maps = image["maps"]["values"].reshape(3, 20, *image["maps"]["values"].shape[1:])
    for at, net in enumerate(nets.values()):
        np.testing.assert_array_equal(part["kernels"][at], net.conv2.weight.detach())
        given = {}
        handle = net.conv2.register_forward_hook(lambda module, inputs, output: given.update(map=output))
        with torch.no_grad():
            net(pixels)
        handle.remove()
        expected = torch.relu(given["map"][0]).numpy()
        np.testing.assert_allclose(maps[at], expected, atol=1e-5)
    assert not np.allclose(maps[0], maps[2], atol=0.01)
    assert part["errors"] == image["errors"] == [None] * 3
    # How far the weights are is what a notebook's page is told, and the explorer shows what it did.
    start, end = (nets[name].conv2.weight.detach().numpy().reshape(20, -1) for name in ("epoch 0", "epoch 20"))
    far = np.linalg.norm(end - start, axis=1) / np.linalg.norm(start, axis=1)
    np.testing.assert_allclose(part["body"]["from_start"][:, 2], far, rtol=1e-4)
    assert explorer.checkpoint_index == 0 and (part["body"]["status"], part["body"]["judged"]) == ("none", 0)
    assert all(torch.equal(tensor, live[name]) for name, tensor in nets["epoch 20"].state_dict().items())


def test_the_verdicts_that_were_found_are_in_it(explorer, tmp_path):
    found = explorer.diagnose_over_time(images=100).wait().found
    part = saved(explorer, tmp_path, images=range(1)).part("timeline")
    assert (part["body"]["status"], part["body"]["judged"], part["body"]["images"]) == ("done", 3, 100)
    for k in range(20):
        verdicts = [diagnosis.of_layer("conv2")[k] for diagnosis in found.diagnoses]
        assert [step["state"] for step in part["steps"][k]] == [verdict.state for verdict in verdicts]
        assert [step["structure"] for step in part["steps"][k]] == [verdict.structure for verdict in verdicts]


def test_it_is_there_only_where_it_is_asked_for_and_its_size_is_said_first(explorer, tmp_path, capsys):
    path = tmp_path / "p.html"
    page = Page(explorer.save_html(path, images=range(2), progress=False))
    plain = path.stat().st_size
    assert page.part("outline")["saved"]["timeline"] is None
    assert len(page.scripts) == 1 and not [name for name in page.parts if name.startswith("timeline")]
    page = Page(explorer.save_html(path, images=range(2), lab=True, timeline=True))
    whole = path.stat().st_size
    said = capsys.readouterr().err
    assert "with the lab of conv2 and the timeline of conv2 over 3 checkpoints, about " in said
    about = float(said.split("about ")[1].split()[0]) * {"kB": 1e3, "MB": 1e6}[said.split("about ")[1].split()[1]]
    assert abs(about - whole) < 0.05 * whole
    assert sorted(name for name in page.parts if name.startswith("timeline")) == [
        "timeline",
        "timeline-0",
        "timeline-1",
    ]
    assert len(page.scripts) == 3
    for script in page.scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in page.policy.split(";")[1]
    limit = (plain + whole) / 2e6
    with pytest.raises(ValueError, match=r"give .*lab=False, timeline=False, or a larger limit_mb="):
        explorer.save_html(path, images=range(2), lab=True, timeline=True, limit_mb=limit, progress=False)


def test_a_checkpoint_that_is_gone_is_said_and_the_others_are_saved(nets, tmp_path):
    paths = [tmp_path / f"epoch_{epoch}.pt" for epoch in EPOCHS]
    for file, net in zip(paths, nets.values(), strict=True):
        torch.save(net.state_dict(), file)
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), checkpoints=str(tmp_path / "epoch_*.pt"))
    paths[1].unlink()
    page = saved(explorer, tmp_path, images=range(1))
    part, image = page.part("timeline"), page.part("timeline-0")
    for errors in (part["errors"], image["errors"]):
        assert errors[0] is None and errors[2] is None and "epoch_1" in errors[1]
    np.testing.assert_array_equal(part["kernels"][2], nets["epoch 20"].conv1.weight.detach())
    assert np.isnan(part["kernels"][1]).all() and np.isnan(part["body"]["step"][:, 1]).all()
    explorer.close()


def test_what_cannot_be_saved_is_refused_before_anything_is_written(explorer, tmp_path):
    path = tmp_path / "p.html"
    with pytest.raises(ValueError, match="timeline of the selected layer, conv2, which is not among layers="):
        explorer.save_html(path, layers=[0], timeline=True, progress=False)
    with pytest.raises(ValueError, match="timeline is 'yes'"):
        explorer.save_html(path, timeline="yes", progress=False)
    without = Explorer(demo.fashion_net(), demo.fashion_test_data())
    with pytest.raises(ValueError, match="there are none; give some by"):
        without.save_html(path, timeline=True, progress=False)
    without.close()
    assert not path.exists()
