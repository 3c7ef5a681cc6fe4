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
    outline = page.part("outline")
    told = outline["saved"]["timeline"]
    assert (told["layer"], told["titles"], told["shown"], told["images"]) == (0, list(nets), 0, [0, 1])
    assert told["words"] == "With conv2 over 3 checkpoints."
    assert outline["description"]["checkpoints"] == list(nets) and outline["selection"]["checkpoint_index"] == 0
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


def test_the_slider_has_each_checkpoint_s_maps_and_predictions(explorer, nets, tmp_path):
    page = saved(explorer, tmp_path, images=[0, 7], layers=[1], precision=32, sources="input")
    # The page itself is of the first checkpoint.
    assert sorted(name for name in page.parts if "-at-" in name) == sorted(
        [f"layer-at-{at}" for at in (1, 2)] + [f"maps-at-{place}-{at}" for place in (0, 1) for at in (1, 2)]
    )
    predicted = page.part("outline")["saved"]["timeline"]["predicted"]
    for at, net in enumerate(nets.values()):
        weights = page.part(f"layer-at-{at}" if at else "layer-0")
        np.testing.assert_array_equal(weights["kernels"]["values"], net.conv2.weight.detach())
        np.testing.assert_array_equal(weights["bias"], net.conv2.bias.detach())
        for place, image in enumerate((0, 7)):
            pixels = torch.from_numpy(explorer.session.engine.sample(image).image)[None]
            given = {}
            handle = net.conv2.register_forward_hook(lambda module, inputs, output: given.update(map=output, of=inputs))
            with torch.no_grad():
                probabilities = torch.softmax(net(pixels)[0], 0)
                response = torch.nn.functional.conv2d(
                    given["of"][0], net.conv2.weight, None, net.conv2.stride, net.conv2.padding
                )
            handle.remove()
            part = page.part(f"maps-at-{place}-{at}" if at else f"maps-{place}-0")
            np.testing.assert_allclose(part["activations"]["values"], torch.relu(given["map"][0]), atol=1e-5)
            np.testing.assert_allclose(part["responses"][0]["maps"]["values"], response[0], atol=1e-4)
            best = demo.fashion_test_data().classes[int(probabilities.argmax())]
            assert predicted[at][place] == best
            if at:
                name, probability = part["prediction"][0]
                assert name == best and abs(probability - float(probabilities.max())) < 1e-5


def test_the_slider_has_as_many_images_as_there_is_room_for_the_selected_one_first(explorer, tmp_path, capsys):
    explorer.image_index = 5
    path = tmp_path / "p.html"
    whole = Page(explorer.save_html(path, images=range(8), timeline=True))
    about = float(capsys.readouterr().err.split("about ")[1].split()[0]) * 1e6
    sizes = {name: len(text) for name, text in whole.parts.items() if "-at-" in name}
    kernels = sum(size for name, size in sizes.items() if name.startswith("layer-at-"))
    each = sum(size for name, size in sizes.items() if name.startswith("maps-at-5-"))
    for most in (7, 3, 0):
        # All else leaves twice the kernels and the maps of so many images, and of a half.
        limit = (about - kernels - 8 * each) + 2 * (kernels + (most + 0.5) * each)
        page = Page(explorer.save_html(path, images=range(8), timeline=True, limit_mb=limit / 1e6))
        assert path.stat().st_size <= limit
        told = page.part("outline")["saved"]["timeline"]
        there = told["images"]
        assert len(there) <= most and (5 in there or not most) and len(there) >= most - 1
        assert {int(name.split("-")[2]) for name in page.parts if name.startswith("maps-at-")} == set(there)
        assert bool(there) == any(name.startswith("layer-at-") for name in page.parts)
        said = f"has {len(there)} of the 8 images" if there else "The checkpoint slider is not there"
        assert said in told["words"] and said in capsys.readouterr().err
        assert page.part("outline")["description"]["checkpoints"] == (told["titles"] if there else [])


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
    assert abs(about - whole) < 0.1 * whole  # the second image's maps take more than the first one's
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
