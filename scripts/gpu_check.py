"""Checks on a GPU what the tests imitate without one: `make gpu-check`. It says so where there is none.

    python scripts/gpu_check.py [device]

A scan on the device is held against one on the processor, number by number; while passes follow one another nothing may
wait for the device; and it is said how long a scan takes beside the plain passes. So are an explorer's pictures, its
receptive fields and arithmetic, and a diagnosis with every filter removed in turn, with the time that each takes on
both; after `close()` the device's memory is what it was.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from filterscope import Diagnosis, Explorer, Scan, demo, diagnose, scan
from filterscope.scans.shard import PassScores

IMAGES = 2048
TOLERANCE = 1e-4  # of a layer's greatest maximum: other kernels add in another order
CHANCE = 1e-3  # of a probability, and of a loss


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


def look(device: str) -> Explorer:
    """An explorer of the demo net on a device."""
    return Explorer(demo.fashion_net().to(device), demo.fashion_test_data())


def compare_pictures(found: Explorer, expected: Explorer, images: int = 3) -> None:
    """Holds all that an explorer shows of every filter against one on the processor.

    Raises:
        CheckError: If they differ by more than rounding.
    """
    for image in range(images):
        for layer in expected.layers:
            for number in range(layer.out_channels):
                for explorer in (found, expected):
                    explorer.select(image=image, layer=layer.index, filter=number)
                where = f"image {image}, {layer.title} filter {number}"
                for name in ("kernel", "response", "pre_activation", "activation"):
                    one, other = (getattr(explorer, name) for explorer in (found, expected))
                    _close(where, name, one, other, TOLERANCE * max(float(np.abs(other).max()), 1.0))
        _close(f"image {image}", "prediction", *(_chances(explorer) for explorer in (found, expected)), CHANCE)
    fields = [explorer.receptive_field(2, 3) for explorer in (found, expected)]
    if (fields[0].inside, fields[0].status) != (fields[1].inside, fields[1].status):
        raise CheckError(f"the receptive field is {fields[0].inside}, not {fields[1].inside}")
    _close("row 2, column 3", "arithmetic", *(e.arithmetic(2, 3).products for e in (found, expected)), TOLERANCE)


def _chances(explorer: Explorer) -> np.ndarray:
    chances = {str(name): chance for name, chance in explorer.prediction}
    return np.array([chances[name] for name in sorted(chances)])


def _close(where: str, name: str, one: np.ndarray, other: np.ndarray, bound: float) -> None:
    apart = float(np.abs(one - other).max()) if one.shape == other.shape else float("inf")
    if not apart <= bound:
        raise CheckError(f"{where}: {name} is {apart:.2g} apart, more than {bound:.2g}")


def judge(device: str, images: int) -> Diagnosis:
    """A diagnosis of the demo net on a device, every filter removed in turn."""
    return diagnose(demo.fashion_net().to(device), demo.fashion_test_data(), images=images)


def compare_verdicts(found: Diagnosis, expected: Diagnosis) -> None:
    """Holds a diagnosis on a device against one on the processor.

    Raises:
        CheckError: If a verdict is another, or a loss differs by more than rounding.
    """
    one, other = found.to_dataframe(), expected.to_dataframe()
    for name in ("layer", "filter", "structure", "state", "use"):
        if list(map(str, one[name])) != list(map(str, other[name])):
            raise CheckError(f"the column {name} of the diagnosis is another")
    _close("the diagnosis", "delta_loss", *(np.asarray(t["delta_loss"], float) for t in (one, other)), CHANCE)


def in_use(device: str) -> int:
    """Bytes that tensors take on a device; 0 where torch does not say."""
    gc.collect()
    return torch.cuda.memory_allocated() if torch.device(device).type == "cuda" else 0


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    """What a function returns, and how many seconds it took."""
    start = time.perf_counter()
    return action(), time.perf_counter() - start


def check_explorer(device: str, images: int) -> str:
    """Pictures, receptive fields, arithmetic and verdicts on a device; what was found, sentences.

    Raises:
        CheckError: If one is not what the processor gives, or something is left on the device.
    """
    net_alone = in_use(device)
    opened = [look(each) for each in (device, "cpu")]
    _, there = timed(lambda: [opened[0].select(image=k).activation for k in range(50)])
    _, here = timed(lambda: [opened[1].select(image=k).activation for k in range(50)])
    compare_pictures(*opened)
    (found, judged_there), (expected, judged_here) = (timed(lambda at=at: judge(at, images)) for at in (device, "cpu"))
    compare_verdicts(found, expected)
    for explorer in opened:
        explorer.close()
    opened.clear()
    del explorer, found, expected
    left = in_use(device) - net_alone
    if left > 0:
        raise CheckError(f"{left:,} bytes are left on {device} after close()")
    return (
        f"An explorer and a diagnosis on {device} are those on the processor, and nothing is left there. 50 images: "
        f"{there:.2f} s there, {here:.2f} s on the processor; a diagnosis of {images:,} images {judged_there:.2f} s, "
        f"{judged_here:.2f} s."
    )


def check(device: str, images: int = IMAGES) -> str:
    """All checks on a device; what was found, a sentence.

    Raises:
        CheckError: If one fails.
    """
    torch.backends.cudnn.allow_tf32 = False  # which rounds to three digits
    with no_waiting(device):
        found = of_the_device(device, images)
    compare(found, of_the_device("cpu", images))
    scanned = f"scan on {device} is that on the processor. {speed(device, images)}."
    return f"{scanned}\n{check_explorer(device, min(images, 1000))}"


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
