"""What plans promise, and whether it is kept: on nets of `zoo_nets.py` trained on FashionMNIST.

    python tests/benchmarks/smaller_nets.py half|promise|widths --zoo FOLDER [--nets demo-20 …]

`half` removes half of each layer by the plan's order, by the smallest L1 norms and at random (mean of 3), without
fine-tuning, and compares the accuracy on images that had no part in it. `promise` makes plans of many kinds, each with
its cost measured on 500 images, and asks how often the 95 % interval holds the accuracy on 10,000 fresh ones. `widths`
trains nets in which one of four layers is four times too wide, and asks the width curves which one. Nets that the zoo
lacks are trained, and kept in FOLDER. Nothing was chosen on any of these nets but the demo net's last epoch.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from filterscope import demo, diagnose
from filterscope.scans.progress import no_progress
from filterscope.surgery import choosing
from filterscope.surgery.choosing import Choice
from filterscope.surgery.order import Removal
from filterscope.surgery.planning import Patient

NETS = [f"{kind}-{variant}-0" for variant in ("normal", "frozen") for kind in ("plain", "resnet", "mobilenet")]
NETS += ["demo-5", "demo-20"]


def net_of(zoo, name, data):
    import zoo_nets

    if name.startswith("demo-"):
        return demo.fashion_net(epoch=int(name[5:]))
    kind, variant, seed = name.split("-")
    which = zoo_nets.ZooNet(kind, "fashion", variant, int(seed))
    path = zoo / which.name / "end.pt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(zoo_nets.train(which, data).state_dict(), path)
    return which.load(zoo)


class Part:
    """Some images of a data set."""

    def __init__(self, data, indices):
        self.data, self.indices, self.classes = data, indices, data.classes

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.data[int(self.indices[index])]


def accuracy(net, data, indices):
    right = 0
    with torch.no_grad():
        for part in torch.from_numpy(indices).split(500):
            scores = net(data.images[part].float() / 255)
            right += int((scores.argmax(1) == data.labels[part]).sum())
    return right / len(indices)


def half(zoo, names, data, options):
    print("| net | layers | whole | plan | L1 | random |\n| --- | --- | --- | --- | --- | --- |", flush=True)
    random, every = np.random.default_rng(1), []
    fresh = np.arange(2000, 2000 + options.fresh)
    for name in names:
        net = net_of(zoo, name, data)
        found = diagnose(net, Part(data.others, np.arange(2000)), images=500, ablation=False, progress=False)
        patient = Patient.of(found, 500)
        rows = []
        for layer in patient.runner.layers:
            candidates = patient.structure.removable([layer.index])
            if layer.out_channels < 8 or len(candidates) < 8:
                continue
            count = layer.out_channels // 2
            planned = Choice(patient, [layer.index], "filters", no_progress).filters(count)
            weights = {
                group: sum(
                    float(np.abs(patient.runner.layers[of].kernels[index]).sum())
                    for of, index in patient.structure.groups[group].filters
                )
                for group in candidates
            }
            orders = [sorted(candidates, key=weights.__getitem__)]
            orders += [random.permutation(candidates).tolist() for _ in range(3)]
            sets = [planned, *(_first(patient, order, len(planned)) for order in orders)]
            rows.append([accuracy(patient.smaller(groups, "bias").net, data.others, fresh) for groups in sets])
        mean = np.mean(rows, 0)
        whole = accuracy(net, data.others, fresh)
        every.append([whole, mean[0], mean[1], mean[2:].mean()])
        cells = " | ".join(f"{value:.1%}" for value in every[-1])
        print(f"| {name} | {len(rows)} | {cells} |", flush=True)
    means = np.mean(every, 0)
    print(
        f"\nMean of {len(every)} nets: plan {means[1]:.1%}, L1 {means[2]:.1%}, random {means[3]:.1%}: "
        f"{100 * (means[1] - means[2]):.1f} and {100 * (means[1] - means[3]):.1f} points better."
    )


def _first(patient, order, count):
    removal = Removal(patient.structure, order)
    for group in order:
        if len(removal.gone) < count and removal.may_go(group):
            removal.remove(group)
    return removal.gone


def promise(zoo, names, data, options):
    choosing.ROUNDS = Choice.__dataclass_fields__["rounds"].default = 1
    random, held, changes, count = np.random.default_rng(2), 0, 0, 0
    nets = [(name.split("-")[0], net_of(zoo, name, data)) for name in names]
    print(f"{len(nets)} nets: {', '.join(names)}\n", flush=True)
    of_kind = {kind: [0, 0] for kind, _ in nets}
    for number in range(options.exports):
        kind, net = nets[number % len(nets)]
        drawn = random.permutation(len(data.others))
        found = diagnose(net, Part(data.others, drawn[:700]), images=200, ablation=False, progress=False)
        way = ("keep", "parameters", "remove", "loss")[number // len(nets) % 4]
        if way == "remove":
            patient = Patient.of(found, 500)
            share = random.uniform(0.05, 0.5)
            order = random.permutation(patient.structure.removable()).tolist()
            groups = _first(patient, order, max(1, int(share * len(order))))
            asked = patient.structure.filters_of(groups)
            plan = found.plan(remove={patient.name(layer): indices for layer, indices in asked.items()}, images=500)
        else:
            value = random.uniform(0.02, 0.3) if way == "loss" else random.uniform(0.5, 0.95)
            plan = found.plan(**{way: value}, images=500)
        fresh = drawn[700 : 700 + options.fresh]
        truth, before = accuracy(plan.apply(), data.others, fresh), accuracy(net, data.others, fresh)
        inside = plan.accuracy.low <= truth <= plan.accuracy.high
        change = plan.cost.accuracy_change
        count, held = count + 1, held + inside
        changes += change.low <= truth - before <= change.high
        of_kind[kind][0] += inside
        of_kind[kind][1] += 1
        if number % 10 == 9:
            print(f"{count} exports: accuracy {held / count:.1%}, change {changes / count:.1%}", flush=True)
    words = ", ".join(f"{kind} {held} of {count}" for kind, (held, count) in of_kind.items())
    print(
        f"\nThe 95 % interval of the accuracy held the truth on {options.fresh:,} fresh images in {held} of {count} "
        f"exports ({held / count:.1%}; {words}), that of the change in {changes} ({changes / count:.1%}). Since the "
        f"truth has noise of its own, 95 % intervals hold it in {_expected(500, options.fresh):.1%}."
    )


def _expected(measured, fresh):
    from scipy.stats import norm

    return 1 - 2 * norm.sf(1.959964 / (1 + measured / fresh) ** 0.5)


class Four(nn.Module):
    """Four convolutions of few filters, one of them with four times as many."""

    def __init__(self, wide):
        super().__init__()
        widths = [4, 6, 8, 8]
        widths[wide] *= 4
        self.norms, self.convs, inputs = nn.ModuleList(), nn.ModuleList(), 1
        for width in widths:
            self.convs.append(nn.Conv2d(inputs, width, 3, padding=1, bias=False))
            self.norms.append(nn.BatchNorm2d(width))
            inputs = width
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x):
        for place, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = F.relu(norm(conv(x)))
            x = F.max_pool2d(x, 2) if place < 3 else x
        return self.fc(x.mean((2, 3)))


def widths(zoo, names, data, options):
    images, labels = data.train.tensors()
    named = 0
    for number, seed in enumerate(range(options.seed, options.seed + options.wide)):
        path = zoo / f"four-{seed}.pt"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = Four(number % 4)
            if path.exists():
                net.load_state_dict(torch.load(path, weights_only=True))
            else:
                optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
                for _ in range(options.epochs):
                    for batch in torch.randperm(len(labels)).split(64):
                        optimizer.zero_grad()
                        F.cross_entropy(net(images[batch]), labels[batch]).backward()
                        optimizer.step()
                torch.save(net.state_dict(), path)
        net.eval()
        found = diagnose(net, Part(data.others, np.arange(1500)), images=500, ablation=False, progress=False)
        curves = found.widths(images=1000)
        named += curves.too_wide == f"convs.{number % 4}"
        spared = ", ".join(f"{curve.layer} {curve.spared:.0%}" for curve in curves.curves)
        print(
            f"seed {seed}, convs.{number % 4} is too wide: {curves.too_wide} is named; bottleneck {curves.bottleneck}; "
            f"spared: {spared}; accuracy {accuracy(net, data.others, np.arange(5000, 7000)):.1%}",
            flush=True,
        )
    print(f"\nThe layer that is too wide was named in {named} of {options.wide}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["half", "promise", "widths"])
    parser.add_argument(
        "--zoo", type=Path, required=True, help="with data/fashion.pt, and zoo_nets.py or this checkout's"
    )
    parser.add_argument("--nets", nargs="+", default=NETS)
    parser.add_argument("--seed", type=int, default=50, help="of the first net that is too wide")
    parser.add_argument("--exports", type=int, default=200)
    parser.add_argument("--fresh", type=int, default=10_000)
    parser.add_argument("--wide", type=int, default=10, help="how many of these")
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parent), str(options.zoo)]
    import zoo_nets

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    own = options.zoo
    {"half": half, "promise": promise, "widths": widths}[options.what](
        own, options.nets, zoo_nets.load_data(own, "fashion"), options
    )
