"""Fixtures of the browser tests: `lab` is what a test of the widget takes, `open_page` one of a saved page."""

import re

import pytest
from playwright.sync_api import expect, sync_playwright

import firefox_bidi
from explorer_page import new_context
from filterscope import Explorer, demo
from lab import Lab
from lab_server import LabServer
from machine import find_chromium, find_firefox, how_to_get
from opened_page import SavedPage
from patience import MILLISECONDS
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
def playwright():
    with sync_playwright() as running:
        expect.set_options(timeout=MILLISECONDS)
        yield running


@pytest.fixture(scope="session")
def browser_context(playwright):
    """One Chromium for the whole run: FILTERSCOPE_CHROMIUM, this machine's, or Playwright's own."""
    browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS, timeout=MILLISECONDS)
    yield new_context(browser, viewport={"width": 1400, "height": 1000})
    browser.close()


@pytest.fixture(scope="session")
def firefox(playwright, tmp_path_factory):
    """This machine's own Firefox, spoken to by WebDriver BiDi, or the one that FILTERSCOPE_FIREFOX names."""
    path = find_firefox()
    if path is None:
        pytest.skip(f"no Firefox: {how_to_get('Firefox')}")
    program = firefox_bidi.as_executable(path, tmp_path_factory.mktemp("firefox"))
    browser = playwright.firefox.launch(channel="moz-firefox", executable_path=program, timeout=MILLISECONDS)
    yield browser
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


@pytest.fixture
def open_page(browser_context, tmp_path, pytestconfig, request):
    """Opens a saved page from disk, offline. A request, a message on the console or an error fails the test."""
    context = new_context(browser_context.browser, offline=True, viewport={"width": 1400, "height": 1000})
    problems, asked = [], []
    allowed = []

    def opened(path, scheme="light"):
        page = context.new_page()
        page.emulate_media(color_scheme=scheme)
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
        page.on("request", lambda sent: asked.append(sent.url))
        page.goto(path.as_uri())
        asked.remove(path.as_uri())
        return SavedPage(page)

    opened.allow = allowed.append
    yield opened
    output = pytestconfig.rootpath / "test-output"
    output.mkdir(exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", request.node.name)
    for place, page in enumerate(context.pages):
        page.screenshot(path=output / f"{name}_{place}.png", full_page=True)
    context.close()
    assert asked == []
    assert [one for one in problems if not any(re.search(pattern, one) for pattern in allowed)] == []


@pytest.fixture(scope="module")
def explorer():
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
    yield explorer
    explorer.close()


@pytest.fixture(scope="module")
def saved(explorer, tmp_path_factory):
    """The demo's first 32 images, as anybody would save them."""
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")
    return explorer.save_html(tmp_path_factory.mktemp("saved") / "demo.html", progress=False)


@pytest.fixture(scope="module")
def judged(explorer, saved, tmp_path_factory):
    """The demo net's page with verdicts; `saved` is the one without, and is written before the explorer has any."""
    explorer.diagnose(images=200).wait()
    explorer.select(image=7, layer="conv2", filter=3, channel=None, source="input")
    return explorer.save_html(tmp_path_factory.mktemp("judged") / "demo.html", images=range(8), progress=False)
