"""How a rule for one of torch's operations is written: a function of the call that gives its outputs' footprints."""

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
        func: The overload.
        args: Its arguments by their names in ATen's signature, defaults filled in.
        result: What it gave.
        footprint_of: The footprint of a tensor among the arguments; None where it does not depend on the image.
    """

    func: Any
    args: dict[str, Any]
    result: Any
    footprint_of: Callable[[torch.Tensor], Footprint | None]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of its first output."""
        first = self.result[0] if isinstance(self.result, tuple | list) else self.result
        return tuple(first.shape)

    @property
    def given(self) -> Footprint:
        """The footprint of its first argument.

        Raises:
            Untraceable: If that does not depend on the image.
        """
        found = self.footprint_of(next(iter(self.args.values())))
        if found is None:
            raise Untraceable
        return found


Rule = Callable[[Call], Any]
"""Gives the footprint of the first output, or a list with one for each output."""

RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Makes a function the rule of these operations.

    Raises:
        ValueError: If one of them has a rule already: the second would win in silence.
    """

    def add(function: Rule) -> Rule:
        for name in names:
            if name in RULES:
                raise ValueError(f"{name} has a rule already, {RULES[name].__name__}; one operation has one rule")
            RULES[name] = function
        return function

    return add


def each(value: Any, rank: int, otherwise: int) -> list[int]:
    """One number for each axis; a single one, or none, stands for all."""
    values = [value] if isinstance(value, int) else list(value or [otherwise])
    return values * rank if len(values) == 1 else values
