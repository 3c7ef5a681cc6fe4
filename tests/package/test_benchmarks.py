"""The benchmarks are no part of `make test`, so a change of names would break them unseen: each can be imported."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.mark.tools
def test_every_benchmark_can_be_imported():
    names = sorted(path.stem for path in FOLDER.glob("*.py"))
    assert "slider_speed" in names
    code = f"import sys; sys.path.insert(0, {str(FOLDER)!r})\nimport {', '.join(names)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
