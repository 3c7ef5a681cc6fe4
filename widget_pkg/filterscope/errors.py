"""The errors that a user's data or net can cause, and helpers for error messages."""

from __future__ import annotations


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
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # an error that cannot say what it is
        lines = []
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
