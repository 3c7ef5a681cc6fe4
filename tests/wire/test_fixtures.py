"""`tests/wire/*.json` hold what Python does; `js/test/wire/` finds that TypeScript does the same.

After a change of a rule that lives on both sides: `pytest tests/wire --write-fixtures`, and read the difference.
"""

import json
from pathlib import Path

import pytest

from wire_fixtures import FIXTURES, plain, unzipped

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", FIXTURES)
def test_what_both_sides_read_is_what_python_does(name, pytestconfig):
    file = FOLDER / f"{name}.json"
    made = plain(FIXTURES[name]())
    if pytestconfig.getoption("--write-fixtures", default=False):
        parts = [f"{json.dumps(key)}: {json.dumps(part, ensure_ascii=False)}" for key, part in made.items()]
        file.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")
    committed = json.loads(file.read_text("utf-8"))
    assert unzipped(json.loads(json.dumps(made))) == unzipped(committed)


def test_every_file_has_a_rule():
    assert sorted(file.stem for file in FOLDER.glob("*.json")) == sorted(FIXTURES)
