"""Why width curves miss layers that are too wide: the share that is spared by means, and where what stays takes over.

    python tests/benchmarks/too_wide_why.py --zoo FOLDER

For the nets `old` and `tried` of `too_wide.py`. By means: what goes is replaced by its mean, as in a plan. Taken over:
what goes is computed from what stays, by least squares over images and positions, which could be folded into the
weights of the next layer (He et al. 2017, Channel Pruning for Accelerating Very Deep Neural Networks); each time that
filter goes whose cost by its mean, times the share of its variance that the others do not explain, is least. Both are
a reduced form of `Diagnosis.widths`: the filters' costs to second order are found once.
"""

import argparse
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

SEEN, MEASURED, LINEARISED = 400, 1000, 200
SPARED, ROUNDS = 0.05, 8


def maps_of(net, images):
    """What the first convolution is given, and the pooled activations of each."""
    maps = [images]
    for place in range(len(net.convs)):
        maps.append(step(net, place, maps[-1]))
    return maps


def step(net, place, x):
    x = F.relu(net.norms[place](net.convs[place](x)))
    return F.max_pool2d(x, 2) if place < 3 else x


def scores_from(net, place, maps):
    for later in range(place, len(net.convs)):
        maps = step(net, later, maps)
    return net.fc(maps.mean((2, 3)))


def costs_of(net, place, maps, means):
    """What a set of filters costs by their means: half the sum over its pairs, `(F, F)`; see `surgery/shifts.py`."""
    maps = maps.clone().requires_grad_()
    scores = scores_from(net, place, maps)
    shares, moves = scores.detach().softmax(1)[:, :, None], []
    for k in range(scores.shape[1]):
        (slopes,) = torch.autograd.grad(scores[:, k].sum(), maps, retain_graph=True)
        moves.append(((means[:, None, None] - maps.detach()) * slopes).sum((2, 3)))
    moves = torch.stack(moves, 1)
    moves = (moves - (shares * moves).sum(1, keepdim=True)) * shares.sqrt()
    return torch.einsum("nkf,nkg->fg", moves, moves) / len(moves)


def spared(net, place, maps, labels, known, taken_over):
    """The share of a layer's filters that can go, as `surgery/widths.py` has it."""
    seen, measured, filters = maps[:SEEN], maps[SEEN:], maps.shape[1]
    values = seen.transpose(0, 1).flatten(1).double()
    means, covariances = values.mean(1), torch.cov(values, correction=0)
    covariances += 1e-6 * covariances.diagonal().mean() * torch.eye(filters)
    costs = costs_of(net, place, seen[:LINEARISED], means.float())
    added = costs.diagonal().clone() / 2
    before = F.cross_entropy(scores_from(net, place, measured), labels, reduction="none")
    stay, gone, share, rise = list(range(filters)), [], 0.0, 0.0
    for number in range(1, ROUNDS):
        while len(gone) < number / ROUNDS * filters and len(stay) > 1:
            cost = added[stay]
            if taken_over:
                unexplained = 1 / (torch.linalg.inv(covariances[stay][:, stay]) * covariances[stay][:, stay]).diagonal()
                cost = costs.diagonal()[stay] * unexplained
            gone.append(stay.pop(int(cost.argmin())))
            added += costs[gone[-1]]
        replaced = measured.clone()
        replaced[:, gone] = means[gone].float()[:, None, None]
        if taken_over:
            weights = torch.linalg.solve(covariances[stay][:, stay], covariances[stay][:, gone]).float()
            centred = measured[:, stay] - means[stay].float()[:, None, None]
            replaced[:, gone] += torch.einsum("sg,nshw->nghw", weights, centred)
        change = (F.cross_entropy(scores_from(net, place, replaced), labels, reduction="none") - before).detach()
        high = float(change.mean() + 1.96 * change.std() / len(change) ** 0.5)
        if high > SPARED * known:
            part = max((SPARED * known - rise) / (high - rise), 0) if high > rise else 0
            return share + part * (len(gone) / filters - share)
        share, rise = len(gone) / filters, high
    return share


def main(zoo):
    from too_wide import EPOCHS, nets, trained
    from zoo_nets import load_data

    data = load_data(zoo, "fashion")
    images = data.others.images[: SEEN + MEASURED].float() / 255
    labels = data.others.labels[SEEN : SEEN + MEASURED]
    print("| seed | planted | by means | taken over |\n| --- | --- | --- | --- |")
    for which in ("old", "tried"):
        for kind, seed, wide in nets(which):
            net = trained(data, kind, seed, wide, EPOCHS.get(which, 4), zoo / "fours" / f"four-{seed}.pt")
            with torch.no_grad():
                maps = maps_of(net, images)
                loss = F.cross_entropy(scores_from(net, 4, maps[4][SEEN:]), labels)
            shares = labels.bincount(minlength=10) / len(labels)
            known = float(torch.special.entr(shares).sum() - loss)
            cells = [[], []]
            for place in range(1, 5):
                for taken_over in (False, True):
                    share = spared(net, place, maps[place], labels, known, taken_over)
                    cells[taken_over].append(f"{share:.0%}")
            print(f"| {seed} | convs.{wide} | {', '.join(cells[0])} | {', '.join(cells[1])} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, required=True, help="with data/fashion.pt")
    options = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parent)]
    torch.set_num_threads(1)
    main(options.zoo)
