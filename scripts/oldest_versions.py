"""Writes constraints/oldest.txt: of each package the least version that pyproject.toml allows, for `make test-oldest`.

python scripts/oldest_versions.py           writes the file
python scripts/oldest_versions.py --check   ends with 1 if the file is not what it would write
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where hatchling brings it
    import tomli as tomllib

CHECKOUT = Path(__file__).resolve().parents[1]
FILE = CHECKOUT / "constraints" / "oldest.txt"
EXTRAS = ("demo", "train", "test-python")
"""Extras that are installed for these tests; the others are tools of this checkout."""

HEAD = """# The least versions that pyproject.toml allows, installed together by `make test-oldest`.
# Written by scripts/oldest_versions.py.
"""
BOUND = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[0-9.]+)(,<[0-9.]+)?")


def constraints() -> str:
    """The text of constraints/oldest.txt.

    Raises:
        ValueError: If a package has no lower bound.
    """
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = set()
    for requirement in [*project["dependencies"], *(each for extra in EXTRAS for each in extras[extra])]:
        if requirement.startswith(f"{project['name']}["):  # other extras of this package
            continue
        bound = BOUND.fullmatch(requirement)
        if bound is None:
            raise ValueError(f"{requirement!r} in pyproject.toml has no lower bound; expected numpy>=1.24 or the like")
        lines.add(f"{bound['name']}=={bound['version']}\n")
    return HEAD + "".join(sorted(lines))


def main() -> int:
    """Writes the file, or checks it."""
    if "--check" in sys.argv[1:]:
        fresh = FILE.is_file() and FILE.read_text("utf-8") == constraints()
        print("fresh" if fresh else f"{FILE} is stale: run python scripts/oldest_versions.py")
        return 0 if fresh else 1
    FILE.write_text(constraints(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
