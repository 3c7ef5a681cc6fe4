"""What plans promise, and whether it is kept: on the demo net and on nets of `zoo_nets.py` held out so far.

    python tests/benchmarks/smaller_nets.py half|promise --zoo FOLDER [--nets demo-20 …]

`half` removes half of one layer at a time by the plan's order, by the smallest L1 norms and at random (mean of 3),
without fine-tuning, and compares the accuracy on images that had no part in it. Layers that lose filters together count
once. What is removed is replaced by its mean for all three; "L1, zeros" leaves nothing there, as pruning libraries do.
`promise` makes plans, by the order of the filters and at random, and asks how often the 95 % interval of the accuracy
holds that on fresh images. Nothing was chosen on any of these nets but on the demo net's last epoch.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from filterscope import demo, diagnose
from filterscope.scans.progress import no_progress
from filterscope.surgery.choosing import Choice
from filterscope.surgery.make_plan import plan_of
from filterscope.surgery.order import Removal
from filterscope.surgery.planning import Patient, wilson
from filterscope.surgery.why import LEAST_USED

NETS = {
    "half": [
        "demo-20",
        *("resnet-fashion-normal-10", "mobilenet-fashion-normal-10", "plain-mnist-normal-10", "plain-digits-normal-10"),
        *("resnet-grays-normal-10", "mobilenet-mnist-normal-10", "efficientnet-grays-normal-10"),
    ],
    "promise": [
        "demo-20",
        *("resnet-fashion-normal-10", "mobilenet-fashion-normal-10", "plain-mnist-normal-10", "resnet-mnist-normal-10"),
        *("resnet-grays-normal-10", "mobilenet-grays-normal-10", "efficientnet-grays-normal-10"),
    ],
}


def net_and_images(zoo, name):
    """A net, and images that it did not learn from."""
    import zoo_nets

    if name.startswith("demo-"):  # it learned from all of FashionMNIST's training images
        return demo.fashion_net(epoch=int(name[5:])), zoo_nets.load_data(zoo, "fashion").test
    kind, of, variant, seed = name.split("-")
    net = zoo_nets.ZooNet(kind, of, variant, int(seed)).load(zoo)
    _, test, others = zoo_nets.load_data(zoo, of)
    images, labels = torch.cat([test.images, others.images]), torch.cat([test.labels, others.labels])
    return net, zoo_nets.Images(images, labels, test.classes)


class Part:
    """Some images of a data set."""

    def __init__(self, data, indices):
        self.data, self.indices, self.classes = data, indices, data.classes

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.data[int(self.indices[index])]


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


def half(zoo, names, options):
    seen = options.seen or 400  # the order is found on half of them
    print(f"The order was found on {seen // 2} images; the accuracy is of {options.fresh or 1000:,} others at most.\n")
    print("| net | layers | whole | plan | L1 | L1, zeros | random |\n" + "| --- " * 7 + "|", flush=True)
    random, every = np.random.default_rng(1), []
    for name in names:
        net, images = net_and_images(zoo, name)
        drawn = np.random.default_rng(3).permutation(len(images))
        chosen_on = drawn[:seen] if len(images) > 1000 else drawn[:300]
        fresh = drawn[len(chosen_on) :][: options.fresh or 1000]
        found = diagnose(net, Part(images, chosen_on), images=len(chosen_on), ablation=False, progress=False)
        patient = Patient.of(found, 500)
        zeros = Patient.of(found, 500)
        vars(zeros)["means"] = {layer: np.zeros_like(means) for layer, means in patient.means.items()}
        vars(zeros)["merges"] = {}
        rows, tried = [], set()
        for layer in patient.runner.layers:
            candidates = patient.structure.removable([layer.index])
            if layer.out_channels < 8 or len(candidates) < 8 or tuple(candidates) in tried:
                continue
            tried.add(tuple(candidates))
            planned = Choice(patient, [layer.index], "filters", no_progress).filters(layer.out_channels // 2)
            weights = {
                group: sum(
                    float(np.abs(patient.runner.layers[of].kernels[index]).sum())
                    for of, index in patient.structure.groups[group].filters
                )
                for group in candidates
            }
            orders = [sorted(candidates, key=weights.__getitem__)]
            orders += [random.permutation(candidates).tolist() for _ in range(3)]
            norms, *draws = [_first(patient, order, len(planned)) for order in orders]
            makers = [(patient, planned), (patient, norms), (zeros, norms), *((patient, drawing) for drawing in draws)]
            rows.append([accuracy(maker.smaller(groups, "bias").net, images, fresh) for maker, groups in makers])
        mean = np.mean(rows, 0)
        every.append([accuracy(net, images, fresh), *mean[:3], mean[3:].mean()])
        cells = " | ".join(f"{value:.1%}" for value in every[-1])
        print(f"| {name} | {len(rows)} | {cells} |", flush=True)
    _, plan, *others = np.mean(every, 0)
    words = ", ".join(
        f"{100 * (plan - other):.1f} points better than {name} (better in "
        f"{sum(row[1] > row[2 + place] for row in every)})"
        for place, (name, other) in enumerate(zip(["L1", "L1 with zeros", "random"], others, strict=True))
    )
    print(f"\nMean of {len(every)} nets: the plan keeps {plan:.1%}, {words}.")


def _first(patient, order, count):
    removal = Removal(patient.structure, order)
    for group in order:
        if len(removal.gone) < count and removal.may_go(group):
            removal.remove(group)
    return removal.gone


def promise(zoo, names, options):
    """Each net is diagnosed once; its exports differ in what goes, and in the images that the cost is measured on."""
    random, seen, size = np.random.default_rng(2), options.seen or 200, options.measured or 200
    print("| net | whole | exports | left of the filters | fresh | accuracy held | change held |")
    print("| --- " * 7 + "|", flush=True)
    rows = []
    for place, name in enumerate(names):
        net, images = net_and_images(zoo, name)
        drawn = random.permutation(len(images))[: options.pool]
        found = diagnose(net, Part(images, drawn), images=seen, ablation=False, progress=False)
        patient = Patient.of(found, len(drawn))
        others = patient.measured_on  # indices into `drawn`
        right = rights(net, images, drawn)
        planned = list(Choice(patient, range(len(patient.runner.layers)), "parameters", no_progress, 3).parameters(0))
        count = options.exports // len(names) + (place < options.exports % len(names))
        truths = min(options.fresh or 4000, len(others) - size)
        held, changes, left = 0, 0, []
        for number in range(count):
            share, order = random.uniform(0.02, 0.6), planned
            if number % 2:
                order = random.permutation(patient.structure.removable()).tolist()
            groups = _first(patient, order, max(1, int(share * len(planned))))
            part = random.permutation(others)
            measured, fresh = part[:size], part[size:][:truths]
            object.__setattr__(patient, "measured_on", measured)
            plan = plan_of(patient, groups, LEAST_USED, [], no_progress)
            before, truth = right[fresh].mean(), rights(plan.apply(), images, drawn[fresh]).mean()
            change = plan.cost.accuracy_change
            held += plan.accuracy.low <= truth <= plan.accuracy.high
            changes += change.low <= truth - before <= change.high
            left.append(np.divide(*np.sum(list(plan.left.values()), 0)))
        shares = f"{min(left):.0%} … {max(left):.0%}"
        print(f"| {name} | {right.mean():.1%} | {count} | {shares} | {truths:,} | {held} | {changes} |", flush=True)
        rows.append((count, held, changes, count * _expected(size, truths)))
    count, held, changes, expected = np.sum(rows, 0)
    print(
        f"\nThe cost was measured on {size:,} images. The 95 % interval of the accuracy held that on "
        f"the fresh ones in {held:.0f} of {count:.0f} exports ({held / count:.1%}; 95 %: {_shares(held, count)}), the "
        f"interval of the change in {changes:.0f} ({changes / count:.1%}; {_shares(changes, count)}). Since the fresh "
        f"images' accuracy has noise of its own, exact intervals would hold it in {expected / count:.1%}."
    )


def _shares(held, count):
    share = wilson(held / count, int(count))
    return f"{share.low:.1%} … {share.high:.1%}"


def _expected(measured, fresh):
    from scipy.stats import norm

    return 1 - 2 * norm.sf(1.959964 / (1 + measured / fresh) ** 0.5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["half", "promise"])
    parser.add_argument(
        "--zoo", type=Path, required=True, help="with data/fashion.pt, and zoo_nets.py or this checkout's"
    )
    parser.add_argument("--nets", nargs="+", help="demo-EPOCH, or nets of the zoo by name")
    parser.add_argument("--exports", type=int, default=200)
    parser.add_argument("--seen", type=int, help="images that the diagnosis sees (half: 400, promise: 200)")
    parser.add_argument("--measured", type=int, help="images that measure the cost (promise: 200)")
    parser.add_argument("--pool", type=int, default=12_000, help="images of which promise draws all these")
    parser.add_argument("--fresh", type=int, help="images at most that tell the truth (half: 1,000, promise: 4,000)")
    options = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parent), str(options.zoo)]
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    {"half": half, "promise": promise}[options.what](options.zoo, options.nets or NETS[options.what], options)
