"""Where passes back end: the places in autograd's graph that the activations of a pass have."""

from __future__ import annotations

import torch
from torch.autograd.graph import GradientEdge, get_gradient_edge


class GradientEdges:
    """The gradient edges of the activations of one pass; activations without a gradient have none.

    An edge is of the tensor as it was when it was noted: the net may write into it further on.

    Example:
        >>> x = torch.ones(2, requires_grad=True)
        >>> activation, edges = 3 * x, GradientEdges()
        >>> edges.note(0, activation)
        >>> edges.finish()
        >>> edges.gradients((activation**2).sum(), again=False)[0].tolist()
        [6.0, 6.0]
    """

    def __init__(self) -> None:
        self._edges: dict[int, GradientEdge] = {}
        self._late: dict[int, tuple[torch.Tensor, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._edges)

    def note(self, layer: int, activation: torch.Tensor) -> None:
        """Notes the activation of a layer, in the pass."""
        if activation.requires_grad and activation.grad_fn is not None:
            self._edges[layer] = get_gradient_edge(activation)
        else:
            self._late[layer] = activation, activation._version

    def finish(self) -> None:
        """After the pass: inside of a scripted module torch gives a tensor its gradient only after it was seen."""
        for layer, (activation, version) in self._late.items():
            if activation.requires_grad and activation.grad_fn is not None and activation._version == version:
                self._edges[layer] = get_gradient_edge(activation)

    def gradients(self, total: torch.Tensor, again: bool) -> dict[int, torch.Tensor | None]:
        """The gradient of a number by each layer's activation.

        Args:
            total: The number.
            again: Whether others follow from the same pass.

        Raises:
            Exception: What autograd raises, or a function of the user's own on the way back.
        """
        edges = list(self._edges.values())
        try:
            gradients = torch.autograd.grad(total, edges, allow_unused=True, retain_graph=again)
        except Exception:
            if not again:
                raise
            gradients = torch.autograd.grad(total, edges, allow_unused=True)  # some functions go back only once
        return dict(zip(self._edges, gradients, strict=True))
