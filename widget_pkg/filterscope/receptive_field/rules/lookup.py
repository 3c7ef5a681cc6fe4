"""Finds the rule of an operation: what it does to footprints.

The operations are ATen's, which torch runs for whatever a net calls. A rule holds for a name, with or without the
underscore of an in-place operation. An operation that torch tags as pointwise needs no rule. Any other one without a
rule is lost: its output sees at most all that its inputs saw, as an upper bound.
"""

from __future__ import annotations

import torch

from filterscope.receptive_field.rules import axes, values, windows  # noqa: F401  (each adds its rules)
from filterscope.receptive_field.rules.registry import RULES, Rule
from filterscope.receptive_field.rules.values import pointwise


def rule_for(operation: torch._ops.OpOverload) -> Rule | None:
    """The rule of an ATen operation; None where there is none."""
    namespace, _, name = operation._schema.name.partition("::")
    own_rule = (RULES.get(name) or RULES.get(name.removesuffix("_"))) if namespace == "aten" else None
    return own_rule or (pointwise if torch.Tag.pointwise in operation.tags else None)
