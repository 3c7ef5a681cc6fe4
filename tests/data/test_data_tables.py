"""docs/reference/data.md shows the tables that the tests run, and the README leads to it."""

from pathlib import Path

import bad_inputs
import data_kinds
import data_tables

CHECKOUT = Path(__file__).resolve().parents[2]


def test_the_page_is_fresh():
    text = (CHECKOUT / "docs" / "reference" / "data.md").read_text(encoding="utf-8")
    assert text == data_tables.page(), "docs/reference/data.md is stale: run python scripts/data_tables.py"


def test_every_row_is_on_it():
    text = data_tables.page()
    rows = [kind.what for kinds in data_kinds.TABLE.values() for kind in kinds]
    rows += [row.what for rows in bad_inputs.TABLE.values() for row in rows]
    assert all(f"| {what} |" in text for what in rows)


def test_the_readme_leads_there():
    assert "(docs/reference/data.md)" in (CHECKOUT / "README.md").read_text(encoding="utf-8")
