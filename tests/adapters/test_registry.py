"""Adapters of other packages: named as entry points, asked first, and harmless where they raise."""

import subprocess
import sys
import warnings

import pytest
import torch
from torch import nn

from filterscope import Explorer
from filterscope.adapters import registry
from filterscope.adapters.adaptation import Adaptation

PLUGIN = """
from filterscope.adapters.adaptation import Adaptation

class Boxed:
    def __init__(self, net):
        self.inside = net

def adapt(model, data, transform):
    return Adaptation(net=model.inside, classes=("yes", "no")) if isinstance(model, Boxed) else None
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a package with an adapter, as its wheel would."""

    def install(source):
        (tmp_path / "boxed_nets.py").write_text(source)
        described = tmp_path / "boxed_nets-1.0.dist-info"
        described.mkdir()
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: boxed-nets\nVersion: 1.0\n")
        (described / "entry_points.txt").write_text("[filterscope.adapters]\nboxed = boxed_nets:adapt\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "boxed_nets", raising=False)
        registry.entry_point_adapters.cache_clear()

    yield install
    registry.entry_point_adapters.cache_clear()


def net():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def test_a_package_names_its_adapter_as_an_entry_point(installed):
    installed(PLUGIN)
    import boxed_nets

    explorer = Explorer(boxed_nets.Boxed(net()), torch.rand(2, 1, 8, 8))
    assert {name for name, _ in explorer.prediction} == {"yes", "no"}


@pytest.mark.parametrize(
    "source", ["raise RuntimeError('broken')", "def adapt(*given):\n    raise RuntimeError('broken')"]
)
def test_a_broken_adapter_is_left_out_with_a_warning(installed, source):
    installed(source)
    with pytest.warns(UserWarning, match="adapter boxed .*broken"):
        explorer = Explorer(net(), torch.rand(2, 1, 8, 8))
    assert len(explorer.prediction) == 2


def test_what_lies_outside_counts_before_what_lies_inside():
    outer = Adaptation(net="inner", mean=[1.0], std=[2.0], classes=("a",))
    inner = Adaptation(net="innermost", mean=[3.0], std=[4.0], inputs=((2, 1),))
    both = outer.with_inner(inner)
    assert (both.net, both.mean, both.std, both.classes, both.inputs) == ("innermost", [1.0], [2.0], ("a",), ((2, 1),))


def test_a_plain_net_is_adapted_by_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapted = registry.adapt(net(), torch.rand(2, 1, 8, 8))
    assert vars(adapted) == vars(Adaptation())


def test_no_library_is_imported():
    libraries = "timm ultralytics segmentation_models_pytorch monai transformers braindecode fastai lightning skorch"
    code = (
        "import sys\n"
        f"for name in {libraries.split()!r}: sys.modules[name] = None\n"  # to import one raises
        "import torch, filterscope\n"
        "from torch import nn\n"
        "net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"
        "assert len(filterscope.Explorer(net, torch.rand(2, 1, 8, 8)).prediction) == 2\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
