"""What a comparison of two nets finds: planted permutations, altered filters, other seeds, and what quantising damages.

    python tests/benchmarks/two_nets.py --zoo ZOO [--part planted altered seeds quantised]

About 15 minutes. Each row is printed when it is known, and `two_nets.md` has them all. The nets are those that
`zoo_nets.py` makes; nothing of `filterscope.compare` was tuned on them.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn
from zoo_nets import Images, ZooNet, load_data

from filterscope import compare
from filterscope.timeline.partners import pairs_of

IMAGES, SHUFFLES = 100, 19
DAMAGE_IMAGES, DAMAGE_FILTERS = 64, 48
NETS = [
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


def permuted_together(kind: str) -> list[tuple[list[str], list[str]]]:
    """Modules whose channels are the same ones, and those that are given these: a net of a kind, permuted whole."""
    if kind == "plain":
        return [(["conv1"], ["conv2"]), (["conv2"], ["conv3"]), (["conv3"], ["conv4"]), (["conv4"], ["fc"])]
    if kind == "resnet":
        first = ["conv1", "bn1", "layer1.conv2", "layer1.bn2"]
        second, third = (
            [f"{block}.{name}" for name in ("conv2", "bn2", "downsample.0", "downsample.1")]
            for block in ("layer2", "layer3")
        )
        inner = [([f"{b}.conv1", f"{b}.bn1"], [f"{b}.conv2"]) for b in ("layer1", "layer2", "layer3")]
        after = ["layer1.conv1", "layer2.conv1", "layer2.downsample.0"]
        return [(first, after), (second, ["layer3.conv1", "layer3.downsample.0"]), (third, ["fc"]), *inner]
    if kind == "convnext":
        blocks = ("stage1.0", "stage1.1", "stage2")
        of_block = {b: [f"{b}.{name}" for name in ("depthwise", "norm", "project")] for b in blocks}
        first = ["stem.0", "stem.1", *of_block["stage1.0"], *of_block["stage1.1"], "downsample.0"]
        second = ["downsample.1", *of_block["stage2"], "norm"]
        inner = [([f"{b}.expand"], [f"{b}.project"]) for b in blocks]
        return [
            (first, ["stage1.0.expand", "stage1.1.expand", "downsample.1"]),
            (second, ["stage2.expand", "fc"]),
            *inner,
        ]
    blocks = ("block1", "block2", "block3")
    result = [(["stem.0", "stem.1"], ["block1.expand.0"]), (["head.0", "head.1"], ["fc"])]
    result.append(([f"{b}.project.{k}" for b in blocks[:2] for k in (0, 1)], ["block2.expand.0", "block3.expand.0"]))
    result.append((["block3.project.0", "block3.project.1"], ["head.0"]))
    for block in blocks:
        hidden = [f"{block}.{part}.{k}" for part in ("expand", "depthwise") for k in (0, 1)]
        squeezed = kind == "efficientnet"
        result.append(
            (hidden + [f"{block}.squeeze.3"] * squeezed, [f"{block}.project.0"] + [f"{block}.squeeze.1"] * squeezed)
        )
        if squeezed:
            result.append(([f"{block}.squeeze.1"], [f"{block}.squeeze.3"]))
    return result


@torch.no_grad()
def permuted(net: nn.Module, kind: str, generator: torch.Generator) -> tuple[nn.Module, dict[str, list[int]]]:
    """The same function with its filters in another order and, before BatchNorm or ReLU alone, of another scale.

    Returns:
        The net; and for each convolution which filter of the net as it was stands at each place.
    """
    result, orders = copy.deepcopy(net), {}
    for same, given in permuted_together(kind):
        order = torch.randperm(len(result.get_submodule(same[0]).weight), generator=generator)
        for place, name in enumerate(same):
            module = result.get_submodule(name)
            for values in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
                if values.ndim:
                    values.copy_(values[order].clone())
            scale = next((p for n, p in result.named_parameters() if n == f"{name.rpartition('.')[0]}.scale"), None)
            if scale is not None and name.endswith(".project"):
                scale.copy_(scale[order].clone())
            if not isinstance(module, nn.Conv2d):
                continue
            orders[name] = order.tolist()
            after = result.get_submodule(same[place + 1]) if place + 1 < len(same) else None
            if isinstance(after, nn.BatchNorm2d) or kind == "plain":
                factors = 0.1 * 100 ** torch.rand(len(order), generator=generator)
                module.weight.mul_(factors.view(-1, 1, 1, 1))
                if module.bias is not None:
                    module.bias.mul_(factors)
                earlier = factors[order.argsort()]  # of what comes after, which is put in order later
                if isinstance(after, nn.BatchNorm2d):
                    after.running_mean.mul_(earlier)
                    after.running_var.copy_((after.running_var + after.eps) * earlier**2 - after.eps)
                else:
                    weight = result.get_submodule(given[0]).weight
                    weight /= earlier.view(1, -1, *[1] * (weight.ndim - 2))
        for name in given:
            weight = result.get_submodule(name).weight
            weight.copy_(weight[:, order].clone())
    return result, orders


def planted(name: str, net: nn.Module, data: Images, seed: int) -> list[str]:
    """Of how many filters of a net the partner in the permuted net is the right one, of the others where they are."""
    kind = name.split("-")[0]
    other, orders = permuted(net, kind, torch.Generator().manual_seed(seed))
    images = torch.stack([data[index][0] for index in range(DAMAGE_IMAGES)])
    outputs_a, outputs_b = outputs(net, images), outputs(other, images)
    apart = float((outputs_a - outputs_b).abs().max() / outputs_a.abs().max())
    assert apart < 1e-3, f"{name}: the permuted net computes something else, {apart}"
    filters = right = paired = 0
    missed: dict[str, str] = {}
    for partners in compare(net, other, data, IMAGES, data_b=data, shuffles=SHUFFLES).layers:
        order = np.array(orders[partners.layer])
        true = np.argsort(order)
        _, pairing = pairs_of(np.nan_to_num(partners.correlations, nan=-2.0))
        hits = int((partners.partner == true).sum())
        filters, right, paired = filters + len(true), right + hits, paired + int((pairing == true).sum())
        wrong = int(((partners.partner >= 0) & (partners.partner != true)).sum())
        if hits < len(true):
            missed[partners.layer] = f"{partners.layer} {len(true) - hits} of {len(true)}" + f" ({wrong} wrong)" * bool(
                wrong
            )
    return [
        str(filters),
        f"{100 * paired / filters:.1f} %",
        f"{100 * right / filters:.1f} %",
        ", ".join(missed.values()),
    ]


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


def altered_filters(net: nn.Module, data: Images, seed: int) -> dict[str, float]:
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


def quantised_damage(net: nn.Module, data: Images, images: torch.Tensor) -> list[dict[str, float]]:
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


def other_seeds(zoo: Path, kind: str, data: Images, which: str) -> tuple[int, int]:
    """Of how many filters of one seed another seed's net is said to have a partner."""
    nets = [ZooNet(kind, "fashion", "normal", seed).load(zoo, which).eval() for seed in (0, 10)]
    found = compare(*nets, data, IMAGES, data_b=data, shuffles=SHUFFLES)
    known = [partners for partners in found.layers if not partners.note]
    return sum(int((p.partner >= 0).sum()) for p in known), sum(len(p.partner) for p in known)


def rows_of(part: str, zoo: Path) -> Iterator[str]:
    """The lines of one table, each when it is known."""

    def load(name: str) -> tuple[nn.Module, Images]:
        kind, data, variant, seed = name.rsplit("-", 3)
        return ZooNet(kind, data, variant, int(seed)).load(zoo).eval(), load_data(zoo, data).test

    if part == "planted":
        for seed, name in enumerate(NETS):
            yield f"| {name} | {' | '.join(planted(name, *load(name), seed))} |"
    elif part == "altered":
        for seed, name in enumerate(NETS):
            counts = altered_filters(*load(name), seed)
            numbers = [counts[key] for key in ("altered", "first", "chance", "whole", "false alarms")]
            yield f"| {name} | {' | '.join(map(str, numbers))} |"
    elif part == "seeds":
        for kind in SEEDS:
            shares = [other_seeds(zoo, kind, load_data(zoo, "fashion").test, which) for which in ("start", "end")]
            yield f"| {kind} | {' | '.join(f'{100 * some / of:.1f} % of {of}' for some, of in shares)} |"
    else:
        for name in QUANTISED:
            net, data = load(name)
            images = torch.stack([data[index][0] for index in range(DAMAGE_IMAGES)])
            for row in quantised_damage(net, data, images):
                numbers = " | ".join(f"{row[key]:.2f}" for key in ("1 - r", "distance", "damage"))
                yield f"| {name} | {row['layer']} | {row['filters']} | {numbers} |"


HEADS = {
    "planted": f"""## Planted permutations

The whole net computes what it did, with the filters of every layer in another order and, where BatchNorm or ReLU alone
comes after, each by a factor of 0.1 to 10. *Paired rightly*: by the pairing itself, before the null; *found again*: the
pair is above the null as well. Other pairs count for none in the page, by layers in the last column. {IMAGES} images,
{SHUFFLES} shuffles.

| net | filters | paired rightly | found again | said to have no partner, or a wrong one |
| --- | --- | --- | --- | --- |""",
    "altered": f"""## Altered filters

An eighth of a layer's filters have their weights in another order, in the net's first, middle and last convolution, one
at a time; {IMAGES} images, {SHUFFLES} shuffles. A filter whose weights are almost equal does the same in any order, so
that it cannot be told from the null: the two of convnext's stem, which has four weights a filter.

| net | altered | the first in the list | with a partner by chance | whole | of these not found again |
| --- | --- | --- | --- | --- | --- |""",
    "seeds": """## Other seeds

Filters of seed 0 that are said to have a partner in seed 10; untrained 5 % would be by chance.

| kind | untrained | trained |
| --- | --- | --- |""",
    "quantised": """## Quantised to int8, each filter's damage

Spearman's ρ with how far the outputs go when this filter alone is quantised, in the net's first, middle and last
convolution.

| net | layer | filters | 1 − correlation | distance of weights | damage |
| --- | --- | --- | --- | --- | --- |""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, required=True)
    parser.add_argument("--part", nargs="+", choices=HEADS, default=list(HEADS))
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    began = time.process_time()
    with options.out.open("w", encoding="utf-8") as file:

        def say(line: str) -> None:
            print(line, flush=True)
            file.write(line + "\n")
            file.flush()

        say("# What a comparison of two nets finds")
        for part in options.part:
            say("\n" + HEADS[part])
            for row in rows_of(part, options.zoo):
                say(row)
        say(f"\n{time.strftime('%Y-%m-%d')}, a loaded machine of 2 cores; {time.process_time() - began:.0f} s of CPU.")


if __name__ == "__main__":
    main()
