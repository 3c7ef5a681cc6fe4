"""How far a net's scores go when one filter of it gets another net's weights, estimated by one pass back for a score.

To first order the scores go by `Σ (b's map − a's map) · ∂score/∂map` over a filter's positions, where both maps are of
what a's filter is given. It is the estimate by which pruning ranks filters (Molchanov et al. 2017, "Pruning
Convolutional Neural Networks for Resource Efficient Inference", eq. 9) with b's map in place of 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.graph import GradientEdge, get_gradient_edge

from filterscope.nets.conv_call import ConvCall
from filterscope.nets.modes import plain_modes
from filterscope.nets.outputs import class_output
from filterscope.nets.runner import NetRunner

MOST_SCORES = 16
"""Of so many scores the gradients are taken one by one; of more, of so many random sums of them."""


def moves_of_scores(
    runner: NetRunner, batch: torch.Tensor, weights: Mapping[int, tuple[torch.Tensor, torch.Tensor | None]]
) -> dict[int, torch.Tensor]:
    """For each image and filter the length of the way that the scores go, float64 `(N, F)`, by layer.

    A layer is left out whose weights have another shape, that is computed from the image, or that the net's scores
    cannot be differentiated by.

    Args:
        runner: Runs net a.
        batch: Images, from `runner.batch`.
        weights: Of net b's layers weight and bias, by a's layer.

    Example:
        >>> import numpy as np
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1, bias=False), torch.nn.Flatten())
        >>> runner = NetRunner(net)
        >>> _ = runner.find_layers(np.ones((1, 1, 1), "float32"))
        >>> other = net[0].weight.detach() + torch.tensor([0.5, -2.0]).view(2, 1, 1, 1)
        >>> moves_of_scores(runner, torch.ones(1, 1, 1, 1), {0: (other, None)})[0].round(decimals=3).tolist()
        [[0.5, 2.0]]
    """
    edges: dict[int, GradientEdge] = {}
    moves: dict[int, torch.Tensor] = {}

    def keep(layer: int, call: ConvCall) -> None:
        if layer not in weights or layer in edges or call.dynamic or call.output.grad_fn is None:
            return
        weight, bias = weights[layer]
        if weight.shape != call.weight.shape or len(call.output) != len(batch):
            return
        with torch.no_grad():
            other = _computed(call, weight.to(call.input), None if bias is None else bias.to(call.input))
            moves[layer] = other - call.output
        edges[layer] = get_gradient_edge(call.output)  # as it is now: the net may write into it

    with plain_modes(), torch.enable_grad():
        output = runner.run(batch.detach().requires_grad_().clone(), on_conv=keep, gradients=True)
        scores = class_output(output, len(batch), runner.known)
        if scores is None or not scores.requires_grad or not edges:
            return {}
        found = {layer: torch.zeros(move.shape[:2], dtype=torch.float64) for layer, move in moves.items()}
        for direction in _directions(scores):
            score = (scores * direction).sum()
            gradients = torch.autograd.grad(score, list(edges.values()), retain_graph=True, allow_unused=True)
            for layer, gradient in zip(edges, gradients, strict=True):
                if gradient is None:
                    continue
                way = (gradient * moves[layer]).flatten(2).sum(2)
                found[layer] += way.detach().to("cpu", torch.float64).square()
    return {layer: total.sqrt() for layer, total in found.items()}


def _directions(scores: torch.Tensor) -> Iterable[torch.Tensor]:
    """Unit vectors along all scores; of many, random signs, whose expected square is the same."""
    classes = scores.shape[1]
    if classes <= MOST_SCORES:
        return list(torch.eye(classes).to(scores))
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (MOST_SCORES, classes), generator=generator) * 2.0 - 1.0
    return list((signs / MOST_SCORES**0.5).to(scores))


def _computed(call: ConvCall, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """What a call would return with other weights."""
    images: torch.Tensor = call.input.detach()
    padding: Any = call.padding
    if call.transposed:
        transposed: Any = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[call.rank - 1]
        made: torch.Tensor = transposed(
            images, weight, bias, call.stride, padding, call.output_padding, call.groups, call.dilation
        )
        return made
    if call.padding_mode != "zeros":
        size = weight.shape[2:]
        totals = [d * (k - 1) for d, k in zip(call.dilation, size, strict=True)]
        pads = [(t // 2, t - t // 2) for t in totals] if isinstance(padding, str) else [(p, p) for p in padding]
        if padding != "valid":
            images = F.pad(images, [side for pad in reversed(pads) for side in pad], mode=call.padding_mode)
        padding = tuple(0 for _ in size)
    convolve: Any = (F.conv1d, F.conv2d, F.conv3d)[call.rank - 1]
    computed: torch.Tensor = convolve(images, weight, bias, call.stride, padding, call.dilation, call.groups)
    return computed
