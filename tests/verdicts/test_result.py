"""A diagnosis as tables and as HTML."""

import csv
import io
from html import escape

import pytest
from torch import nn

from diagnoses import COLUMNS, look
from filterscope import demo
from nets import TwoConvs, images, seeded


def test_tables(found, tmp_path, monkeypatch):
    text = found.to_csv()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 30 and set(rows[0]) >= COLUMNS
    assert float(rows[0]["delta_loss"]) == pytest.approx(found.filters[0].delta_loss)
    assert rows[0]["duplicate_of"] == "" and rows[0]["noise_score"] == ""
    assert found.to_csv(tmp_path / "verdicts.csv") is None
    assert (tmp_path / "verdicts.csv").read_text(encoding="utf-8") == text
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        found.to_dataframe()


def test_the_table_of_pandas(found):
    pandas = pytest.importorskip("pandas")
    frame = found.to_dataframe()
    assert isinstance(frame, pandas.DataFrame) and set(frame.columns) >= COLUMNS and len(frame) == 30


def test_html_escapes_names():
    class Named(list):
        classes = ("<b>", "&", "c")

    data = Named([(images(1, 14, 14, seed=k), k % 3) for k in range(30)])
    page = look(seeded(TwoConvs), data, images=30)._repr_html_()
    assert "<b>" not in page and "&lt;b&gt;" in page
    assert page.count("<tr") == 10 + 2 and "<details open>" in page


def test_html_of_a_large_net_has_the_first_tables_and_all_summaries():
    wide = seeded(lambda: nn.Sequential(*(nn.Conv2d(1 if not k else 90, 90, 1) for k in range(7))))
    found = look(wide, images(3, 1, 4, 4), images=3)
    page = found._repr_html_()
    assert page.count("<details") == 4 and page.count("<tr title") == 360
    assert all(escape(found.summary(layer)) in page for layer in found.layers)
    assert "3 layers without a table here" in page


def test_without_ablation_html_shows_the_places(found):
    page = look(demo.fashion_net(), images=60, ablation=False)._repr_html_()
    assert "place 1 by estimate" in page and "place 20 by estimate" in page
    assert "by estimate" not in found._repr_html_()
