"""Carries footprints along with the tensors of a pass, through every operation that torch runs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch._compile import _disable_dynamo
from torch.utils._python_dispatch import TorchDispatchMode

from filterscope.receptive_field.footprint import Footprint, of_image
from filterscope.receptive_field.footprint_joins import together
from filterscope.receptive_field.index_maps import IndexMap, gathered, padded
from filterscope.receptive_field.rules.lookup import rule_for
from filterscope.receptive_field.rules.registry import Call

_MARK = "_filterscope_footprint"
_PARTS = frozenset(["slice", "select"])
_NEW = frozenset(
    f"{prefix}{name}{suffix}"
    for name in ("empty", "zeros", "ones", "full", "rand", "randn", "empty_strided")
    for prefix, suffix in (("new_", ""), ("", "_like"))
)  # they use only the shape of their arguments
_OVERWRITES = frozenset(["copy_", "fill_", "zero_"])  # in place, and no old value stays


class FootprintMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees each ATen operation of a pass and marks its outputs with their footprints.

    A footprint is an attribute of its tensor, so it lives as long as the tensor.

    Attributes:
        lost: The operations that could not be followed, and how often each ran.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.lost: Counter[str] = Counter()

    def begin(self, tensor: torch.Tensor, rank: int) -> None:
        """Declares a tensor to be the image: its last `rank` axes are the image's, and each pixel sees itself."""
        self._mark(tensor, of_image(tensor.shape, rank))

    def footprint_of(self, value: Any) -> Footprint | None:
        """The footprint of a tensor; None where it does not depend on the image, or is not a tensor."""
        owner, footprint, _ = getattr(value, _MARK, (None, None, None))
        return footprint if owner is self and footprint is not None and footprint.shape == tuple(value.shape) else None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: otherwise torch imports its compiler, which takes seconds; see `__torch_dispatch__`."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        see = _see_uncompiled if "torch._dynamo" in sys.modules else FootprintMode._see
        return see(self, func, types, args, kwargs)

    def _see(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.partition("::")[2]
        seen = [part for part in map(self.footprint_of, _tensors((args, kwargs))) if part is not None]
        result = func(*args, **kwargs)
        if (not seen and name not in _PARTS) or name in _NEW or (name == "copy_" and _onto_itself(*args[:2])):
            return result
        call = Call(func, _named(func, args, kwargs), result, self.footprint_of)
        outputs = list(_tensors(result))
        footprints = self._follow(call, name, outputs, seen) if seen else [None] * len(outputs)
        source: Any = next(iter(call.args.values()), None)
        for tensor, footprint in zip(outputs, footprints, strict=True):
            if tensor is source:
                self._write(tensor, footprint, name in _OVERWRITES)
            else:
                self._mark(tensor, footprint, Part.of(source, call) if name in _PARTS else None)
        return result

    def _follow(
        self, call: Call, name: str, outputs: list[torch.Tensor], seen: list[Footprint]
    ) -> list[Footprint | None]:
        """The footprint of each output of a call.

        Args:
            call: The call.
            name: The operation's name without its namespace.
            outputs: The tensors in its result.
            seen: The footprints of its arguments, at least one.
        """
        rule = rule_for(call.func)
        computed: Any = None
        try:
            if name in _OVERWRITES:
                source = self.footprint_of(call.args.get("src"))
                return [None if source is None else source.expanded(outputs[0].shape)]
            if rule is not None:
                computed = rule(call)
        except Exception:  # Untraceable, or a call with arguments that the rule does not know
            computed = None
        if computed is None:
            self.lost[name] += 1
        parts = computed if isinstance(computed, list) else [computed] * len(outputs)
        return [
            part if part is not None and part.shape == tuple(tensor.shape) else _lost(seen, tensor)
            for part, tensor in zip(parts, outputs, strict=True)
        ]

    def _write(self, tensor: torch.Tensor, footprint: Footprint | None, overwritten: bool) -> None:
        """Marks a tensor that was written to in place, and the tensor of which it is a view."""
        before, part = self.footprint_of(tensor), getattr(tensor, _MARK, (None, None, None))[2]
        self._mark(tensor, footprint, part)
        if _same(before, footprint):
            return
        if part is not None:
            base = part.base
            whole = self.footprint_of(base)
            try:
                base_footprint = part.written(whole, footprint, overwritten)
            except Exception:
                base_footprint = _lost([seen for seen in (whole, footprint) if seen is not None], base)
            self._write(base, base_footprint, False)
        elif tensor._base is not None:  # a view that was not followed
            whole = self.footprint_of(tensor._base)
            known = [seen for seen in (whole, footprint) if seen is not None]
            self._mark(tensor._base, _lost(known, tensor._base) if known else None)

    def _mark(self, tensor: torch.Tensor, footprint: Footprint | None, part: Part | None = None) -> None:
        setattr(tensor, _MARK, (self, footprint, part))


_see_uncompiled = _disable_dynamo(FootprintMode._see)


@dataclass
class Part:
    """The place of a slice in its base tensor, so that the base's footprint changes when the slice is written to.

    Attributes:
        base: The base tensor.
        indices: For each axis of the base the indices that the slice has.
        kept: The axes of the base that the slice has.
    """

    base: torch.Tensor
    indices: list[np.ndarray]
    kept: list[int]

    @staticmethod
    def of(base: torch.Tensor, call: Call) -> Part:
        """The place of the result of `slice` or `select` in the tensor that it was called with."""
        a = call.args
        dim = a["dim"] % base.ndim
        chosen = np.arange(base.shape[dim])
        chosen = chosen[a["index"]][None] if "index" in a else chosen[slice(a["start"], a["end"], a["step"])]
        indices = [np.arange(n) for n in base.shape]
        indices[dim] = chosen
        kept = [k for k in range(base.ndim) if k != dim or "index" not in a]
        return Part(base, indices, kept)

    def written(self, whole: Footprint | None, part: Footprint | None, overwritten: bool) -> Footprint | None:
        """The base's footprint after the slice was written to.

        Args:
            whole: The base's footprint before, None where it does not depend on the image.
            part: The footprint of what the slice has now.
            overwritten: Whether no old value stays in the slice.

        Raises:
            Untraceable: If the image's axes lie differently in base and slice.
        """
        partly = [k for k, index in enumerate(self.indices) if len(index) != self.base.shape[k]]
        if not partly and overwritten:
            whole = None
        placed = None
        if part is not None:
            placed = part.viewed([len(index) for index in self.indices])
            for dim in partly:
                placed = placed.along(dim, self._placing(dim))
        if whole is not None and overwritten:
            before = whole
            for dim in partly:
                before = before.along(dim, gathered(self.indices[dim]))
            if before.alive:  # what it saw is gone, but remains in the base's footprint
                whole = whole.doubtful()
        known = [seen for seen in (whole, placed) if seen is not None]
        return together(known, tuple(self.base.shape)) if known else None

    def _placing(self, dim: int) -> IndexMap:
        index, size = self.indices[dim], self.base.shape[dim]
        if len(index) and index[-1] - index[0] == len(index) - 1:
            return padded(len(index), int(index[0]), size - 1 - int(index[-1]))
        source = np.full(size, -1)
        source[index] = np.arange(len(index))
        return gathered(source)


def _onto_itself(to: torch.Tensor, source: torch.Tensor) -> bool:
    """Whether a copy has equal source and target, as Python's second step of `map[:, 1:] += …` has."""
    return to.data_ptr() == source.data_ptr() and (to.shape, to.stride()) == (source.shape, source.stride())


def _same(before: Footprint | None, after: Footprint | None) -> bool:
    if before is None or after is None:
        return before is after
    return before.dims == after.dims and before.reaches == after.reaches and np.array_equal(before.labels, after.labels)


def _lost(seen: list[Footprint], tensor: torch.Tensor) -> Footprint:
    """The footprint of a tensor that was computed from others in an unknown way: an upper bound."""
    shape = tuple(tensor.shape)
    return together([part.lost(shape) for part in seen], shape)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)


def _named(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an ATen operation by name, with defaults for those that were left out."""
    schema = func._schema.arguments
    named = {argument.name: argument.default_value for argument in schema if argument.has_default_value()}
    positional = {argument.name: value for argument, value in zip(schema, args, strict=False)}
    return {name: (positional | kwargs).get(name, named.get(name)) for name in (argument.name for argument in schema)}
