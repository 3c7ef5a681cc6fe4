"""Where a filter fires beside the user's own masks: the overlap of its map's top quantile with each mask class.

After Bau et al., Network Dissection: Quantifying Interpretability of Deep Visual Representations, CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from filterscope.errors import kind_of
from filterscope.nets.arrays import float32_shared
from filterscope.scans.crops import Cropper
from filterscope.scans.identity import LayerIdentity, ScanIdentity
from filterscope.scans.maps import run_layers
from filterscope.scans.refusals import run_accepted
from filterscope.scans.sampling import ImageBatch, batches
from filterscope.scans.state import ScanState

_LINE = "give one integer mask for each image of the data set, (H, W), as a list or an array"

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Overlap:
    """The mask class that a filter's map overlaps with most, over all images together.

    The map counts as on where it is above its top quantile: the value that 0.5 % of all its positions exceed, in all
    images. It is resized to the mask bilinearly.

    Attributes:
        layer: The layer's title.
        filter: The filter.
        mask: The number of the mask class; None where the map is nowhere on, or no mask class was seen.
        iou: Pixels of the class where the map is on, as a share of the pixels of the class or where it is on.
        chance: The same with each image's mask that of another image: what the class's usual place alone gives.
        by_mask: `iou` of each mask class.
        sentence: All this in words.

    Example:
        >>> from filterscope import demo, scan
        >>> test_data = demo.fashion_test_data()
        >>> found = scan(demo.fashion_net(), test_data, images=range(100), progress=False)
        >>> masks = [(test_data[index][0][0] > 0.5).int() for index in range(100)]  # bright pixels: 1
        >>> overlaps = found.overlaps(masks, progress=False)
        >>> len(overlaps), sorted(overlaps[0].by_mask)
        (30, [0, 1])
    """

    layer: str
    filter: int
    mask: int | None
    iou: float
    chance: float
    by_mask: Mapping[int, float]
    sentence: str


def overlaps_of(
    cropper: Cropper,
    identity: ScanIdentity,
    state: ScanState,
    masks: Any,
    quantile: float,
    ignore: int | None,
    on_progress: OnProgress,
) -> tuple[Overlap, ...]:
    """The overlaps of all filters of a scan, by two passes over the images that it has seen.

    Args:
        cropper: The net and the data set.
        identity: What was scanned.
        state: What was seen.
        masks: One integer mask `(H, W)` for each image of the data set, by its index.
        quantile: Which share of its positions a map exceeds where it counts as on.
        ignore: The number of pixels that belong to no class, in a mask; negative ones never do.
        on_progress: Called with `"masks"`, how many images were seen, and of how many.

    Raises:
        TypeError: If `masks` are no masks.
        ValueError: If they do not fit the images, or the maps are not two-dimensional.
    """
    passes = _Passes(cropper, identity, state, on_progress)
    read = _Masks(masks, state.images, ignore)
    tops = {layer: _Tops(max(1, int(count * quantile))) for layer, count in passes.positions().items()}
    for _, maps in passes.run(0):
        for layer, values in maps.items():
            tops[layer].add(values.swapaxes(0, 1).reshape(values.shape[1], -1))
    thresholds = {layer: top.threshold() for layer, top in tops.items()}
    sums = {layer: _Sums(len(threshold)) for layer, threshold in thresholds.items()}
    before: np.ndarray | None = None
    for indices, maps in passes.run(1):
        for place, index in enumerate(indices):
            mask = read.mask(index)
            for layer, values in maps.items():
                on = _resized(values[place], mask.shape) > thresholds[layer][:, None, None]
                other = before if before is not None and before.shape == mask.shape else None
                sums[layer].add(on, mask, other)
            before = mask
    return tuple(
        overlap for layer in identity.layers if layer.index in sums for overlap in sums[layer.index].overlaps(layer)
    )


class _Masks:
    """The masks of images, checked as they are read."""

    def __init__(self, masks: Any, images: np.ndarray, ignore: int | None) -> None:
        if (
            isinstance(masks, str | bytes | Mapping)
            or not hasattr(masks, "__getitem__")
            or not hasattr(masks, "__len__")
        ):
            raise TypeError(f"masks is {kind_of(masks)}; {_LINE}")
        if len(images) and len(masks) <= images[-1]:
            raise ValueError(f"masks has {len(masks)} masks, and image {images[-1]} was scanned; {_LINE}")
        self._masks, self._ignore = masks, ignore

    def mask(self, index: int) -> np.ndarray:
        """The mask of an image, int64 `(H, W)`; −1 for pixels of no class."""
        mask = self._masks[index]
        array = mask.detach().cpu().numpy() if isinstance(mask, torch.Tensor) else np.asarray(mask)
        if array.ndim == 3 and 1 in (array.shape[0], array.shape[-1]):
            array = array[0] if array.shape[0] == 1 else array[..., 0]
        if array.ndim != 2 or array.dtype.kind not in "biu" or not array.size:
            raise ValueError(f"the mask of image {index} is {array.dtype} of shape {array.shape}; {_LINE}")
        numbers = array.astype(np.int64)
        return np.where((numbers < 0) | (numbers == (-1 if self._ignore is None else self._ignore)), -1, numbers)


class _Passes:
    """Passes of the net over the images of a scan."""

    def __init__(self, cropper: Cropper, identity: ScanIdentity, state: ScanState, on_progress: OnProgress) -> None:
        self._cropper, self._state, self._on_progress = cropper, state, on_progress
        self._layers = [layer.index for layer in identity.layers if layer.index in state.sums]
        for layer in identity.layers:
            sizes = state.sums[layer.index].sizes if layer.index in state.sums else ()
            if any(len(size) != 2 for size in sizes):
                raise ValueError(
                    f"the maps of {layer.title} have {len(next(iter(sizes)))} axes; masks are for images and maps of "
                    "rows and columns"
                )

    def positions(self) -> dict[int, int]:
        """How many positions all maps of a filter have together, by layer."""
        pieces = self._state.pieces
        return {
            layer: sum(int(piece.layers[layer].size.prod(1).sum()) for piece in pieces if layer in piece.layers)
            for layer in self._layers
        }

    def run(self, number: int) -> Iterator[tuple[list[int], dict[int, np.ndarray]]]:
        """The indices of each batch's images, and the maps of each layer, float32 `(N, F, h, w)`."""
        runner, images = self._cropper.runner, self._state.images
        for batch in batches(self._cropper.samples, images, 0, len(images), runner.images_at_once()):
            accepted, maps, _ = run_accepted(batch, self._maps)
            if maps:
                yield accepted.indices, maps
            self._on_progress("masks", number * len(images) + batch.end, 2 * len(images))

    def _maps(self, batch: ImageBatch) -> dict[int, np.ndarray]:
        maps: dict[int, np.ndarray] = {}

        def take(layer: int, values: torch.Tensor) -> None:
            if len(values) == len(batch.images) and values.numel():
                maps[layer] = float32_shared(values).copy()

        runner = self._cropper.runner
        run_layers(runner, runner.batch(batch.images), self._layers, self._cropper.pre_activation, take)
        return maps


class _Tops:
    """The greatest values of each filter, so many of them."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._values = np.zeros((0, 0), np.float32)

    def add(self, values: np.ndarray) -> None:
        """Takes in values `(F, n)`."""
        values = np.where(np.isnan(values), np.float32(-np.inf), values)
        together = np.concatenate([self._values, values], 1) if self._values.size else values
        kept = min(self._count + 1, together.shape[1])
        self._values = np.partition(together, together.shape[1] - kept, 1)[:, together.shape[1] - kept :]

    def threshold(self) -> np.ndarray:
        """The value that so many values exceed, or fewer where some are equal: `(F,)`."""
        threshold: np.ndarray = self._values.min(1)
        return threshold


class _Sums:
    """Pixels of each mask class, where each of `F` filters is on, and where both are."""

    def __init__(self, filters: int) -> None:
        self._on = np.zeros(filters)
        self._of_class: dict[int, float] = {}
        self._both: dict[int, np.ndarray] = {}
        self._by_chance: dict[int, np.ndarray] = {}  # with another image's mask
        self._on_by_chance = np.zeros(filters)
        self._of_class_by_chance: dict[int, float] = {}

    def add(self, on: np.ndarray, mask: np.ndarray, other: np.ndarray | None) -> None:
        """Takes in where the filters are on in an image, bool `(F, H, W)`, its mask, and that of another image."""
        flat = on.reshape(len(on), -1)
        self._on += _count(self._both, self._of_class, flat, mask)
        if other is not None:
            self._on_by_chance += _count(self._by_chance, self._of_class_by_chance, flat, other)

    def overlaps(self, layer: LayerIdentity) -> Iterator[Overlap]:
        """What is told of each filter."""
        for number, on in enumerate(self._on):
            by_mask = {
                name: _share(self._both[name][number], on, pixels) for name, pixels in sorted(self._of_class.items())
            }
            if not on or not by_mask:
                reason = "its map is nowhere above its top quantile" if by_mask else "no mask class was seen"
                yield Overlap(layer.title, number, None, 0.0, 0.0, by_mask, f"can't tell: {reason}")
                continue
            best = max(by_mask, key=lambda name: by_mask[name])
            chance = float("nan")
            if best in self._by_chance:
                pixels = self._of_class_by_chance[best]
                chance = _share(self._by_chance[best][number], self._on_by_chance[number], pixels)
            sentence = f"overlaps most with mask {best}: IoU {by_mask[best]:.2f}, {chance:.2f} in other images' masks"
            yield Overlap(layer.title, number, best, by_mask[best], chance, by_mask, sentence)


def _count(both: dict[int, np.ndarray], of_class: dict[int, float], on: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Adds an image's pixels to the sums, and returns where the filters are on, pixels of no class left out."""
    flat = mask.ravel()
    for name in np.unique(flat[flat >= 0]).tolist():
        inside = flat == name
        both[name] = both.get(name, 0) + on[:, inside].sum(1)
        of_class[name] = of_class.get(name, 0) + float(inside.sum())
    counted: np.ndarray = on[:, flat >= 0].sum(1)
    return counted


def _share(both: float, on: float, of_class: float) -> float:
    return float(both / max(on + of_class - both, 1))


def _resized(maps: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Maps `(F, h, w)` in another size."""
    if maps.shape[1:] == tuple(size):
        return maps
    resized: np.ndarray = F.interpolate(
        torch.from_numpy(maps)[None], size=tuple(size), mode="bilinear", align_corners=False
    )[0].numpy()
    return resized
