"""The scans of peers beside ours, in one run: the same net, the same images, the same maps, in one thread.

Peers that are not installed are left out and said; `pip install --no-deps nansense zennit-crp zennit` brings them.

    python tests/benchmarks/scan_peers.py             the demo net and its 10,000 images
    python tests/benchmarks/scan_peers.py 1000        the first 1,000

Seconds are those of the processor, the least of three rounds that are taken in turn, from the data set to the result.
All look at the convolutions' outputs, before the nonlinearity, which is what a hook on a module gives. Of each filter's
greatest maxima, as many as the peer keeps, it is said how many are the true ones: those of the plain passes.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset

from filterscope import demo, scan

BATCH, ROUNDS = 256, 3
LAYERS = ("conv1", "conv2")
LOOP = "a DataLoader loop"
CROPS: dict[str, str] = {}
"""How many pixels a crop has in each layer, by scan; in truth conv1 sees 3×3 and conv2 8×8."""
Result = dict[str, np.ndarray]
"""Of each layer the greatest values of each filter, `(k, F)`, in falling order."""


class Absent(Exception):
    """A peer cannot be run; the message says why."""


@torch.no_grad()
def plain(net: Any, data: Any, images: int) -> Result:
    """What is true: all maxima of all filters, sorted."""
    maxima: dict[str, list[torch.Tensor]] = {layer: [] for layer in LAYERS}
    with hooked(net, lambda layer, batch, output: maxima[layer].append(output.amax((2, 3)))):
        for pixels, _ in DataLoader(Subset(data, range(images)), BATCH):
            net(pixels)
    return {layer: torch.cat(parts).sort(0, descending=True).values.numpy() for layer, parts in maxima.items()}


@contextlib.contextmanager
def hooked(net: Any, take: Callable[[str, torch.Tensor, torch.Tensor], None]) -> Any:
    batch: list[torch.Tensor] = []
    handles = [net.register_forward_pre_hook(lambda module, inputs: batch.__setitem__(slice(None), inputs))]
    for layer in LAYERS:
        hook = lambda module, inputs, output, layer=layer: take(layer, batch[0], output)  # noqa: E731
        handles.append(getattr(net, layer).register_forward_hook(hook))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def ours(net: Any, data: Any, images: int) -> Result:
    found = scan(net, data, images=range(images), pre_activation=True, progress=False)
    filters = {layer: len(found.conv_layer(layer).kernels) for layer in LAYERS}
    crops = [max(crop.pixels.shape[0] for crop in found.top(layer, 0).crops()) for layer in LAYERS]
    CROPS["filterscope"] = " and ".join(f"{side}×{side}" for side in crops)
    return {
        layer: np.stack([found.top(layer, number, 100).values for number in range(count)], 1)
        for layer, count in filters.items()
    }


@torch.no_grad()
def nansense(net: Any, data: Any, images: int) -> Result:
    """Its accumulators of patches, fed by a hook on each layer: 5 patches each of the greatest and the least pixels."""
    try:
        from nansense.patches import PatchAccumulator
    except ImportError as error:
        raise Absent(f"not installed, or not whole ({error})") from error
    accumulators = {layer: PatchAccumulator() for layer in LAYERS}
    with hooked(net, lambda layer, batch, output: accumulators[layer].update(act=output, x=batch)):
        for pixels, _ in DataLoader(Subset(data, range(images)), BATCH):
            net(pixels)
    patches = {layer: each.snapshot().by_type["max_pixel"] for layer, each in accumulators.items()}
    CROPS["nansense"] = " and ".join("×".join(map(str, part.patches.shape[-2:])) for part in patches.values())
    return {layer: part.values.T.numpy() for layer, part in patches.items()}


def crp(net: Any, data: Any, images: int) -> Result:
    """Its reference sampling: 40 images each by activation and by relevance, for which it runs the net backwards."""
    try:
        from crp.attribution import CondAttribution
        from crp.concepts import ChannelConcept
        from crp.visualization import FeatureVisualization
    except ImportError as error:
        raise Absent(f"not installed, or not whole ({error})") from error
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        concepts = {layer: ChannelConcept() for layer in LAYERS}
        visualization = FeatureVisualization(
            CondAttribution(net), data, concepts, max_target="max", abs_norm=False, path=folder
        )
        with contextlib.redirect_stderr(io.StringIO()):
            visualization.run(None, 0, images, BATCH, checkpoint=10**6)
        found = Path(folder) / "ActMax_max_unnormed"
        return {layer: np.load(next(found.glob(f"{layer}_*rel.npy"))) for layer in LAYERS}


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = action()
    return time.process_time() - start, result


def right(result: Result, truth: Result) -> tuple[int, float]:
    """How many values a filter has, and which share of all of them is true to float32 rounding."""
    kept = min(len(values) for values in result.values())
    equal = [np.isclose(result[layer], truth[layer][: len(result[layer])], rtol=1e-5, atol=1e-6) for layer in LAYERS]
    return kept, float(np.concatenate([part.ravel() for part in equal]).mean())


def main() -> None:
    torch.set_num_threads(1)
    net, data = demo.fashion_net().eval(), demo.fashion_test_data()
    images = int(sys.argv[1]) if len(sys.argv) > 1 else len(data)
    scans = {LOOP: plain, "filterscope": ours, "nansense": nansense, "zennit-crp": crp}
    times: dict[str, list[float]] = {name: [] for name in scans}
    results: dict[str, Result] = {}
    for name in list(scans):
        try:
            scans[name](net, data, min(images, 2 * BATCH))  # what is loaded only once
        except Absent as reason:
            print(f"{name}: {reason}")
            del scans[name]
    for _ in range(ROUNDS):
        for name, run in scans.items():
            taken, results[name] = seconds(lambda run=run: run(net, data, images))  # type: ignore[misc]
            times[name].append(taken)
    print(f"\nFashionNet, both layers, {images:,} images, one thread\n")
    print("| scan | seconds | times the loop | exemplars kept a filter | of these true | crops of conv1 and conv2 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in scans:
        kept, share = right(results[name], results[LOOP])
        least = min(times[name])
        words = "all" if name in (LOOP, "filterscope") else str(kept)
        ratio = least / min(times[LOOP])
        print(f"| {name} | {least:.2f} | {ratio:.2f} | {words} | {share:.1%} | {CROPS.get(name, '-')} |")


if __name__ == "__main__":
    main()
