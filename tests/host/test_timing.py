"""Every waiting time stands in one table, with its reason."""

import ast
from pathlib import Path

import filterscope
from filterscope.host import timing

PACKAGE = Path(filterscope.__file__).parent


def table():
    """The constants of the table and the docstrings that follow them."""
    body = ast.parse(Path(timing.__file__).read_text("utf-8")).body[2:]
    return [
        (assignment.targets[0].id, assignment.value.value, after.value.value)
        for assignment, after in zip(body[::2], body[1::2], strict=True)
    ]


def test_each_has_a_reason_in_a_sentence():
    rows = table()
    assert len(rows) > 20
    for name, seconds, why in rows:
        assert name.endswith("_SECONDS") and seconds > 0 and why.endswith(".")
    assert len({name for name, _, _ in rows}) == len(rows)


def test_no_other_module_has_one_of_its_own():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Assign) and path != Path(timing.__file__):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                assert not [name for name in names if name.endswith("_SECONDS")], path


def test_each_is_used():
    sources = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py") if path != Path(timing.__file__)]
    for name, _, _ in table():
        assert any(name in source for source in sources), name
