"""What a scan costs beside the plain forward passes over the same images, in one thread, and how much memory it takes.

Seconds are those of the processor, so that what else the machine does counts little; each is the least of several
rounds, which are taken in turn.

    python tests/benchmarks/scans.py             the demo net and 10,000 images
    python tests/benchmarks/scans.py --resnet    torchvision's ResNet-18 and random images, too
    python tests/benchmarks/scans.py --engines   two processes beside one, by the clock; of a diagnosis, too
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch
from torch.utils.data import DataLoader

from filterscope import demo, diagnose, scan
from filterscope.scans.piece import LayerScores
from filterscope.scans.sampling import batches as batches_of
from filterscope.scans.task import DataOptions

BATCH = 256


def seconds(action, clock=time.process_time):
    start = clock()
    action()
    return clock() - start


@torch.no_grad()
def passes(net, batches):
    for batch in batches:
        net(batch)


@torch.no_grad()
def loop(net, data, images, batch):
    """What people write: a loader, and the net."""
    for pixels, _ in DataLoader(torch.utils.data.Subset(data, range(images)), batch):
        net(pixels)


@torch.no_grad()
def read_alike(net, data, images, batch):
    """The plain passes, over images that are read as a scan reads them."""
    samples = DataOptions().open(net, data)
    for part in batches_of(samples, np.arange(images), 0, images, batch):
        net(torch.from_numpy(np.array(part.images)))


def compare(name, net, data, images, batch=BATCH, rounds=3):
    net.eval()
    pixels = torch.stack([data[index][0] for index in range(images)])
    batches = torch.split(pixels, batch)
    passes(net, batches[:2])
    of_passes, of_loop, of_reading, of_scan, of_opening = [], [], [], [], []
    for _ in range(rounds):
        of_passes.append(seconds(lambda: passes(net, batches)))
        of_loop.append(seconds(lambda: loop(net, data, images, batch)))
        of_reading.append(seconds(lambda: read_alike(net, data, images, batch)))
        of_scan.append(seconds(lambda: scan(net, data, images=range(images), progress=False)))
        of_opening.append(seconds(lambda: scan(net, data, images=[0], progress=False)))
    plain, looped, read, scanned, opening = map(min, (of_passes, of_loop, of_reading, of_scan, of_opening))
    print(
        f"{name}, {images:,} images: passes {plain:.2f} s, with a DataLoader {looped:.2f} s, with a scan's reader "
        f"{read:.2f} s, scan {scanned:.2f} s, {opening:.2f} s of these to open net and data set; without these "
        f"{(scanned - opening) / plain:.2f} times the passes, {(scanned - opening) / looped:.2f} times the loop, "
        f"{(scanned - opening) / read:.2f} times the passes that read"
    )


class RandomImages:
    """Images that are made when they are read."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        return torch.rand(3, 224, 224, generator=torch.Generator().manual_seed(index)), index % 10


def memory():
    """512 filters, 50,000 images, maps of 14×14."""
    shard = LayerScores.of(
        np.zeros((1024, 512), np.float32), np.zeros((1024, 512), np.uint32), np.full((1024, 2), 14, np.int32)
    )
    print(f"512 filters × 50,000 images, maps of 14×14: {shard.nbytes * 50_000 / 1024 / 1e6:.0f} MB of scores")


def wide():
    """A net that takes ten times as long as the demo's."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 32, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(32, 64, 3, padding=1, stride=2),
        torch.nn.ReLU(),
        torch.nn.Conv2d(64, 64, 3, padding=1, stride=2),
        torch.nn.ReLU(),
    ).eval()


def engines(net, data):
    options = {"images": range(6144), "progress": False}
    alone = seconds(lambda: scan(net, data, **options), time.perf_counter)
    with ProcessPoolExecutor(2, get_context("forkserver")) as executor:
        scan(net, data, executor=executor, **options)  # the processes start
        beside = seconds(lambda: scan(net, data, executor=executor, **options), time.perf_counter)
    print(
        f"{len(options['images']):,} images: one process {alone:.2f} s, two {beside:.2f} s: {alone / beside:.2f} times"
    )


def diagnoses(net, data):
    options = {"images": 1024, "progress": False}
    factories = {"net_factory": demo.fashion_net, "data_factory": demo.fashion_test_data}
    for ablation, what in ((False, "looked at"), (True, "looked at, and every filter ablated")):
        alone = seconds(lambda: diagnose(net, data, ablation=ablation, **options), time.perf_counter)
        with ProcessPoolExecutor(2, get_context("forkserver")) as executor:
            on = options | factories | {"executor": executor, "ablation": ablation}
            diagnose(net, data, **on)  # the processes start
            beside = seconds(lambda: diagnose(net, data, **on), time.perf_counter)
        print(
            f"{options['images']:,} images {what}: one process {alone:.2f} s, two {beside:.2f} s: "
            f"{alone / beside:.2f} times"
        )


def main():
    torch.set_num_threads(1)
    net, data = demo.fashion_net(), demo.fashion_test_data()
    memory()
    compare("FashionNet", net, data, len(data))
    if "--resnet" in sys.argv:
        import torchvision

        compare("ResNet-18", torchvision.models.resnet18(), RandomImages(64), 64, batch=8, rounds=2)
    if "--engines" in sys.argv:
        engines(wide(), data)
        diagnoses(net, data)


if __name__ == "__main__":
    main()
