"""How far few ablations tell what many do: power, order, intervals, and what sets of filters cost together.

    python tests/benchmarks/zoo_nets.py --fashion FOLDER --out ZOO
    python tests/benchmarks/use_report.py collect --zoo ZOO --out ROWS [--nets NAME ...] [--truth 3000]
    python tests/benchmarks/use_report.py report --out ROWS [--nets NAME ...]
    python tests/benchmarks/use_report.py time --zoo ZOO --nets NAME [--pool 5000]

`collect` ablates every filter of a net on 1,000 test images and on others, which stand for the truth, image by image,
and keeps what gradients say of all test images; `report` compares estimators on these. By default the nets of the zoo
that were not looked at while the estimator was built. `time` says how many CPU seconds of one thread each way takes.
use_report.md holds the figures in words.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from scipy.stats import spearmanr

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from filterscope import diagnose
from filterscope.data.source import SampleSource
from filterscope.scans.sampling import IsolatedSamples
from filterscope.verdicts.ablation.ablation import Ablation
from filterscope.verdicts.ablation.control import Pool, controlled_rises
from filterscope.verdicts.ablation.linearised import LINEARISED_IMAGES, Moments
from filterscope.verdicts.ablation.rises import Rise
from filterscope.verdicts.run.ablate import AblatingRows, AblatingSets

DIRECT, POOL = 1000, 7000
KEYS = ("power", "wrong", "holds", "order", "harmful", "false harm")
ABLATED = (12, 32, 64, 128, 256, 1000)
LEAST = 0.002  # of what the net knows: a rise that counts as use in the truth


def rows_of(sums, layer, samples, images, live):
    """Each image's rise without each filter, NaN where there is none, (N, F)."""
    work = AblatingRows(layer, sums.means[layer], live, sums.premises)
    parts = [each.layers[layer] for each in work(sums.runner, samples, images) if layer in each.layers]
    return np.concatenate([part.indices for part in parts]), np.concatenate([part.rises for part in parts])


def collect(net, test, others, truth, direct=DIRECT, pool=POOL, every=1):
    """What a report needs of one net, as arrays by name."""
    start = time.process_time()
    diagnosis = diagnose(net, test, images=min(pool, len(test)), ablation=False, progress=False)
    sums, arrays = diagnosis.examination, {}
    looking = time.process_time() - start
    apart = IsolatedSamples(SampleSource(others))
    order = np.random.default_rng(0).permutation(len(others))[:truth]
    start = time.process_time()
    for layer in sums.means:
        linearised, pooled = sums.linearised(layer), sums.pool(layer)
        chosen = np.arange(len(sums.means[layer])) % every == layer % every
        live = sums.live(layer) & chosen
        images, rises = rows_of(sums, layer, sums.samples, sums.order[: min(direct, sums.seen)], live)
        at = np.isin(images, linearised.indices)
        near, first = linearised.rises_of(images[at])
        arrays |= {
            f"{layer}/direct": rises[at][:, chosen],
            f"{layer}/near": near[:, chosen],
            f"{layer}/first": first[:, chosen],
            f"{layer}/pool": np.stack([pooled.mean, pooled.variance])[:, chosen],
            f"{layer}/truth": rows_of(sums, layer, apart, order, live)[1][:, chosen],
            f"{layer}/live": live[chosen],
            f"{layer}/estimate": sums.statistics[layer].estimate[chosen],
        }
        generator = np.random.default_rng(layer)
        count = len(sums.means[layer])
        for share in (8, 4, 2):
            for which in range(2):
                filters = generator.choice(count, max(1, count // share), replace=False)
                ablation = Ablation(
                    layer, tuple(map(int, filters)), tuple(float(sums.means[layer][k]) for k in filters)
                )
                rise = Rise()
                for each in AblatingSets({layer: ablation}, sums.premises)(sums.runner, apart, order[:500]):
                    rise.merge(each.layers[layer])
                predicted = linearised.joint_rises(ablation.filters)
                arrays[f"{layer}/set {share} {which}"] = np.array([rise.mean, predicted.mean(), rise.error])
    arrays["known"] = np.array([sums.knowledge.learned()[0], sums.seen, looking, time.process_time() - start])
    return arrays


def estimators(arrays, layer):
    """Rises of a layer's filters by every way of finding them, by name."""
    direct, near, first = (arrays[f"{layer}/{name}"] for name in ("direct", "near", "first"))
    pooled, seen = arrays[f"{layer}/pool"], int(arrays["known"][1])
    terms = (near, first, near**2, near * first, first**2)
    kept = Moments(len(near), np.stack([term.sum(0) for term in terms]))
    few = Pool(len(first), first.mean(0), first.var(0, ddof=1))
    many = Pool(seen, *pooled)
    found = {}
    for images in (300, 1000):
        found[f"exhaustive {images}"] = [Rise() for _ in range(direct.shape[1])]
        for rise, column in zip(found[f"exhaustive {images}"], direct[:images].T, strict=True):
            rise.add(column)
    for n in ABLATED:
        for pool in (few, many) if seen > len(near) else (few,):
            name = f"{n} ablated, {'all' if pool is many else f'{len(near):,}'} looked at"
            found[name] = controlled_rises(direct[:n], near[:n], first[:n], kept, pool)
    return found


def compare(arrays, only_live=True):
    """Counts for each estimator, over the layers of a net."""
    nats = arrays["known"][0]
    knowledge = SimpleNamespace(outputs=None, nats=lambda: (nats, 0.0))
    layers = sorted({int(name.split("/")[0]) for name in arrays if "/" in name})
    counts = {}
    for layer in layers:
        live, truth = arrays[f"{layer}/live"].astype(bool), arrays[f"{layer}/truth"]
        true, error = truth.mean(0), truth.std(0, ddof=1) / np.sqrt(len(truth))
        needed = live & (true - 3.3 * error > 0) & (true > LEAST * nats)
        for name, rises in estimators(arrays, layer).items():
            uses = judged(rises, knowledge)
            mean = np.array([rise.mean for rise in rises])
            used = np.array([use.verdict == "used" for use in uses])
            harmful = np.array([use.verdict == "harmful" for use in uses])
            low, high = (np.array([getattr(use, of) for use in uses]) for of in ("ci_low", "ci_high"))
            # The truth has an error of its own: an interval that holds it all the same is as wide as both.
            half = np.hypot((high - low) / 2, 1.96 * error)
            holds = np.abs(mean - true) <= half
            surely = np.abs(true) > 2.6 * error
            row = counts.setdefault(name, {key: [] for key in KEYS})
            row["power"] += used[needed].tolist()
            row["wrong"] += ((used & (true < 0)) | (harmful & (true > 0)))[surely & live & (used | harmful)].tolist()
            row["holds"] += holds[live].tolist()
            row["harmful"] += harmful[live].tolist()
            row["false harm"] += (true > -1.96 * error)[harmful & live].tolist()
            if live.sum() > 4:
                row["order"].append(float(spearmanr(mean[live], true[live]).statistic))
    return counts


def judged(rises, knowledge):
    from filterscope.verdicts.ablation import use

    up = use.adjusted(np.array([use.p_rise(rise) for rise in rises]))
    down = use.adjusted(np.array([use.p_rise(rise, -1) for rise in rises]))
    return [use._judge(rise, knowledge.learned()[0], True, up[k], down[k]) for k, rise in enumerate(rises)]


def sets(arrays):
    """Predicted / measured joint rise of random sets, by how large a part of the layer they are."""
    ratios = {8: [], 4: [], 2: []}
    for name, (rise, predicted, error) in ((name, row) for name, row in arrays.items() if "/set" in name):
        if rise > 4 * error:
            ratios[int(name.split()[1])].append(predicted / rise)
    return ratios


def alone(arrays):
    """The rise that gradients alone say / true rise, of filters that are surely used."""
    ratios = []
    for layer in {name.split("/")[0] for name in arrays if "/" in name}:
        truth, near = arrays[f"{layer}/truth"], arrays[f"{layer}/near"]
        true, error = truth.mean(0), truth.std(0, ddof=1) / np.sqrt(len(truth))
        sure = (true > 4 * error) & (true > LEAST * arrays["known"][0])
        estimated = near.mean(0) - arrays[f"{layer}/first"].mean(0) + arrays[f"{layer}/pool"][0]
        ratios += (estimated[sure] / true[sure]).tolist()
    return ratios


def times(net, test, pool, direct):
    """Prints how many CPU seconds each way takes."""
    few = [("auto", pool, {"ablated_images": count}) for count in ABLATED]
    for mode, images, options in [(False, pool, {}), *few, ("all", direct, {})]:
        start = time.process_time()
        diagnose(net, test, images=min(images, len(test)), ablation=mode, progress=False, **options)
        print(mode, f"{images:,} images", options, f"{time.process_time() - start:.1f} s", flush=True)


def report(tables):
    """Prints, and returns, the table over all nets, and one line a net."""
    whole = {}
    for name, arrays in tables.items():
        for way, row in compare(arrays).items():
            for key, values in row.items():
                whole.setdefault(way, {}).setdefault(key, []).extend(values)
        predicted = np.array(alone(arrays))
        ratios = {share: np.median(r) if r else np.nan for share, r in sets(arrays).items()}
        spread = np.quantile(predicted, [0.1, 0.5, 0.9]) if len(predicted) else [np.nan] * 3
        print(
            name,
            f"nats {arrays['known'][0]:.2f} seen {arrays['known'][1]:.0f}",
            "alone",
            np.round(spread, 2),
            "sets",
            ratios,
        )
    print("| way | power | wrong sign | interval holds | Spearman | harmful | of these not surely |")
    print("|---|---|---|---|---|---|---|")
    lines = {}
    for way, row in whole.items():
        lines[way] = {
            key: (float(np.mean(values)) if values else float("nan"), len(values)) for key, values in row.items()
        }
        texts = [f"{lines[way][key][0]:.3f} ({lines[way][key][1]})" for key in KEYS]
        print(f"| {way} | " + " | ".join(texts) + " |")
    together = {share: [r for arrays in tables.values() for r in sets(arrays)[share]] for share in (8, 4, 2)}
    for share, ratios in together.items():
        within = np.mean([(0.7 <= ratio <= 1.3) for ratio in ratios]) if ratios else float("nan")
        print(f"sets of 1/{share}: median {np.median(ratios):.2f}, within .7-1.3 in {within:.2f} of {len(ratios)}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["collect", "report", "time"])
    parser.add_argument("--zoo", type=Path)
    parser.add_argument("--out", type=Path, default=Path("rows"))
    parser.add_argument("--nets", nargs="*")
    parser.add_argument("--truth", type=int, default=3000)
    parser.add_argument("--direct", type=int, default=DIRECT)
    parser.add_argument("--pool", type=int, default=POOL)
    parser.add_argument("--every", type=int, default=1, help="one filter in so many")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.what == "report":
        names = options.nets or sorted(path.stem for path in options.out.glob("*.npz"))
        tables = {name: dict(np.load(options.out / f"{name}.npz")) for name in names}
        for more in (True, False):
            chosen = {
                name: arrays for name, arrays in tables.items() if (arrays["known"][1] > LINEARISED_IMAGES) == more
            }
            print(
                f"\n{len(chosen)} nets with {'more than' if more else 'at most'} {LINEARISED_IMAGES:,} images looked at"
            )
            report(chosen)
        return
    sys.path.insert(0, str(options.zoo))
    import zoo_nets

    every = {each.name: each for each in [*zoo_nets.BUILDING, *zoo_nets.HELD_OUT]}
    if options.what == "time":
        for name in options.nets:
            test = zoo_nets.load_data(options.zoo, every[name].data).test
            times(every[name].load(options.zoo), test, options.pool, options.direct)
        return
    options.out.mkdir(exist_ok=True, parents=True)
    for name in options.nets or [each.name for each in zoo_nets.HELD_OUT]:
        path = options.out / f"{name}.npz"
        if path.exists() or not (options.zoo / name / "card.json").exists():
            continue
        data = zoo_nets.load_data(options.zoo, every[name].data)
        net, sizes = every[name].load(options.zoo), (options.truth, options.direct, options.pool, options.every)
        arrays = collect(net, data.test, data.others, *sizes)
        np.savez_compressed(path, **{key: np.asarray(value, np.float64) for key, value in arrays.items()})
        print(name, json.dumps({"CPU seconds": round(float(arrays["known"][3]), 1)}), flush=True)


if __name__ == "__main__":
    main()
