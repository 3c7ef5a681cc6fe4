"""What `diagnose` says of the zoo's held-out nets, filter by filter, against what is known of how they came about.

    python tests/benchmarks/zoo_nets.py --fashion FOLDER --out ZOO
    python tests/benchmarks/zoo_report.py --zoo ZOO [--building] [--images 200] [--ablation] [--out FILE.json]

Filters are counted by kind of layer and by where they come from: `trained`, `frozen` (they kept their random start
beside trained ones), `epoch 0`, and `shuffled` (they learned shuffled labels by heart). Structured, or pulled on by
training, is false of the frozen ones and of those of epoch 0. The nets that were looked at while building are left out,
unless `--building` asks for them alone. With `--ablation` use is judged, too; real_nets.md holds the result in words.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import zoo_nets
from real_nets import kind_of
from torch import nn
from zoo_nets import ZooNet

from filterscope import diagnose
from filterscope.nets.layer_choice import layer_title

AXES = ("structure", "training", "state", "use")  # columns of a verdict; those that this version has are counted
TRAINED, FROZEN, UNTRAINED, SHUFFLED = "trained", "frozen", "epoch 0", "shuffled"

Counts = dict[str, dict[str, dict[str, Counter[str]]]]


def versions(which: ZooNet, zoo: Path) -> Iterator[tuple[str, nn.Module]]:
    """The net as it ended and, of a normal one, as it started, each with where its filters come from."""
    yield (SHUFFLED if which.variant == "shuffled" else TRAINED), which.load(zoo)
    if which.variant == "normal":
        yield UNTRAINED, which.load(zoo, "start")


def count(which: ZooNet, zoo: Path, images: int, ablation: bool, counts: Counts) -> dict[str, Any]:
    """Adds the verdicts on a net to the counts; returns what the net is, and what judging it cost."""
    data, row = zoo_nets.load_data(zoo, which.data), {}
    for origin, net in versions(which, zoo):
        begin = time.process_time()
        diagnosis = diagnose(net, data.test, images=images, ablation=ablation, progress=False)
        row[origin] = round(time.process_time() - begin, 1)
        kinds = {layer_title(layer): kind_of(layer) for layer in diagnosis.examination.runner.layers}
        frozen = zoo_nets.frozen_filters(net) if which.variant == "frozen" else {}
        for verdict in diagnosis.filters:
            source = FROZEN if verdict.filter in frozen.get(verdict.layer, ()) else origin
            by_axis = counts.setdefault(kinds[verdict.layer], {}).setdefault(source, {})
            for axis in AXES:
                if hasattr(verdict, axis):
                    by_axis.setdefault(axis, Counter())[getattr(verdict, axis)] += 1
    return json.loads((zoo / which.name / "card.json").read_text()) | {"CPU seconds of diagnose": row}


def tables(counts: Counts) -> str:
    """The counts as Markdown."""
    lines = []
    for axis in AXES:
        rows = [
            (kind, source, by[axis]) for kind, of in sorted(counts.items()) for source, by in of.items() if axis in by
        ]
        words = sorted({word for *_, row in rows for word in row})
        if rows:
            lines += ["", f"| {axis} | filters of | all | {' | '.join(words)} |", "| --- " * (len(words) + 3) + "|"]
        for kind, source, row in rows:
            shares = " | ".join(f"{row[word]} ({row[word] / row.total():.3f})" for word in words)
            lines.append(f"| {kind} | {source} | {row.total()} | {shares} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, required=True)
    parser.add_argument("--building", action="store_true", help="the nets that were looked at while building")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "zoo_report.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    counts: Counts = {}
    nets = {}
    for which in zoo_nets.BUILDING if options.building else zoo_nets.HELD_OUT:
        if not (options.zoo / which.name / "card.json").exists():
            print(f"{which.name} is not in the zoo: left out", flush=True)
            continue
        nets[which.name] = count(which, options.zoo, options.images, options.ablation, counts)
        print(which.name, nets[which.name], flush=True)
        options.out.write_text(json.dumps({"nets": nets, "counts": counts}, indent=1, ensure_ascii=False) + "\n")
    print(tables(counts))


if __name__ == "__main__":
    main()
