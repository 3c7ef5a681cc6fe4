"""How far the verdicts can be trusted: planted faults, untrained nets, frozen filters, use against a truth, names.

    python tests/benchmarks/verdict_nets.py --data FOLDER --out NETS
    python tests/benchmarks/verdict_report.py --nets NETS [--building] [--only structure,names,...]

Writes verdict_report.json and verdict_report.png beside this file; verdict_report.md holds the figures in
words.
By default only the nets and seeds are used that were not looked at while the verdicts were built.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from scipy.stats import rankdata, spearmanr
from torch.utils.data import Subset

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "helpers"))
import verdict_nets

from filterscope import demo, diagnose
from filterscope.verdicts.chance import share_as_extreme
from filterscope.verdicts.weights.matching import match_kernels
from filterscope.verdicts.weights.naming import NO_PATTERN, name_patterns
from filterscope.verdicts.weights.neighbours import moran
from filterscope.verdicts.weights.structure import judge_structure
from pattern_bank import draw, noisy
from planted import COPIES, NO_COPIES, NOISE, STILL, copy_normed, plant

DATA = demo.fashion_test_data()
SHARE = 5  # one filter in so many gets a planted fault


def look(net, images, **options):
    return diagnose(net, DATA, images=images, progress=False, **options)


def area_under_curve(scores, positive):
    """Probability that a planted filter scores higher than an untouched one."""
    ranks, count = rankdata(scores), positive.sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (~positive).sum()))


def structure(nets, repeats=10):
    """Noise planted into the layers of trained nets; weights alone, so nothing else is needed."""
    found = {}
    for kind, seed, net in nets:
        if kind in ("frozen", "shuffled"):
            continue
        live = {}
        for f in look(net, 500, ablation=False).filters:
            live.setdefault(f.layer, []).append(f.state == "live")
        for layer, alive in live.items():
            conv = net.get_submodule(layer)
            numbers = conv.weight[0].numel()
            shape = "×".join(map(str, conv.kernel_size))
            name = f"{shape}, {conv.weight.shape[1]} channels" + (" (depthwise)" if conv.groups > 1 else "")
            held = found.setdefault(
                name, {"planted": [], "by fault": {}, "untouched": [], "dead": [], "auc": [], "numbers": numbers}
            )
            base = judge_structure(conv.weight.detach().numpy(), conv.groups)
            for one, lives in zip(base, alive, strict=True):
                held["untouched" if lives else "dead"].append(one.verdict)
            for number, fault in enumerate(NOISE):
                for repeat in range(repeats):
                    random = np.random.default_rng([seed, number, repeat])
                    chosen = random.choice(len(alive), max(1, len(alive) // SHARE), replace=False)
                    planted = plant(net, layer, fault, chosen, chosen, random).get_submodule(layer)
                    judged = judge_structure(planted.weight.detach().numpy(), conv.groups)
                    held["planted"] += [judged[k].verdict for k in chosen]
                    held["by fault"].setdefault(fault, Counter()).update(judged[k].verdict for k in chosen)
                    scores = np.array([one.noise_score for one in judged])
                    positive = np.isin(np.arange(len(judged)), chosen)
                    use = positive | np.array(alive)
                    if not np.isnan(scores[use]).any():
                        held["auc"].append(area_under_curve(scores[use], positive[use]))
    return {
        name: {
            "numbers": held["numbers"],
            "planted": dict(Counter(held["planted"])),
            "by fault": held["by fault"],
            "untouched live": dict(Counter(held["untouched"])),
            "dead anyway": dict(Counter(held["dead"])),
            "auc": float(np.mean(held["auc"])) if held["auc"] else None,
        }
        for name, held in found.items()
    }


def untrained(nets, seeds=30):
    """Nets that never learned: nothing is structured but by chance, and use is withheld."""
    verdicts, uses = Counter(), Counter()
    for kind in ("classic", "first5", "first7", "residual"):
        for seed in range(700, 700 + seeds // 4 + 1):
            net = verdict_nets.untrained(kind, seed)
            for f in look(net, 500).filters:
                verdicts[f.structure] += 1
                uses[f.use] += 1
    demo_net = look(demo.fashion_net(epoch=0), 1000)
    return {
        "structure": dict(verdicts),
        "use": dict(uses),
        "demo net, epoch 0": dict(Counter(f.structure for f in demo_net.filters)),
    }


def frozen(nets):
    """Half the filters never left their random start."""
    found = {}
    for kind, _, net in nets:
        if kind != "frozen":
            continue
        never = verdict_nets.frozen_filters(net)
        for f in look(net, 2000).filters:
            which = "frozen" if f.filter in never[f.layer] else "trained"
            held = found.setdefault(f"{f.layer} {which}", {"structure": Counter(), "use": Counter()})
            held["structure"][f.structure] += 1
            held["use"][f.use] += 1
    return found


def still(nets):
    """Filters that say nothing; and false alarms on all others, held against all 10,000 images."""
    hit = {fault: [0, 0] for fault in STILL}
    alarms = confirmed = 0
    for kind, seed, net in nets:
        if kind not in ("classic", "first5", "first7"):
            continue
        whole = {(f.layer, f.filter): f.state for f in look(net, 10_000, ablation=False).filters}
        for layer in ("conv1", "conv2"):
            for number, fault in enumerate(STILL):
                random = np.random.default_rng([seed, 7, number])
                count = net.get_submodule(layer).out_channels
                chosen = random.choice(count, count // SHARE, replace=False)
                seen = look(plant(net, layer, fault, chosen, chosen, random), 500, ablation=False, layers=layer)
                for f in seen.filters:
                    if f.filter in chosen:
                        hit[fault][0] += f.state in (("constant",) if fault == "always on" else ("dead",))
                        hit[fault][1] += 1
                    elif f.state != "live":
                        alarms += 1
                        confirmed += whole[layer, f.filter] != "live"
    return {"found of planted": hit, "untouched not live": alarms, "of these confirmed on 10,000 images": confirmed}


def duplicates(nets, images=300):
    """Copies that are, and that are none; with the test of merging."""
    result = {fault: [0, 0] for fault in COPIES + NO_COPIES}
    mirrored, others, judged = [0, 0], 0, 0
    redundant = 0
    for kind, seed, net in nets:
        if kind not in ("classic", "first5", "first7"):
            continue
        base = look(net, 500, ablation=False)
        for layer in ("conv1", "conv2"):
            live = [f.filter for f in base.of_layer(layer) if f.state == "live"]
            before = {(f.filter, f.duplicate_of) for f in base.of_layer(layer)}
            for number, fault in enumerate(COPIES + NO_COPIES):
                random = np.random.default_rng([seed, 11, number])
                chosen = random.permutation(live)
                count = min(3, len(live) // 2)
                sources, filters = chosen[:count], chosen[count : 2 * count]
                seen = look(plant(net, layer, fault, filters, sources, random), images, layers=layer)
                pairs = {frozenset(pair) for pair in zip(filters.tolist(), sources.tolist(), strict=True)}
                touched = set(filters.tolist())
                for f in seen.filters:
                    pair = frozenset((f.filter, f.duplicate_of))
                    if f.duplicate_of is not None and pair in pairs:
                        result[fault][0] += 1
                        redundant += fault == "other bias" and f.correlation > 0.99
                    elif f.duplicate_of is not None and (f.filter, f.duplicate_of) not in before:
                        others += 1
                    judged += f.filter not in touched
                    if fault == "sign flip" and f.filter in touched:
                        mirrored[0] += f.mirror_of is not None
                        mirrored[1] += 1
                result[fault][1] += count
    return {
        "called duplicate, of planted": result,
        "other bias: called so with correlation above 0.99": redundant,
        "sign flips called mirror": mirrored,
        "other pairs called duplicate": [others, judged],
    }


def normed(nets, images=300):
    """Copies in layers with BatchNorm, and the same with another shift of the norm; without the test of merging."""
    result = {}
    for kind, seed, net in nets:
        if kind != "residual":
            continue
        for layer, norm in (("stem", "bn1"), ("conv1", "bn2"), ("conv2", "bn3")):
            for shift in (0.0, 0.25, 0.5, 1.0):
                random = np.random.default_rng([seed, 13, int(4 * shift)])
                chosen = random.permutation(16)
                filters, sources = chosen[:6], chosen[6:12]
                planted = copy_normed(net, layer, norm, shift, filters, sources, random)
                seen = look(planted, images, layers=layer, ablation=False)
                pairs = {frozenset(pair) for pair in zip(filters.tolist(), sources.tolist(), strict=True)}
                held = result.setdefault(f"shift {shift}", {"called duplicate": 0, "of": 0, "correlation > 0.99": 0})
                called = [f for f in seen.filters if frozenset((f.filter, f.duplicate_of)) in pairs]
                held["called duplicate"] += len(called)
                held["correlation > 0.99"] += sum(f.correlation > 0.99 for f in called)
                held["of"] += len(filters)
    return result


def start(nets):
    """3×3 filters on one channel, with what their weights were at the start: is what training added unlike chance?

    Two tests, each against isotropic directions, joined by Bonferroni: Moran's I, and the variance of the response to
    the patches of the images.
    """
    patches = torch.nn.functional.unfold(torch.stack([DATA[k][0] for k in range(300)]), 3)
    second = np.cov(patches.permute(0, 2, 1).reshape(-1, 9).numpy().T)
    null = np.random.default_rng(0).normal(size=(40_000, 1, 9))
    null /= np.linalg.norm(null, axis=2, keepdims=True)

    def unlike_chance(kernels):
        units = kernels.reshape(-1, 1, 9).astype(float)
        norms = np.linalg.norm(units, axis=2, keepdims=True)
        units = np.divide(units, norms, out=np.zeros_like(units), where=norms > 0)
        ps = []
        for score in (lambda u: moran(u, (3, 3)), lambda u: np.einsum("fcs,st,fct->f", u, second, u)):
            ends = [share_as_extreme(score(null), score(units), high) for high in (True, False)]
            ps.append(2 * np.minimum(*ends))
        return (2 * np.minimum(*ps) < 0.01) & (norms[:, 0, 0] > 0)  # what never moved is no pattern

    found = {}
    for kind, seed, net in nets:
        if kind not in ("classic", "shuffled"):
            continue
        weights, first = (n.conv1.weight.detach().numpy() for n in (net, verdict_nets.untrained(kind, seed)))
        cases = {"weights": weights, "at the start": first, "change": weights - first}
        for fault in NOISE if kind == "classic" else ():
            filters = np.arange(len(weights))
            noise = plant(net, "conv1", fault, filters, filters, np.random.default_rng([seed, 17])).conv1.weight
            cases[f"change to planted {fault}"] = noise.detach().numpy() - first
        for case, kernels in cases.items():
            held = found.setdefault(f"{kind}: {case}", [0, 0])
            held[0] += int(unlike_chance(kernels).sum())
            held[1] += len(kernels)
    demo_first = demo.fashion_net(epoch=0).conv1.weight.detach().numpy()
    for epoch in (1, 4, 10, 20):
        change = demo.fashion_net(epoch=epoch).conv1.weight.detach().numpy() - demo_first
        found[f"demo net, epoch {epoch}: change"] = [int(unlike_chance(change).sum()), len(change)]
    return found


def use(nets):
    """Rankings against the damage that 5,000 other images show; of nets with BatchNorm 2,000."""
    order = np.random.default_rng(1).permutation(len(DATA))
    one, other = Subset(DATA, order[:5000].tolist()), Subset(DATA, order[5000:].tolist())
    rows = []
    for kind, seed, net in nets:
        if kind not in ("classic", "residual"):  # five nets, as many as the table asks for, and another kind
            continue
        truth = diagnose(net, other, images=5000 if kind == "classic" else 2000, progress=False)
        seen, at = None, {}
        for images in (500, 2000, 5000) if kind == "classic" else (200, 500):
            seen = at[images] = diagnose(net, one, images=images, progress=False, resume=seen)
        for layer in truth.layers:
            true = [f.delta_loss for f in truth.of_layer(layer)]
            row = {"net": f"{kind} {seed}", "layer": layer}
            for images, result in at.items():
                for by, value in (("ablation", "delta_loss"), ("estimate", "estimate"), ("taylor", "taylor")):
                    guess = [getattr(f, value) for f in result.of_layer(layer)]
                    row[f"{by} {images}"] = float(spearmanr(true, guess)[0])
            row["uses"] = dict(Counter(f.use for f in list(at.values())[1].of_layer(layer)))
            rows.append(row)
            print(row, flush=True)
    return rows


def names(nets, kernels=4000):
    """Kernels of known families with noise, random ones, and those of trained nets."""
    found = {}
    for size in (3, 5, 7):
        random = np.random.default_rng([302, size])
        bank = [draw(size, random) for _ in range(kernels)]
        for ratio in (0.25, 0.5, 1.0):
            matches = match_kernels(np.array([noisy(kernel, ratio, random) for _, kernel, _ in bank]))
            named = [match.is_clear for match in matches]
            right = [match.template == family for match, (family, _, _) in zip(matches, bank, strict=True)]
            apart = [
                abs((match.angle - angle + 90) % 180 - 90)
                for match, (family, _, angle), is_right in zip(matches, bank, right, strict=True)
                if is_right and angle is not None
            ]
            found[f"{size}×{size} at {ratio}"] = {
                "right": float(np.mean(np.array(named) & right)),
                "no name": float(1 - np.mean(named)),
                "wrong": float(np.mean(np.array(named) & ~np.array(right))),
                "median angle error": float(np.median(apart)),
            }
        random_kernels = np.random.default_rng([303, size]).normal(size=(40_000, 1, size, size))
        given = [pattern.name != NO_PATTERN for pattern in name_patterns(random_kernels)]
        found[f"{size}×{size} random, named"] = float(np.mean(given))
    for kind, seed, net in nets:
        if kind == "shuffled":
            continue
        first = next(module for module in net.modules() if isinstance(module, torch.nn.Conv2d))
        said = name_patterns(first.weight.detach().numpy())
        named = sum(one.name != NO_PATTERN for one in said)
        found[f"first layer of {kind} {seed}, named"] = f"{named} of {len(said)}"
    return found


def plot(report, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    labels = list(report["structure"])
    colours = {"structured": "#4477aa", "can't tell": "#bbbbbb", "noise-like": "#cc6677"}
    for row, name in enumerate(labels):
        for offset, group in ((0.2, "planted"), (-0.2, "untouched live")):
            counts, start = report["structure"][name][group], 0.0
            for verdict, colour in colours.items():
                share = counts.get(verdict, 0) / max(1, sum(counts.values()))
                left.barh(
                    row + offset, share, 0.36, start, color=colour, label=verdict if not row and offset > 0 else None
                )
                start += share
    left.set_yticks(range(len(labels)), labels, fontsize=7)
    left.set_title("structure: planted noise (upper), untouched (lower)", fontsize=9)
    left.legend(fontsize=7, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.08), frameon=False)
    kept = [row for row in report["use"] if row["net"].startswith("classic")]
    shown = {
        "ablation 500": "ablation\n500",
        "ablation 2000": "2000",
        "ablation 5000": "5000\n(ceiling)",
        "estimate 500": "estimate\n500",
        "estimate 2000": "2000",
        "taylor 500": "Taylor\n500",
        "taylor 2000": "2000",
    }
    for number, key in enumerate(shown):
        values = [row[key] for row in kept]
        middle.plot([number] * len(values), values, "o", alpha=0.5, color="#4477aa")
        middle.plot(number, np.mean(values), "_", markersize=22, color="black")
    middle.set_xticks(range(len(shown)), list(shown.values()), fontsize=7)
    middle.set_title("use: Spearman with 5,000 other images", fontsize=9)
    for size in (3, 5, 7):
        values = [report["names"][f"{size}×{size} at {ratio}"]["right"] for ratio in (0.25, 0.5, 1.0)]
        (line,) = right.plot([0.25, 0.5, 1.0], values, "o-", label=f"{size}×{size}")
        wrong = [report["names"][f"{size}×{size} at {ratio}"]["wrong"] for ratio in (0.25, 0.5, 1.0)]
        right.plot([0.25, 0.5, 1.0], wrong, "x--", color=line.get_color())
    right.set_title("names, by noise/pattern: right, wrong (dashed)", fontsize=9)
    right.legend(fontsize=7)
    figure.savefig(path, dpi=80)


PARTS = {
    "structure": structure,
    "untrained": untrained,
    "frozen": frozen,
    "still": still,
    "duplicates": duplicates,
    "normed": normed,
    "start": start,
    "use": use,
    "names": names,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=Path, required=True)
    parser.add_argument("--building", action="store_true", help="the nets that were looked at while building")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--out", type=Path, default=HERE / "verdict_report.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = verdict_nets.BUILDING if options.building else verdict_nets.HELD_OUT
    nets = [
        (kind, seed, verdict_nets.load(options.nets, kind, seed)) for kind, seeds in table.items() for seed in seeds
    ]
    report = json.loads(options.out.read_text()) if options.out.exists() else {}
    for part in options.only.split(","):
        report[part] = PARTS[part](nets)
        print(part, json.dumps(report[part], indent=1, ensure_ascii=False, default=str), flush=True)
        options.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    if set(report) >= {"structure", "use", "names"}:
        plot(report, options.out.with_suffix(".png"))
