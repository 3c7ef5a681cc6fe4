"""Tensors that are not plain: of a class of somebody's own, sparse, nested, quantised or inside of a transform.

Such a tensor need not know `view` or `numpy`, so it is only asked what it is known to answer.
"""

from __future__ import annotations

import zlib
from typing import Any

import torch

# How classes of tensors say what numbers they stand for: torchao's and others, DTensor, sparse and MKL-DNN tensors.
_OWN_CLASSES = frozenset([torch.Tensor, torch.nn.Parameter])
_METHODS = ("full_tensor", "dequantize", "to_dense")


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether a tensor's numbers lie in memory that can be read, whatever its class."""
    if type(tensor) in _OWN_CLASSES and tensor.layout == torch.strided and tensor.device.type in ("cpu", "cuda"):
        return not (tensor.is_nested or tensor.is_quantized or is_transformed(tensor))
    return (
        not _answers_itself(type(tensor))
        and tensor.layout == torch.strided
        and not (tensor.is_nested or tensor.is_quantized or tensor.device.type == "meta")
        and not is_transformed(tensor)
    )


def is_transformed(tensor: torch.Tensor) -> bool:
    """Whether a tensor stands for others inside of `torch.vmap` or another transform of `torch.func`."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def plain(tensor: torch.Tensor) -> torch.Tensor | None:
    """A tensor's numbers as a tensor of torch's own class; None where they cannot be had.

    Of a plain tensor it is the tensor itself.
    """
    if is_plain(tensor):
        return tensor
    if is_transformed(tensor) or tensor.device.type == "meta" or tensor.is_nested:
        return None
    for name in _METHODS:
        try:
            with torch.no_grad():
                dense: Any = getattr(tensor, name)()
        except Exception:  # whatever somebody's class raises; torch's own say so of an operation they do not know
            continue
        if isinstance(dense, torch.Tensor) and is_plain(dense) and dense.shape == tensor.shape:
            return dense
    return None


def parts_of(tensor: torch.Tensor) -> list[torch.Tensor]:
    """The plain tensors that hold the numbers of a tensor that is not plain; none where its class does not tell."""
    pending, plain_parts = [tensor], []
    for _ in range(64):  # a class may hold tensors of its own class
        if not pending:
            break
        part = pending.pop()
        if is_plain(part):
            plain_parts.append(part)
        else:
            pending += _held(part)
    return plain_parts


def _held(tensor: torch.Tensor) -> list[torch.Tensor]:
    try:
        if _answers_itself(type(tensor)):
            if hasattr(tensor, "__tensor_flatten__"):
                names, _ = tensor.__tensor_flatten__()
                held = [getattr(tensor, name) for name in names]
            else:
                held = list(vars(tensor).values())
        elif tensor.layout == torch.sparse_coo:
            held = [tensor._indices(), tensor._values()]
        elif tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
            held = [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
        elif tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
            held = [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
        elif tensor.is_nested:
            held = [tensor.values()]
        else:
            dense = plain(tensor)
            held = [] if dense is None else [dense]
    except Exception:  # it does not know the question
        return []
    return [part for part in held if isinstance(part, torch.Tensor) and part is not tensor]


def copied(tensor: torch.Tensor) -> torch.Tensor:
    """A copy without a gradient; the tensor itself where its class knows no copies."""
    try:
        return tensor.detach().clone()
    except Exception:  # whatever somebody's class raises
        return tensor


def describe(tensor: torch.Tensor) -> bytes:
    """What of a tensor can be told without its numbers, so far as its class answers: dtype, size and version."""
    told = [type(tensor).__name__, str(tensor.dtype)]
    for question in (_size, _version):
        try:
            told.append(question(tensor))
        except Exception:  # nested tensors have no one size
            told.append("?")
    return " ".join(told).encode()


def checked(tensor: torch.Tensor, digest: Any) -> bytes:
    """The digest of a tensor that is not plain, from those of the plain tensors in it."""
    checksum = 0
    for part in parts_of(tensor):
        checksum = zlib.crc32(digest(part), checksum)
    return describe(tensor) + f" {checksum}".encode()


def _size(tensor: torch.Tensor) -> str:
    return str(tuple(tensor.shape))


def _version(tensor: torch.Tensor) -> str:
    return "-1" if tensor.is_inference() else str(tensor._version)


def _answers_itself(kind: type[torch.Tensor]) -> bool:
    """Whether a class answers torch's operations itself, so that its tensors need not have memory of their own."""
    return bool(kind.__torch_dispatch__ is not torch.Tensor.__torch_dispatch__)
