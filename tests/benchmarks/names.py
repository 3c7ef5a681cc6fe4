"""How far names can be trusted: untrained nets, whose filters should get none, and planted detectors, which should.

    python tests/benchmarks/names.py [--seeds 4] [--images 2000]

A detector is a filter of the first layer whose weights are a random pattern, which is added, faintly, to the images
of one class of FashionMNIST. `reach` is the greatest AUC of the layer's other filters, which know nothing of it:
where they tell the class as well, no name can be given.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
import verdict_nets
from torch import nn

from filterscope import demo, scan

PATTERN = {3: (0.25, 0.4, 0.6), 5: (0.15, 0.25, 0.35), 7: (0.15, 0.25, 0.35)}  # how faint, by the kernel's size
KINDS = ("classic", "residual", "first5", "first7")


def samples(images, seed=0):
    data = demo.fashion_test_data()
    chosen = np.random.default_rng(seed).permutation(len(data))[:images]
    return torch.stack([data[index][0] for index in chosen]), [data[index][1] for index in chosen]


def first_convolution(net):
    return next(module for module in net.modules() if isinstance(module, nn.Conv2d))


def names_of(net, images, labels):
    classes = demo.fashion_test_data().classes
    found = scan(net, list(zip(images, labels, strict=True)), classes=classes, progress=False)
    return found, found.names(progress=False)


def untrained(kinds, seeds, images, labels):
    for kind in kinds:
        named, filters, nets = 0, 0, 0
        for seed in range(seeds):
            _, names = names_of(verdict_nets.untrained(kind, 900 + seed), images, labels)
            given = sum(name.name is not None for name in names)
            named, filters, nets = named + given, filters + len(names), nets + (given > 0)
        print(f"untrained {kind}: {named} of {filters} filters got a name, in {nets} of {seeds} nets", flush=True)


def planted(kinds, seeds, images, labels):
    classes = demo.fashion_test_data().classes
    for kind in kinds:
        size = first_convolution(verdict_nets.untrained(kind, 0)).kernel_size[0]
        for strength in PATTERN[size]:
            rows = [plant(kind, seed, size, strength, images.clone(), labels, classes) for seed in range(seeds)]
            told = [f"AUC {auc:.2f}, reach {reach:.2f}, {'named' if right else 'not'}" for auc, reach, right in rows]
            print(f"planted {kind}, strength {strength}: {'; '.join(told)}", flush=True)


def plant(kind, seed, size, strength, images, labels, classes):
    rng = np.random.default_rng(seed)
    net, label = verdict_nets.untrained(kind, 900 + seed), int(rng.integers(10))
    signs = np.where(rng.permutation(size * size).reshape(size, size) < size * size // 2, -1.0, 1.0)
    pattern = torch.from_numpy(signs - signs.mean()).float()
    for image in (image for image, own in zip(images, labels, strict=True) if own == label):
        row, column = rng.integers(0, 29 - size, 2)
        image[0, row : row + size, column : column + size] += strength * pattern
    conv = first_convolution(net)
    with torch.no_grad():
        conv.weight[0] = pattern * conv.weight[1:].flatten(1).norm(dim=1).mean() / pattern.norm()
        if conv.bias is not None:
            conv.bias[0] = 0
    found, names = names_of(net, images, labels)
    maxima = [found.state.column(0, number).maximum for number in range(len(conv.weight))]
    aucs = [auc(values, np.array(labels) == label) for values in maxima]
    return aucs[0], max(aucs[1:]), names[0].name == classes[label]


def auc(values, inside):
    from scipy.stats import mannwhitneyu

    return mannwhitneyu(values[inside], values[~inside]).statistic / inside.sum() / (~inside).sum()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--images", type=int, default=2000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = samples(options.images)
    untrained(KINDS, options.seeds, *data)
    planted(KINDS, options.seeds, *data)
