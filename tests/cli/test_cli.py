"""The command line, as a person calls it: by a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import filterscope
from filterscope.cli import main as cli
from saved_pages import Page

PACKAGE = Path(filterscope.__file__).resolve().parents[1]
NETS = """
import torch
from torch import nn

def make_net():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))

net = make_net()
number = 3

def broken():
    raise RuntimeError("no luck today")

def darker(picture):
    import torchvision.transforms.functional as F
    return F.to_tensor(picture.resize((16, 16))) / 2

class Evil:
    def __reduce__(self):
        return (__import__("os").system, ("touch was_run",))
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a module of nets, weights, and pictures of two classes."""
    (tmp_path / "my_nets.py").write_text(NETS)
    sys.path.insert(0, str(tmp_path))
    try:
        sys.modules.pop("my_nets", None)
        import my_nets

        net = my_nets.make_net()
        with torch.no_grad():
            net[0].bias.fill_(0.75)
        torch.save(net.state_dict(), tmp_path / "net.pt")
        torch.save({"state_dict": {f"module.{name}": one for name, one in net.state_dict().items()}}, tmp_path / "w.pt")
        torch.save({"x": my_nets.Evil()}, tmp_path / "evil.pt")
        torch.save({"\x1b]0;mine\x07": torch.zeros(1)}, tmp_path / "escape.pt")  # sets a terminal's title
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("my_nets", None)
    generator = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for k in range(2):
            pixels = generator.integers(0, 255, (20, 24, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{k}.png")
    return tmp_path


class Done:
    """What came of a call."""

    def __init__(self, returncode, stdout, stderr):
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr


@pytest.fixture
def call(folder, monkeypatch, capsys):
    """The command in this process, which saves importing torch for each case."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def called(*arguments):
        sys.modules.pop("my_nets", None)
        try:
            code = cli.main([*map(str, arguments)])
        finally:
            sys.modules.pop("my_nets", None)
        return Done(code, *capsys.readouterr())

    return called


def run(folder, *arguments):
    env = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    command = [sys.executable, "-m", "filterscope", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


HTML = ("html", "--net", "my_nets:make_net", "--images", "photos")


@pytest.mark.parametrize(
    "more",
    [
        ("--weights", "net.pt"),
        ("--weights", "w.pt", "--size", "16", "--mean", "0.5,0.5,0.5", "--std", "0.2,0.2,0.2"),
        ("--transform", "my_nets:darker", "--layers", "0", "--source", "input", "--channels", "all"),
    ],
)
def test_a_page_of_a_folder_of_pictures(folder, call, more):
    done = call(*HTML, *more, "--count", "3", "out.html")
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "out.html"), done.stderr
    text = (folder / "out.html").read_text("utf-8")
    assert "<title>Sequential</title>" in text
    assert 'id="fs-maps-2-0"' in text and 'id="fs-maps-3-0"' not in text
    assert "about" in done.stderr


def test_the_weights_are_the_files(folder, call):
    for weights, expected in ((("--weights", "w.pt"), 0.75), ((), None)):
        assert call(*HTML, *weights, "--quiet", "out.html").stderr == ""
        bias = Page(folder / "out.html").part("layer-0")["bias"]
        assert (bias == 0.75).all() == (expected is not None)


@pytest.mark.parametrize("net", ["my_nets:net", "my_nets.py:make_net", "filterscope.demo:fashion_net"])
def test_a_net_comes_from_a_module_or_a_file(folder, call, net):
    images = "filterscope.demo:fashion_test_data" if "demo" in net else "photos"
    done = call("html", "--net", net, "--images", images, "--count", "1", "--quiet", "--title", "mine", "o.html")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "<title>mine</title>" in (folder / "o.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--net", "my_nets"), "--net is 'my_nets'; expected MODULE:NAME"),
        (("--net", "nowhere:net"), "--net: there is no module nowhere"),
        (("--net", "nowhere.py:net"), "--net names the file nowhere.py, and there is none"),
        (("--net", "my_nets:nett"), "my_nets has no nett. It has Evil, broken, darker, make_net"),
        (("--net", "my_nets:number"), "is an int; expected a net"),
        (("--net", "my_nets:broken"), "my_nets:broken() raises RuntimeError: no luck today"),
        (("--net", "my_nets:dir"), "my_nets has no dir"),
        (("--images", "nowhere"), "--images is 'nowhere', and there is nothing"),
        (("--weights", "nowhere.pt"), "--weights is 'nowhere.pt', and there is no such file"),
        (("--weights", "evil.pt"), "--weights evil.pt holds no plain weights"),
        (("--weights", "my_nets.py"), "--weights my_nets.py holds no plain weights"),
        (("--weights", "escape.pt"), "\\x1b]0;mine\\x07"),
        (
            ("--net", "filterscope.demo:fashion_net", "--weights", "net.pt"),
            "--weights net.pt are not this net's: Missing",
        ),
        (("--size", "big"), "--size is 'big'; expected one number, 224"),
        (("--mean", "0.5"), "--mean and --std belong together"),
        (("--mean", "a", "--std", "1"), "--mean is 'a'; expected numbers"),
        (("--size", "16", "--transform", "my_nets:darker"), "--transform says what is done to a picture; leave --size"),
        (("--classes", "nowhere.txt"), "--classes is 'nowhere.txt', and there is no such file"),
        (("--channels", "x"), "--channels is 'x'; give numbers with commas"),
        (("--count", "0"), "--count is 0; give 1 or more"),
    ],
)
def test_arguments_that_make_no_sense_are_a_sentence_and_2(folder, call, arguments, sentence):
    done = call(*HTML, *arguments, "out.html")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    assert not (folder / "out.html").exists()
    assert not (folder / "was_run").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--layers", "conv9"), "layers is 'conv9'"),
        (("--limit-mb", "0.01"), "the page would have"),
        (("--classes", "one,"), "classes has"),
        (("--size", "2"), "the net refused an image"),
    ],
)
def test_what_fails_is_a_sentence_and_1(folder, call, arguments, sentence):
    done = call(*HTML, *arguments, "--quiet", "out.html")
    assert done.returncode == 1
    assert done.stderr.startswith("filterscope: ")
    assert sentence in done.stderr
    assert not (folder / "out.html").exists()


def test_a_place_that_cannot_be_written_to_is_said_at_once(folder, call):
    done = call("html", "--net", "nowhere:net", "--images", "photos", "photos")
    assert done.returncode == 2
    assert "photos is a folder, which no page is written to; give the path of a file" in done.stderr
    assert "nowhere" not in done.stderr


def test_the_page_may_be_the_standard_output(folder):
    env = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    command = [sys.executable, "-m", "filterscope", *HTML, "--weights", "net.pt", "--count", "1", "/dev/stdout"]
    piped = subprocess.run(command, cwd=folder, env=env, capture_output=True)
    assert piped.returncode == 0, piped.stderr
    with open(folder / "out.html", "wb") as file:
        assert subprocess.run(command, cwd=folder, env=env, stdout=file, stderr=subprocess.DEVNULL).returncode == 0
    assert (folder / "out.html").read_bytes() == piped.stdout
    assert piped.stdout.startswith(b"<!doctype html>") and piped.stdout.endswith(b"</html>\n")
    call = [*command[:-3], "--count", "1", "--limit-mb", "0.01", "/dev/stdout"]
    refused = subprocess.run(call, cwd=folder, env=env, capture_output=True)
    assert (refused.returncode, refused.stdout) == (1, b"")


def test_a_page_that_is_too_large_names_the_options_that_make_it_smaller(folder, call):
    done = call(*HTML, "--channels", "all", "--precision", "16", "--limit-mb", "0.01", "--quiet", "out.html")
    assert "=" not in done.stderr
    assert done.stderr.endswith(
        "give a smaller --count, no --channels, one --source, --precision 8, or a larger --limit-mb\n"
    )


def test_in_a_process_of_its_own(folder):
    done = run(folder, *HTML, "--weights", "net.pt", "--count", "2", "out.html")
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "out.html"), done.stderr
    assert 'id="fs-maps-1-0"' in (folder / "out.html").read_text("utf-8")
    done = run(folder, *HTML, "--weights", "evil.pt", "out.html")
    assert done.returncode == 2
    assert done.stderr.startswith("filterscope: --weights evil.pt holds no plain weights")
    assert not (folder / "was_run").exists()
    done = run(folder, *HTML, "--limit-mb", "0.01", "out.html")
    assert done.returncode == 1
    assert done.stderr.startswith("filterscope: the page would have")


def test_help_version_and_a_missing_command(tmp_path):
    done = run(tmp_path, "--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"filterscope {filterscope.__version__}")
    done = run(tmp_path, "html", "--help")
    assert done.returncode == 0
    assert "nothing in it is run" in " ".join(done.stdout.split())
    done = run(tmp_path)
    assert done.returncode == 2
    assert "usage: filterscope" in done.stderr
    done = run(tmp_path, "html", "out.html")
    assert done.returncode == 2
    assert "--net, --images" in done.stderr


def test_the_demo_copies_its_notebooks_and_keeps_yours(tmp_path):
    done = run(tmp_path, "demo", "--copy-only")
    first = tmp_path / "filterscope-demo" / "01_first_look.ipynb"
    assert (done.returncode, done.stdout.strip()) == (0, "filterscope-demo/01_first_look.ipynb")
    assert "Explorer(demo.fashion_net(), demo.fashion_test_data())" in first.read_text("utf-8")
    assert (first.parent / "02_course_notebook.ipynb").is_file()
    first.write_text("mine")
    assert run(tmp_path, "demo", "--copy-only").returncode == 0
    assert first.read_text() == "mine"


def test_the_demo_opens_jupyterlab_on_the_copy(tmp_path):
    stub = tmp_path / "stub" / "jupyterlab"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text("")
    (stub / "__main__.py").write_text("import sys; print('opened', sys.argv[1]); sys.exit(int(len(sys.argv) > 9))")
    env = {**os.environ, "PYTHONPATH": f"{stub.parent}:{PACKAGE}"}
    done = subprocess.run(
        [sys.executable, "-m", "filterscope", "demo", "here"], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["here/01_first_look.ipynb", "opened", "here/01_first_look.ipynb"]
    (stub / "__init__.py").write_text("raise ImportError")
    done = subprocess.run(
        [sys.executable, "-m", "filterscope", "demo", "here"], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "JupyterLab is not installed: pip install jupyterlab, or open here/01_first_look.ipynb" in done.stderr
