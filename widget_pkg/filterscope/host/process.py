"""The process in which an object was made: a fork of it has the object, and none of its threads."""

from __future__ import annotations

import os


class HomeProcess:
    """The process that is running when this is made.

    A thread that holds a lock when another one forks is not there in the child, where the lock stays locked for ever.
    So whatever has threads and locks asks first whether it is at home.
    """

    def __init__(self) -> None:
        self._id = os.getpid()

    @property
    def is_this(self) -> bool:
        """Whether this is that process, and no fork of it."""
        return os.getpid() == self._id

    def check(self) -> None:
        """Does nothing in that process.

        Raises:
            RuntimeError: In another one.
        """
        if not self.is_this:
            raise not_at_home()


def not_at_home() -> RuntimeError:
    """What is said in a fork of the process that made an explorer."""
    return RuntimeError(
        "this explorer lives in the process that made it, and this is a fork of that one; make a new one here: "
        "Explorer(net, test_data)"
    )
