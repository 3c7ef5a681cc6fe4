"""Footprints go with the tensors of a pass, through every operation that torch runs for it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from filterscope.receptive_field.footprint import Footprint, of_image
from filterscope.receptive_field.footprint_joins import together
from filterscope.receptive_field.index_maps import IndexMap, gathered, padded
from filterscope.receptive_field.rules.lookup import rule_for
from filterscope.receptive_field.rules.registry import Call

_MARK = "_filterscope_footprint"
_PARTS = frozenset(["slice", "select"])
_NEW = frozenset(
    f"{kind}{what}{end}"
    for what in ("empty", "zeros", "ones", "full", "rand", "randn", "empty_strided")
    for kind, end in (("new_", ""), ("", "_like"))
)  # only the shape is taken of what they are given
_OVERWRITES = frozenset(["copy_", "fill_", "zero_"])  # in place, and nothing of what was there stays


class FootprintMode(TorchDispatchMode):
    """Sees each ATen operation and marks what it gives with its footprint.

    A tensor carries its own footprint, which therefore lives as long as the tensor does.

    Attributes:
        lost: How often which operation could not be followed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost: Counter[str] = Counter()

    def begin(self, tensor: torch.Tensor, rank: int) -> None:
        """Takes a tensor as the image: its last `rank` axes are the image's, and each of its positions sees itself."""
        self._mark(tensor, of_image(tensor.shape, rank))

    def footprint_of(self, value: Any) -> Footprint | None:
        """What a tensor's positions see; None where it does not depend on the image."""
        owner, footprint, _ = getattr(value, _MARK, (None, None, None))
        return footprint if owner is self and footprint is not None and footprint.shape == tuple(value.shape) else None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch would import its compiler here, which takes seconds: done below, where that is there already."""
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
        found = self._follow(call, name, outputs, seen) if seen else [None] * len(outputs)
        given: Any = next(iter(call.args.values()), None)
        for tensor, footprint in zip(outputs, found, strict=True):
            if tensor is given:
                self._write(tensor, footprint, name in _OVERWRITES)
            else:
                self._mark(tensor, footprint, Part.of(given, call) if name in _PARTS else None)
        return result

    def _follow(
        self, call: Call, name: str, outputs: list[torch.Tensor], seen: list[Footprint]
    ) -> list[Footprint | None]:
        """The footprint of each output."""
        rule = rule_for(call.func)
        found: Any = None
        try:
            if name in _OVERWRITES:
                source = self.footprint_of(call.args.get("src"))
                return [None if source is None else source.expanded(outputs[0].shape)]
            if rule is not None:
                found = rule(call)
        except Exception:  # Untraceable, or an operation that is called in another way than is known: it is lost
            found = None
        if found is None:
            self.lost[name] += 1
        parts = found if isinstance(found, list) else [found] * len(outputs)
        return [
            part if part is not None and part.shape == tuple(tensor.shape) else _lost(seen, tensor)
            for part, tensor in zip(parts, outputs, strict=True)
        ]

    def _write(self, tensor: torch.Tensor, footprint: Footprint | None, overwritten: bool) -> None:
        """Marks a tensor that was written to; where it is a part of another one, that one too."""
        before, part = self.footprint_of(tensor), getattr(tensor, _MARK, (None, None, None))[2]
        self._mark(tensor, footprint, part)
        if _same(before, footprint):
            return
        if part is not None:
            base = part.base
            whole = self.footprint_of(base)
            try:
                found = part.written(whole, footprint, overwritten)
            except Exception:
                found = _lost([one for one in (whole, footprint) if one is not None], base)
            self._write(base, found, False)
        elif tensor._base is not None:  # a part that was not followed
            whole = self.footprint_of(tensor._base)
            known = [one for one in (whole, footprint) if one is not None]
            self._mark(tensor._base, _lost(known, tensor._base) if known else None)

    def _mark(self, tensor: torch.Tensor, footprint: Footprint | None, part: Part | None = None) -> None:
        setattr(tensor, _MARK, (self, footprint, part))


_see_uncompiled = torch._disable_dynamo(FootprintMode._see)


@dataclass
class Part:
    """Which part of another tensor a slice of it is, so that what is written to the slice is known there too.

    Attributes:
        base: The other tensor.
        indices: For each of its axes the indices that the slice has.
        kept: Which of its axes the slice has.
    """

    base: torch.Tensor
    indices: list[np.ndarray]
    kept: list[int]

    @staticmethod
    def of(base: torch.Tensor, call: Call) -> Part:
        """The part that a call of `slice` or `select` took of a tensor, or of what that is a part of."""
        a = call.args
        dim = a["dim"] % base.ndim
        chosen = np.arange(base.shape[dim])
        chosen = chosen[a["index"]][None] if "index" in a else chosen[slice(a["start"], a["end"], a["step"])]
        indices = [np.arange(n) for n in base.shape]
        indices[dim] = chosen
        kept = [k for k in range(base.ndim) if k != dim or "index" not in a]
        return Part(base, indices, kept)

    def written(self, whole: Footprint | None, part: Footprint | None, overwritten: bool) -> Footprint | None:
        """What the other tensor sees after the slice was given new values.

        Raises:
            Untraceable: If the image's axes lie differently in the two.
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
            if before.alive:  # it is gone now, and yet counted
                whole = whole.doubtful()
        known = [one for one in (whole, placed) if one is not None]
        return together(known, tuple(self.base.shape)) if known else None

    def _placing(self, dim: int) -> IndexMap:
        index, size = self.indices[dim], self.base.shape[dim]
        if len(index) and index[-1] - index[0] == len(index) - 1:
            return padded(len(index), int(index[0]), size - 1 - int(index[-1]))
        source = np.full(size, -1)
        source[index] = np.arange(len(index))
        return gathered(source)


def _onto_itself(to: torch.Tensor, source: torch.Tensor) -> bool:
    """Whether a copy puts a tensor where it is already, as Python does after `map[:, 1:] += …`."""
    return to.data_ptr() == source.data_ptr() and (to.shape, to.stride()) == (source.shape, source.stride())


def _same(one: Footprint | None, other: Footprint | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.dims == other.dims and one.reaches == other.reaches and np.array_equal(one.labels, other.labels)


def _lost(seen: list[Footprint], tensor: torch.Tensor) -> Footprint:
    """What a tensor sees that was made in an unknown way from others."""
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
    """The arguments of an ATen operation by name, with the defaults that were left out."""
    schema = func._schema.arguments
    named = {argument.name: argument.default_value for argument in schema if argument.has_default_value()}
    given = {argument.name: value for argument, value in zip(schema, args, strict=False)}
    return {name: (given | kwargs).get(name, named.get(name)) for name in (argument.name for argument in schema)}
