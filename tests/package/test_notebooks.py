"""The demo notebooks run from the first cell to the last, and are committed clean."""

import subprocess
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "demo_notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
EXPECTED = ["01_first_look.ipynb", "02_course_notebook.ipynb", "03_any_network.ipynb", "04_photographs.ipynb"]
EXPECTED += [
    "05_did_it_learn.ipynb",
    "06_dashboard.ipynb",
    "07_what_does_it_look_for.ipynb",
    "08_a_smaller_net.ipynb",
    "09_over_training.ipynb",
    "10_from_sobel_to_conv2.ipynb",
]

# A cell whose metadata has this tag keeps its output in the repository on purpose.
SHOWN = "keep-output"


def committed(path):
    """The notebook as git would commit it: `make demo` saves outputs into the working tree while one looks at it."""
    name = path.relative_to(CHECKOUT).as_posix()
    staged = subprocess.run(["git", "show", f":{name}"], cwd=CHECKOUT, capture_output=True)
    text = staged.stdout.decode() if staged.returncode == 0 else path.read_text(encoding="utf-8")
    return nbformat.reads(text, as_version=4)


def test_the_notebooks_are_there():
    assert set(EXPECTED) <= {path.name for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_without_an_error(path, tmp_path, monkeypatch):
    # As on a machine without settings of one's own: inline figures, no start-up scripts.
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    # A folder of its own: a notebook may not lean on files that happen to lie beside it.
    patience = {"timeout": 1200, "startup_timeout": 300, "iopub_timeout": 300}  # the machine may be busy
    NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}, **patience
    ).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    assert code
    assert all(cell.execution_count for cell in code)
    errors = [out for cell in code for out in cell.outputs if out.output_type == "error"]
    assert not errors


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_is_committed_without_outputs(path):
    notebook = committed(path)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and SHOWN not in cell.metadata.get("tags", []):
            assert not cell.outputs, f"cell {number} has outputs"
            assert cell.execution_count is None, f"cell {number} has an execution count"
    assert "widgets" not in notebook.metadata
