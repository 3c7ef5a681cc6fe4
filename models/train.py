"""Train the demo network on FashionMNIST: a checkpoint of every epoch, and the card that says what came out.

    python models/train.py --data FOLDER

FOLDER holds FashionMNIST's training files as published, `train-images-idx3-ubyte.gz` and `train-labels-idx1-ubyte.gz`.
Either install Debian's package `dataset-fashion-mnist`, which puts them into `/usr/share/datasets/fashion-mnist`, or
download them with torchvision and give the folder `data/FashionMNIST/raw`:

    python -c "from torchvision.datasets import FashionMNIST; FashionMNIST('data', download=True)"

The recipe is fixed below, before any test image is seen: the released weights are those of the last epoch, whatever
the test accuracies are. The same seed, PyTorch version, thread count and kind of CPU give the same files again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from card import write_card
from filterscope.demo import FashionNet, fashion_test_data, images_to_tensor, read_idx

EPOCHS = 20
BATCH = 64
LEARNING_RATE = 1e-3

# sha256 of the values in the published files. Not of the .gz: Debian's copies hold the same under another gzip header.
TRAINING_FILES = {
    "train-images-idx3-ubyte.gz": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
    "train-labels-idx1-ubyte.gz": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
}


def main() -> None:
    """Train, save every epoch's weights, write the card."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(options.seed)

    train = read_training_data(options.data)
    test_data = fashion_test_data()
    test = images_to_tensor(test_data.images), torch.from_numpy(test_data.labels).long()

    checkpoints = options.out / "fashion_net"
    checkpoints.mkdir(parents=True, exist_ok=True)
    for stale in checkpoints.glob("epoch_*.pt"):
        stale.unlink()

    net = FashionNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    batches = -(-len(train[1]) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS * batches)

    records = []
    with tqdm(total=EPOCHS * batches, unit="batch") as progress:
        for epoch in range(EPOCHS + 1):
            if epoch > 0:  # epoch 0 is the untrained net
                progress.set_description(f"epoch {epoch}/{EPOCHS}")
                train_one_epoch(net, train, optimizer, schedule, progress.update)
            records.append(measure(net, epoch, train, test) | save(net, checkpoints / f"epoch_{epoch:02d}.pt"))
            progress.set_postfix(test_accuracy=records[-1]["test_accuracy"])

    per_class = class_accuracy(net, test, test_data.classes)
    card = describe(options, records, per_class)
    (checkpoints / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    write_card(card, options.out / "README.md")
    print(f"{records[-1]['test_accuracy']:.2%} of the test images right; {options.out / 'README.md'} written")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train filterscope's demo network on FashionMNIST.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the two train-….gz files")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent, help="default: models/")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="part of what makes a run repeatable")
    return parser.parse_args()


def read_training_data(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the 60,000 images, float32 `(60000, 1, 28, 28)` in [0, 1], and labels, int64 `(60000,)`."""
    images, labels = (read_idx(folder / name) for name in TRAINING_FILES)
    for (name, expected), values in zip(TRAINING_FILES.items(), (images, labels), strict=True):
        if hashlib.sha256(values.tobytes()).hexdigest() != expected:
            raise SystemExit(f"{folder / name} is not FashionMNIST's training file: its contents differ")
    return images_to_tensor(images), torch.from_numpy(labels).long()


def train_one_epoch(
    net: FashionNet,
    data: tuple[torch.Tensor, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    done: Callable[[], Any],
) -> None:
    """Show the network every training image once, in a random order."""
    images, labels = data
    net.train()
    for batch in torch.randperm(len(labels)).split(BATCH):
        optimizer.zero_grad()
        F.cross_entropy(net(images[batch]), labels[batch]).backward()
        optimizer.step()
        schedule.step()
        done()


def measure(
    net: FashionNet, epoch: int, train: tuple[torch.Tensor, torch.Tensor], test: tuple[torch.Tensor, torch.Tensor]
) -> dict[str, Any]:
    """Return loss and accuracy over all training and all test images, without dropout."""
    record: dict[str, Any] = {"epoch": epoch}
    for name, (images, labels) in {"train": train, "test": test}.items():
        logits = predict(net, images)
        record[f"{name}_loss"] = round(F.cross_entropy(logits, labels).item(), 4)
        record[f"{name}_accuracy"] = round((logits.argmax(1) == labels).double().mean().item(), 6)
    return record


@torch.inference_mode()
def predict(net: FashionNet, images: torch.Tensor) -> torch.Tensor:
    """Return the logits `(N, 10)` for images `(N, 1, 28, 28)`, in eval mode."""
    net.eval()
    return torch.cat([net(part) for part in images.split(1000)])


def class_accuracy(net: FashionNet, test: tuple[torch.Tensor, torch.Tensor], classes: list[str]) -> dict[str, float]:
    """Return for each class which part of its test images is classified right."""
    images, labels = test
    right = predict(net, images).argmax(1) == labels
    return {name: round(right[labels == index].double().mean().item(), 6) for index, name in enumerate(classes)}


def save(net: FashionNet, path: Path) -> dict[str, str]:
    """Save the weights as a plain state dict; return the file's name and sha256."""
    torch.save(net.state_dict(), path)
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def describe(options: argparse.Namespace, records: list[dict[str, Any]], per_class: dict[str, float]) -> dict[str, Any]:
    """Return the card: everything that is needed to judge the weights, or to make them again."""
    return {
        "network": "filterscope.demo.FashionNet",
        "released_epoch": EPOCHS,
        "seed": options.seed,
        "recipe": {
            "epochs": EPOCHS,
            "batch": BATCH,
            "optimizer": "Adam",
            "learning_rate": LEARNING_RATE,
            "schedule": "cosine to 0, one step a batch",
            "loss": "cross entropy",
            "augmentation": None,
        },
        "training_data": TRAINING_FILES,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "machine": f"{platform.system()} {platform.machine()}, CPU ({torch.backends.cpu.get_cpu_capability()})",
            "threads": options.threads,
        },
        "test_accuracy_by_class": per_class,
        "checkpoints": records,
    }


if __name__ == "__main__":
    main()
