"""What removed channels add to what follows them: constants that go into a bias, into a batch norm or into a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from filterscope.errors import NetError
from filterscope.nets.runner import NetRunner
from filterscope.surgery.ablation import LayersAblation
from filterscope.surgery.channels import Consumer
from filterscope.surgery.consumed import Consumed, ConsumedChannels
from filterscope.surgery.structure import Structure

_STILL = 1e-4  # of the largest value: what differs by less between images or positions is constant
_MERGED = 1e-3  # of a map's spread: what a partner may leave of it where they are merged


@dataclass(frozen=True, eq=False)
class Folded:
    """What one operation's output has from the removed channels.

    Attributes:
        consumer: The operation.
        bias: float64 `(F,)`: the same at all positions; where that is not exact, the mean over positions.
        map: float64 `(F, *S)`: exact, where the padding makes it another at the border; else None.
        partners: By channel: what a kept channel's weights gain, float64 of the shape of one channel's weights.
    """

    consumer: Consumer
    bias: torch.Tensor
    map: torch.Tensor | None = None
    partners: Mapping[int, torch.Tensor] = field(default_factory=dict)


def fold(
    runner: NetRunner,
    structure: Structure,
    labels: set[int],
    ablation: LayersAblation,
    batch: torch.Tensor,
    partner_of: Mapping[int, int],
) -> list[Folded]:
    """Finds what the removed channels add to the operations that take them, in the ablated net.

    Args:
        runner: Runs the net.
        structure: Its groups.
        labels: Labels of the removed channels.
        ablation: What their maps are replaced by.
        batch: At least two images, of which the sums must not depend.
        partner_of: Labels of channels that are computed from others, with these.

    Raises:
        NetError: If what follows has something of the image from these channels.
    """
    consumers = [consumer for consumer in structure.consumers_of(labels) if not _goes(structure, consumer, labels)]
    if not consumers:
        return []
    with runner.ready() as module:
        weights = dict(module.named_parameters())
    channels = {}
    for consumer in consumers:
        gone = np.flatnonzero(np.isin(consumer.inputs, list(labels)))
        channels[consumer.weight] = (weights[consumer.weight], gone, _partners(consumer, gone, partner_of))
    seen = ConsumedChannels(channels)
    ablation.run(runner, batch, lambda: seen)
    folded = []
    for consumer in consumers:
        if consumer.weight not in seen.consumed:
            raise NetError(f"a second pass did not come to {consumer.weight.rpartition('.')[0]}, as the first one did")
        weight, gone, others = channels[consumer.weight]
        folded.append(_folded(consumer, weight.detach().cpu().double(), gone, others, seen.consumed[consumer.weight]))
    return folded


def _goes(structure: Structure, consumer: Consumer, labels: set[int]) -> bool:
    """Whether the operation itself is removed as a whole."""
    outputs = structure.channels.cuts.get((consumer.weight, consumer.outputs))
    return outputs is not None and bool(np.isin(outputs, list(labels)).all())


def _partners(consumer: Consumer, gone: np.ndarray, partner_of: Mapping[int, int]) -> np.ndarray:
    """For each removed channel the one of its partner at the same place among the partner's; −1 for none."""
    places = []
    for channel in gone:
        label = int(consumer.inputs[channel])
        partner = partner_of.get(label)
        if partner is None:
            places.append(-1)
            continue
        rank = int((consumer.inputs[:channel] == label).sum())
        there = np.flatnonzero(consumer.inputs == partner)
        places.append(int(there[rank]) if rank < len(there) else -1)
    return np.array(places, np.int64)


def _folded(
    consumer: Consumer, weight: torch.Tensor, gone: np.ndarray, partners: np.ndarray, consumed: Consumed
) -> Folded:
    values = consumed.values.clone()
    gains: dict[int, torch.Tensor] = {}
    columns = weight.movedim(consumer.axis, 0)
    module = consumer.weight.rpartition(".")[0]
    for row, (channel, partner) in enumerate(zip(gone, partners, strict=True)):
        if partner >= 0:
            scale = _slope(values[:, row], consumed.partners[:, row])
            rest = values[:, row] - scale * consumed.partners[:, row]
            if _varies(rest, float(values[:, row].std())) > _MERGED:
                raise NetError(f"a duplicate's map is not a multiple of its partner's any more where {module} takes it")
            values[:, row] = rest.mean(0)
            gains[int(partner)] = gains.get(int(partner), 0) + scale * columns[int(channel)]
    largest = float(values.abs().amax()) or 1.0
    spread = (values.amax(0) - values.amin(0)).amax()
    if float(spread) > _STILL * largest:
        raise NetError(f"what {module} has from the removed filters depends on the image even where these are constant")
    constant = values.mean(0, keepdim=True)
    kept = columns[torch.from_numpy(gone)].movedim(0, consumer.axis)
    if not consumed.options:
        return Folded(consumer, torch.mm(constant, kept.T)[0], None, gains)
    stride, padding, dilation, transposed, output_padding, groups = consumed.options
    total = torch.ops.aten.convolution(
        constant, kept, None, stride, padding, dilation, transposed, output_padding, groups
    )[0]
    flat = total.flatten(1)
    bias = flat.mean(1)
    uneven = (flat - bias[:, None]).abs().amax()
    exact = float(uneven) <= 1e-6 * max(float(flat.abs().amax()), 1e-30)
    return Folded(consumer, bias, None if exact else total, gains)


def _slope(values: torch.Tensor, partner: torch.Tensor) -> float:
    centred = partner - partner.mean()
    power = float((centred**2).sum())
    return float((centred * (values - values.mean())).sum()) / power if power else 0.0


def _varies(values: torch.Tensor, scale: float) -> float:
    return float((values - values.mean(0)).abs().amax()) / scale if scale else 0.0
