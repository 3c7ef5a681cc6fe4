"""Callbacks for other libraries' trainers, which record a snapshot after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from filterscope.indices import as_index

Record = Callable[..., int]
LIBRARIES = ("lightning", "fastai", "transformers")


def recording_callback(library: str, record: Record, every: int = 1) -> Any:
    """A callback of a library that records after every so many epochs.

    Args:
        library: One of `LIBRARIES`.
        record: Called with `epoch=`.
        every: After every how many epochs.

    Raises:
        ValueError: If the library is not one of these, or `every` is below 1.
        ImportError: If it is not installed.
    """
    if library not in LIBRARIES:
        raise ValueError(f"library is {library!r}; choose 'lightning', 'fastai' or 'transformers'")
    step = as_index(every)
    if step is None or step < 1:
        raise ValueError(f"every is {every!r}; give after every how many epochs, 1 or more")
    steps = int(step)

    def ended(epoch: int) -> None:
        if epoch % steps == 0:
            record(epoch=epoch)

    return {"lightning": _lightning, "fastai": _fastai, "transformers": _transformers}[library](ended)


def _lightning(ended: Callable[[int], None]) -> Any:
    try:
        from lightning.pytorch import Callback
    except ImportError:
        from pytorch_lightning import Callback

    class RecordFilters(Callback):  # type: ignore[misc]
        """Records after each training epoch."""

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            """An epoch has ended."""
            ended(trainer.current_epoch)

    return RecordFilters()


def _fastai(ended: Callable[[int], None]) -> Any:
    from fastai.callback.core import Callback

    class RecordFilters(Callback):  # type: ignore[misc]
        """Records after each epoch."""

        def after_epoch(self) -> None:
            """An epoch has ended."""
            ended(self.epoch)

    return RecordFilters()


def _transformers(ended: Callable[[int], None]) -> Any:
    from transformers import TrainerCallback

    class RecordFilters(TrainerCallback):  # type: ignore[misc]
        """Records after each epoch."""

        def on_epoch_end(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
            """An epoch has ended; Hugging Face counts it as a fraction."""
            ended(round(state.epoch))

    return RecordFilters()
