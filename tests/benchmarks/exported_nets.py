"""Smaller torchvision nets held against the ablated ones: how far their outputs lie apart, or why there is none.

    python tests/benchmarks/exported_nets.py [--seed 0] [--share 0.25] [NAMES] > tests/benchmarks/exported_nets.md

Random weights; batch norms have the statistics of random images, so that every layer does something. A quarter of the
groups that can be removed, drawn at random, is; each layer keeps a filter. The images are random, 64 pixels wide
(Inception's 96, transformers' 224).
"""

import argparse
import sys
import time
import warnings

import numpy as np
import torch
import torchvision
from torch import nn

from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.runner import NetRunner
from filterscope.surgery.means import map_means
from filterscope.surgery.smaller import make_smaller
from filterscope.surgery.structure import find_structure

# fmt: off
NAMES = [
    "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3",
    "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "squeezenet1_0",
    "squeezenet1_1", "resnet18", "resnet34", "resnet50", "resnext50_32x4d", "densenet121", "densenet169", "googlenet",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_v2_s", "regnet_x_400mf",
    "regnet_x_800mf", "regnet_x_1_6gf", "regnet_x_3_2gf", "regnet_y_400mf", "regnet_y_800mf", "regnet_y_1_6gf",
    "regnet_y_3_2gf", "convnext_tiny", "vit_b_16", "swin_t", "maxvit_t", "alexnet", "inception_v3", "vgg11", "vgg11_bn",
    "vgg13", "vgg16", "vgg16_bn", "resnet101", "wide_resnet50_2", "densenet161",
]
# fmt: on


def net_of(name, seed):
    torch.manual_seed(seed)
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    net = getattr(torchvision.models, name)(weights=None, **options)
    norms = [module for module in net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if norms:
        for norm in norms:
            norm.momentum = None
            norm.train()
            norm.reset_running_stats()
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, 0, 0.3)
        for module in net.modules():
            module.training = isinstance(module, nn.modules.batchnorm._BatchNorm)
        with torch.no_grad():
            net(torch.randn(8, 3, size_of(name), size_of(name)))
    return net.eval()


def size_of(name):
    return 224 if name in ("vit_b_16", "swin_t", "maxvit_t") else 96 if name == "inception_v3" else 64


class Noise:
    classes = ()
    is_stream = False

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return torch.from_numpy(self.images[index])


def examine(name, seed, share):
    from filterscope.data.source import SampleSource
    from filterscope.scans.sampling import IsolatedSamples

    net = net_of(name, seed)
    before = fingerprint(net)
    random = np.random.default_rng(seed)
    images = random.standard_normal((8, 3, size_of(name), size_of(name)), dtype=np.float32)
    runner = NetRunner(net)
    runner.find_layers(images[0])
    runner.takes_batches(images)
    start = time.process_time()
    structure = find_structure(runner, images[0])
    can = structure.removable()
    filters = sum(layer.out_channels for layer in runner.layers)
    removable = sum(len(structure.groups[group].filters) for group in can)
    head = f"| {name} | {len(runner.layers)} | {filters:,} | {removable / filters:.0%} |"
    if not can:
        reasons = sorted({group.reason for group in structure.groups})
        return f"{head} | | | | none: a filter {'; or '.join(reasons)} |", None
    layers = sorted({layer for group in can for layer, _ in structure.groups[group].filters})
    samples = IsolatedSamples(SampleSource(Noise(images)))
    means = map_means(runner, samples, np.arange(len(images)), layers)
    left = {layer.index: layer.out_channels for layer in runner.layers}
    chosen = []
    for group in random.permutation(can)[: int(share * len(can))]:
        of = [layer for layer, _ in structure.groups[group].filters]
        if all(left[layer] - of.count(layer) >= 1 for layer in of):
            chosen.append(int(group))
            for layer in of:
                left[layer] -= 1
    made = make_smaller(runner, structure, chosen, means, list(images))
    with torch.no_grad():
        output = net(torch.from_numpy(images))
        shift = float((output - made.net(torch.from_numpy(images))).abs().amax() / (output.amax() - output.amin()))
    parameters = sum(p.numel() for p in made.net.parameters()) / sum(p.numel() for p in net.parameters())
    assert fingerprint(net) == before
    seconds = time.process_time() - start
    row = f"{head} {parameters:.0%} | {made.difference:.1e} | {made.border_difference:.1e} | {shift:.2f} |"
    return f"{row} {seconds:.0f} s |", made.difference


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.25)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    about = __doc__.split("\n\n", 2)[2]
    print(f"# Smaller torchvision nets, seed {options.seed}\n\n{about}")
    print("| net | layers | filters | can go | parameters | exact | one bias a filter | from the whole net | CPU |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    differences = []
    for name in options.names or NAMES:
        try:
            row, difference = examine(name, options.seed, options.share)
        except Exception as error:
            row, difference = f"| {name} | | | | | | | | {type(error).__name__}: {error} |", None
        print(row, flush=True)
        differences.append(difference)
    made = [difference for difference in differences if difference is not None]
    print(
        f"\n{len(made)} of {len(differences)} nets were made smaller; {sum(d <= 1e-4 for d in made)} of these differ "
        f"from the ablated net by at most 1e-4 of its output's range, the worst by {max(made, default=0):.1e}."
    )


if __name__ == "__main__":
    sys.exit(main())
