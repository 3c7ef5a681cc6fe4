"""Fixtures of the tests of verdicts."""

import pytest

from diagnoses import look
from filterscope import demo


@pytest.fixture(scope="session", name="found")
def of_the_demo_net():
    return look(demo.fashion_net(), images=300)
