"""Finds a net's own state in what a checkpoint holds, whatever wraps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from filterscope.errors import CheckpointError

_WRAPPERS = ("module", "_orig_mod")  # the parts that DataParallel and torch.compile add to a name
_USUAL = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights")
_DEEPEST = 3
# What counts calls, and is no weight: an older checkpoint may lack it, or an averaged one have it besides.
_COUNTERS = ("num_batches_tracked", "n_averaged", "total_ops", "total_params")

State = dict[str, torch.Tensor]
"""The tensors of a net by their names in `state_dict()`."""


def template_of(net: nn.Module) -> State:
    """The names, shapes and dtypes of a net's state, without values; tensors that are not plain are left out."""
    return {
        name: torch.empty(value.shape, dtype=value.dtype, device="meta")
        for name, value in net.state_dict().items()
        if type(value) in (torch.Tensor, nn.Parameter) and _is_plain(value)
    }


def _is_plain(value: torch.Tensor) -> bool:
    """Whether numbers lie one beside the other: not sparse, quantised, nested, or laid out for a library."""
    return value.layout is torch.strided and not value.is_quantized and not value.is_nested


def find_state(content: Any, template: Mapping[str, torch.Tensor]) -> State:
    """The state of a net in what a checkpoint holds, under the net's own names.

    Looked for is a dictionary of tensors, at the top or under a name such as `state_dict`, `model_state_dict` or
    `model`. Names may begin with any prefix that all of the net's tensors have there (`model.`, `net.`, `backbone.`),
    and have the parts that `DataParallel` and `torch.compile` add, `module.` and `_orig_mod.`.

    Args:
        content: What was read.
        template: The net's names and shapes, from `template_of`.

    Returns:
        Tensors under the template's names; a counter of calls that an old checkpoint lacks is left out.

    Raises:
        CheckpointError: If there is no such state; the sentence says where the nearest one differs.

    Example:
        >>> net = nn.Conv2d(1, 2, 3)
        >>> saved = {"epoch": 3, "state_dict": {f"model.{name}": value for name, value in net.state_dict().items()}}
        >>> sorted(find_state(saved, template_of(net)))
        ['bias', 'weight']
    """
    if isinstance(content, nn.Module):
        content = content.state_dict()
    problems: list[tuple[int, str]] = []
    for candidate in candidates(content):
        for prefix in _prefixes(candidate, template):
            state = _under(candidate, prefix)
            problem = _difference(state, template)
            if problem is None:
                names = {plain_name(name): name for name in template}
                return {names[name]: value for name, value in state.items() if name in names}
            problems.append(problem)
    if not problems:
        raise CheckpointError("it holds no dictionary of tensors with names, as net.state_dict() is")
    raise CheckpointError(min(problems)[1])


def candidates(content: Any, depth: int = _DEEPEST) -> Iterator[dict[str, torch.Tensor]]:
    """The dictionaries of tensors with names, those under the usual names first."""
    if not isinstance(content, Mapping):
        return
    tensors = {name: value for name, value in content.items() if isinstance(name, str) and torch.is_tensor(value)}
    if tensors:
        yield tensors
    if depth:
        names = [name for name in _USUAL if name in content]
        for name in [*names, *(name for name in content if name not in names)]:
            inner = content[name]
            yield from candidates(inner.state_dict() if isinstance(inner, nn.Module) else inner, depth - 1)


def plain_name(name: str) -> str:
    """A tensor's name without the parts that `DataParallel` and `torch.compile` add to it."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _prefixes(candidate: Mapping[str, torch.Tensor], template: Mapping[str, torch.Tensor]) -> list[str]:
    """What the net's names may begin with there, the likeliest first."""
    first = plain_name(next((name for name in template if not name.endswith(_COUNTERS)), ""))
    names = [plain_name(name) for name in candidate]
    fitting = [name[: -len(first)] for name in names if name.endswith(first) and first]
    prefixes = [prefix for prefix in fitting if not prefix or prefix.endswith(".")]
    return list(dict.fromkeys(["", *sorted(prefixes, key=lambda prefix: prefix.count("."))]))


def _under(candidate: Mapping[str, torch.Tensor], prefix: str) -> State:
    plain = {plain_name(name): value for name, value in candidate.items()}
    return {name[len(prefix) :]: value for name, value in plain.items() if name.startswith(prefix)}


def _difference(state: State, template: Mapping[str, torch.Tensor]) -> tuple[int, str] | None:
    """In how many tensors a state differs from what the net needs, and a sentence; None where it fits."""
    needed = {plain_name(name): value for name, value in template.items()}
    missing = [name for name in needed if name not in state and not name.endswith(_COUNTERS)]
    unknown = [name for name in state if name not in needed and not name.endswith(_COUNTERS)]
    other = [name for name in needed if name in state and tuple(state[name].shape) != tuple(needed[name].shape)]
    count = len(missing) + len(unknown) + len(other)
    if not count:
        return None
    sentences = []
    if other:
        name = other[0]
        shapes = f"{tuple(state[name].shape)} there and {tuple(needed[name].shape)} in the net"
        sentences.append(f"{name} is {shapes}{_and_more(other)}")
    if missing:
        sentences.append(f"it lacks {missing[0]}{_and_more(missing)}, which the net has")
    if unknown:
        sentences.append(f"it has {unknown[0]}{_and_more(unknown)}, which the net lacks")
    return count, f"it is of another net: {'; '.join(sentences)}"


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
