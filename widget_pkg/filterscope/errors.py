"""The errors that a user's data or net can cause, and helpers for error messages."""

from __future__ import annotations

import threading
from types import TracebackType


class SampleError(ValueError):
    """A sample of the data set cannot be read, or is not an image.

    Attributes:
        index: Index of the sample in the data set.
        cause: What is wrong with the sample, one sentence.

    Example:
        >>> import torch
        >>> from filterscope import Explorer, SampleError
        >>> explorer = Explorer(torch.nn.Conv2d(1, 2, 3), [torch.rand(1, 8, 8), "a cat"])
        >>> try:
        ...     explorer.select(image=1).image
        ... except SampleError as error:
        ...     print(error.index, error.cause)
        1 it is str 'a cat', not an image; expected a tensor, an array or a PIL image
    """

    def __init__(self, index: int, cause: str) -> None:
        self.index = index
        self.cause = cause
        super().__init__(f"sample {index}: {cause}")


class NetError(ValueError):
    """The net cannot be shown, or raises for an image.

    Example:
        >>> import torch
        >>> from filterscope import Explorer, NetError
        >>> try:
        ...     Explorer(torch.nn.Linear(8, 3), torch.rand(4, 1, 8, 8))
        ... except NetError as error:
        ...     print(str(error).partition(":")[0])
        no convolution found in a forward pass of the net
    """


class CheckpointError(ValueError):
    """A checkpoint cannot be read, does not fit the net, or would run code when it is read.

    Example:
        >>> import torch
        >>> from filterscope import CheckpointError, Explorer, demo
        >>> other = {"weight": torch.zeros(3)}
        >>> try:
        ...     Explorer(demo.fashion_net(), demo.fashion_test_data(), checkpoints={"other": other})
        ... except CheckpointError as error:
        ...     print(str(error).partition(":")[0])
        no checkpoint fits the net
    """


class EndsWork(BaseException):
    """Raised by our own code to end work early; no handler takes it for an error."""


class ForeignExit(Exception):
    """A net or a data set raised what is no `Exception`, as `SystemExit`, which is the cause of this error."""


class foreign_code:
    """Outside of the body, whatever somebody else's code in it raises is an `Exception`.

    A data set that calls `sys.exit` would else end a thread of ours in silence. Ctrl-C and what our own code raises to
    end work go through.

    Raises:
        ForeignExit: If the body raised something else that is no `Exception`.

    Example:
        >>> try:
        ...     with foreign_code():
        ...         raise SystemExit("no such file")
        ... except Exception as error:
        ...     print(describe_exception(error))
        SystemExit: no such file
    """

    def __enter__(self) -> None:
        """Does nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Turns what is no `Exception` into one."""
        if error is not None and not isinstance(error, Exception) and not passes_through(error):
            raise ForeignExit(describe_exception(error)) from error


def passes_through(error: BaseException) -> bool:
    """Whether an exception is to end the work around it too: our own, or Ctrl-C, which reaches the main thread only."""
    main = threading.current_thread() is threading.main_thread()
    return isinstance(error, EndsWork) or (isinstance(error, KeyboardInterrupt) and main)


def kind_of(value: object) -> str:
    """The type of a value as a sentence has it, with its article.

    Example:
        >>> kind_of(3), kind_of("a"), kind_of(None)
        ('an int', 'a str', 'None')
    """
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeioAEIO' else 'a'} {name}"


def describe_exception(error: BaseException) -> str:
    """One line that names the error's type and the first line of its text."""
    if isinstance(error, ForeignExit) and error.__cause__ is not None:
        error = error.__cause__
    lines = text_of(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def text_of(error: BaseException) -> str:
    """An error's text; empty where the error itself cannot say it."""
    try:
        return str(error)
    except Exception:  # somebody's own class may have a `__str__` that raises
        return ""
