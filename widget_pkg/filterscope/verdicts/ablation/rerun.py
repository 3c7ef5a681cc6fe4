"""What comes after a layer, run again and again with the layer's activation changed; what lies before it is reused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from filterscope.nets.interruption import StopPass
from filterscope.nets.runner import NetRunner
from filterscope.verdicts.ablation.losses import log_probabilities
from filterscope.verdicts.ablation.outputs_alike import Read, same_outputs

Change = Callable[[torch.Tensor], None]
"""Changes an activation `(N, F, *S)` in place."""


class Rerun:
    """Runs the part of a net that follows a layer's activation, for one batch.

    Every torch function that the net calls up to the activation is written down with its result; later passes are given
    these results and compute only the rest. Where that does not give the net's own output again (a net that writes into
    its tensors, or whose functions cannot be seen), whole passes are made.

    Args:
        runner: Runs the net.
        layer: Index of the layer.
        batch: As from `NetRunner.batch`.
        output: Log-probabilities that the net gives for it, `(N, K)`; or what `read` reads from what it gives.
        read: Reads what counts from an output; None for log-probabilities.
        whole: The whole of the net's output for the batch, where what is read does not tell one output from another.

    Attributes:
        reuses: Whether what lies before the layer is reused.
        shape: Of the activation; None where the net did not reach the layer.
    """

    def __init__(
        self,
        runner: NetRunner,
        layer: int,
        batch: torch.Tensor,
        output: torch.Tensor,
        read: Read | None = None,
        whole: Any = None,
    ) -> None:
        self._read: Read = read or (lambda output: log_probabilities(output, len(batch), runner.known))
        self._whole = whole
        self._runner, self._layer, self._batch = runner, layer, batch
        self._tape = _Tape()
        self._activation: torch.Tensor | None = None
        try:
            runner.run(batch, [layer], self._reached, inside=lambda: self._tape)
        except (StopPass, Exception):
            if self._activation is None:  # else it is the tape's, or what TorchScript's interpreter makes of that
                raise
        self.shape = None if self._activation is None else tuple(self._activation.shape)
        self.reuses = self._activation is not None and self._can_reuse(output)

    def _reached(self, layer: int, activation: torch.Tensor) -> None:
        self._activation = activation
        self._tape.end_here()

    def _can_reuse(self, output: torch.Tensor) -> bool:
        activation = self._activation
        assert activation is not None
        results = list(_flat(self._tape.results))
        if not any(tensor is activation for tensor in results):
            return False
        self._saved = activation.clone()
        others = [tensor for tensor in results if not _same_memory(tensor, activation)]
        before = [tensor._version for tensor in others]
        self._tape.play()
        try:
            replayed = self._runner.run(self._batch, inside=lambda: self._tape)
            again = self._read(replayed)
        except Exception:  # a pass with other results than its own may raise anything
            return False
        unchanged = all(tensor._version == version for tensor, version in zip(others, before, strict=True))
        if not unchanged or again is None or (self._whole is not None and not same_outputs(replayed, self._whole)):
            return False
        return torch.allclose(again, output, rtol=1e-4, atol=1e-5, equal_nan=self._whole is not None)

    def __call__(self, change: Change) -> torch.Tensor | None:
        """Log-probabilities `(N, K)`, or what is read, with the activation changed."""
        return self._read(self.output(change))

    def output(self, change: Change) -> Any:
        """The net's output with the activation changed."""
        if not self.reuses:
            return self._runner.run(self._batch, [self._layer], lambda layer, activation: change(activation))
        activation = self._activation
        assert activation is not None
        with torch.no_grad():
            activation.copy_(self._saved)  # the last run changed it
            change(activation)
        self._tape.play()
        return self._runner.run(self._batch, inside=lambda: self._tape)


class _Tape(TorchFunctionMode):
    """Writes down the results of torch functions up to a moment, later gives them back in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Any] = []
        self._ended = False
        self._next: int | None = None

    def end_here(self) -> None:
        self._ended = True

    def play(self) -> None:
        self._next = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__name__", "") == "__get__":  # an attribute; the recorder's hooks look at shapes too
            return func(*args, **(kwargs or {}))
        if self._next is not None:
            index, self._next = self._next, self._next + 1
            return self.results[index] if index < len(self.results) else func(*args, **(kwargs or {}))
        if self._ended:  # inside the function before, or at the end of a module
            raise StopPass
        result = func(*args, **(kwargs or {}))
        self.results.append(result)
        if self._ended:
            raise StopPass
        return result


def _flat(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)


def _same_memory(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    return tensor.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
