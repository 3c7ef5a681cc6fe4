"""Modules that wrap another one, to compile it or to run it on other devices; in a copy they only call it."""

from __future__ import annotations

from typing import Any

from torch import nn

# Wrappers that run another module on other devices or compiled, each with the name of its attribute for that module.
_WRAPPERS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}


class Unwrapped(nn.Module):
    """Replaces a wrapper in the copy: it has the wrapped module under the wrapper's name for it, and calls it."""

    def __init__(self, name: str, module: nn.Module) -> None:
        super().__init__()
        self.add_module(name, module)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the wrapped module."""
        (module,) = self.children()
        return module(*args, **kwargs)


def wrapped_name(module: nn.Module) -> str | None:
    """The name under which a wrapper holds its module; None for a module that is no wrapper."""
    # By the class's name: importing torch.compile's machinery takes more than a second.
    torch_classes = (kind for kind in type(module).__mro__ if kind.__module__.startswith("torch."))
    return next((_WRAPPERS[kind.__name__] for kind in torch_classes if kind.__name__ in _WRAPPERS), None)
