"""A scan that can be gone on with after its process was killed: its file holds, at any moment, all that is worth it."""

from __future__ import annotations

import time
from os import PathLike

from filterscope.scans.archive import path_to_write, read_scan, write_scan
from filterscope.scans.identity import ScanIdentity
from filterscope.scans.state import ScanState

_SHARE = 10  # of the time at most goes into writing: 1 / this


class ResumeFile:
    """The file of a scan, which is written now and then.

    Args:
        path: The file, or None for a scan without one.
        identity: What is scanned.

    Attributes:
        state: What was in the file: nothing, where there was none.

    Raises:
        TypeError: If the path is none.
        ValueError: If it holds a scan of something else, or no scan.
        OSError: If it cannot be read, or is a folder, or its folder is not there.
    """

    def __init__(self, path: str | PathLike[str] | None, identity: ScanIdentity) -> None:
        self._path, self._identity = None if path is None else path_to_write(path, "resume"), identity
        self._next = 0.0  # when it is worth writing again
        self._written: ScanState | None = None
        self.state = ScanState()
        if self._path is None:
            return
        if self._path.exists():
            before, self.state = read_scan(self._path)
            difference = identity.difference(before)
            if difference:
                raise ValueError(
                    f"{self._path} holds a scan {difference}; give resume= another file, or delete this one"
                )
            self._written = self.state

    def note(self, state: ScanState) -> None:
        """Writes what was seen so far, where that is worth the time."""
        if time.monotonic() >= self._next:
            self.write(state)

    def write(self, state: ScanState) -> None:
        """Writes what was seen so far, unless that is in the file."""
        if self._path is None or state is self._written:
            return
        start = time.monotonic()
        write_scan(self._path, self._identity, state)
        self._written = state
        end = time.monotonic()
        self._next = end + _SHARE * (end - start)
