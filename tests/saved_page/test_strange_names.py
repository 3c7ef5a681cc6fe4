"""Pages, figures and tables of things whose names no text file can hold."""

import io
from collections import OrderedDict

import pytest
from torch import nn

from filterscope import Explorer, exemplar_figure, scan
from nets import images, seeded
from saved_pages import Page
from strange_names import SPELT, STRANGE


def strange_net():
    parts = [("caf\udce9", nn.Conv2d(1, 4, 3)), ("\ud800", nn.ReLU()), ("p", nn.AdaptiveAvgPool2d(1))]
    return nn.Sequential(OrderedDict([*parts, ("f", nn.Flatten())]))


@pytest.fixture(params=["classes", "labels"])
def explorer(request):
    """Names of classes, given in two ways, and of layers."""
    if request.param == "classes":
        options = {"data": (images(4, 1, 9, 9), [0, 1, 2, 3]), "classes": STRANGE}
    else:
        options = {"data": list(zip(images(4, 1, 9, 9), STRANGE, strict=True))}
    data = options.pop("data")
    explorer = Explorer(seeded(strange_net), data, **options)
    yield explorer
    explorer.close()


def test_a_page(explorer, tmp_path):
    explorer.diagnose().wait()
    page = Page(explorer.save_html(tmp_path / "p.html", progress=True))
    assert page.part("outline")["strip"]["labels"] == SPELT
    titled = Page(explorer.save_html(tmp_path / "q.html", title="\ud800 é", progress=False))
    assert "\\ud800 é" in "".join(titled.words)


@pytest.mark.filterwarnings("ignore:Glyph")  # the font has no cats
@pytest.mark.parametrize("kind", ["live", "grid"])
@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_a_figure(explorer, kind, form):
    for image in range(4):
        explorer.select(image=image)
        file = io.BytesIO()
        (explorer.figure() if kind == "live" else explorer.figure(kind="grid")).savefig(file, format=form)
        assert len(file.getvalue()) > 3000


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_a_figure_of_exemplars(form):
    data = list(zip(images(4, 1, 9, 9), STRANGE, strict=True))
    file = io.BytesIO()
    exemplar_figure(scan(seeded(strange_net).eval(), data, progress=False), 0).savefig(file, format=form)
    assert len(file.getvalue()) > 3000


def test_the_picture_beside_the_widget(explorer):
    for image in range(4):
        explorer.select(image=image)
        assert "image/png" in explorer._repr_mimebundle_()[0]


def test_the_table_of_verdicts(explorer, tmp_path):
    explorer.diagnose().wait()
    explorer.diagnosis.to_csv(tmp_path / "verdicts.csv")
    assert "caf\\udce9" in (tmp_path / "verdicts.csv").read_text("utf-8")


def test_a_live_figure_says_which_file_cannot_be_read(tmp_path):
    class Data:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            if index:
                raise OSError("there is no caf\udce9.png")
            return images(1, 1, 9, 9)[0]

    explorer = Explorer(seeded(strange_net), Data())
    figure = explorer.figure()
    explorer.image_index = 1
    figure.savefig(io.BytesIO(), format="png")
    assert "caf\\udce9.png" in figure.texts[0].get_text()
    explorer.close()
