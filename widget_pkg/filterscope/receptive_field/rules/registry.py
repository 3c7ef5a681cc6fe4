"""The registry of rules: for each of torch's operations a function from its call to its outputs' footprints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from filterscope.receptive_field.footprint import Footprint, Untraceable


@dataclass
class Call:
    """One call of an ATen operation.

    Attributes:
        func: The operation's overload.
        args: Its arguments by their names in ATen's signature, with defaults.
        result: What it returned.
        footprint_of: Returns the footprint of a tensor among the arguments; None where it does not depend on the image.
    """

    func: Any
    args: dict[str, Any]
    result: Any
    footprint_of: Callable[[torch.Tensor], Footprint | None]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first output."""
        first = self.result[0] if isinstance(self.result, tuple | list) else self.result
        return tuple(first.shape)

    @property
    def footprint(self) -> Footprint:
        """Footprint of the first argument.

        Raises:
            Untraceable: If that does not depend on the image.
        """
        footprint = self.footprint_of(next(iter(self.args.values())))
        if footprint is None:
            raise Untraceable
        return footprint


Rule = Callable[[Call], Any]
"""Returns the footprint of the first output, or a list with one for each output."""

RULES: dict[str, Rule] = {}
"""The rules by the name of the operation."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    """A decorator that makes a function the rule of some operations.

    Args:
        names: Names of ATen operations, without namespace and overload.

    Raises:
        ValueError: If one of them has a rule already, which the new one would replace without notice.
    """

    def add(function: Rule) -> Rule:
        for name in names:
            if name in RULES:
                raise ValueError(f"{name} has a rule already, {RULES[name].__name__}; one operation has one rule")
            RULES[name] = function
        return function

    return add


def each(value: Any, rank: int, otherwise: int) -> list[int]:
    """One number for each of `rank` axes, from a list, a single number for all axes, or nothing for `otherwise`."""
    values = [value] if isinstance(value, int) else list(value or [otherwise])
    return values * rank if len(values) == 1 else values
