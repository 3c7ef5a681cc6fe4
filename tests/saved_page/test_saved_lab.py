"""The lab of a saved page: what the page computes with gives what torch gives, and what cannot be saved says so."""

import base64
import hashlib

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from explorers import data
from filterscope import Explorer, demo
from filterscope.lab.page_arithmetic import PageStep, apply_step
from nets import TwoConvs, images, seeded
from saved_pages import Page


class Grouped(nn.Module):
    """Two groups, batch norm with a history, and leaky ReLU."""

    def __init__(self):
        super().__init__()
        self.first, self.conv, self.bn = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.BatchNorm2d(6)
        self.bn.running_mean += torch.arange(6) / 10

    def forward(self, x):
        return F.leaky_relu(self.bn(self.conv(F.relu(self.first(x)))), 0.01).mean((2, 3))


def saved(explorer, path, **options):
    return Page(explorer.save_html(path / "p.html", progress=False, lab=True, **options))


def test_the_parts_are_enough_to_compute_the_layer_with_any_kernel(tmp_path):
    net = seeded(Grouped).eval()
    explorer = Explorer(net, data(), layer_index=1)
    page = saved(explorer, tmp_path, images=[0, 2], layers=[1])
    assert page.part("outline")["saved"]["lab"] == 0
    lab, given = page.part("lab"), page.part("lab-1")
    assert (lab["layer"], lab["name"], lab["groups"], given["same"]) == (0, "conv", 2, False)
    np.testing.assert_array_equal(lab["own"], net.conv.weight.detach())
    kernel = np.random.default_rng(0).normal(size=lab["own"].shape[1:]).astype(np.float32)
    for chosen in range(6):
        explorer.select(image=2, filter=chosen)
        explorer.kernel = kernel
        first = chosen // 3 * 2
        response = F.conv2d(
            torch.from_numpy(given["input"][None, first : first + 2].copy()), torch.tensor(kernel[None]), padding=1
        )
        values = response[0, 0].numpy().astype(np.float64) + lab["bias"][chosen]
        np.testing.assert_allclose(values, explorer.pre_activation, atol=1e-5)
        for step in lab["steps"][chosen]:
            values = apply_step(PageStep(step["name"], tuple(step["numbers"].tolist())), values)
        np.testing.assert_allclose(values, explorer.activation, atol=1e-5)
    # Of each filter the presets that it has in a notebook, and no more.
    explorer.lab.reset()
    for chosen in range(6):
        there = {preset["name"]: preset["kernel"] for preset in [*lab["presets"], *lab["presets_of"][chosen]]}
        known = explorer.lab.presets(1, chosen)
        assert there.keys() == known.keys()
        assert all(np.array_equal(there[name], known[name]) for name in known)


def test_a_layer_that_is_given_the_image_has_it_once(tmp_path):
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), layer_index=0)
    given = saved(explorer, tmp_path, images=range(3)).part("lab-2")
    np.testing.assert_array_equal(given["input"], explorer.session.engine.sample(2).image)
    assert (given["over"], given["same"]) == (None, True)
    explorer.select(layer="conv2")
    page = saved(explorer, tmp_path, images=range(1))
    assert page.part("lab-0")["input"].shape == (10, 13, 13) and page.part("lab-0")["over"].shape == (1, 28, 28)
    assert saved(explorer, tmp_path, images=range(1), sources="input").part("lab-0")["over"] is None


def test_it_is_there_only_where_it_is_asked_for_and_its_size_is_said_first(tmp_path, capsys):
    explorer = Explorer(seeded(TwoConvs), data())
    path = tmp_path / "p.html"
    page = Page(explorer.save_html(path, images=range(2), progress=False))
    plain = path.stat().st_size
    assert page.part("outline")["saved"]["lab"] is None
    assert len(page.scripts) == 1 and not [name for name in page.parts if name.startswith("lab")]
    page = Page(explorer.save_html(path, images=range(2), lab=True))
    assert "2 images and 2 layers, with the lab of conv1, about " in capsys.readouterr().err
    assert sorted(name for name in page.parts if name.startswith("lab")) == ["lab", "lab-0", "lab-1"]
    policy = page.policy.split(";")[1]
    for script in page.scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert len(page.scripts) == 2
    limit = (plain + path.stat().st_size) / 2e6
    with pytest.raises(ValueError, match=r"with the lab of conv1, .* give .*lab=False, or a larger limit_mb="):
        explorer.save_html(path, images=range(2), lab=True, limit_mb=limit, progress=False)
    explorer.save_html(path, images=range(2), limit_mb=limit, progress=False)


class AfterSoftplus(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        return F.softplus(self.conv(x))


@pytest.mark.parametrize(
    ("net", "shape", "sentence"),
    [
        (AfterSoftplus, (1, 12, 12), "cannot compute by itself what the net makes of its output"),
        (lambda: nn.Sequential(nn.ConvTranspose2d(1, 2, 3)), (1, 8, 8), "that are not transposed"),
        (lambda: nn.Sequential(nn.Conv3d(1, 2, 3)), (1, 5, 6, 7), "over one or two spatial axes"),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 3)), (1, 8, 8), "cannot be edited"),
    ],
    ids=["softplus", "transposed", "volume", "weight norm"],
)
def test_what_a_page_cannot_compute_is_refused_before_anything_is_written(net, shape, sentence, tmp_path):
    explorer = Explorer(seeded(net), images(2, *shape))
    path = tmp_path / "p.html"
    with pytest.raises(ValueError, match=sentence):
        explorer.save_html(path, lab=True, progress=False)
    assert not path.exists()


def test_wrong_choices_are_sentences(tmp_path):
    explorer = Explorer(seeded(TwoConvs), data(), layer_index=1)
    path = tmp_path / "p.html"
    with pytest.raises(ValueError, match=r"the selected layer, conv2, which is not among layers="):
        explorer.save_html(path, layers="conv1", lab=True, progress=False)
    with pytest.raises(ValueError, match="lab is 'yes'; choose"):
        explorer.save_html(path, lab="yes", progress=False)
    assert not path.exists()
