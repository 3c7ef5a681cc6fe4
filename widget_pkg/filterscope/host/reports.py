"""What is said of an exception that nobody can catch, as one in a thread of ours or in a user's callback."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from filterscope.errors import passes_through
from filterscope.host.cells import ipython_shell


@contextmanager
def reported() -> Iterator[None]:
    """Prints what the body raises, as IPython prints the error of a widget's callback, and goes on after the body.

    Ctrl-C and what our own code raises to end work go through.

    Example:
        >>> with reported():
        ...     values = {"kept": 1}
        >>> values
        {'kept': 1}
    """
    try:
        yield
    except BaseException as error:
        if passes_through(error):
            raise
        _print(error)


def _print(error: BaseException) -> None:
    with suppress(Exception):  # there may be no place left to print to
        shell = ipython_shell()
        if shell is not None:
            shell.showtraceback((type(error), error, error.__traceback__))
        else:
            traceback.print_exception(error, file=sys.stderr)
