"""Whole nets against the mask of the gradient, and when their geometry is searched for."""

import contextlib
import subprocess
import sys
import time

import pytest
import torch
import torchvision
from torch import nn

from fields import compare, point
from filterscope import Explorer
from filterscope.engine.engine import Engine
from filterscope.receptive_field.fields import Box
from nets import Everything, TwoConvs, geometries, images, seeded


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_signals_pictures_and_volumes(rank):
    kinds = [(nn.Conv1d, nn.MaxPool1d), (nn.Conv2d, nn.MaxPool2d), (nn.Conv3d, nn.MaxPool3d)][rank - 1]
    build = lambda: nn.Sequential(kinds[0](2, 3, 3, padding=1), kinds[1](2), kinds[0](3, 4, 2, dilation=2))  # noqa: E731
    assert set(compare(seeded(build), 2, *(13, 12, 9)[:rank])) == {"exact"}


def test_every_geometry_of_a_convolution():
    shapes = [g for k, g in enumerate(geometries()) if k % 7 == 0]
    for geometry in shapes:
        net = seeded(lambda g=geometry: nn.Sequential(nn.Conv2d(4, 4, 3, stride=2), nn.Conv2d(4, 8, **g)))
        assert set(compare(net, 4, 33, 37)) == {"exact"}, geometry
    assert len(shapes) > 70


@pytest.mark.parametrize("build", [TwoConvs, Everything])
def test_the_shared_nets(build):
    assert set(compare(seeded(build), 1, 12, 12)) == {"exact"}


NETS = {
    "resnet18": 56,
    "squeezenet1_1": 56,
    "mobilenet_v3_small": 48,
    "shufflenet_v2_x0_5": 48,
    "googlenet": 48,
    "densenet121": 37,
    "mnasnet0_5": 48,
}


@pytest.mark.parametrize("name", NETS)
def test_every_layer_of_torchvisions_nets(name):
    options = {"init_weights": False} if name == "googlenet" else {}
    net = seeded(lambda: torchvision.models.get_model(name, weights=None, **options)).eval()
    counted = compare(net, 3, NETS[name], NETS[name] - 5)
    assert counted["upper bound"] == 0
    assert counted["exact"] > 20


def test_a_list_of_images_that_the_net_resizes_and_puts_into_a_batch():
    net = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    pointer = point(net, 3, 80, 100)
    fields = pointer.fields(0, 0, 0)
    assert fields.image == (80, 100) and fields.placed
    field = fields.at((0, 0))
    assert field.status == "exact" and field.inside == Box(0, 0, 1, 1)


def test_the_geometry_is_found_once_a_shape_and_again_after_a_change_of_structure(monkeypatch):
    passes = []
    real = Engine.passing

    @contextlib.contextmanager
    def counted(self, image):
        passes.append(image)
        with real(self, image) as running:
            yield running

    monkeypatch.setattr(Engine, "passing", counted)
    net = seeded(TwoConvs)
    explorer = Explorer(net, [*images(2, 1, 12, 12), *images(1, 1, 14, 12)], layer_index=1)
    for image, expected in [(0, 1), (1, 1), (2, 2), (0, 2)]:
        explorer.image_index = image
        explorer.receptive_field(0, 0)
        assert len(passes) == expected
    with torch.no_grad():
        net.conv1.weight += 1
    assert explorer.receptive_field(0, 0).inside == Box(0, 0, 8, 8)
    assert len(passes) == 2
    net.conv1 = nn.Conv2d(1, 4, 5, padding=1)
    assert explorer.receptive_field(0, 0).inside == Box(0, 0, 9, 9)
    assert len(passes) == 3


def test_a_position_of_a_deep_net_is_answered_from_tables():
    explorer = Explorer(torchvision.models.resnet18(weights=None), images(1, 3, 64, 64), layer_index=19)
    explorer.receptive_field(0, 0)
    fields = explorer.receptive_fields()
    start = time.perf_counter()
    for _ in range(100):
        fields.at((1, 1))
    assert (time.perf_counter() - start) / 100 < 0.005


def test_the_first_search_imports_no_compiler():
    """torch would import its own at the first operation under a dispatch mode: seconds, in which no slider moves."""
    code = """
import sys
import torch
from filterscope import Explorer
explorer = Explorer(torch.nn.Conv2d(1, 2, 3), torch.rand(2, 1, 8, 8))
assert "torch._dynamo" not in sys.modules
field = explorer.receptive_field(0, 0)
assert "torch._dynamo" not in sys.modules
import torch._dynamo
explorer.refresh()
assert explorer.receptive_field(0, 0) == field
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pixels_that_become_channels_are_all_seen_by_the_convolution_that_sums_them():
    class Unfolded(nn.Module):
        def __init__(self, groups):
            super().__init__()
            self.conv = nn.ConvTranspose2d(24, 2, 3, groups=groups)

        def forward(self, x):
            return self.conv(x.reshape(1, -1, 1, 1))

    explorer = Explorer(seeded(lambda: Unfolded(1)), images(1, 1, 4, 6))
    field = explorer.receptive_field(1, 1)
    assert field.status == "whole image"
    assert (field.inside.top, field.inside.left, field.inside.bottom, field.inside.right) == (0, 0, 4, 6)
    explorer.close()
    explorer = Explorer(seeded(lambda: Unfolded(2)), images(1, 1, 4, 6))
    assert explorer.receptive_field(1, 1).status != "exact"
    explorer.close()
