"""What a comparison of two nets finds: altered filters, other seeds, and the damage that quantising does to a filter.

    python tests/benchmarks/two_nets.py --zoo ZOO        about 15 minutes; prints, and writes two_nets.md

The nets are those of a zoo as `zoo_nets.py` of the zoo's folder makes them; nothing of `filterscope.compare` was tuned
on them.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from filterscope import compare

IMAGES, SHUFFLES = 100, 19
DAMAGE_IMAGES, DAMAGE_FILTERS = 64, 48
ALTERED = [
    "resnet-fashion-normal-0",
    "mobilenet-fashion-normal-0",
    "convnext-fashion-normal-0",
    "plain-fashion-normal-0",
    "resnet-photographs-normal-0",
    "mobilenet-photographs-normal-0",
    "resnet-digits-normal-10",
    "efficientnet-digits-normal-10",
    "plain-digits-normal-10",
    "convnext-mnist-normal-10",
    "mobilenet-grays-normal-10",
    "efficientnet-mnist-normal-10",
]
SEEDS = ["resnet", "mobilenet", "convnext"]
QUANTISED = [
    "resnet-fashion-normal-0",
    "plain-fashion-normal-0",
    "mobilenet-fashion-normal-0",
    "plain-digits-normal-10",
]


def convolutions(net: nn.Module) -> list[tuple[str, nn.Conv2d]]:
    return [(name, module) for name, module in net.named_modules() if isinstance(module, nn.Conv2d)]


def three_of(layers: Sequence[tuple[str, nn.Conv2d]]) -> list[tuple[str, nn.Conv2d]]:
    """The first, the middle and the last."""
    return [layers[place] for place in sorted({0, len(layers) // 2, len(layers) - 1})]


def with_altered(net: nn.Module, layer: str, filters: Sequence[int], generator: torch.Generator) -> nn.Module:
    """A copy in which some filters have their own weights in another order."""
    altered = copy.deepcopy(net)
    weight = altered.get_submodule(layer).weight.data
    for index in filters:
        flat = weight[index].flatten()
        while torch.equal(flat, weight[index].flatten()):
            flat = flat[torch.randperm(len(flat), generator=generator)]
        weight[index] = flat.view_as(weight[index])
    return altered


def altered_filters(net: nn.Module, data: object, seed: int) -> dict[str, float]:
    """An eighth of a layer's filters altered, in three layers of a net, one layer at a time."""
    generator = torch.Generator().manual_seed(seed)
    counts = dict.fromkeys(("altered", "first", "whole", "false alarms", "chance"), 0)
    for name, layer in three_of(convolutions(net)):
        n = layer.out_channels
        if layer.weight[0].numel() == 1:
            continue
        filters = torch.randperm(n, generator=generator)[: max(1, n // 8)].tolist()
        altered = with_altered(net, name, filters, generator)
        # data_b: no damage is estimated, which nothing asks for here.
        found = compare(net, altered, data, IMAGES, name, data_b=data, shuffles=SHUFFLES)
        rows = found.rows()  # those that changed most first
        partners = found.layers[0].partner
        others = [index for index in range(n) if index not in filters]
        counts["altered"] += len(filters)
        counts["whole"] += len(others)
        counts["first"] += len({row["filter"] for row in rows[: len(filters)]} & set(filters))
        counts["false alarms"] += int(sum(partners[index] != index for index in others))
        counts["chance"] += int(sum(partners[index] >= 0 for index in filters))
    return counts


def quantised(weight: torch.Tensor) -> torch.Tensor:
    """As int8 of one scale for the layer, and back."""
    scale = float(weight.abs().max()) / 127
    return torch.fake_quantize_per_tensor_affine(weight, scale, 0, -127, 127)


def outputs(net: nn.Module, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return net(images)


def damages(net: nn.Module, images: torch.Tensor, layer: str, filters: Sequence[int]) -> np.ndarray:
    """The truth: how far the outputs go when this filter alone is quantised."""
    whole, copied = outputs(net, images), copy.deepcopy(net)
    weight = copied.get_submodule(layer).weight.data
    coarse, kept = quantised(weight), weight.clone()
    result = []
    for index in filters:
        weight[index] = coarse[index]
        result.append(float((outputs(copied, images) - whole).norm(dim=1).mean()))
        weight[index] = kept[index]
    return np.array(result)


def quantised_damage(net: nn.Module, data: object, images: torch.Tensor) -> list[dict[str, float]]:
    """How what a comparison with the quantised net says of its filters ranks them, layer by layer."""
    copied = copy.deepcopy(net)
    for _, layer in convolutions(copied):
        layer.weight.data = quantised(layer.weight.data)
    result = []
    for name, layer in three_of(convolutions(net)):
        if layer.weight[0].numel() == 1:
            continue
        found = compare(net, copied, data, IMAGES, name, shuffles=SHUFFLES)
        filters = list(range(min(layer.out_channels, DAMAGE_FILTERS)))
        truth = damages(net, images, name, filters)
        measures = {
            "1 - r": 1 - found.layers[0].correlation[filters],
            "distance": found.distance[0][filters],
            "damage": found.damage[0][filters],
        }
        rho = {key: float(spearmanr(truth, value, nan_policy="omit").statistic) for key, value in measures.items()}
        result.append({"layer": name, "filters": len(filters), **rho})
    return result


def other_seeds(zoo: Path, kind: str, data: object, which: str) -> tuple[int, int]:
    """Of how many filters of one seed another seed's net is said to have a partner."""
    nets = [ZooNet(kind, "fashion", "normal", seed).load(zoo, which).eval() for seed in (0, 10)]
    found = compare(*nets, data, IMAGES, data_b=data, shuffles=SHUFFLES)
    known = [partners for partners in found.layers if not partners.note]
    return sum(int((p.partner >= 0).sum()) for p in known), sum(len(p.partner) for p in known)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", type=Path, required=True)
    parser.add_argument("--until", default="99:99", help="when no further net is begun, as 20:45")
    options = parser.parse_args()
    sys.path.insert(0, str(options.zoo))
    import zoo_nets

    global ZooNet
    ZooNet = zoo_nets.ZooNet
    torch.set_num_threads(1)
    zoo, began = options.zoo, time.process_time()
    late = lambda: time.strftime("%H:%M") >= options.until  # noqa: E731

    def load(name: str) -> tuple[nn.Module, object]:
        kind, data, variant, seed = name.rsplit("-", 3)
        return ZooNet(kind, data, variant, int(seed)).load(zoo).eval(), zoo_nets.load_data(zoo, data).test

    lines = ["# What a comparison of two nets finds", ""]

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    say("## Altered filters\n")
    say("An eighth of a layer's filters have their weights in another order, in the net's first, middle and last")
    say(f"convolution, one at a time; {IMAGES} images, {SHUFFLES} shuffles.\n")
    say("| net | altered | the first in the list | with a partner by chance | whole | of these not found again |")
    say("| --- | --- | --- | --- | --- | --- |")
    for seed, name in enumerate(ALTERED):
        if late():
            say(f"| {name} | not measured | | | | |")
            continue
        counts = altered_filters(*load(name), seed)
        numbers = [counts[key] for key in ("altered", "first", "chance", "whole", "false alarms")]
        say(f"| {name} | {' | '.join(map(str, numbers))} |")
    say("\n## Other seeds\n")
    say("Filters of seed 0 that are said to have a partner in seed 10; untrained 5 % would be by chance.\n")
    say("| kind | untrained | trained |\n| --- | --- | --- |")
    for kind in SEEDS:
        if late():
            say(f"| {kind} | not measured | |")
            continue
        data = zoo_nets.load_data(zoo, "fashion").test
        shares = [other_seeds(zoo, kind, data, which) for which in ("start", "end")]
        say(f"| {kind} | {' | '.join(f'{100 * some / of:.1f} % of {of}' for some, of in shares)} |")
    say("\n## Quantised to int8, each filter's damage\n")
    say("Spearman's ρ with how far the outputs go when this filter alone is quantised, in the net's first, middle and")
    say("last convolution.\n")
    say("| net | layer | filters | 1 − correlation | distance of weights | damage |")
    say("| --- | --- | --- | --- | --- | --- |")
    for name in QUANTISED:
        if late():
            say(f"| {name} | not measured | | | | |")
            continue
        net, data = load(name)
        images = torch.stack([data[index][0] for index in range(DAMAGE_IMAGES)])
        for row in quantised_damage(net, data, images):
            numbers = " | ".join(f"{row[key]:.2f}" for key in ("1 - r", "distance", "damage"))
            say(f"| {name} | {row['layer']} | {row['filters']} | {numbers} |")
    say(f"\n{time.strftime('%Y-%m-%d')}, a loaded machine of 2 cores; {time.process_time() - began:.0f} s of CPU.")
    (Path(__file__).parent / "two_nets.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
