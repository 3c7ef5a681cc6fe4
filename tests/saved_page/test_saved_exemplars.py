"""The exemplars of a scan in a saved page: what a notebook's page would be told, how much it is, and when not."""

import numpy as np
import pytest
import torch

from filterscope import Explorer
from filterscope.frames.exemplars import build_distribution, build_exemplars, exemplar_groups
from nets import TwoConvs, images, seeded
from saved_pages import Page

KINDS = ("top", "bottom", "typical", "class")


@pytest.fixture
def data():
    return [(image, index % 3) for index, image in enumerate(images(40, 1, 12, 12))]


@pytest.fixture
def explorer(data):
    explorer = Explorer(seeded(TwoConvs), data)
    yield explorer
    explorer.close()


def saved(explorer, path, **options):
    return Page(explorer.save_html(path / "p.html", progress=False, **options))


def same(one, other):
    """Whether two bodies hold the same, arrays by their values."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return np.array_equal(one, other, equal_nan=True) if isinstance(one, np.ndarray) else one == other


def parts_of(page):
    return sorted(name for name in page.parts if name.startswith(("exemplars-", "answer-scans-")))


def test_each_filter_has_what_a_page_would_be_told(explorer, tmp_path):
    page = saved(explorer, tmp_path, images=3)
    assert (parts_of(page), page.part("outline")["saved"]["exemplars"]) == ([], False)
    scan = explorer.scan(layers="conv2").wait()
    page = saved(explorer, tmp_path, images=3, layers=["conv2", "conv1"])
    filters = explorer.layers[1].out_channels
    assert parts_of(page) == sorted(
        ["answer-scans-0", "answer-scans-1", *(f"exemplars-0-{number}" for number in range(filters))]
    )
    assert page.part("outline")["saved"]["exemplars"] is True
    told = page.part("answer-scans-0")
    assert (told["status"], told["images"], told["fits"], told["layer"], told["earlier"]) == (
        "done",
        40,
        True,
        0,
        False,
    )
    assert page.part("answer-scans-1")["fits"] is False  # conv1 was not scanned
    classes = explorer.session.engine.classes
    for number in range(filters):
        here = {"layer": 0, "filter": number, "number": 1, "status": "done"}
        part = page.part(f"exemplars-0-{number}")
        assert set(part["kinds"]) == set(KINDS)
        for kind in KINDS:
            groups = exemplar_groups(scan, 1, number, kind, {"bin": 0, "label": None})
            body = {**here, "kind": kind, "bin": 0, "label": None, **build_exemplars(groups, classes)}
            assert same(part["kinds"][kind], body)
            assert body["crops"]
        assert same(part["distribution"], {**here, **build_distribution(scan, 1, number)})


def test_the_size_is_said_first_and_a_page_that_would_be_too_large_says_what_to_leave_out(explorer, tmp_path, capsys):
    explorer.scan().wait()
    path = explorer.save_html(tmp_path / "p.html", images=range(2))
    filters = sum(layer.out_channels for layer in explorer.layers)
    said = capsys.readouterr().err
    assert f"2 images and 2 layers, with the exemplars of {filters} filters, about" in said
    with_them = path.stat().st_size
    about = float(said.split("about ")[1].split(" ")[0]) * {"kB": 1e3, "MB": 1e6}[said.split("about ")[1].split()[1]]
    assert about == pytest.approx(with_them, rel=0.25)
    before = path.read_bytes()
    without_them = (
        explorer.save_html(tmp_path / "q.html", images=range(2), progress=False, exemplars=False).stat().st_size
    )
    limit = (without_them + with_them) / 2 / 1e6
    with pytest.raises(ValueError, match=r"with the exemplars of .* give .*exemplars=False, or a larger limit_mb="):
        explorer.save_html(path, images=range(2), progress=False, limit_mb=limit)
    assert path.read_bytes() == before
    without = saved(explorer, tmp_path, images=range(2), exemplars=False, limit_mb=limit)
    assert (parts_of(without), without.part("outline")["saved"]["exemplars"]) == ([], False)
    with pytest.raises(ValueError, match="exemplars is 'yes'; choose"):
        explorer.save_html(path, images=range(2), progress=False, exemplars="yes")


def test_exemplars_of_earlier_weights_say_so(explorer, tmp_path):
    explorer.scan().wait()
    with torch.no_grad():
        explorer.layer.module.weight.mul_(2)
    page = saved(explorer, tmp_path, images=1)
    assert [page.part(f"answer-scans-{place}")["earlier"] for place in (0, 1)] == [True, True]


def test_images_that_are_gone_since_the_scan_are_said(data, tmp_path):
    class Gone(list):
        gone = False

        def __getitem__(self, index):
            if self.gone and index > 1:
                raise OSError("the disk is gone")
            return super().__getitem__(index)

    held = Gone(data)
    explorer = Explorer(seeded(TwoConvs), held)
    explorer.scan().wait()
    held.gone = True
    explorer.session.engine.samples.clear()
    page = saved(explorer, tmp_path, images=1)
    assert "the disk is gone" in page.part("exemplars-0-0")["error"]
    explorer.close()
