"""What tells a net from others by what it holds: a number that its copies share, also in another process."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from filterscope.nets.plain_tensors import parts_of


def fingerprint(net: nn.Module) -> str:
    """16 hexadecimal digits of a SHA-256 over names, shapes, dtypes and values of a net's parameters and buffers.

    Copies of a net have equal fingerprints, also in another process.
    """
    digest = hashlib.sha256()
    for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
        shape = "nested" if tensor.is_nested else tuple(tensor.shape)
        digest.update(f"{name} {shape} {tensor.dtype}".encode("utf-8", "backslashreplace"))
        for part in parts_of(tensor):
            if part.numel():
                digest.update(part.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
