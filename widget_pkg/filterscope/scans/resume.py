"""A scan that can be gone on with after its process was killed: its file holds, at any moment, all that is worth it."""

from __future__ import annotations

import os
import time
from os import PathLike
from pathlib import Path

from filterscope.scans.archive import read_scan, write_scan
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
        ValueError: If it holds a scan of something else, or no scan.
        OSError: If it cannot be read, or its folder is not there.
    """

    def __init__(self, path: str | PathLike[str] | None, identity: ScanIdentity) -> None:
        self._path, self._identity = None if path is None else Path(path), identity
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
                    f"{os.fspath(self._path)} holds a scan {difference}; give resume= another file, or delete this one"
                )
            self._written = self.state
        elif not self._path.absolute().parent.is_dir():
            raise FileNotFoundError(
                f"resume is {os.fspath(self._path)!r}, and there is no folder {self._path.absolute().parent}; make it "
                "before, as a scan takes long"
            )

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
