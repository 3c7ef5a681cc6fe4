"""How tests share two processes: one begins with those in a browser, which stay together; other files go as wholes."""

import gc

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        in_browser = item.get_closest_marker("browser") is not None
        item.add_marker(pytest.mark.xdist_group("browser" if in_browser else item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


def pytest_collection_finish():
    """Explorers free what the one before left behind: without this they would look through all of PyTorch for it."""
    gc.collect()
    gc.freeze()
