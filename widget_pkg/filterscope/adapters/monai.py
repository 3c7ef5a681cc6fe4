"""MONAI: nets of two and three axes; a map of the image's size is a class for each voxel."""

from __future__ import annotations

from typing import Any

import torch

from filterscope.adapters.adaptation import Adaptation, defined_in
from filterscope.outputs.kind import EMBEDDING, MASKS

_OF_PICTURES = ("AutoEncoder", "VAE", "VQVAE", "AutoencoderKL", "Generator", "DiffusionModelUNet", "FullyConnectedNet")


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """A net of MONAI. A map with as many channels as the image, from a net that makes images, is no mask."""
    if not defined_in(model, "monai.networks"):
        return None
    if any(kind.__name__ in _OF_PICTURES for kind in type(model).__mro__):
        return Adaptation(output=EMBEDDING)
    return Adaptation(output=MASKS if _has_map(model) else None)


def _has_map(model: Any) -> bool:
    """Whether its last convolution gives a map, and nothing behind it brings the axes together."""
    last = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    name = type(model).__name__.lower()
    segments = any(word in name for word in ("unet", "seg", "vnet", "unetr", "ahnet", "hovernet", "dints", "mednext"))
    return segments or not last
