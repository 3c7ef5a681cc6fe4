"""The documentation: its code runs, its pages name every public name, and the site is built without a network."""

import os
import re
import subprocess
import sys
import textwrap
from html.parser import HTMLParser
from pathlib import Path

import pytest

import docs_site
import filterscope
import house_picture

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
WITH_CODE = [CHECKOUT / "README.md", *sorted((DOCS / "how-to").glob("*.md"))]
BLOCK = re.compile(r"(?P<before>[^\n]*)\n+(?P<indent> *)```python\n(?P<code>.*?)\n(?P=indent)```", re.DOTALL)


def code_of(page):
    """The Python of a page, block after block; what a comment says is not run is left out."""
    blocks = BLOCK.finditer("\n" + page.read_text(encoding="utf-8"))
    return [
        textwrap.dedent(block["code"]) for block in blocks if not block["before"].strip().startswith("<!-- not run")
    ]


def test_code_that_is_not_run_is_said_to_be():
    text = "a\n```python\n1\n```\n\n<!-- not run: why -->\n```python\n2\n```\n- b\n\n    ```python\n    3\n    ```\n"
    page = type("Page", (), {"read_text": staticmethod(lambda encoding: text)})
    assert code_of(page) == ["1", "3"]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"net": filterscope.demo.fashion_net(), "test_data": filterscope.demo.fashion_test_data()}
    for number, code in enumerate(code_of(page)):
        exec(compile(code, f"{page.name}, block {number}", "exec"), names)
    for value in names.values():
        if isinstance(value, filterscope.Explorer):
            value.close()


def test_most_pages_have_code():
    assert sum(bool(code_of(page)) for page in WITH_CODE) >= 8


def test_the_readme_can_be_read_in_one_go():
    assert len((CHECKOUT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize(
    "page", [CHECKOUT / "CONTRIBUTING.md", *WITH_CODE, *DOCS.rglob("*.md")], ids=lambda page: page.stem
)
def test_files_that_a_page_names_are_there(page):
    named = re.findall(r"`((?:tests|scripts|demo_notebooks|models)/[\w/.]+)`", page.read_text(encoding="utf-8"))
    assert not [name for name in named if not (CHECKOUT / name).exists()]


# Public names


@pytest.mark.parametrize("name", [name for name in filterscope.__all__ if name != "__version__"])
def test_a_public_name_is_documented_and_in_the_reference(name):
    value = getattr(filterscope, name)
    assert value.__doc__ and value.__doc__.strip()
    pages = [path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md")]
    assert sum(f"\n::: filterscope.{name}\n" in page for page in pages) == 1
    assert f"[`{name}`](" in (DOCS / "reference" / "index.md").read_text(encoding="utf-8")


def test_public_names_are_sorted_and_the_version_is_the_changelogs():
    assert filterscope.__all__ == sorted(filterscope.__all__)
    newest = re.search(r"^## \[([^\]]+)\]", (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    cited = re.search(r"^version: (.+)$", (CHECKOUT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest[1] == cited[1] == filterscope.__version__


# The site


class Loaded(HTMLParser):
    """What a page has the browser load, by itself."""

    def __init__(self, text):
        super().__init__()
        self.addresses = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.addresses += [
                found.get("src"),
                *(part.split()[0] for part in (found.get("srcset") or "").split(",") if part),
            ]
        if tag == "link" and found.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(found.get("href"))
        if tag == "object":
            self.addresses.append(found.get("data"))


def outside(addresses):
    return [address for address in addresses if address and re.match(r"(https?:)?//", address)]


def test_what_a_page_loads_is_seen():
    text = '<script src="https://a/b.js"></script><link rel="stylesheet" href="//c/d.css"><img src="e.png">'
    assert outside(Loaded(text).addresses) == ["https://a/b.js", "//c/d.css"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `make docs` does: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    # A proxy that does not answer: what wants a network fails.
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    env = {**os.environ, **closed, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.tools
def test_the_site_loads_nothing_from_a_network(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        assert not outside(Loaded(page.read_text(encoding="utf-8")).addresses), page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.tools
def test_the_site_has_what_is_made_of_other_files(site):
    def text(page):
        return (site / page).read_text(encoding="utf-8")

    assert "Which feature does this filter detect?" in text("index.html")
    assert "FashionMNIST" in text("tutorials/02_course_notebook.html")
    assert "46,543" in text("explanation/receptive-fields.html")
    assert "--precision" in text("reference/command-line.html")
    assert 'id="filterscope.Explorer.save_html"' in text("reference/explorer.html")
    for page in site.rglob("*.html"):
        assert "&lt;picture&gt;" not in page.read_text(encoding="utf-8"), page


def test_a_link_to_a_file_of_the_checkout_leads_to_its_page():
    def linked(text):
        return docs_site.relinked(text, "how-to/net.md")

    assert linked("[a](../../tests/benchmarks/slider_speed.md#b)") == "[a](../measurements/slider_speed.md#b)"
    assert linked("[a](../../demo_notebooks/06_dashboard.ipynb)") == "[a](../tutorials/06_dashboard.md)"
    assert linked("![a](../images/maps-dark.png)") == "![a](../images/maps-dark.png)"
    assert linked("[a](../../LICENSE), [b](https://c/d)") == "a, [b](https://c/d)"
    assert linked("`[a](../../LICENSE)`") == "`[a](../../LICENSE)`"
    assert docs_site.relinked("[a](docs/how-to/net.md)", "index.md") == "[a](how-to/net.md)"


def test_the_picture_of_the_rooms_is_fresh():
    for name, path in house_picture.PICTURES.items():
        assert path.read_text(encoding="utf-8") == house_picture.picture(name), "run python scripts/house_picture.py"


# Waiting times


def test_times_are_read_from_both_languages(tmp_path):
    python = tmp_path / "timing.py"
    python.write_text(
        '"""Table."""\n\nA_SECONDS = 0.25\n"""First,\nlong."""\n\nB_SECONDS = 2\n\nNAME = "x"\n"""No time."""\n'
    )
    found = [(time.name, time.seconds, time.reason) for time in docs_site.python_times(python)]
    assert found == [("A_SECONDS", 0.25, "First, long."), ("B_SECONDS", 2, "")]
    script = tmp_path / "timing.ts"
    script.write_text(
        "/** Table. */\n\n/** Group. */\nexport const REST = {\n  /** First\n   * of them. */\n  a: 10_000,\n  b: 60,\n"
        "} as const;\n\n/** Both. */\nexport const NUDGE = { after: 6, every: 10 } as const;\n"
    )
    found = [(time.name, time.seconds, time.reason) for time in docs_site.script_times(script)]
    assert found == [
        *(("REST.a", 10, "First of them."), ("REST.b", 0.06, "Group.")),
        *(("NUDGE.after", 0.006, "Both."), ("NUDGE.every", 0.01, "Both.")),
    ]


@pytest.mark.parametrize("path", docs_site.TIMES, ids=lambda path: path.name)
def test_every_waiting_time_has_its_reason(path):
    rows = [time for time in docs_site.times() if time.file == path.name]
    assert rows
    assert not [time.name for time in rows if not time.reason]
