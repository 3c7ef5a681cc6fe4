"""The smaller net, held against the ablated net before anybody gets it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_flatten

from filterscope.errors import NetError, describe_exception
from filterscope.inputs import Inputs
from filterscope.nets.runner import NetRunner
from filterscope.surgery.ablation import LayersAblation, Merge
from filterscope.surgery.cutting import Border, cut_net
from filterscope.surgery.folding import fold
from filterscope.surgery.structure import Structure, check_removable

TOLERANCE = 1e-4
"""Of the range of the net's output: by how much the smaller net may differ from the ablated one."""


@dataclass(frozen=True, eq=False)
class SmallerNet:
    """A net without some filters, and how it was made.

    Attributes:
        net: The net, in eval mode, with tensors of its own.
        difference: Largest difference of its output from the ablated net's, as a share of that output's range, over the
            images it was checked on: with a map of biases, which is exact.
        border_difference: The same with one bias a filter; equal where no padding makes a difference.
        inexact: Names of the convolutions whose padding makes one bias a filter inexact.
        gained: Names of the modules that gained a bias.
        merges: The duplicates that were computed from their partners.
    """

    net: nn.Module
    difference: float
    border_difference: float
    inexact: tuple[str, ...]
    gained: tuple[str, ...]
    merges: Mapping[tuple[int, int], Merge]


def make_smaller(
    runner: NetRunner,
    structure: Structure,
    groups: Iterable[int],
    means: Mapping[int, np.ndarray],
    images: Sequence[np.ndarray | Inputs],
    merges: Mapping[tuple[int, int], Merge] | None = None,
    border: Border = "bias",
) -> SmallerNet:
    """Makes a net without some groups of filters, and checks it.

    Args:
        runner: Runs the net, which is not changed.
        structure: Its groups.
        groups: Indices of the groups to remove.
        means: By layer, what a removed filter's map is replaced by, `(F,)`.
        images: Some images to check it on, two or more of one shape.
        merges: Filters that are computed from a partner that stays; those that cannot be are replaced by their means.
        border: What becomes of constants before a convolution that pads: see `cut_net`.

    Raises:
        NetError: If a group cannot be removed, a layer would be empty, or the smaller net differs from the ablated one.
    """
    chosen = sorted(set(groups))
    check_removable(structure, chosen)
    labels = {label for index in chosen for label in structure.groups[index].labels}
    filters = structure.filters_of(chosen)
    batches = _batches(runner, images)
    possible = _possible_merges(structure, chosen, merges or {})
    ablation = LayersAblation(means, filters, possible)
    try:
        folded = fold(runner, structure, labels, ablation, batches[0], _partner_of(structure, possible))
    except NetError:
        if not possible:
            raise
        ablation = LayersAblation(means, filters)
        folded = fold(runner, structure, labels, ablation, batches[0], {})
    expected = [ablation.run(runner, batch) for batch in batches]
    exact, gained = cut_net(runner, structure.channels, labels, folded, "map")
    difference = _difference(runner, exact, batches, expected)
    if not difference <= TOLERANCE:
        raise NetError(
            f"the smaller net's output differs from the ablated net's by {difference:.2g} of its range, so it is not "
            "what was measured; the net computes something from the number of its channels or from their order"
        )
    inexact = tuple(each.consumer.weight.rpartition(".")[0] for each in folded if each.map is not None)
    if not inexact:
        return SmallerNet(exact, difference, difference, (), gained, ablation.merges)
    plain, gained_plain = cut_net(runner, structure.channels, labels, folded, "bias")
    at_border = _difference(runner, plain, batches, expected)
    net, gained = (exact, gained) if border == "map" else (plain, gained_plain)
    return SmallerNet(net, difference, at_border, inexact, gained, ablation.merges)


def check_images_for(runner: NetRunner) -> list[np.ndarray]:
    """Two images of noise of the shape that the net takes, for a data set without two images of one shape."""
    random = np.random.default_rng(0)
    return [random.standard_normal(runner.image_shape).astype(np.float32) for _ in range(2)]


def _batches(runner: NetRunner, images: Sequence[np.ndarray | Inputs]) -> list[torch.Tensor]:
    """The images in one batch, or each alone where they do not go together."""
    together = all(isinstance(image, np.ndarray) for image in images) and runner.takes_batches(images)
    return [runner.batch(images)] if together else [runner.batch([image]) for image in images]


def _possible_merges(
    structure: Structure, groups: Sequence[int], merges: Mapping[tuple[int, int], Merge]
) -> dict[tuple[int, int], Merge]:
    """Those of filters that go alone, whose partners stay."""
    removed = {each for index in groups for each in structure.groups[index].filters}
    alone = {structure.groups[index].filters[0] for index in groups if len(structure.groups[index].filters) == 1}
    return {
        (layer, index): merge
        for (layer, index), merge in merges.items()
        if (layer, index) in alone and (layer, merge.partner) not in removed
    }


def _partner_of(structure: Structure, merges: Mapping[tuple[int, int], Merge]) -> dict[int, int]:
    """Labels of the merged filters with those of their partners."""
    return {
        structure.label_of(layer, index): structure.label_of(layer, merge.partner)
        for (layer, index), merge in merges.items()
    }


def _difference(
    runner: NetRunner, net: nn.Module, batches: Sequence[torch.Tensor], expected: Sequence[object]
) -> float:
    """Largest difference of a net's outputs from others, as a share of the range of these."""
    worst = 0.0
    for batch, output in zip(batches, expected, strict=True):
        try:
            with runner.ready():  # in our modes, with our random numbers
                actual = runner.call(net, batch.clone())
        except Exception as error:
            raise NetError(
                f"the smaller net does not run: {describe_exception(error)}. A number of channels stands in its "
                "forward function, as in x.view(-1, 500); write x.flatten(1), and the like, instead"
            ) from error
        pairs = list(zip(_floats(actual), _floats(output), strict=False))
        if len(_floats(actual)) != len(_floats(output)) or any(a.shape != b.shape for a, b in pairs):
            return float("inf")
        for a, b in pairs:
            spread = float(b.amax() - b.amin()) if b.numel() > 1 else abs(float(b.sum()))
            apart = float((a - b).abs().amax()) if b.numel() else 0.0
            worst = max(worst, apart / spread if spread else (0.0 if apart == 0 else float("inf")))
            if not np.isfinite(apart):
                return float("inf")
    return worst


def _floats(output: object) -> list[torch.Tensor]:
    values = tree_flatten(output)[0]
    return [
        value.detach().double() for value in values if isinstance(value, torch.Tensor) and value.is_floating_point()
    ]
