"""Hooks that somebody registered for all modules of the process: they do not run in our passes.

They belong to watchers of the user's own passes, a profiler say, which would count ours as well. PyTorch keeps them in
dictionaries of the process, so that they can be neither taken away nor given another net: meanwhile another thread may
train. In each, a hook is replaced by one that calls it in every thread but those that are in a pass of ours.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.nn.modules import module as _torch_module

_DICTS = (
    "_global_forward_pre_hooks",
    "_global_forward_hooks",
    "_global_backward_pre_hooks",
    "_global_backward_hooks",
)
_passes = threading.local()
_lock = threading.Lock()
_running = 0  # passes of all threads


class _Elsewhere:
    """Calls a hook, but not in a pass of ours."""

    def __init__(self, hook: Any) -> None:
        self.hook = hook

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return None if getattr(_passes, "depth", 0) else self.hook(*args, **kwargs)


@contextmanager
def silent_global_hooks() -> Iterator[None]:
    """Runs no global module hook in what this thread does in the body; other threads' passes have them."""
    global _running
    _passes.depth = getattr(_passes, "depth", 0) + 1
    with _lock:
        _running += 1
        for hooks in _dicts():
            for key, hook in list(hooks.items()):
                if not isinstance(hook, _Elsewhere):
                    hooks[key] = _Elsewhere(hook)
    try:
        yield
    finally:
        _passes.depth -= 1
        with _lock:
            _running -= 1
            if not _running:
                for hooks in _dicts():
                    for key, hook in list(hooks.items()):
                        if isinstance(hook, _Elsewhere):
                            hooks[key] = hook.hook


def global_hooks() -> list[str]:
    """Names of the hooks that are registered for all modules, `package.module.function`."""
    return [_name(hook.hook if isinstance(hook, _Elsewhere) else hook) for hooks in _dicts() for hook in hooks.values()]


def _dicts() -> list[dict[Any, Any]]:
    return [hooks for name in _DICTS if (hooks := getattr(_torch_module, name, None))]


def _name(hook: Any) -> str:
    name = getattr(hook, "__qualname__", type(hook).__qualname__)
    return f"{getattr(hook, '__module__', None) or type(hook).__module__}.{name}"
