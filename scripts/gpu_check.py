"""Checks on a GPU what the tests imitate without one: `make gpu-check`. It says so where there is none.

    python scripts/gpu_check.py [device]

A scan on the device is held against one on the processor, number by number; while passes follow one another nothing may
wait for the device; and it is said how long a scan takes beside the plain passes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from filterscope import Scan, demo, scan
from filterscope.scans.shard import PassScores

IMAGES = 2048
TOLERANCE = 1e-4  # of a layer's greatest maximum: other kernels add in another order


class CheckError(Exception):
    """What a device gave is not what it should."""


def of_the_device(device: str, images: int) -> Scan:
    """A scan of the demo net on a device."""
    return scan(demo.fashion_net().to(device), demo.fashion_test_data(), images=range(images), progress=False)


def compare(found: Scan, expected: Scan) -> None:
    """Holds a scan on a device against one on the processor.

    Raises:
        CheckError: If they differ by more than rounding.
    """
    for layer in expected.identity.layers:
        for number in range(layer.filters):
            one, other = (each.state.column(layer.index, number) for each in (found, expected))
            scale = max(float(np.abs(other.maximum).max()), 1e-12)
            apart = float(np.abs(one.maximum - other.maximum).max()) / scale
            moved = float((one.position != other.position).mean())
            where = np.abs(found.mean_map(layer.index, number) - expected.mean_map(layer.index, number)).max() / scale
            if apart > TOLERANCE or where > TOLERANCE or moved > 0.01:
                raise CheckError(
                    f"{layer.title} filter {number}: maxima {apart:.2g} and the mean map {where:.2g} of the greatest "
                    f"apart, {moved:.1%} of positions others"
                )
    if (found.state.predicted != expected.state.predicted).mean() > 0.001:
        raise CheckError("more than one in a thousand predictions is another")
    if not np.array_equal(found.state.labels, expected.state.labels):
        raise CheckError("labels are others")


@contextmanager
def no_waiting(device: str) -> Iterator[None]:
    """Raises where what a scan keeps of a pass waits for a GPU."""
    if torch.device(device).type != "cuda":
        yield
        return
    own = PassScores.take, PassScores.take_output

    def strictly(method):  # noqa: ANN001, ANN202
        def called(self: PassScores, *args: object) -> None:
            torch.cuda.set_sync_debug_mode("error")
            try:
                method(self, *args)
            finally:
                torch.cuda.set_sync_debug_mode("default")

        return called

    PassScores.take, PassScores.take_output = (strictly(method) for method in own)  # type: ignore[method-assign]
    try:
        yield
    finally:
        PassScores.take, PassScores.take_output = own  # type: ignore[method-assign]


def speed(device: str, images: int) -> str:
    """How long a scan takes beside the plain passes, a sentence."""
    net, data = demo.fashion_net().to(device).eval(), demo.fashion_test_data()
    pixels = torch.stack([data[index][0] for index in range(images)])

    @torch.no_grad()
    def passes() -> None:
        for batch in pixels.split(512):
            last = net(batch.to(device))
        last.cpu()

    def seconds(action) -> float:  # noqa: ANN001
        action()
        start = time.perf_counter()
        action()
        return time.perf_counter() - start

    plain, scanned = seconds(passes), seconds(lambda: of_the_device(device, images))
    return f"{images:,} images: plain passes {plain:.2f} s, a scan, opening included, {scanned:.2f} s"


def check(device: str, images: int = IMAGES) -> str:
    """All checks on a device; what was found, a sentence.

    Raises:
        CheckError: If one fails.
    """
    torch.backends.cudnn.allow_tf32 = False  # which rounds to three digits
    with no_waiting(device):
        found = of_the_device(device, images)
    compare(found, of_the_device("cpu", images))
    return f"scan on {device} is that on the processor. {speed(device, images)}."


def main() -> int:
    """Run the checks."""
    if len(sys.argv) > 1:
        device = sys.argv[1]
    elif torch.cuda.is_available():
        device = "cuda"
    elif torch.backends.mps.is_available():
        device = "mps"
    else:
        print("There is no GPU here that torch can use, so nothing was checked.")
        return 0
    try:
        print(check(device))
    except CheckError as error:
        print(f"{device}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
