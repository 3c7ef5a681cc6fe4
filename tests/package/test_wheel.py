"""The wheel and the sdist by themselves: built without Node and without a network, they work where they are put."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from filterscope.cli.main import NOTEBOOKS

CHECKOUT = Path(__file__).resolve().parents[2]
EPOCHS = {path.name for path in (CHECKOUT / "models" / "fashion_net").glob("epoch_*.pt")}

# Run in a fresh Python: which filterscope was imported, and what its demo explorer says.
FIRST_LOOK = """
import json
import filterscope
from filterscope import Explorer
from filterscope.demo import fashion_net, fashion_test_data
explorer = Explorer(fashion_net(), fashion_test_data()).select(layer="conv2", filter=3)
print(json.dumps({
    "file": filterscope.__file__,
    "label": explorer.label,
    "activation_name": explorer.activation_name,
    "response": explorer.response.shape,
    "esm": len(explorer._esm),
    "css": len(explorer._css),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built by pip as `pip install .` does, on a PATH without any program: no Node, no git."""
    out = tmp_path_factory.mktemp("wheel")
    # Without isolation the build backend is the test environment's, so no network is asked for one.
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", out, "."]
    env = {**os.environ, "PATH": str(tmp_path_factory.mktemp("no_programs"))}
    built = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("filterscope-*.whl")
    return path


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The sources as a package, built by the build backend, on a PATH without any program."""
    out = tmp_path_factory.mktemp("sdist")
    env = {**os.environ, "PATH": str(tmp_path_factory.mktemp("no_programs"))}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", out]
    built = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = out.glob("filterscope-*.tar.gz")
    return path


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def installed(request, tmp_path_factory):
    """A folder that holds the package, installed from the wheel or the sdist, and nothing else."""
    package = request.getfixturevalue(request.param)
    target = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--target", target, package], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def test_the_sdist_holds_the_sources_and_nothing_that_is_built_or_installed(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "mkdocs.yml", "README.md", "LICENSE", "Makefile", "js/package-lock.json"} <= names
    assert "tests/package/test_wheel.py" in names and "models/fashion_net/epoch_00.pt" in names
    made = ("site/", ".venv/", "js/node_modules/", "test-output/", "dist/")
    assert not [name for name in names if name.startswith(made)]


def test_the_wheel_holds_bundle_demo_and_licences(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    static = [
        "widget.js",
        "widget.css",
        "panels.js",
        "exemplars.js",
        "timeline.js",
        "page.js",
        "page.css",
        "palettes.json",
    ]
    notebooks = [f"demo_files/notebooks/{name}" for name in NOTEBOOKS]
    for name in [*(f"static/{one}" for one in static), *notebooks, "py.typed"]:
        assert f"filterscope/{name}" in names
    assert sizes["filterscope/static/widget.js"] > 1000
    assert {"epoch_00.pt", "epoch_01.pt"} <= EPOCHS, f"models/fashion_net holds {sorted(EPOCHS)}"
    prefix = "filterscope/demo_files/fashion_net/"
    assert {name.removeprefix(prefix) for name in names if name.startswith(prefix + "epoch_")} == EPOCHS
    data = [name for name in names if name.startswith("filterscope/demo_files/fashion_mnist/") and name.endswith(".gz")]
    assert len(data) == 2
    assert sum(sizes[name] for name in data) > 4_000_000
    # Ours, and the data set's.
    assert sum(name.split("/")[-1] == "LICENSE" and ".dist-info/" in name for name in names) == 2


def test_the_wheel_holds_only_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        rooms = {name.split("/")[0] for name in archive.namelist()}
    assert {room for room in rooms if not room.endswith(".dist-info")} == {"filterscope"}


def test_the_installed_package_alone_builds_the_demo_explorer(installed, tmp_path):
    # PYTHONPATH comes before site-packages, where an editable install of the checkout would be found.
    env = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", FIRST_LOOK], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert Path(seen["file"]).is_relative_to(installed)
    assert seen["label"] == "Ankle boot"
    assert seen["activation_name"] == "conv2 → relu"
    assert seen["response"] == [11, 11]
    assert min(seen["esm"], seen["css"]) > 100


def test_the_installed_package_has_the_command_and_what_it_needs(installed, tmp_path):
    scripts = [path.read_text() for path in installed.glob("filterscope-*.dist-info/entry_points.txt")]
    assert "filterscope = filterscope.cli.main:main" in scripts[0]
    env = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "filterscope", "demo", "--copy-only"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "filterscope-demo").iterdir()) == sorted(NOTEBOOKS)
    command = [sys.executable, "-m", "filterscope", "html", "--net", "filterscope.demo:fashion_net", "--quiet"]
    command += ["--images", "filterscope.demo:fashion_test_data", "--count", "1", "out.html"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.html").stat().st_size > 50_000
