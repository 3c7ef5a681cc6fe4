"""CPU seconds of the structure that weights alone tell, and whether an earlier version came to the same verdicts.

    python tests/benchmarks/structure_speed.py [--before FOLDER] [--nets FOLDER ...]

`--before` is a checkout of the version to compare with, `--nets` are folders of state dicts (`.pt`) of trained nets:
every 4-dimensional tensor counts as a convolution. Writes `structure_speed.md` beside itself.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
SHAPES = {  # of planted filters: as wide as layers of a ResNet
    "128 × 128 × 3 × 3": (128, 128, 3, 3),
    "256 × 128 × 3 × 3": (256, 128, 3, 3),
    "512 × 512 × 3 × 3": (512, 512, 3, 3),
}


def kernels(folders):
    """Name and layers' weights of each net."""
    import torchvision

    torch.manual_seed(0)
    for name in ("resnet18", "resnet50"):
        net = getattr(torchvision.models, name)(weights=None)
        yield (
            f"{name}, untrained",
            [m.weight.detach().numpy() for m in net.modules() if isinstance(m, torch.nn.Conv2d)],
        )
    for name, shape in SHAPES.items():
        yield f"planted {name}", [planted(shape)]
    from filterscope import demo

    yield (
        "FashionNet, epochs 0 to 20",
        [
            m.weight.detach().numpy()
            for epoch in range(0, 21, 4)
            for m in demo.fashion_net(epoch=epoch).modules()
            if isinstance(m, torch.nn.Conv2d)
        ],
    )
    trained = []
    for folder in folders:
        for file in sorted(Path(folder).rglob("*.pt")):
            state = torch.load(file, weights_only=True, map_location="cpu")
            state = state.get("end", state) if isinstance(state, dict) else {}
            trained += [
                value.float().numpy()
                for value in state.values()
                if isinstance(value, torch.Tensor) and value.ndim == 4 and value.shape[2] > 1
            ]
    if trained:
        yield f"{len(trained)} layers of trained small nets", trained


def planted(shape):
    """Filters of which each has more or less of what the layer shares: verdicts of every kind."""
    random = np.random.default_rng(0)
    count, channels, *size = shape
    numbers = int(np.prod(size))
    over_channels = random.normal(size=(channels, channels)) * np.exp(-np.arange(channels) / channels * 3)
    over_places = random.normal(size=(numbers, numbers)) * np.exp(-np.arange(numbers) / 4)
    shared = over_channels @ random.normal(size=(count, channels, numbers)) @ over_places.T
    shared /= np.linalg.norm(shared, axis=(1, 2), keepdims=True)
    noise = random.normal(size=shared.shape)
    noise /= np.linalg.norm(noise, axis=(1, 2), keepdims=True)
    part = np.linspace(0, 0.6, count)[:, None, None]
    return (part * shared + np.sqrt(1 - part**2) * noise).reshape(shape)


def measure(folders, seed):
    from filterscope.verdicts.weights.naming import name_patterns
    from filterscope.verdicts.weights.structure import judge_structure

    results = {}
    for name, layers in kernels(folders):
        start = time.process_time()
        judged = [one for layer in layers for one in judge_structure(layer, seed=seed)]
        seconds = time.process_time() - start
        for layer in layers:
            name_patterns(layer)
        named = time.process_time() - start
        results[name] = {
            "layers": len(layers),
            "seconds": seconds,
            "with_names": named,
            "verdicts": [one.verdict for one in judged],
            "structured": [one.p_structured for one in judged],
            "noise": [one.p_noise for one in judged],
        }
    return results


def elsewhere(package, folders, seed):
    """What `measure` gives in a process of its own, with the package of a checkout."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        command = [sys.executable, __file__, "--measure", str(file), "--seed", str(seed), "--nets", *map(str, folders)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(package)})
        return json.loads(file.read_text())


def row(name, before, now, other):
    def apart(one, another, key):
        a, b = np.array(one[key], float), np.array(another[key], float)
        return np.abs(a - b)[tested].max()

    def changed(one, another):
        return (np.array(one["verdicts"]) != np.array(another["verdicts"]))[tested].sum()

    tested = ~np.isnan(np.array(before["structured"], float))
    now_tested = int((~np.isnan(np.array(now["structured"], float))).sum())
    cells = [name, f"{len(tested)} ({tested.sum()} → {now_tested})"]
    cells += [
        f"{before['seconds']:.2f} → {now['seconds']:.2f}",
        f"{before['with_names']:.2f} → {now['with_names']:.2f}",
    ]
    for one, another in ((before, now), (before, other)):
        differences = " / ".join(f"{apart(one, another, key):.3f}" for key in ("structured", "noise"))
        cells.append(f"{changed(one, another)}; {differences}")
    return "| " + " | ".join(cells) + " |"


def report(before, now, other):
    lines = [
        "# Structure from the weights: CPU seconds, and equality with an earlier version",
        "",
        "Written by `structure_speed.py`; CPU seconds of one process (`OMP_NUM_THREADS=1`), other work beside it.",
        "The last two columns, of filters that both tested: verdicts that changed; the largest difference of",
        "`p_structured` / of `p_noise`. The last compares the earlier version with itself under another seed,",
        "which is what Monte Carlo alone changes.",
        "",
        "| filters of | filters (tested) | structure, before → now | with the names | now against before "
        "| another seed |",
        "| --- | --- | --- | --- | --- | --- |",
        *(row(name, before[name], now[name], other[name]) for name in now),
        "",
    ]
    (HERE / "structure_speed.md").write_text("\n".join(lines))
    print("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--nets", type=Path, nargs="*", default=[])
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.measure:
        arguments.measure.write_text(json.dumps(measure(arguments.nets, arguments.seed)))
        return
    here = HERE.parents[1] / "widget_pkg"
    now = elsewhere(here, arguments.nets, 0)
    if arguments.before is None:
        for name, result in now.items():
            print(f"{name}: {result['seconds']:.2f} s, with the names {result['with_names']:.2f} s")
        return
    package = arguments.before / "widget_pkg"
    report(elsewhere(package, arguments.nets, 0), now, elsewhere(package, arguments.nets, 1))


if __name__ == "__main__":
    main()
