"""Every example of a docstring does what it says."""

import doctest
import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import filterscope

MODULES = [
    "filterscope",
    *(found.name for found in pkgutil.walk_packages(filterscope.__path__, "filterscope.")),
]
# What an example does that is not done here: it writes a file.
WRITES = re.compile(r"\.(savefig|save_html)\(")


def source(name):
    return Path(importlib.util.find_spec(name).origin).read_text("utf-8")


def examples(name):
    """The docstrings of a module that hold examples, also those of what has no name outside of it."""
    tests = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    return [test for test in tests if test.examples]


@pytest.mark.parametrize("name", [name for name in MODULES if ">>> " in source(name)])
def test_every_example_is_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = len(re.findall(r"^\s*>>> ", source(name), re.M))
    found = examples(name)
    assert sum(len(test.examples) for test in found) == written  # an example that is not found would never run
    said = []
    for test in found:
        doctest.DocTestRunner().run(test, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize("name", [name for name in MODULES if "doctest: +SKIP" in source(name)])
def test_only_an_example_that_writes_a_file_is_skipped(name):
    for test in examples(name):
        for example in test.examples:
            if doctest.SKIP in example.options:
                assert WRITES.search(example.source), f"{test.name}: {example.source}"


def test_every_public_class_and_function_has_an_example():
    public = {name: getattr(filterscope, name) for name in filterscope.__all__}
    finder = doctest.DocTestFinder()
    without = [
        name
        for name, value in public.items()
        if not isinstance(value, str) and not any(test.examples for test in finder.find(value, name))
    ]
    assert without == []
