"""The pages on other libraries run as they are written, where their library is installed."""

import importlib.util
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs/how-to/ecosystems").glob("*.md"))
LIBRARIES = {"segmentation-models": "segmentation_models_pytorch"}


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "index"], ids=lambda page: page.stem)
def test_a_page_runs_as_it_is_written(page, tmp_path, monkeypatch):
    library = LIBRARIES.get(page.stem, page.stem)
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in page.read_text(encoding="utf-8").split("```python\n")[1:]:
        exec(compile(block.partition("```")[0], page.name, "exec"), names)
    assert len(names["explorer"].layers) > 0
    names["explorer"].close()


def test_each_page_has_its_picture():
    for page in PAGES:
        if page.stem != "index":
            assert f"](../../images/ecosystems/{page.stem}.png)" in page.read_text(encoding="utf-8")
            assert (PAGES[0].parents[2] / "images/ecosystems" / f"{page.stem}.png").is_file()


def test_each_library_has_a_page_and_a_row():
    index = (PAGES[0].parent / "index.md").read_text(encoding="utf-8")
    for page in PAGES:
        assert page.stem == "index" or f"]({page.name})" in index
    adapters = Path(__file__).resolve().parents[2] / "widget_pkg/filterscope/adapters"
    files = {path.stem for path in adapters.glob("*.py")} - {
        "__init__",
        "adaptation",
        "opening",
        "preprocessing",
        "registry",
    }
    assert files == {page.stem.replace("-", "_") for page in PAGES} - {"index"}
