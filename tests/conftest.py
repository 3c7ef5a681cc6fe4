"""How tests share two processes: one begins with those in a browser, which stay together; other files go as wholes."""

import gc
import sys

import pytest

BROWSER = "tests/browser/"
MAIN = sys.modules["__main__"]
SPEC = getattr(MAIN, "__spec__", None)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not item.nodeid.startswith(BROWSER))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadFileScheduling

    class BrowserStaysTogether(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return BROWSER if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)

    return BrowserStaysTogether(config, log)


def pytest_collection_finish():
    """Explorers free what the one before left behind: without this they would look through all of PyTorch for it."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup():
    """Processes that a test spawns look for `__spec__`: xdist's module has none, nor one that a test left behind."""
    sys.modules["__main__"] = MAIN
    MAIN.__spec__ = SPEC
