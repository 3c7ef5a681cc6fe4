"""Does it help to begin dead and noise-like filters anew before further training? Tried, with and without, by seed.

    python tests/benchmarks/reinitialise.py --zoo FOLDER [--seeds 5] [--epochs 3]

FashionNets trained for 2 epochs on 5,000 images of FashionMNIST with a high learning rate (0.01, so that filters die),
then for some epochs more on the same images in the same order: as they are, and with their dead and noise-like filters
drawn afresh by `plan.reinitialise()`. The accuracies are of 10,000 other images; the interval is Student's, paired.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats

from filterscope import diagnose
from filterscope.demo import FashionNet


def train(net, images, labels, epochs, rate, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        optimizer = torch.optim.Adam(net.train().parameters(), lr=rate)
        for _ in range(epochs):
            for batch in torch.randperm(len(labels)).split(64):
                optimizer.zero_grad()
                F.cross_entropy(net(images[batch]), labels[batch]).backward()
                optimizer.step()
    return net.eval()


def accuracy(net, data, count=10_000):
    with torch.no_grad():
        scores = torch.cat([net(part.float() / 255) for part in data.images[:count].split(500)])
    return float((scores.argmax(1) == data.labels[:count]).float().mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zoo", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parent), str(options.zoo)]
    import zoo_nets

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    data = zoo_nets.load_data(options.zoo, "fashion")
    images, labels = data.train.images[:5000].float() / 255, data.train.labels[:5000]
    print(f"# Filters begun anew\n\n{__doc__.split(chr(10) * 2, 2)[2]}")
    print("| seed | dead, noise-like | before | on, as it is | on, begun anew | still dead |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    differences = []
    for seed in range(70, 70 + options.seeds):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = FashionNet()
        train(net, images, labels, 2, 0.01, seed)
        found = diagnose(net, data.test, images=300, ablation=False, progress=False)
        counts = [
            sum(f.state == "dead" for f in found.filters),
            sum(f.structure == "noise-like" for f in found.filters),
        ]
        try:
            anew = found.plan(remove=["dead", "noise-like"], images=30).reinitialise(seed)
        except ValueError:
            print(f"| {seed} | 0, 0 | {accuracy(net, data.others):.1%} | | | |", flush=True)
            continue
        before = accuracy(net, data.others)
        after = [
            accuracy(train(each, images, labels, options.epochs, 1e-3, seed + 1), data.others) for each in (net, anew)
        ]
        dead = [
            sum(
                f.state == "dead" for f in diagnose(each, data.test, images=300, ablation=False, progress=False).filters
            )
            for each in (net, anew)
        ]
        differences.append(after[1] - after[0])
        print(
            f"| {seed} | {counts[0]}, {counts[1]} | {before:.1%} | {after[0]:.1%} | {after[1]:.1%} | "
            f"{dead[0]}, {dead[1]} |",
            flush=True,
        )
    mean, error = np.mean(differences), stats.sem(differences)
    half = stats.t.ppf(0.975, len(differences) - 1) * error
    print(
        f"\nBegun anew minus as it is, {len(differences)} seeds: {100 * mean:+.2f} points "
        f"(95 %: {100 * (mean - half):+.2f} … {100 * (mean + half):+.2f})."
    )


if __name__ == "__main__":
    main()
