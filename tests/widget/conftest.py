"""Fixtures of the tests of the widget."""

import pytest

from explorers import data
from filterscope import Explorer
from nets import TwoConvs, seeded


@pytest.fixture(name="explorer")
def an_explorer():
    explorer = Explorer(seeded(TwoConvs), data(), classes=["a", "b", "c"])
    yield explorer
    explorer.close()


@pytest.fixture(name="sent")
def what_is_sent(explorer, monkeypatch):
    messages = []
    monkeypatch.setattr(explorer, "send", lambda content, buffers=None: messages.append((content, buffers)))
    return messages
