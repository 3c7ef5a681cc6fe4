"""Reads what a net started from: a state dict, or a file that holds one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from filterscope.errors import CheckpointError, kind_of
from filterscope.nets.arrays import float32
from filterscope.nets.conv_call import in_order
from filterscope.nets.layers import ConvLayer
from filterscope.nets.net_state import candidates, plain_name
from filterscope.nets.weight_files import read_file
from filterscope.verdicts.weights.start import StartKernels

StateDict = Mapping[str, Any]

_COMPUTED = "its weights are computed in the forward pass, and no tensor of the checkpoint is these"


def read_start(
    start: StateDict | str | PathLike[str], layers: Sequence[ConvLayer], chosen: Sequence[int]
) -> StartKernels:
    """The kernels that a net started from.

    Names may have another beginning than the net's own, as `module.` or `model.`: what `DataParallel`, `torch.compile`
    and Lightning put before them. Files are read, and a state is found in them, as those of `checkpoints=` are.

    Args:
        start: A state dict, one inside of a checkpoint's dictionary, or the path of a file by `torch.save`, of one in
            safetensors' format, or of a folder as Hugging Face's trainer makes it. No file can run code.
        layers: The net's layers.
        chosen: Indices of those that are looked at.

    Raises:
        TypeError: If it is neither.
        CheckpointError: If the file cannot be read, or would run code when it is read.
        ValueError: If there is no such file, or the tensors are not those of this net.
    """
    names = {index: _weight_name(layers[index]) for index in chosen}
    weights, before = _weights(_loaded(start), [name for name in names.values() if name])
    kernels, spacing, missing = {}, {}, {}
    for index, name in names.items():
        layer = layers[index]
        if not name:
            missing[index] = _COMPUTED
        elif before + name not in weights:
            missing[index] = f"the checkpoint of the start has no {before + name}"
        else:
            weight = weights[before + name].detach().cpu()
            _check_shape(weight, layer, before + name)
            kernels[index] = float32(in_order(weight, layer.groups, layer.transposed))
            spacing[index] = float(torch.finfo(weight.dtype).eps) if weight.dtype.is_floating_point else 0.0
    if not kernels and any(names.values()):
        asked = ", ".join([name for name in names.values() if name][:3])
        there = ", ".join(list(weights)[:5]) or "no tensor"
        raise ValueError(
            f"start is not of this net: of its weights ({asked} …) the checkpoint has none; it has {there}. Give "
            "net.state_dict(), saved before training"
        )
    return StartKernels(kernels, spacing, missing)


def _loaded(start: Any) -> Any:
    """What was given, or what its file holds."""
    if not isinstance(start, str | PathLike):
        return start
    path = Path(start).expanduser()
    if not path.exists():
        raise ValueError(f"start is {str(start)!r}, and there is no such file; give the path of a state dict, or one")
    try:
        return read_file(path)
    except CheckpointError as error:
        raise CheckpointError(f"start is {str(start)!r}: {error}") from error
    except OSError as error:
        raise CheckpointError(f"start is {str(start)!r}: it cannot be read: {error}") from error


def _weights(loaded: Any, names: Sequence[str]) -> tuple[dict[str, torch.Tensor], str]:
    """The dictionary of tensors that has most of these names, and what stands before them there."""
    if not isinstance(loaded, Mapping):
        raise TypeError(
            f"start is {kind_of(loaded)}; give a state dict, net.state_dict() from before training, or the path of one"
        )
    there = [{plain_name(name): value for name, value in each.items()} for each in candidates(loaded)]
    found = [(weights, _beginning(weights, names)) for weights in there]
    return max(found, key=lambda each: sum(each[1] + name in each[0] for name in names), default=({}, ""))


def _weight_name(layer: ConvLayer) -> str:
    """The name of a layer's weight in the net's state dict; "" where none is its weight."""
    return plain_name(f"{layer.name}.weight" if layer.name else "weight") if layer.plain else ""


def _beginning(weights: Mapping[str, torch.Tensor], names: Sequence[str]) -> str:
    """What stands before the net's own names in the checkpoint, most often."""
    found: Counter[str] = Counter()
    for name in names:
        found.update(key[: -len(name)] for key in weights if key == name or key.endswith("." + name))
    return min(found, key=lambda before: (-found[before], len(before))) if found else ""


def _check_shape(weight: torch.Tensor, layer: ConvLayer, name: str) -> None:
    own = getattr(layer.module, "weight", None)
    if isinstance(own, torch.Tensor) and weight.shape != own.shape:
        raise ValueError(
            f"start is not of this net: its {name} is of shape {tuple(weight.shape)}, the net's of {tuple(own.shape)}; "
            "give the state dict that this training began with"
        )
