"""Small nets trained on FashionMNIST for the report on the verdicts: several kinds, several seeds, kept as files.

    python tests/benchmarks/verdict_nets.py --data FOLDER --out FOLDER [--only held-out]

The seeds of `BUILDING` were looked at while the verdicts were built, those of `HELD_OUT` were not.
"""

import argparse
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models"))
from filterscope.demo import FashionNet
from train import BATCH, LEARNING_RATE, read_training_data

EPOCHS = 4
BUILDING = {
    "classic": (100, 101, 200, 201, 202, 203, 204),
    "first5": (100, 200),
    "first7": (100, 200),
    "residual": (100, 200),
    "frozen": (100, 200),
}
HELD_OUT = {
    "classic": (300, 301, 302, 303, 304),
    "residual": (300, 301),
    "first5": (300,),
    "first7": (300,),
    "frozen": (300,),
    "shuffled": (400,),
}


class Residual(nn.Module):
    """BatchNorm, a residual block, a depthwise and a 1×1 convolution, SiLU at the end."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv1 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(16)
        self.depthwise = nn.Conv2d(16, 16, 3, stride=2, groups=16)
        self.pointwise = nn.Conv2d(16, 32, 1)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.stem(x))), 2)
        x = F.relu(x + self.bn3(self.conv2(F.relu(self.bn2(self.conv1(x))))))
        x = F.silu(self.pointwise(F.relu(self.depthwise(x))))
        return self.fc(x.mean((2, 3)))


class Wider(nn.Module):
    """The classic net with a larger first kernel."""

    def __init__(self, size):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, size)
        self.conv2 = nn.Conv2d(10, 20, 3)
        self.fc1 = nn.Linear({5: 500, 7: 320}[size], 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc2(F.dropout(F.relu(self.fc1(x)), 0.4, self.training))


KINDS = {
    "classic": FashionNet,
    "frozen": FashionNet,
    "shuffled": FashionNet,  # trained on shuffled labels: there was nothing to learn
    "first5": lambda: Wider(5),
    "first7": lambda: Wider(7),
    "residual": Residual,
}


def untrained(kind, seed):
    """The net as its training starts."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return KINDS[kind]().eval()


def load(folder, kind, seed):
    net = untrained(kind, seed)
    net.load_state_dict(torch.load(Path(folder) / f"{kind}_{seed}.pt", weights_only=True))
    return net


def frozen_filters(net):
    """The filters of a `frozen` net that kept their random weights: every second one."""
    return {name: list(range(0, len(getattr(net, name).weight), 2)) for name in ("conv1", "conv2")}


def train(kind, seed, data, epochs=EPOCHS):
    images, labels = data
    if kind == "shuffled":
        labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))]
    net = untrained(kind, seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * -(-len(labels) // BATCH))
    frozen = frozen_filters(net) if kind == "frozen" else {}
    net.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)  # dropout
        for _ in range(epochs):
            for batch in torch.randperm(len(labels), generator=generator).split(BATCH):
                optimizer.zero_grad()
                F.cross_entropy(net(images[batch]), labels[batch]).backward()
                for name, filters in frozen.items():
                    for parameter in getattr(net, name).parameters():
                        parameter.grad[filters] = 0  # Adam's step is then 0, from the first to the last
                optimizer.step()
                schedule.step()
    return net.eval()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=["building", "held-out"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    data = read_training_data(options.data)
    wanted = [BUILDING] * (options.only != "held-out") + [HELD_OUT] * (options.only != "building")
    for table in wanted:
        for kind, seeds in table.items():
            for seed in seeds:
                path = options.out / f"{kind}_{seed}.pt"
                if not path.exists():
                    torch.save(train(kind, seed, data).state_dict(), path)
                    print(path.name, flush=True)
