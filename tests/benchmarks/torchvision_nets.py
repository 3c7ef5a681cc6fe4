"""Every torchvision model with random weights: are its convolutions found, and is the response what it computes?

For each convolution of each model, the response of every filter over the layer's own input, summed over the channels,
plus the bias, is compared with the pre-activation: as the whole layer is shown (large layers by one convolution), and
for three of its filters by `cv2.filter2D` alone. The error is a share of the filter's range over the map, or where that
is smaller than a hundredth of the layer's, of the layer's.

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

from filterscope.data.source import SampleSource
from filterscope.engine import engine as engine_module
from filterscope.engine.engine import Engine
from filterscope.errors import NetError

HERE = Path(__file__).parent


def images(kind: str, name: str) -> torch.Tensor:
    """One image of the size that the model was made for."""
    generator = torch.Generator().manual_seed(0)
    if kind == "video":
        clip = (3, 16, 224, 224) if "mvit" in name or name == "s3d" else (3, 8, 112, 112)
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
    """The largest difference over all layers, as a share of the pre-activation's range, and where."""
    worst, where = 0.0, ""
    for layer in engine.layers:
        try:
            pre = engine.moment(0, layer.index).pre_activations
        except NetError:
            continue  # a detection net that found nothing gives its last layers an empty batch
        bias = engine.weights(layer.index)[1]
        added = np.zeros(len(pre), np.float32) if bias is None else bias
        found = [
            *zip(range(len(pre)), engine.moment(0, layer.index).responses.of_all_filters(None, "input"), strict=True)
        ]
        some = sorted({0, layer.out_channels // 2, layer.out_channels - 1})
        found += [(f, engine.response(0, layer.index, f, None, "input")) for f in some]
        least = 0.01 * float(np.ptp(pre))
        for f, response in found:
            span = max(float(np.ptp(pre[f])), least)
            error = float(np.abs(response + added[f] - pre[f]).max())
            share = error / span if span > 0 else error
            if share > worst:
                worst, where = share, layer.name
        gc.collect()
    return worst, where


def row(kind: str, name: str) -> str:
    """One line of the table."""
    net = build(name)
    start = time.perf_counter()
    engine = Engine(net, SampleSource(list(images(kind, name)), inputs=[(3 if kind == "video" else 2, None)]))
    seconds = time.perf_counter() - start
    found = {layer.name for layer in engine.layers}
    conv = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.ConvTranspose2d)
    unreached = [n for n, module in net.named_modules() if isinstance(module, conv) and n not in found]
    worst, where = worst_error(engine)
    missing = "" if not unreached else f"{len(unreached)}, e.g. {unreached[0]}"
    filters = sum(layer.out_channels for layer in engine.layers)
    return f"| {kind} | {name} | {len(engine.layers)} | {filters} | {missing} | {seconds:.2f} | {worst:.1e} | {where} |"


def summary(lines: list[str]) -> list[str]:
    """The same a kind: how many models, calls and filters, and the worst error of all."""
    found: dict[str, list[list[str]]] = {}
    for cells in ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]):
        if cells[2].isdigit():
            found.setdefault(cells[0], []).append(cells)
    table = [
        "| kind | models | convolution calls | filters | worst error ÷ range | of |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind, rows in found.items():
        calls, filters = (sum(int(cells[k]) for cells in rows) for k in (2, 3))
        worst = max(rows, key=lambda cells: float(cells[6]))
        table.append(f"| {kind} | {len(rows)} | {calls} | {filters} | {worst[6]} | {worst[1]} |")
    return table


def main() -> None:
    """Every model, or those that are named."""
    warnings.filterwarnings("ignore")
    engine_module.CACHE_BYTES = 32 * 2**30  # one pass a model, not one a layer
    kinds = {"classification": models, "segmentation": models.segmentation}
    kinds |= {"detection": models.detection, "video": models.video}
    lines = [
        "| kind | model | convolution calls | filters | not reached in eval | opened in s | worst error ÷ range | at |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
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
        (HERE / "torchvision_nets.md").write_text(head + "\n".join([*summary(lines), "", *lines]) + "\n")


if __name__ == "__main__":
    main()
