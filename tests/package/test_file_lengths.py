"""Every file of the package and of its page is one concept, short enough to be read in one go."""

import ast
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
MOST_LINES = 300
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def python_lines(text):
    """How many lines there are, docstrings apart."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED)]
    strings = [node.body[0] for node in nodes if ast.get_docstring(node, clean=False) is not None]
    return len(text.splitlines()) - sum(string.end_lineno - string.lineno + 1 for string in strings)


def typescript_lines(text):
    """How many lines there are, documenting comments apart."""
    return len(re.sub(r"^[ \t]*/\*\*.*?\*/[ \t]*\n", "", text, flags=re.MULTILINE | re.DOTALL).splitlines())


FOLDERS = [
    (CHECKOUT / "widget_pkg" / "filterscope", "*.py", python_lines),
    (CHECKOUT / "js" / "src", "*.ts", typescript_lines),
]


@pytest.mark.parametrize(("folder", "pattern", "lines_of"), FOLDERS, ids=["Python", "TypeScript"])
def test_no_file_is_longer_than_one_concept(folder, pattern, lines_of):
    lengths = {path.relative_to(CHECKOUT): lines_of(path.read_text("utf-8")) for path in folder.rglob(pattern)}
    assert len(lengths) > 100
    assert {str(path): lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_only_docstrings_are_left_out_of_the_count():
    assert python_lines('"""Two\nlines."""\nx = """one\ntwo"""\ndef f():\n    """Doc."""\n    return x\n') == 4
    assert typescript_lines("/** Doc\n * more */\n// why\nconst x = 1; /** behind */\n  /** y */\nconst y = 2;\n") == 3
