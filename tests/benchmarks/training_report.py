"""How often "training pulled on it" is right: of filters that were trained, kept at their start, or never trained.

    python tests/benchmarks/training_report.py --zoo FOLDER [--nets FOLDER ...] [--only building]

FOLDER is what `zoo_nets.py` made; `--nets` are further folders with nets of it. Only the nets of its `HELD_OUT` count,
on which nothing was tuned. Each is diagnosed on 64 images of its test data, with `start=`. Writes `training_report.md`
beside itself.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from filterscope import diagnose
from filterscope.verdicts.activations.training import FEWEST_NUMBERS, P_PULLED

ROWS = ("1×1", "k×k", "depthwise, 25 numbers or more", "depthwise, fewer", "one channel")
COLUMNS = ("trained", "frozen", "epoch 0", "labels shuffled")


def kind_of(conv):
    numbers = conv.weight[0].numel()
    if numbers < FEWEST_NUMBERS and conv.in_channels > 1 and conv.groups == 1:
        return "fewer than 16 channels"
    if conv.in_channels == conv.groups and conv.groups > 1:
        return ROWS[2] if numbers >= FEWEST_NUMBERS else ROWS[3]
    if conv.in_channels == 1:
        return ROWS[4]
    return ROWS[0] if max(conv.kernel_size) == 1 else ROWS[1]


def look(net, data, start):
    return diagnose(net, data.test, images=64, ablation=False, progress=False, start=start)


def settle(net, data):
    """An untrained net's norms as its first batch would set them: else most of its maps vanish."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        net(torch.stack([torch.as_tensor(data.test[index][0]) for index in range(64)]))
    return net.eval()


def measure(nets, folders):
    from zoo_nets import frozen_filters, load_data

    counted, starts = defaultdict(list), defaultdict(list)
    for which in nets:
        zoo = next((folder for folder in folders if (folder / which.name / "card.json").exists()), None)
        if zoo is None:
            continue
        data, net = load_data(folders[0], which.data), which.load(zoo)
        start = which.untrained().state_dict()
        kinds = {name: kind_of(module) for name, module in net.named_modules() if isinstance(module, nn.Conv2d)}
        frozen = frozen_filters(net) if which.variant == "frozen" else {}
        begin = time.process_time()
        for found, state in (
            (look(net, data, start), "end"),
            (look(settle(which.untrained(), data), data, None), "start"),
        ):
            for verdict in found.filters:
                is_frozen = verdict.filter in frozen.get(verdict.layer, ())
                who = "epoch 0" if state == "start" else "frozen" if is_frozen else "trained"
                if who == "trained" and which.variant == "shuffled":
                    who = "labels shuffled"
                pulled, structured = verdict.training == "pulled", verdict.structure == "structured"
                counted[kinds[verdict.layer], who].append((which, pulled, structured))
                if state == "end":
                    starts[who].append(verdict.start)
        print(which.name, f"{time.process_time() - begin:.1f} s", flush=True)
    return counted, starts


def cell(counted, kind, who, only=lambda which: True):
    """Shares called pulled, called structured, and either, and of how many."""
    results = np.array([(pulled, structured) for which, pulled, structured in counted[kind, who] if only(which)])
    if not len(results):
        return ""
    pulled, structured = results.mean(0)
    return f"{pulled:.3f}, {structured:.3f}; {results.any(1).mean():.3f} of {len(results)}"


def report(counted, starts, names):
    nets = sorted({which.name for results in counted.values() for which, *_ in results})
    kinds = sorted({which.kind for results in counted.values() for which, *_ in results})
    lines = [
        '# How often "training pulled on it" is right',
        "",
        f"Written by `training_report.py`: {len(nets)} nets on which nothing was tuned, 64 images each",
        f"({', '.join(nets)}).",
        "What tells was chosen on the nets of `BUILDING`; the input alone fell short of a fifth of the 1×1 filters,",
        "after which the weights' test, too, was let say something of 1×1 kernels.",
        "Nets of one kind and seed start alike, whatever they learn: their frozen and untrained filters are the same.",
        f"Shares called pulled from the input (p ≤ {P_PULLED}), structured from the weights; either; of so many.",
        "",
        "| filters | " + " | ".join(COLUMNS) + " |",
        "| --- |" + " --- |" * len(COLUMNS),
    ]
    extra = [kind for kind in sorted({kind for kind, _ in counted}) if kind not in ROWS]
    for kind in (*ROWS, *extra):
        lines.append(f"| {kind} | " + " | ".join(cell(counted, kind, who) for who in COLUMNS) + " |")
    for kind in kinds:
        cells = [cell(counted, "1×1", who, lambda which, kind=kind: which.kind == kind) for who in COLUMNS]
        lines.append(f"| 1×1 of {kind} | " + " | ".join(cells) + " |")
    lines += ["", "With `start=`:", "", "| filters | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for who, verdicts in sorted(starts.items()):
        lines.append(f"| {who} | " + " | ".join(str(verdicts.count(name)) for name in names) + " |")
    (HERE / "training_report.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, required=True)
    parser.add_argument("--nets", type=Path, nargs="*", default=[])
    parser.add_argument("--only", choices=["building"])
    options = parser.parse_args()
    from zoo_nets import BUILDING, HELD_OUT  # beside this file, where the zoo was made

    torch.set_num_threads(1)
    counted, starts = measure(BUILDING if options.only else HELD_OUT, [options.zoo, *options.nets])
    report(counted, starts, ("left its start", "only scaled", "never left its start", "can't tell"))


if __name__ == "__main__":
    main()
