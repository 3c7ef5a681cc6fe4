"""A copy of a net with a checkpoint's weights: the user's own net is never changed."""

from __future__ import annotations

from torch import nn

from filterscope.errors import CheckpointError, describe_exception
from filterscope.nets.hooks import copied_with_hooks
from filterscope.nets.modes import plain_modes
from filterscope.nets.net_state import State


def copy_with_state(pattern: nn.Module, state: State, name: str) -> nn.Module:
    """A copy of a net, in eval mode, with other weights.

    Args:
        pattern: What is copied, a `snapshot()` of the user's net; until the state's tensors take their place the copy
            has the pattern's parameters.
        state: The tensors under the net's names, from `Checkpoints.state`.
        name: Of the checkpoint, for the error message.

    Raises:
        CheckpointError: If the net refuses them.
    """
    with plain_modes():
        net = copied_with_hooks(pattern, share_parameters=True)
        devices = {name: value.device for name, value in pattern.state_dict().items()}
        try:  # names and shapes were compared before
            net.load_state_dict(
                {key: value.to(devices[key]) for key, value in state.items()}, strict=False, assign=True
            )
        except Exception as error:
            raise CheckpointError(f"checkpoint {name}: the net refuses it: {describe_exception(error)}") from error
        return net.eval()
