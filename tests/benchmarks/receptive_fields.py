"""Every torchvision classification net: is each box that is said to be exact that of the gradient's mask?

For each convolution of each net, at the corners, the edges and the middle of its map, `.inside` is compared with the
box of the pixels whose gradient is not zero, in a copy of the net with positive weights, in float64 (see
`tests/helpers/gradient_mask.py`: a maximum is replaced by a mean over the same window, because its own gradient goes to
one pixel alone; nonlinearities by ones that are flat nowhere). Zero tolerance. An upper bound must not be smaller.

    .venv/bin/python tests/benchmarks/receptive_fields.py [NAME …]     prints the table, writes receptive_fields.md

The table keeps the lines of nets that are not named. maxvit_t takes 12 GB and 20 minutes, and is done only if it
is named.
"""

from __future__ import annotations

import gc
import sys
import time
import warnings
from pathlib import Path

import torch
import torchvision
from torchvision import models

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "helpers"))

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.session.positions import Positions
from gradient_mask import disagreements

TABLE = HERE / "receptive_fields.md"
# Small images, so that nets are fast; these need more.
_SIDES = {"inception_v3": 96, "maxvit_t": 224, "swin": 64, "vit": 224, "alexnet": 96, "convnext": 64}


def build(name: str) -> torch.nn.Module:
    """The model with random weights; nothing is downloaded."""
    options = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options |= {"init_weights": False}
    torch.manual_seed(0)
    return models.get_model(name, **options).eval()


def row(name: str) -> str:
    """One line of the table."""
    net = build(name)
    side = _SIDES.get(name, _SIDES.get(name.partition("_")[0], 48))
    image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    pointer = Positions(Engine(net, SampleSource(image)))
    start = time.perf_counter()
    lost = pointer.geometry(0).lost
    seconds = time.perf_counter() - start
    counted, wrong = disagreements(net, tuple(image.shape[1:]), pointer)
    statuses = " | ".join(str(counted[status]) for status in ("exact", "whole image", "upper bound"))
    unknown = ", ".join(f"{operation} ({count})" for operation, count in lost.items())
    first = "" if not wrong else f": {wrong[0]}"
    return f"| {name} | {side} | {len(pointer.layers)} | {statuses} | {len(wrong)}{first} | {seconds:.2f} | {unknown} |"


def main() -> None:
    """Every model, or those that are named."""
    warnings.filterwarnings("ignore")
    known = models.list_models(module=models)
    head = [
        f"# Boxes against the gradient's mask: torchvision {torchvision.__version__}, torch {torch.__version__}",
        "",
        "| net | image | layers | exact | whole image | upper bound | wrong | found in s | not followed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(head), flush=True)
    for name in sys.argv[1:] or [one for one in known if one != "maxvit_t"]:
        try:
            line = row(name)
        except Exception as error:
            line = f"| {name} | {type(error).__name__}: {str(error)[:200]} | | | | | | | |"
        print(line, flush=True)
        written = TABLE.read_text().splitlines()[len(head) :] if TABLE.exists() else []
        lines = {old.split()[1]: old for old in written} | {name: line}
        TABLE.write_text("\n".join([*head, *(lines[one] for one in known if one in lines)]) + "\n")
        gc.collect()


if __name__ == "__main__":
    main()
