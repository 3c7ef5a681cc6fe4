"""What pyproject.toml promises: least versions, that are installed together by `make test-oldest`, and Pythons."""

import re

import pytest

import machine
import oldest_versions
from machine import OLDEST_PYTHONS
from oldest_versions import CHECKOUT, FILE, constraints, tomllib

PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]


def test_the_constraints_are_the_bounds():
    assert FILE.read_text("utf-8") == constraints(), f"{FILE} is stale: run python scripts/oldest_versions.py"


def test_every_package_is_pinned_at_its_bound():
    lines = [line for line in constraints().splitlines() if not line.startswith("#")]
    bounds = [requirement.partition(",")[0].replace(">=", "==") for requirement in PROJECT["dependencies"]]
    assert len(bounds) >= 10 and set(bounds) <= set(lines)
    names = [line.partition("==")[0] for line in lines]
    assert len(names) == len(set(names)) and {"pytest", "pandas", "jupyterlab", "tqdm"} <= set(names)


def test_a_package_without_a_bound_is_noticed(monkeypatch, tmp_path):
    text = '[project]\nname = "a"\ndependencies = ["numpy"]\n[project.optional-dependencies]\n'
    text += "".join(f"{extra} = []\n" for extra in oldest_versions.EXTRAS)
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.setattr(oldest_versions, "CHECKOUT", tmp_path)
    with pytest.raises(ValueError, match=r"'numpy' in pyproject.toml has no lower bound"):
        constraints()


def test_the_least_python_is_the_same_everywhere():
    least = PROJECT["requires-python"].removeprefix(">=")
    classified = [line.split(" :: ")[-1] for line in PROJECT["classifiers"] if " :: Python :: 3." in line]
    assert least == OLDEST_PYTHONS[0] == classified[0] == PYPROJECT["tool"]["mypy"]["python_version"]
    workflow = (CHECKOUT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    (matrix,) = re.findall(r"python: \[(.*)\]", workflow)
    assert set(re.findall(r"[\d.]+", matrix)) <= set(classified)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"this": "3.13", "python3.10": "3.10", "python3.11": "3.11"}, "python3.10"),
        ({"this": "3.11", "python3.10": "3.10"}, "python3.10"),
        ({"this": "3.10", "python3.10": "3.10"}, "this"),
        ({"this": "3.11"}, "this"),
        ({"this": "3.13", "python3.11": "3.11"}, "python3.11"),
    ],
)
def test_the_least_versions_get_the_oldest_python_that_is_there(monkeypatch, there, chosen):
    monkeypatch.setattr(machine.sys, "executable", "this")
    monkeypatch.setattr(machine, "succeeds", lambda command: command[0] in there and there[command[0]] in command[2])
    assert machine.oldest_python() == chosen


def test_without_an_old_python_it_says_which_are_needed(monkeypatch):
    monkeypatch.setattr(machine, "succeeds", lambda command: False)
    with pytest.raises(machine.CannotGoOn, match=r"wheels for Python 3\.10 and 3\.11 only, .* PYTHON=/path/to/python3"):
        machine.oldest_python()
