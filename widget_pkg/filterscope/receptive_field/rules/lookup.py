"""What each of torch's operations does to a footprint.

The operations are ATen's, to which whatever a net calls is brought down: a rule a name, with or without the underscore
of an in-place one. One that computes position by position (torch tags it so) needs no rule; one that has none is lost:
what comes after it is said to see at most all that it was given.
"""

from __future__ import annotations

import torch

from filterscope.receptive_field.rules import axes, values, windows  # noqa: F401  (each adds its rules)
from filterscope.receptive_field.rules.registry import RULES, Rule
from filterscope.receptive_field.rules.values import pointwise


def rule_for(operation: torch._ops.OpOverload) -> Rule | None:
    """The rule of an ATen operation; None where there is none."""
    namespace, _, name = operation._schema.name.partition("::")
    own = (RULES.get(name) or RULES.get(name.removesuffix("_"))) if namespace == "aten" else None
    return own or (pointwise if torch.Tag.pointwise in operation.tags else None)
