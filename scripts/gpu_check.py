"""Checks on a GPU what the tests imitate without one: `make gpu-check`. It says so where there is none.

    python scripts/gpu_check.py [device]

Each row of CHECKS computes the numbers of one capability on the device and on the processor. They must be the same
within the row's bounds, and of what it opened nothing may be left on the device; the time of both is printed. While a
scan's passes follow one another nothing may wait for a GPU.

`python scripts/gpu_check.py second` runs the same on `second_device`, which needs no GPU and refuses tensors of the
processor: so nothing assumes where the net is.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision.models import resnet18

import second_device
from filterscope import Explorer, Scan, demo, diagnose, scan
from filterscope.scans.shard import PassScores

IMAGES = 2048
ROUNDING = 1e-4  # of the greatest value: other kernels add in another order
CHANCE = 1e-3  # of a probability, and of a loss
SOBEL = [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]


class CheckError(Exception):
    """What a device gave is not what it should."""


@dataclass(frozen=True)
class Numbers:
    """Numbers that must be the same wherever they are computed.

    Attributes:
        name: What they are, for the message.
        values: Numbers, or anything else that compares; then each must be equal.
        bound: How far one may be off.
        share: How many of them may be off by more.
    """

    name: str
    values: np.ndarray
    bound: float = 0.0
    share: float = 0.0


Measure = Callable[[str, int], list[Numbers]]


def rounded(name: str, values: Any) -> Numbers:
    """Numbers that may differ by rounding."""
    array = np.asarray(values, np.float64)
    return Numbers(name, array, ROUNDING * max(float(np.abs(array).max(initial=0)), 1.0))


def compare(found: Sequence[Numbers], expected: Sequence[Numbers]) -> None:
    """Holds a device's numbers against the processor's.

    Raises:
        CheckError: If they differ by more than their bounds.
    """
    for one, other in zip(found, expected, strict=True):
        if one.values.shape != other.values.shape:
            raise CheckError(f"{other.name}: {one.values.shape} values, not {other.values.shape}")
        # In this order NaN is off.
        off = ~(np.abs(one.values - other.values) <= other.bound) if other.bound else one.values != other.values
        if off.mean() > other.share:
            allowed = f"more than {other.bound:.2g}" if other.bound else "at all"
            raise CheckError(f"{other.name}: {off.mean():.2%} of the values differ {allowed}")


@contextmanager
def explorer_on(device: str, net: nn.Module | None = None, data: Any = None) -> Iterator[Explorer]:
    """An explorer of the demo net, or of another one, on a device."""
    explorer = Explorer(
        (demo.fashion_net() if net is None else net).to(device), demo.fashion_test_data() if data is None else data
    )
    try:
        yield explorer
    finally:
        explorer.close()


def prediction(name: str, chances: Sequence[tuple[Any, float]]) -> Numbers:
    """The chances of the classes, in their names' order."""
    return Numbers(name, np.array([chance for _, chance in sorted(chances, key=lambda each: str(each[0]))]), CHANCE)


def shown(explorer: Explorer, where: str) -> list[Numbers]:
    """What an explorer shows of the selected filter."""
    names = ("kernel", "response", "pre_activation", "activation")
    return [rounded(f"{where}: {name}", getattr(explorer, name)) for name in names]


def pictures(device: str, images: int) -> list[Numbers]:
    """All that an explorer shows of every filter of up to three images, and a filter's map of many."""
    with explorer_on(device) as explorer:
        numbers = []
        for image in range(min(1 + images // 1000, 3)):
            for layer in explorer.layers:
                for number in range(layer.out_channels):
                    explorer.select(image=image, layer=layer.index, filter=number)
                    numbers += shown(explorer, f"image {image}, {layer.title} filter {number}")
            numbers.append(prediction(f"image {image}: prediction", explorer.prediction))
        numbers += [rounded(f"image {k}", explorer.select(image=k).activation) for k in range(min(images // 10, 50))]
    return numbers


def fields(device: str, images: int) -> list[Numbers]:
    """Receptive fields, gradients and arithmetic, of the demo net and of a deep one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        deep, pixels = resnet18(weights=None), torch.rand(2, 3, 48, 48)
    numbers = []
    for net, data in ((None, None), (deep, [(image, 0) for image in pixels])):
        with explorer_on(device, net, data) as explorer:
            for layer in (explorer.layers[0], explorer.layers[-1]):
                explorer.select(layer=layer.index)
                numbers += shown(explorer, layer.title)
                field = explorer.receptive_field(1, 1)
                all_fields = [repr(explorer.receptive_fields()), field.status, repr(field.inside)]
                numbers.append(Numbers(f"{layer.title}: receptive fields", np.array(all_fields)))
                effective = explorer.effective_receptive_field(1, 1)
                numbers.append(rounded(f"{layer.title}: effective receptive field", effective))
                products = explorer.arithmetic(1, 1).products
                numbers.append(rounded(f"{layer.title}: arithmetic", products))
    return numbers


def verdicts(device: str, images: int) -> list[Numbers]:
    """A diagnosis, every filter removed in turn."""
    table = diagnose(demo.fashion_net().to(device), demo.fashion_test_data(), images=min(images, 1000)).to_dataframe()
    words = ("layer", "filter", "structure", "state", "use")
    exact = [Numbers(f"verdicts: {name}", np.array(list(map(str, table[name])))) for name in words]
    return [*exact, Numbers("verdicts: delta_loss", np.asarray(table["delta_loss"], float), CHANCE)]


def ablation(device: str, images: int) -> list[Numbers]:
    """What filters do, taken away one by one and together, for one image and over many."""
    with explorer_on(device) as explorer:
        together = explorer.without([3, 5], layer="conv2", images=min(images, 1000))
        effects = explorer.filter_effects("conv2")
    losses = [together.effect.loss_before, together.effect.loss_after, together.effect.accuracy_after]
    return [
        Numbers("what each filter does", effects, CHANCE),
        rounded("what the maps are replaced by", together.values),
        prediction("prediction without two filters", together.after),
        Numbers("loss and accuracy without two filters", np.array(losses), CHANCE),
    ]


def lab(device: str, images: int) -> list[Numbers]:
    """Another kernel in the net, an image that is tried, and places that are covered."""
    with explorer_on(device) as explorer:
        explorer.select(layer="conv1", filter=1)
        explorer.kernel = SOBEL
        numbers = [*shown(explorer, "edited"), prediction("edited: prediction", explorer.prediction)]
        numbers += [rounded(f"edited: {stage.kind}", stage.values) for stage in explorer.lab.stages()]
        numbers += [Numbers(f"edited: {each.name}", np.array(each.change), CHANCE) for each in _changes(explorer)]
        effect = explorer.lab.effect(images=min(images, 1000))
        numbers.append(Numbers("edited: loss", np.array(effect.loss_after), CHANCE))
        copy = explorer.edited_net()
        numbers.append(Numbers("edited: the copy's device", np.array(copy.conv1.weight.device.type == _type(device))))
        numbers.append(rounded("edited: the copy's kernel", copy.conv1.weight[1].detach().cpu().numpy()))
        explorer.try_image(np.full((28, 28), 200, np.uint8))
        numbers += [*shown(explorer, "tried"), prediction("tried: prediction", explorer.prediction)]
        explorer.try_image(None)
        numbers.append(Numbers("covered", np.asarray(explorer.lab.occlusion().probability, float), CHANCE))
    return numbers


def _changes(explorer: Explorer) -> Sequence[Any]:
    layers: Sequence[Any] = explorer.lab.changes().layers
    return layers


def _type(device: str) -> str:
    return torch.device(device).type


def scanned(device: str, images: int) -> list[Numbers]:
    """A scan, filter by filter; nothing in it may wait for a GPU."""
    with no_waiting(device):
        return of_scan(scan_on(device, images))


def scan_on(device: str, images: int) -> Scan:
    """A scan of the demo net on a device."""
    return scan(demo.fashion_net().to(device), demo.fashion_test_data(), images=range(images), progress=False)


def of_scan(result: Scan) -> list[Numbers]:
    """A scan's numbers."""
    numbers = []
    for layer in result.identity.layers:
        for number in range(layer.filters):
            column, where = result.state.column(layer.index, number), f"{layer.title} filter {number}"
            bound = ROUNDING * max(float(np.abs(column.maximum).max()), 1e-12)
            numbers.append(Numbers(f"{where}: maxima", column.maximum, bound))
            numbers.append(Numbers(f"{where}: mean map", result.mean_map(layer.index, number), bound))
            # Of two that are equal but for rounding either may be the greatest.
            numbers.append(Numbers(f"{where}: positions", column.position, share=0.01))
    return [
        *numbers,
        Numbers("predictions", result.state.predicted, share=0.001),
        Numbers("labels", result.state.labels),
    ]


@contextmanager
def no_waiting(device: str) -> Iterator[None]:
    """Raises where what a scan keeps of a pass waits for a GPU."""
    if _type(device) != "cuda":
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


# A capability that runs a net has one row.
CHECKS: dict[str, Measure] = {
    "explorer": pictures,
    "receptive fields": fields,
    "diagnosis": verdicts,
    "ablation": ablation,
    "lab": lab,
    "scan": scanned,
}


def plain_passes(device: str, images: int) -> str:
    """How long a scan takes beside the plain passes, a sentence."""
    net, data = demo.fashion_net().to(device).eval(), demo.fashion_test_data()
    pixels = torch.stack([data[index][0] for index in range(images)])

    @torch.no_grad()
    def passes() -> None:
        for batch in pixels.split(512):
            last = net(batch.to(device))
        last.cpu()

    def seconds(action: Callable[[], object]) -> float:
        action()
        return timed(action)[1]

    plain, whole = seconds(passes), seconds(lambda: scan_on(device, images))
    return f"{images:,} images: plain passes {plain:.2f} s, a scan, opening included, {whole:.2f} s"


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    """What a function returns, and how many seconds it took."""
    start = time.perf_counter()
    return action(), time.perf_counter() - start


def in_use(device: str) -> int:
    """Bytes that tensors take on a device; 0 where torch does not say."""
    gc.collect()
    if _type(device) == "cuda":
        torch._C._cuda_clearCublasWorkspaces()  # which the library keeps for itself
        return torch.cuda.memory_allocated()
    return second_device.in_use() if _type(device) == second_device.NAME else 0


def check(device: str, images: int = IMAGES) -> list[str]:
    """All checks on a device; what was found, sentences.

    Raises:
        CheckError: If one fails.
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # which rounds to three digits
    # A device's first pass loads its libraries.
    demo.fashion_net().to(device)(torch.zeros(2, 1, 28, 28).to(device))
    lines = []
    for name, measure in CHECKS.items():
        before = in_use(device)
        numbers, there = timed(lambda measure=measure: measure(device, images))
        left = in_use(device) - before
        if left > 0:
            raise CheckError(f"{name}: {left:,} bytes are left on {device} after close()")
        expected, here = timed(lambda measure=measure: measure("cpu", images))
        try:
            compare(numbers, expected)
        except CheckError as error:
            raise CheckError(f"{name}: {error}") from None
        lines.append(f"{name}: {len(numbers)} numbers or maps as on the processor; {there:.2f} s, {here:.2f} s there")
    return [*lines, plain_passes(device, images)]


def main() -> int:
    """Run the checks."""
    if len(sys.argv) > 1:
        device = second_device.make() if sys.argv[1] == second_device.NAME else sys.argv[1]
    elif torch.cuda.is_available():
        device = "cuda"
    elif torch.backends.mps.is_available():
        device = "mps"
    else:
        print("There is no GPU here that torch can use, so nothing was checked.")
        return 0
    try:
        print(f"on {device}, nothing left there after close():", *check(device), sep="\n")
    except CheckError as error:
        print(f"{device}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
