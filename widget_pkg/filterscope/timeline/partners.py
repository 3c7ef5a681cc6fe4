"""Which filter of one net is which of another: correlation of what they compute, one to one, against a null.

Two filters are the same where their pre-activations go up and down together over images and positions, whatever their
number, their scale and their bias. The pairs are those of the greatest sum of Fisher's z, `artanh(r)` of each pair's
correlation (Hungarian method). Of the correlations themselves one filter without a partner would break up good pairs:
three of .95 in place of two of 1 and one of 0. How high a correlation arbitrary filters reach is found out by filters
of the second net whose weights are shuffled inside of each filter, paired in the same way: they see the same inputs
with the same weights, in an order that means nothing. A pair that does no better than these is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from filterscope.nets.conv_call import ConvCall
from filterscope.nets.runner import NetRunner

SHUFFLES = 99
ALPHA = 0.05
BY_INDEX = "paired by their index"
PLANNED = "as planned"
POSITIONS = 8192
"""At so many places, drawn over all images and positions, the maps of two layers are compared."""
PATCH_VALUES = 2**23
"""At fewer where a filter sees many values: what is kept of a layer for the null is 32 MB at most, unless one place an
image is more."""


@dataclass(frozen=True, eq=False)
class LayerPartners:
    """Which filters of a layer of net a are which of a layer of net b.

    Attributes:
        layer: The layer's title in a.
        layer_b: In b.
        partner: int64 `(F_a,)`, the filter of b; −1 for none.
        correlation: float32 `(F_a,)`, with the filter of b that the pairing gives, also where it counts for none; NaN
            where a has more filters than b and this one is left over, or where a map is constant.
        p: float32 `(F_a,)`: how often a pair with arbitrary filters correlates as highly; NaN where it is not known.
        merged_into: int64 `(F_a,)`, the filter of b that this one correlates with as highly as one of b's own partner
            does, where it has no partner itself; −1 for none.
        correlations: float32 `(F_a, F_b)`, of all pairs.
        note: Why there is no null, in words; "" where there is one.

    Example:
        >>> from filterscope import compare, demo
        >>> net = demo.fashion_net()
        >>> layer = compare(net, net, demo.fashion_test_data(), images=50, layers="conv1").of_layer("conv1")
        >>> layer.summary
        'conv1: all 10 found again'
    """

    layer: str
    layer_b: str
    partner: np.ndarray
    correlation: np.ndarray
    p: np.ndarray
    merged_into: np.ndarray
    correlations: np.ndarray
    note: str = ""

    @property
    def summary(self) -> str:
        """`conv2: 17 of 20 found again, 2 without a partner, 1 merged`."""
        if self.note == BY_INDEX:
            return f"{self.layer}: all {len(self.partner)} {BY_INDEX}"
        filters, merged = len(self.partner), int((self.merged_into >= 0).sum())
        again = int((self.partner >= 0).sum())
        alone = filters - again - merged
        planned = self.note == PLANNED
        kept, gone = ("stay", "left out") if planned else ("found again", "without a partner")
        first = f"all {filters} {kept}" if again == filters else f"{again} of {filters} {kept}"
        more = [f"{alone} {gone}"] * bool(alone) + [f"{merged} merged"] * bool(merged)
        return f"{self.layer}: {', '.join([first, *more])}"


@dataclass(frozen=True, eq=False)
class KnownPairs:
    """Which filters of a layer are which, where nobody has to find out.

    Attributes:
        partner: int64 `(F_a,)`, as in `LayerPartners`.
        merged_into: int64 `(F_a,)`.
        note: How it is known.
    """

    partner: np.ndarray
    merged_into: np.ndarray
    note: str

    @classmethod
    def by_index(cls, filters: int) -> KnownPairs:
        """Each filter is the one of the same index."""
        return cls(np.arange(filters), np.full(filters, -1), BY_INDEX)


class Places:
    """What two layers computed at the same places of the same images, gathered batch by batch.

    Args:
        images: How many images there will be.
        seed: Of the places that are drawn.
    """

    def __init__(self, images: int, seed: int = 0) -> None:
        self._images, self._random = max(1, images), np.random.default_rng(seed)
        self._a: list[torch.Tensor] = []
        self._b: list[torch.Tensor] = []
        self._patches: list[torch.Tensor] = []
        self._call: ConvCall | None = None
        self.note = ""

    def add(self, a: ConvCall, b: ConvCall) -> None:
        """Takes the calls of both nets for one batch of images.

        Raises:
            ValueError: If the maps have other sizes, so that no place of one is a place of the other.
        """
        if a.output.shape[2:] != b.output.shape[2:] or len(a.output) != len(b.output):
            sizes = [tuple(call.output.shape[2:]) for call in (a, b)]
            raise ValueError(f"their maps have other sizes, {sizes[0]} and {sizes[1]}")
        each = self._places_of_an_image(b)
        images, positions = len(a.output), int(np.prod(a.output.shape[2:]))
        chosen = torch.from_numpy(
            np.stack([self._random.integers(0, positions, each) for _ in range(images)])
        )  # (N, each)
        for call, kept in ((a, self._a), (b, self._b)):
            flat = call.output.detach().reshape(images, call.output.shape[1], positions).to("cpu", torch.float32)
            index = chosen[:, None].expand(-1, flat.shape[1], -1)
            kept.append(flat.gather(2, index).transpose(0, 1).reshape(flat.shape[1], -1))
        patches = _patches(b, chosen)
        if patches is None:
            self.note = "there is no null for a convolution of this kind, so no pair can be said to be chance"
        else:
            self._patches.append(patches)
            self._call = b

    def _places_of_an_image(self, call: ConvCall) -> int:
        seen = call.input.shape[1] * int(np.prod(call.weight.shape[2:]))  # values that the filters see at one place
        most = min(POSITIONS, PATCH_VALUES // max(1, seen))
        return max(1, -(-most // self._images))

    def partners(
        self, layer: str, layer_b: str, shuffles: int = SHUFFLES, known: KnownPairs | None = None
    ) -> LayerPartners:
        """The pairs, and how likely arbitrary filters do as well; or those that are known."""
        a, b = _standardised(torch.cat(self._a, 1)), _standardised(torch.cat(self._b, 1))
        correlations = _correlations(a, b)
        if known is not None:
            paired, has_one = correlations.numpy(), np.flatnonzero(known.partner >= 0)
            own, p = np.full((2, len(a)), np.nan, np.float32)
            own[has_one] = paired[has_one, known.partner[has_one]]
            return LayerPartners(layer, layer_b, known.partner, own, p, known.merged_into, paired, known.note)
        usable = torch.nan_to_num(correlations, nan=-2.0)
        rows, columns = pairs_of(usable.numpy())
        partner = np.full(len(a), -1)
        partner[rows] = columns
        correlation = np.full(len(a), np.nan, np.float32)
        correlation[rows] = correlations.numpy()[rows, columns]
        p = np.full(len(a), np.nan, np.float32)
        best, where = usable.max(1)
        merged = np.full(len(a), -1)
        if self._call is not None and not self.note:
            null, null_best = self._null(a, shuffles)
            p = _p_values(null, correlation)
            partner[~(p <= ALPHA)] = -1
            taken = set(partner[partner >= 0].tolist())
            p_best = _p_values(null_best, best.numpy())
            for index in np.flatnonzero(partner < 0):
                if p_best[index] <= ALPHA and int(where[index]) in taken:
                    merged[index] = int(where[index])
        partner[np.isnan(correlation)] = -1
        return LayerPartners(layer, layer_b, partner, correlation, p, merged, correlations.numpy(), self.note)

    def _null(self, a: torch.Tensor, shuffles: int) -> tuple[np.ndarray, np.ndarray]:
        """Correlations of each filter of a with b's shuffled filters, float32 `(shuffles, F_a)` each.

        Returns:
            With the one that the pairing gives, −2 where it gives none; and with the one that correlates most.
        """
        assert self._call is not None
        call, patches = self._call, torch.cat(self._patches, 1)  # (groups, M, C_in/groups · k)
        weights = call.kernels.detach().to("cpu", torch.float32).reshape(call.groups, -1, patches.shape[2])
        generator = torch.Generator().manual_seed(0)
        null = np.full((2, shuffles, len(a)), -2, np.float32)
        for number in range(shuffles):
            order = _other_order(torch.rand(weights.shape, generator=generator).argsort(2))
            values = torch.matmul(weights.gather(2, order), patches.transpose(1, 2))  # (groups, F/groups, M)
            found = _correlations(a, _standardised(values.reshape(-1, values.shape[2])))
            usable = torch.nan_to_num(found, nan=-2.0).numpy()
            rows, columns = pairs_of(usable)
            null[0, number, rows] = usable[rows, columns]
            null[1, number] = usable.max(1)
        return null[0], null[1]


def pairs_of(correlations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pairs with the greatest sum of Fisher's z; what correlates negatively is worth nothing.

    Args:
        correlations: float `(F_a, F_b)`; −2 for what cannot be paired.

    Example:
        >>> chain = np.array([[1, 0.95, 0], [0, 1, 0.95], [0.95, 0, 0]])  # the last filter has no partner
        >>> pairs_of(chain)[1].tolist()
        [0, 1, 2]
    """
    from scipy.optimize import linear_sum_assignment  # as in `verdicts.chance`: its import waits until somebody asks

    z = np.arctanh(np.clip(correlations.astype(np.float64), 0, 1 - 1e-6))
    rows, columns = linear_sum_assignment(np.where(correlations < -1, 1.0, -z))
    return rows, columns


def _other_order(order: torch.Tensor) -> torch.Tensor:
    """Orders `(…, n)` of which none leaves all as it was: of few weights that would be frequent."""
    same = (order == torch.arange(order.shape[-1])).all(-1, keepdim=True)
    return torch.where(same, order.roll(1, -1), order)


def _p_values(null: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """How often the null is as high, `(1 + #) / (1 + n)`; NaN stays."""
    p = (1 + (null >= observed - 1e-6).sum(0)) / (1 + len(null))
    return np.where(np.isnan(observed), np.nan, p).astype(np.float32)


def _standardised(values: torch.Tensor) -> torch.Tensor:
    """Rows with mean 0 and length 1; a constant row is NaN."""
    centred = values.double() - values.double().mean(1, keepdim=True)
    length = centred.square().sum(1, keepdim=True).sqrt()
    scale = values.double().abs().amax(1, keepdim=True) * values.shape[1] ** 0.5
    constant = length <= 1e-6 * scale
    return torch.where(constant, torch.nan, centred / length.clamp_min(1e-300)).float()


def _correlations(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", enabled=False):
        return torch.matmul(a, b.T).clamp(-1, 1)


def _patches(call: ConvCall, places: torch.Tensor) -> torch.Tensor | None:
    """What each filter sees at some places, `(groups, N · each, C_in/groups · k)`; None for what cannot be unfolded."""
    if call.transposed or call.rank > 2 or call.dynamic:
        return None
    images = call.input.detach().to("cpu", torch.float32)
    size, stride, dilation = tuple(call.weight.shape[2:]), call.stride, call.dilation
    if isinstance(call.padding, str):
        totals = [d * (k - 1) if call.padding == "same" else 0 for d, k in zip(dilation, size, strict=True)]
        pads = [(total // 2, total - total // 2) for total in totals]
    else:
        pads = [(pad, pad) for pad in call.padding]
    mode = "constant" if call.padding_mode == "zeros" else call.padding_mode
    images = F.pad(images, [side for pad in reversed(pads) for side in pad], mode=mode)
    if call.rank == 1:
        images, size, stride, dilation = images[:, :, None], (1, *size), (1, *stride), (1, *dilation)
    gathered = []
    for image, chosen in zip(images, places, strict=True):  # one by one: unfolded a batch takes much memory
        unfolded = F.unfold(image[None], size, dilation=dilation, stride=stride)[0]  # (C_in · k, positions)
        picked = unfolded[:, chosen].reshape(call.groups, -1, chosen.numel())
        gathered.append(picked.transpose(1, 2))
    return torch.cat(gathered, 1)


def calls_of(runner: NetRunner, batch: torch.Tensor, layers: Sequence[int]) -> tuple[dict[int, ConvCall], object]:
    """The convolution calls of some layers for a batch, with inputs and outputs of their own, and the net's output."""
    calls: dict[int, ConvCall] = {}

    def keep(layer: int, call: ConvCall) -> None:
        if layer in layers:
            call.input, call.output = call.input.detach().clone(), call.output.detach().clone()
            calls[layer] = call

    output = runner.run(batch, on_conv=keep)
    return calls, output
