"""What a move of the checkpoint slider costs the kernel, in CPU time, beside a move of the image slider.

    python tests/benchmarks/checkpoint_frames.py        half a minute; prints, and writes checkpoint_frames.md

The demo net with its 21 checkpoints by one glob, and a ResNet-18 with six files of random weights. A frame is all that
the page is sent for a selection; what the page does with it is the same as for another image (`slider_speed.md`).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torchvision

from filterscope import Explorer, demo

HERE = Path(__file__).parent
LAYER = 1


def cpu_ms(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


def frames_ms(explorer: Explorer, moves: Iterable[dict[str, int]]) -> float:
    """Median CPU milliseconds of the frames of some selections."""
    frame = explorer.pages.requests.handlers["frame"]
    here = {"image": 0, "layer": LAYER, "filter": 0, "channel": None, "source": "input"}
    return statistics.median([cpu_ms(lambda move=move: frame({**here, **move})) for move in moves])


def measured(explorer: Explorer, count: int) -> dict[str, float]:
    checkpoints = [{"checkpoint": at} for at in range(count)]
    frames_ms(explorer, [{"checkpoint": 0}, {"image": 1, "checkpoint": 0}])  # the first call imports
    return {
        "image": frames_ms(explorer, [{"image": 2 + at, "checkpoint": 0} for at in range(count)]),
        "checkpoint": frames_ms(explorer, checkpoints[1:]),
        "checkpoint whose net is held": frames_ms(explorer, [{"image": 1, **at} for at in checkpoints[1:]]),
        "checkpoint whose maps are held": frames_ms(explorer, checkpoints[1:]),
    }


def main() -> None:
    torch.set_num_threads(1)
    nets = HERE.parents[1] / "models" / "fashion_net"
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), checkpoints=f"{nets}/*.pt")
    rows = {"demo net, conv2": measured(explorer, 21)}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(6):
            torch.manual_seed(seed)
            net = torchvision.models.resnet18(weights=None).eval()
            torch.save({"epoch": seed, "state_dict": net.state_dict()}, f"{folder}/epoch_{seed}.pt")
        images = torch.rand(64, 3, 224, 224, generator=torch.Generator().manual_seed(0))
        explorer = Explorer(net, images, checkpoints=f"{folder}/*.pt")
        rows["ResNet-18, layer1.0.conv1"] = measured(explorer, 6)
        with torch.inference_mode():
            whole = statistics.median([cpu_ms(lambda: net(images[:1])) for _ in range(5)])
    names = list(next(iter(rows.values())))
    lines = [
        "# A move of the checkpoint slider, in the kernel",
        "",
        "CPU milliseconds of a frame (median), one thread: of another image, of a checkpoint looked at for the first",
        "time (its file is read, its net is made, a pass is run), of one whose net is held, and of one whose",
        "maps are held, too.",
        "",
        f"| net | {' | '.join(names)} |",
        f"| --- |{' --- |' * len(names)}",
        *(f"| {name} | {' | '.join(f'{row[key]:.1f}' for key in names)} |" for name, row in rows.items()),
        "",
        f"A pass of the whole ResNet-18 takes {whole:.1f} ms.",
        f"{time.strftime('%Y-%m-%d')}, a loaded machine of 2 cores.",
    ]
    print("\n".join(lines))
    (HERE / "checkpoint_frames.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
