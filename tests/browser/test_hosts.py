"""Every host: the tour by mouse, by keys and from Python, its dark theme, and what happens while a cell runs."""

import pytest

import host_table
import tour
from hosts import ALL, HOSTS, InFirefox, InJupyterLab, InMarimo, InVSCode
from marimo_host import MarimoServer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def marimo_server(tmp_path_factory):
    server = MarimoServer(tmp_path_factory.mktemp("marimo"))
    yield server
    server.close()


@pytest.fixture(params=ALL, ids=lambda kind: kind.__name__.removeprefix("In"))
def host(request, lab_server, browser_context, output):
    """A host. Anything wrong on its console, or asked of a network, that is not its own fault fails the test."""
    if request.param is InJupyterLab:
        one = InJupyterLab(request.getfixturevalue("lab_for_the_run"))
    elif request.param is InVSCode:
        one = InVSCode(request.getfixturevalue("vscode_for_the_run"))
    elif request.param is InMarimo:
        one = InMarimo(browser_context.browser, output, request.getfixturevalue("marimo_server"))
    elif request.param is InFirefox:
        one = InFirefox(request.getfixturevalue("firefox"), output, lab_server)
    else:
        one = request.param(browser_context.browser, output, lab_server)
    yield one
    problems = one.problems()
    one.tidy()
    assert not problems, "\n".join(problems)


def test_the_tour(host, tmp_path):
    opened = host.open()
    opened.ready(image=0, layer=0, filter=0)
    tour.follows_theme(opened, dark=False)
    host.screenshot(opened, f"{host.name}_light")
    assert tour.tour(opened) == list(tour.STEPS)
    host.its_own(opened)
    end = tmp_path / "the cell may end"
    tour.while_a_cell_runs(opened, lambda file: host.run_until(opened, file), end, host.while_a_cell_runs)
    if host.has_dark:
        opened = host.open_dark(opened)
        opened.ready()
        tour.follows_theme(opened, dark=True)
        host.screenshot(opened, f"{host.name}_dark")


def test_the_table_says_what_the_tour_proves():
    text = host_table.PAGE.read_text(encoding="utf-8")
    assert host_table.same(text, host_table.page()), f"{host_table.PAGE} is stale: run python scripts/host_table.py"
    assert all(f"| {kind.name} |" in text for kind in HOSTS)
