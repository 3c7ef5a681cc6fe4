"""Fixtures of the browser tests: `lab` is what a test takes."""

import pytest
from playwright.sync_api import sync_playwright

from lab import Lab
from lab_server import LabServer
from machine import find_chromium
from vscode_host import VSCodeHost

FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root otherwise; only pages of this machine are opened
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory):
    """A JupyterLab server for the whole run."""
    server = LabServer(tmp_path_factory.mktemp("jupyter"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def browser_context():
    """One Chromium for the whole run: FILTERSCOPE_CHROMIUM, this machine's, or Playwright's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(30_000)
        yield context
        browser.close()


@pytest.fixture(scope="session")
def output(pytestconfig):
    """The folder for screenshots."""
    folder = pytestconfig.rootpath / "test-output"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def lab_for_the_run(lab_server, browser_context, output):
    return Lab(lab_server, browser_context, output)


@pytest.fixture(scope="session")
def vscode_for_the_run(lab_server, browser_context, output):
    host = VSCodeHost(lab_server, browser_context.browser, output)
    yield host
    host.close()


@pytest.fixture
def lab(lab_for_the_run, request):
    """JupyterLab in a real browser. Anything wrong on the console or outside this machine fails the test."""
    yield lab_for_the_run
    problems = lab_for_the_run.problems()
    failed = bool(problems) or request.node.stash.get(FAILED, False)
    if failed:
        path = lab_for_the_run.screenshot(request.node.name)
        print(f"screenshot: {path}")
    lab_for_the_run.tidy(start_again=failed)
    assert not problems, "\n".join(problems)
