"""Every torchvision model with random weights: are its convolutions found, and is the response what it computes?

For each 2-D convolution of each model, the `filter2D` response of three of its filters over the layer's own input,
summed over the channels, plus the bias, is compared with the pre-activation; the error is a share of its range.

    .venv/bin/python tests/benchmarks/torchvision_nets.py [NAME …]     prints the table and writes torchvision_nets.md
"""

from __future__ import annotations

import gc
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import torchvision
from torchvision import models

from filterscope.dataset import SampleSource
from filterscope.engine import Engine

HERE = Path(__file__).parent


def images(kind: str, name: str) -> torch.Tensor:
    """One image of the size that the model was made for."""
    generator = torch.Generator().manual_seed(0)
    if kind == "video":
        clip = (3, 16, 224, 224) if "mvit" in name else (3, 8, 112, 112)
        return torch.rand(1, *clip, generator=generator)
    sizes = {"inception_v3": 299, "vit_h_14": 224, "segmentation": 128, "detection": 320}
    side = sizes.get(name, sizes.get(kind, 224))
    return torch.rand(1, 3, side, side, generator=generator)


def build(name: str) -> torch.nn.Module:
    """The model with random weights; nothing is downloaded."""
    options = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options |= {"init_weights": False}
    if any(part in name for part in ("rcnn", "retinanet", "fcos", "ssd", "deeplab", "fcn", "lraspp")):
        options |= {"weights_backbone": None}
    torch.manual_seed(0)
    return models.get_model(name, **options).eval()


def worst_error(engine: Engine) -> tuple[float, str]:
    """The largest difference over all 2-D layers, as a share of the pre-activation's range, and where."""
    worst, where = 0.0, ""
    for layer in engine.layers:
        if layer.rank != 2:
            continue
        maps = engine.maps(0, layer.index)
        for f in {0, layer.out_channels // 2, layer.out_channels - 1}:
            pre = engine.pre_activation(0, layer.index, f)
            response = engine.response(0, layer.index, f, None, "input")
            bias = 0.0 if maps.bias is None else float(maps.bias[f])
            span = float(pre.max() - pre.min())
            error = float(np.abs(response + bias - pre).max())
            share = error / span if span > 0 else error
            if share > worst:
                worst, where = share, layer.name
    return worst, where


def row(kind: str, name: str) -> str:
    """One line of the table."""
    net = build(name)
    start = time.perf_counter()
    engine = Engine(net, SampleSource(list(images(kind, name)), rank=3 if kind == "video" else 2))
    seconds = time.perf_counter() - start
    found = {layer.name for layer in engine.layers}
    conv = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.ConvTranspose2d)
    unreached = [n for n, module in net.named_modules() if isinstance(module, conv) and n not in found]
    worst, where = worst_error(engine)
    missing = "" if not unreached else f"{len(unreached)}, e.g. {unreached[0]}"
    error = f"{worst:.1e} | {where}" if any(layer.rank == 2 for layer in engine.layers) else "(3-D only) | "
    return f"| {kind} | {name} | {len(engine.layers)} | {missing} | {seconds:.2f} | {error} |"


def main() -> None:
    """Every model, or those that are named."""
    warnings.filterwarnings("ignore")
    kinds = {"classification": models, "segmentation": models.segmentation}
    kinds |= {"detection": models.detection, "video": models.video}
    lines = [
        "| kind | model | convolution calls | not reached in eval mode | found in s | worst error ÷ range | at |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    print("\n".join(lines), flush=True)
    for kind, module in kinds.items():
        for name in models.list_models(module=module):
            if len(sys.argv) > 1 and name not in sys.argv[1:]:
                continue
            try:
                line = row(kind, name)
            except Exception as error:
                line = f"| {kind} | {name} | {type(error).__name__}: {str(error)[:200]} | | | | |"
            print(line, flush=True)
            lines.append(line)
            gc.collect()
    if len(sys.argv) == 1:
        head = f"# torchvision {torchvision.__version__}, torch {torch.__version__}, random weights\n\n"
        (HERE / "torchvision_nets.md").write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
