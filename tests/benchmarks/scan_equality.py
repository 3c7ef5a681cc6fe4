"""Is what a scan says what brute force counts? Five nets, each with every oddity of `tests/helpers/scan_comparison.py`.

Values, images, positions, moments, histograms and mean maps of every filter, after and before the nonlinearity: how
many are compared, and how many of these are equal, to the bit (mean maps: to 1e-6).

    .venv/bin/python tests/benchmarks/scan_equality.py     prints the table, writes scan_equality.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "helpers"))

from scan_cases import CASES
from scan_comparison import COMPARED, ODDITIES, Comparison, compare_case

TABLE = HERE / "scan_equality.md"


def rows() -> Iterator[str]:
    yield "# A scan against brute force\n"
    yield (
        "Each question of each filter (top, bottom, typical, by class, by maximum and by mean) is one comparison; "
        "in brackets how many there are.\n"
    )
    yield f"| net | what is odd | filters | images | {' | '.join(f'{what}, % equal' for what in COMPARED)} |"
    yield f"| --- | --- | --- | --- | {' | '.join('---' for _ in COMPARED)} |"
    for name in CASES:
        for oddity in ODDITIES:
            found, after = compare_case(name, oddity)
            _, before = compare_case(name, oddity, before=True)
            cells = [cell(what, after, before) for what in COMPARED]
            yield f"| {name} | {oddity} | {after.filters} | {found.images} | {' | '.join(cells)} |"


def cell(what: str, *comparisons: Comparison) -> str:
    compared = sum(comparison.compared[what] for comparison in comparisons)
    different = sum(each[0] == what for comparison in comparisons for each in comparison.different)
    return f"{100 * (1 - different / compared):g} ({compared})"


def main() -> None:
    lines = []
    for line in rows():
        print(line, flush=True)
        lines.append(line)
    TABLE.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
