"""What belongs to a batch beside its image: the other inputs of the sample, which only `forward=` receives.

They stand on the batch's tensor itself, so that whatever runs a net on a batch, and knows of images alone, runs it on
all of them.
"""

from __future__ import annotations

from typing import Any

import torch

from filterscope.inputs import Inputs

_INPUTS = "_filterscope_inputs"


def attach_inputs(batch: torch.Tensor, inputs: Inputs | None) -> torch.Tensor:
    """The batch itself, which from now on has these inputs beside it; a copy of it has them only if attached anew.

    Args:
        batch: The image that is shown, `(1, C, H, W)`.
        inputs: All inputs of the sample as tensors, each a batch of one; None where there is only the image.
    """
    if inputs is not None:
        setattr(batch, _INPUTS, inputs)
    return batch


def inputs_of(batch: torch.Tensor) -> Inputs | None:
    """All inputs of the batch's sample as tensors; None where there is only the image."""
    return getattr(batch, _INPUTS, None)


def all_inputs(batch: torch.Tensor) -> Any:
    """What `forward=` receives: the inputs as the sample has them, the batch itself in the shown image's place."""
    inputs = inputs_of(batch)
    return batch if inputs is None else inputs.with_shown(batch.squeeze(1) if inputs.vector else batch)
