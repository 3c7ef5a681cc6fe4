"""What plans promise, and whether it is kept: on nets of `zoo_nets.py` trained on FashionMNIST.

    python tests/benchmarks/smaller_nets.py half|promise|widths --zoo FOLDER [--nets demo-20 …]

`half` removes half of each layer by the plan's order, by the smallest L1 norms and at random (mean of 3), without
fine-tuning, and compares the accuracy on images that had no part in it. `promise` makes plans, by the order
of the filters and at random, and asks how often the 95 % interval of the accuracy holds that on fresh images. `widths`
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
from filterscope.surgery.choosing import Choice
from filterscope.surgery.make_plan import plan_of
from filterscope.surgery.order import Removal
from filterscope.surgery.planning import Patient
from filterscope.surgery.why import LEAST_USED

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


def images_for(name, data):
    """Images that the net did not learn from: the demo nets learned from all of FashionMNIST's training images."""
    return data.test if name.startswith("demo-") else data.others


def rights(net, images, indices):
    """Whether it is right, by image."""
    right = []
    with torch.no_grad():
        for part in torch.from_numpy(indices).split(500):
            scores = net(images.images[part].float() / 255)
            right.append(scores.argmax(1) == images.labels[part])
    return torch.cat(right).numpy()


def accuracy(net, images, indices):
    return rights(net, images, indices).mean()


def half(zoo, names, data, options):
    print("| net | layers | whole | plan | L1 | random |\n| --- | --- | --- | --- | --- | --- |", flush=True)
    random, every = np.random.default_rng(1), []
    fresh = np.arange(2000, 2000 + options.fresh)
    for name in names:
        net, images = net_of(zoo, name, data), images_for(name, data)
        found = diagnose(net, Part(images, np.arange(2000)), images=500, ablation=False, progress=False)
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
            rows.append([accuracy(patient.smaller(groups, "bias").net, images, fresh) for groups in sets])
        mean = np.mean(rows, 0)
        whole = accuracy(net, images, fresh)
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
    """Each net is diagnosed once; its exports differ in what goes, and in the images that the cost is measured on."""
    random = np.random.default_rng(2)
    print("| net | whole | exports | left of the filters | accuracy held | change held |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    of_kind = {}
    for place, name in enumerate(names):
        net, images = net_of(zoo, name, data), images_for(name, data)
        drawn = random.permutation(len(images))[: options.pool]
        found = diagnose(net, Part(images, drawn), images=options.seen, ablation=False, progress=False)
        patient = Patient.of(found, len(drawn))
        others = patient.measured_on  # indices into `drawn`
        right = rights(net, images, drawn)
        planned = list(Choice(patient, range(len(patient.runner.layers)), "parameters", no_progress, 3).parameters(0))
        count = options.exports // len(names) + (place < options.exports % len(names))
        held, changes, left = 0, 0, []
        for number in range(count):
            share, order = random.uniform(0.02, 0.6), planned
            if number % 2:
                order = random.permutation(patient.structure.removable()).tolist()
            groups = _first(patient, order, max(1, int(share * len(planned))))
            part = random.permutation(others)
            measured, fresh = part[: options.measured], part[options.measured : options.measured + options.fresh]
            object.__setattr__(patient, "measured_on", measured)
            plan = plan_of(patient, groups, LEAST_USED, [], no_progress)
            before, truth = right[fresh].mean(), rights(plan.apply(), images, drawn[fresh]).mean()
            change = plan.cost.accuracy_change
            held += plan.accuracy.low <= truth <= plan.accuracy.high
            changes += change.low <= truth - before <= change.high
            left.append(np.divide(*np.sum(list(plan.left.values()), 0)))
        row = f"{min(left):.0%} … {max(left):.0%} | {held} | {changes}"
        print(f"| {name} | {right.mean():.1%} | {count} | {row} |", flush=True)
        of_kind.setdefault(name.split("-")[0], []).append((count, held, changes))
    words = ", ".join("{1} of {0} {kind}".format(*np.sum(rows, 0), kind=kind) for kind, rows in of_kind.items())
    count, held, changes = np.sum([row for rows in of_kind.values() for row in rows], 0)
    print(
        f"\nThe cost was measured on {options.measured:,} images. The 95 % interval of the accuracy held that on "
        f"{options.fresh:,} fresh ones in {held} of {count} exports ({held / count:.1%}; {words}), the interval of the "
        f"change in {changes} ({changes / count:.1%}). Since the fresh images' accuracy has noise of its own, exact "
        f"intervals would hold it in {_expected(options.measured, options.fresh):.1%}."
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
    parser.add_argument("--seen", type=int, default=200, help="images on which promise chooses")
    parser.add_argument("--measured", type=int, default=500, help="images on which promise measures the cost")
    parser.add_argument("--pool", type=int, default=12_000, help="images of which promise draws all these")
    parser.add_argument("--fresh", type=int, default=10_000, help="images that tell the truth")
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
