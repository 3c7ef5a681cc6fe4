"""Kernels that stand in the twin's passes in place of the net's own: a trial; the user's net knows nothing of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.nets.layers import ConvLayer
from filterscope.nets.modules import all_modules


@dataclass(frozen=True, eq=False)
class KernelEdit:
    """Other kernels for one filter.

    Attributes:
        layer: Name of the layer's module; all calls of that module have these kernels.
        filter: Index of the filter.
        kernel: float32 `(C_in/groups, *k)`, not to be written to.
        groups: The layer's groups.
        transposed: Whether the layer is a transposed convolution.
    """

    layer: str
    filter: int
    kernel: np.ndarray
    groups: int
    transposed: bool

    def __repr__(self) -> str:
        return f"KernelEdit({self.layer}, filter {self.filter}, kernel {self.kernel.shape})"

    def write(self, weight: torch.Tensor) -> None:
        """Puts the kernels into the layer's weight, `(F, C_in/groups, *k)`; transposed, `(C_in, F/groups, *k)`."""
        values = torch.from_numpy(self.kernel.copy()).to(weight)
        if not self.transposed:
            weight[self.filter] = values
            return
        group, place = divmod(self.filter, weight.shape[1])
        weight[group * len(values) : (group + 1) * len(values), place] = values

    def fits(self, weight: torch.Tensor) -> bool:
        """Whether a weight has such a filter."""
        channels, *size = self.kernel.shape
        if self.transposed:
            inputs, filters = channels * self.groups, weight.shape[1] * self.groups
            return tuple(weight.shape[2:]) == tuple(size) and weight.shape[0] == inputs and self.filter < filters
        return tuple(weight.shape[1:]) == self.kernel.shape and self.filter < weight.shape[0]


class KernelEdits:
    """All edits of a net; those of one layer make one weight, which lives until `forget`.

    Args:
        edits: The edits, at most one a filter.

    Example:
        >>> import numpy as np, torch
        >>> conv = torch.nn.Conv2d(1, 2, 3)
        >>> edits = KernelEdits([KernelEdit("", 1, np.ones((1, 3, 3), np.float32), 1, False)])
        >>> with edits.applied(conv):
        ...     inside = float(conv.weight[1].sum())
        >>> inside, float(conv.weight[1].sum()) == 9.0
        (9.0, False)
    """

    def __init__(self, edits: Sequence[KernelEdit] = ()) -> None:
        self.edits = tuple(edits)
        self._made: dict[str, tuple[torch.Tensor, nn.Parameter]] = {}  # by layer: of which weight, and the edited one

    def __bool__(self) -> bool:
        return bool(self.edits)

    @property
    def note(self) -> str:
        """A sentence that names them, for people; empty where there are none."""
        if not self.edits:
            return ""
        names = ", ".join(f"{edit.layer} filter {edit.filter}" for edit in self.edits[:3])
        more = f" and {len(self.edits) - 3} more" if len(self.edits) > 3 else ""
        return f"A trial: {names}{more} has other kernels here than in your net."

    def forget(self) -> None:
        """The net's weights are others now: the edited ones are made anew of these."""
        self._made.clear()

    def weight(self, layer: str, live: torch.Tensor) -> torch.Tensor:
        """A layer's weight with its edits; the live one itself where it has none."""
        edits = [edit for edit in self.edits if edit.layer == layer and edit.fits(live)]
        if not edits:
            return live
        of, edited = self._made.get(layer, (None, None))
        if edited is None or of is not live:
            with torch.no_grad():
                values = live.detach().clone()
                for edit in edits:
                    edit.write(values)
            edited = nn.Parameter(values, live.requires_grad)
            self._made[layer] = live, edited
        return edited

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """Has the twin run with the edited weights in the body; a weight that modules share is edited in all of them.

        Args:
            module: The twin, never the user's own net.
        """
        if not self.edits:
            yield
            return
        named = dict(module.named_modules())
        edited: dict[int, torch.Tensor] = {}
        for layer in {edit.layer for edit in self.edits}:
            live = None if (part := named.get(layer)) is None else part._parameters.get("weight")
            if live is not None:
                edited[id(live)] = self.weight(layer, live)
        replaced: list[tuple[dict[str, Any], str, torch.Tensor]] = []
        for part in all_modules(module):
            if isinstance(part, torch.jit.ScriptModule):
                continue
            parameters: dict[str, Any] = part._parameters
            for name, live in parameters.items():
                if id(live) in edited:
                    replaced.append((parameters, name, live))
                    parameters[name] = edited[id(live)]
        try:
            yield
        finally:
            for parameters, name, live in replaced:
                parameters[name] = live

    def fitting(self, layers: Sequence[ConvLayer]) -> KernelEdits:
        """The edits of filters that a net still has."""
        shapes = {each.name: (each.channels, *each.kernel_size) for each in layers if editable(each)}
        filters = {each.name: each.out_channels for each in layers}
        kept = [
            edit
            for edit in self.edits
            if shapes.get(edit.layer) == edit.kernel.shape and edit.filter < filters[edit.layer]
        ]
        return KernelEdits(kept)


def editable(layer: ConvLayer) -> bool:
    """Whether a layer's kernels are a parameter of its module, which an edit can take the place of."""
    return layer.plain and layer.module is not None and not isinstance(layer.module, torch.jit.ScriptModule)
