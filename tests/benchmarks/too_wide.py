"""Whether width curves name the layer that is too wide, and whether they name one where none is.

    python tests/benchmarks/too_wide.py old|fresh|null|held|held-null --zoo FOLDER

`old`: ten nets of one architecture, in each of which one of four layers has four times as many filters as it would
have, trained for 2 epochs. `fresh`: ten others, of five architectures, trained for 4 epochs, and `null`: the same
architectures with nothing planted. The rule was chosen by these. `held` and `held-null`: ten of each that nothing was
chosen by, of five designs, four of them with layers that become wider and wider. Nets are kept in
FOLDER/fours.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from filterscope import diagnose

EPOCHS = {"old": 2}
OLD = ["normed"] * 10
FRESH = ["plain", "residual", "separable", "strided", "normed"] * 2
HELD = ["normed, wider", "plain, wider", "residual, wider", "separable, wider", "strided, even"] * 2


class Normed(nn.Module):
    """Four convolutions with batch norms."""

    base = (4, 6, 8, 8)

    def __init__(self, widths):
        super().__init__()
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


class Plain(nn.Module):
    """Five convolutions with biases and no norm, and a hidden layer behind them."""

    base = (4, 6, 6, 8, 8)

    def __init__(self, widths):
        super().__init__()
        self.convs, inputs = nn.ModuleList(), 1
        for place, width in enumerate(widths):
            size = 5 if place == 0 else 3
            self.convs.append(nn.Conv2d(inputs, width, size, padding=size // 2))
            inputs = width
        self.hidden = nn.Linear(inputs * 9, 32)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        for place, conv in enumerate(self.convs):
            x = F.relu(conv(x))
            x = F.max_pool2d(x, 2) if place in (0, 2, 4) else x
        return self.fc(F.relu(self.hidden(x.flatten(1))))


class Residual(nn.Module):
    """A trunk of 8 channels with three blocks; the layer inside of one of them is planted."""

    base = (4, 4, 6)

    def __init__(self, widths):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.convs = nn.ModuleList(nn.Conv2d(8, width, 3, padding=1, bias=False) for width in widths)
        self.norms = nn.ModuleList(map(nn.BatchNorm2d, widths))
        self.back = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)) for width in widths
        )
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 2)
        for place, (conv, norm, back) in enumerate(zip(self.convs, self.norms, self.back, strict=True)):
            x = F.relu(x + back(F.relu(norm(conv(x)))))
            x = F.max_pool2d(x, 2) if place < 2 else x
        return self.fc(x.mean((2, 3)))


class Separable(nn.Module):
    """A convolution, and three depthwise ones with a 1×1 behind each; one of the widths is planted."""

    base = (6, 8, 8, 10)

    def __init__(self, widths):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(1, widths[0], 3, padding=1, bias=False)])
        self.depthwise, inputs = nn.ModuleList(), widths[0]
        for width in widths[1:]:
            self.depthwise.append(nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False))
            self.convs.append(nn.Conv2d(inputs, width, 1, bias=False))
            inputs = width
        self.norms = nn.ModuleList(map(nn.BatchNorm2d, widths))
        self.between = nn.ModuleList(map(nn.BatchNorm2d, widths[:-1]))
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norms[0](self.convs[0](x))), 2)
        for place, (depthwise, between) in enumerate(zip(self.depthwise, self.between, strict=True)):
            x = F.relu(between(depthwise(x)))
            x = F.relu(self.norms[place + 1](self.convs[place + 1](x)))
            x = F.max_pool2d(x, 2) if place < 2 else x
        return self.fc(x.mean((2, 3)))


class Strided(nn.Module):
    """Three convolutions with strides, GELU, and a linear layer on all positions."""

    base = (4, 6, 6)

    def __init__(self, widths):
        super().__init__()
        self.convs, inputs = nn.ModuleList(), 1
        for width in widths:
            self.convs.append(nn.Conv2d(inputs, width, 3, stride=2, padding=1))
            inputs = width
        self.fc = nn.Linear(inputs * 16, 10)

    def forward(self, x):
        for conv in self.convs:
            x = F.gelu(conv(x))
        return self.fc(x.flatten(1))


def wider(design, *base):
    return type(design.__name__, (design,), {"base": base})


KINDS = {
    "normed": Normed,
    "plain": Plain,
    "residual": Residual,
    "separable": Separable,
    "strided": Strided,
    "normed, wider": wider(Normed, 6, 10, 16, 24),
    "plain, wider": wider(Plain, 4, 6, 8, 12, 16),
    "residual, wider": wider(Residual, 4, 8, 16),
    "separable, wider": wider(Separable, 6, 8, 12, 16),
    "strided, even": wider(Strided, 10, 10, 10),
}


def nets(which):
    """Kind, seed, and the place of the layer that is too wide, or None."""
    if which == "old":
        return [("normed", 50 + number, number % 4) for number in range(10)]
    kinds, first = (FRESH, 100) if which in ("fresh", "null") else (HELD, 140)
    if which.endswith("null"):
        return [(kind, first + 20 + number, None) for number, kind in enumerate(kinds)]
    draw = np.random.default_rng(7)
    places = [int(draw.integers(len(KINDS[kind].base))) for kind in kinds]
    return [(kind, first + number, place) for number, (kind, place) in enumerate(zip(kinds, places, strict=True))]


def trained(data, kind, seed, wide, epochs, path):
    """The net, from the file if it is there."""
    images, labels = data.train.tensors()
    widths = [4 * width if place == wide else width for place, width in enumerate(KINDS[kind].base)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = KINDS[kind](widths)
        if path.exists():
            net.load_state_dict(torch.load(path, weights_only=True))
        else:
            optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
            for _ in range(epochs):
                for batch in torch.randperm(len(labels)).split(64):
                    optimizer.zero_grad()
                    F.cross_entropy(net(images[batch]), labels[batch]).backward()
                    optimizer.step()
            torch.save(net.state_dict(), path)
    return net.eval()


def accuracy(net, images, indices):
    with torch.no_grad():
        scores = net(images.images[indices].float() / 255)
    return (scores.argmax(1) == images.labels[indices]).float().mean().item()


def main(options):
    from smaller_nets import Part
    from zoo_nets import load_data

    data = load_data(options.zoo, "fashion")
    folder = options.zoo / "fours"
    folder.mkdir(exist_ok=True)
    right, wrong, none = 0, 0, 0
    for kind, seed, wide in nets(options.which):
        net = trained(data, kind, seed, wide, EPOCHS.get(options.which, 4), folder / f"four-{seed}.pt")
        if options.train:
            print(kind, seed, wide, flush=True)
            continue
        part = Part(data.others, np.arange(options.seen + options.measured))
        found = diagnose(net, part, images=options.seen, ablation=False, progress=False)
        curves = found.widths(images=options.measured)
        planted = None if wide is None else f"convs.{wide}"
        named = curves.too_wide
        right, wrong, none = right + (named == planted), wrong + (named not in (planted, None)), none + (named is None)
        shares = ", ".join(f"{curve.layer.removeprefix('convs.')}: {curve.spared:.0%}" for curve in curves.curves)
        share = f"{accuracy(net, data.others, np.arange(5000, 7000)):.1%}"
        print(f"| {kind} | {seed} | {planted or 'none'} | {named or 'none'} | {shares} | {share} |", flush=True)
    print(f"\nRight {right}, another one {wrong}, none named {none}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["old", "fresh", "null", "held", "held-null"])
    parser.add_argument("--zoo", type=Path, required=True, help="with data/fashion.pt")
    parser.add_argument("--seen", type=int, default=400, help="images that the diagnosis sees")
    parser.add_argument("--measured", type=int, default=1000, help="images that measure the cost")
    parser.add_argument("--train", action="store_true", help="train the nets alone")
    options = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parent)]
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    main(options)
