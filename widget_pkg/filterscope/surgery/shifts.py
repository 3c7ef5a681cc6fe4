"""By how much the logits move, to first order, when groups of filters are ablated: image by image.

Replacing an activation a by m moves the logit of class k by Δz_k = Σ (m − a) · ∂z_k/∂a. These moves add up over the
groups of a set, as the changes of the loss do not; `order` chooses sets by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.autograd.graph import GradientEdge, get_gradient_edge

from filterscope.nets.extra_inputs import attach_inputs, inputs_of
from filterscope.nets.runner import NetRunner
from filterscope.scans.refusals import run_accepted
from filterscope.scans.sampling import Samples, batches
from filterscope.surgery.ablation import LayersAblation, Merge
from filterscope.surgery.structure import Structure
from filterscope.verdicts.ablation.losses import log_probabilities

ALL_CLASSES = 10
"""Up to so many classes each has a pass back of its own; of more only the most probable ones of each image have."""
_CLASSES = 4
_IMAGES_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class LogitShifts:
    """The moves of the logits of some images.

    Attributes:
        groups: Indices of the groups `(G,)`.
        values: float32 `(N, K, G)`: the move of each of K logits.
        probabilities: float64 `(N, K)`: of these classes, 1 in sum.
    """

    groups: np.ndarray
    values: np.ndarray
    probabilities: np.ndarray

    def covariances(self) -> np.ndarray:
        """Σ_k p_k (Δz_k − Σ p Δz)(…)ᵀ between groups, averaged over images, `(G, G)`; half of it is what a set costs.

        That is the divergence of the output to second order, ½ Σ over the pairs of a set (Gauss, Newton).
        """
        p = self.probabilities.astype(np.float32)[:, :, None]
        centred = np.sqrt(p) * (self.values - (p * self.values).sum(1, keepdims=True))
        rows = torch.from_numpy(centred.reshape(-1, centred.shape[2]))
        result: np.ndarray = torch.mm(rows.T, rows).double().numpy()
        return result / max(len(self.values), 1)


def logit_shifts(
    runner: NetRunner,
    samples: Samples,
    images: np.ndarray,
    structure: Structure,
    groups: Sequence[int],
    ablated: LayersAblation,
    merges: Mapping[tuple[int, int], Merge],
) -> LogitShifts:
    """The moves of the logits for each of some groups, in a net in which others are ablated already.

    Args:
        runner: Runs the net.
        samples: The data set.
        images: Indices of the images.
        structure: The net's groups.
        groups: The groups that may go.
        ablated: What is ablated already, with the means of all layers.
        merges: Filters that are computed from their partner instead, where both are there.

    Raises:
        ValueError: If the net's output is not one score a class, or it cannot be differentiated.
    """
    values, probabilities = [], []
    refusals: list[Exception] = []
    for batch in batches(samples, images, 0, len(images), min(runner.images_at_once(), _IMAGES_AT_ONCE)):
        _, result, refused = run_accepted(
            batch,
            lambda part: _of_batch(runner, runner.batch(part.images), structure, groups, ablated, merges),
        )
        refusals += refused
        if result is not None:
            values.append(result[0])
            probabilities.append(result[1])
    if not values and refusals and isinstance(refusals[0], ValueError):
        raise refusals[0]
    if not values:
        raise ValueError("no image went through the net, so nothing tells which filters can go")
    return LogitShifts(np.array(groups, np.int64), np.concatenate(values), np.concatenate(probabilities))


def _of_batch(
    runner: NetRunner,
    batch: torch.Tensor,
    structure: Structure,
    groups: Sequence[int],
    ablated: LayersAblation,
    merges: Mapping[tuple[int, int], Merge],
) -> tuple[np.ndarray, np.ndarray]:
    layers = {layer for group in groups for layer, _ in structure.groups[group].last}
    seen: dict[int, torch.Tensor] = {}
    edges: dict[int, GradientEdge] = {}

    def look(layer: int, activation: torch.Tensor) -> None:
        filters = ablated.filters.get(layer)
        if filters:
            _ablate(ablated, layer, activation, filters)
        if layer in layers and activation.requires_grad and activation.grad_fn is not None:
            seen[layer] = activation.detach().clone()
            edges[layer] = get_gradient_edge(activation)

    inputs = inputs_of(batch)
    with torch.enable_grad():
        data = attach_inputs(batch.detach().requires_grad_().clone(), inputs)
    output = runner.run(data, layers | set(ablated.filters), look, gradients=True)
    with torch.enable_grad():
        scores = log_probabilities(output, len(batch), runner.known)
    if scores is None:
        raise ValueError("the net's output is not one score a class, so nothing tells which filters can go")
    if not edges or not scores.requires_grad:
        raise ValueError(
            "the net cannot be differentiated, so nothing tells which filters can go; name them by remove="
        )
    values, probabilities = [], []
    for total, probability in _logits(scores):
        gradients = torch.autograd.grad(total, list(edges.values()), retain_graph=True, allow_unused=True)
        moves = {
            layer: _moves(seen[layer], gradient, ablated.means[layer], merges, layer)
            for layer, gradient in zip(edges, gradients, strict=True)
            if gradient is not None
        }
        zero = np.zeros(len(batch), np.float32)
        values.append(
            np.stack(
                [
                    sum((moves[layer][:, index] for layer, index in structure.groups[g].last if layer in moves), zero)
                    for g in groups
                ],
                1,
            )
        )
        probabilities.append(probability)
    shares = np.stack(probabilities, 1)
    return np.stack(values, 1), shares / np.maximum(shares.sum(1, keepdims=True), 1e-12)


def _ablate(ablated: LayersAblation, layer: int, activation: torch.Tensor, filters: Sequence[int]) -> None:
    """Ablates maps in a pass that is differentiated: no gradient goes back through them."""
    with torch.no_grad():
        ablated(layer, activation.data)  # what autograd keeps of these maps is of no use to it
    if activation.requires_grad:
        stays = torch.ones(activation.shape[1], device=activation.device, dtype=activation.dtype)
        stays[list(filters)] = 0
        stays = stays.reshape(1, -1, *[1] * (activation.ndim - 2))
        activation.register_hook(lambda gradient: gradient * stays)  # type: ignore[no-untyped-call]


def _logits(scores: torch.Tensor) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
    """Logits to differentiate, summed over images, each with these classes' probabilities `(N,)`."""
    probabilities = scores.detach().double().exp().cpu()
    if scores.shape[1] <= ALL_CLASSES:
        for k in range(scores.shape[1]):
            yield scores[:, k].sum(), probabilities[:, k].numpy()
        return
    best = scores.detach().topk(_CLASSES, 1).indices
    for place in range(_CLASSES):
        column = best[:, place : place + 1]
        yield scores.gather(1, column).sum(), probabilities.gather(1, column.cpu())[:, 0].numpy()


def _moves(
    activation: torch.Tensor,
    gradient: torch.Tensor,
    means: np.ndarray,
    merges: Mapping[tuple[int, int], Merge],
    layer: int,
) -> np.ndarray:
    """Σ (new − activation) · gradient over positions, float32 `(N, F)`."""
    values, slopes = activation.float().flatten(2), gradient.float().flatten(2)
    if activation.ndim == 2:
        values, slopes = activation.float()[..., None], gradient.float()[..., None]
    sums = slopes.sum(2)
    moves = torch.from_numpy(means.astype(np.float32)).to(sums) * sums - (values * slopes).sum(2)
    for (of_layer, index), merge in merges.items():
        if of_layer == layer:
            new = merge.scale * values[:, merge.partner] + merge.offset
            moves[:, index] = ((new - values[:, index]) * slopes[:, index]).sum(1)
    numbers: np.ndarray = moves.cpu().numpy()
    return numbers
