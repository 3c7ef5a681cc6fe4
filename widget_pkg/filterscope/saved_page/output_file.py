"""Writes a file whole or not at all, in the place that its path stands for: a file, a link's file, a device, a pipe.

First the text goes into a temporary file without a name: if the process is killed, nothing of it is left. Then a
regular file is replaced by a complete one of the same mode, in one step. What is no regular file is never replaced.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import select
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from filterscope.host.timing import PIPE_READER_LOOK_SECONDS, PIPE_READER_SECONDS

try:
    import fcntl
except ImportError:  # Windows, which lets nobody remove a file that is open
    fcntl = None  # type: ignore[assignment]

# Of a complete file that is about to get its name, which may itself be as long as the file system allows.
_PREFIX, _SUFFIX = ".filterscope-", ".part"
_PART = re.compile(re.escape(_PREFIX) + r"[0-9a-f]{12}" + re.escape(_SUFFIX))
_BLOCK = 2**20
_MOST_LINKS = 40
_PIPE_BLOCK = getattr(select, "PIPE_BUF", 512)  # a pipe that can be written to takes so much without waiting


class OutputFile:
    """The place that a path stands for, and how it is written.

    A symbolic link is followed to its file. If others have a part in that file (it belongs to another user, or has more
    names than one), or its folder cannot be written to, its content is replaced, and else the file.

    Args:
        path: The path.

    Attributes:
        path: The path.
        is_regular: Whether it is a regular file, or will be one. Paths of the process's own streams, `/dev/stdout` say,
            are not, wherever these lead.

    Raises:
        OSError: If it cannot be written to, with a sentence: it is a folder, its folder is not there, it is
            write-protected, a link to another user's file, a block device or a socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = _own_descriptor(path)
        self._target = path
        self._status: os.stat_result | None = None
        if self._descriptor is not None:
            _check_open(self._descriptor, path)
        else:
            self._target = Path(os.path.realpath(path)) if path.is_symlink() else path
            self._status = self._looked_up()
            self._check()
        self.is_regular = self._descriptor is None and (self._status is None or stat.S_ISREG(self._status.st_mode))

    def _looked_up(self) -> os.stat_result | None:
        try:
            return os.stat(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise OSError(f"{self.path} is a link that leads to itself; write somewhere else") from None

    def _check(self) -> None:
        path, status = self.path, self._status
        if not self._target.parent.is_dir():
            place = f"{path} is a link to {self._target}, and" if path.is_symlink() else "the folder"
            raise FileNotFoundError(f"{place} {self._target.parent} is not there; make it, or write somewhere else")
        if status is None:
            if not os.access(self._target.parent, os.W_OK):
                raise PermissionError(f"the folder {self._target.parent} is write-protected; write somewhere else")
            return
        kinds = [(stat.S_ISDIR, "a folder"), (stat.S_ISBLK, "a block device, a disk"), (stat.S_ISSOCK, "a socket")]
        for is_kind, kind in kinds:
            if is_kind(status.st_mode):
                error = IsADirectoryError if is_kind is stat.S_ISDIR else OSError
                raise error(f"{path} is {kind}, which no page is written to; give the path of a file")
        if path.is_symlink() and stat.S_ISREG(status.st_mode) and not _is_own(status):
            raise PermissionError(
                f"{path} is a link to another user's file, {self._target}; give that path if you mean it"
            )
        if not os.access(path, os.W_OK):
            raise PermissionError(f"{path} is write-protected; write somewhere else, or allow it to be written")

    @contextlib.contextmanager
    def open(self) -> Iterator[Callable[[str], object]]:
        """Gives a function that takes the text piece by piece; it arrives when all of it is there, without an error."""
        folder = self._target.parent if self.is_regular and os.access(self._target.parent, os.W_OK) else None
        with tempfile.TemporaryFile(dir=folder) as file:
            yield lambda text: file.write(text.encode())
            file.flush()
            OutputFile(self.path)._receive(file)  # what is there now: making the text may have taken minutes

    def _receive(self, file: IO[bytes]) -> None:
        file.seek(0)
        if self._descriptor is not None:
            _send(file, os.dup(self._descriptor), self.path)
        elif not self.is_regular:
            _send(file, self._opened(), self.path)
        elif self._status is None:
            self._replace(file)
        elif not _is_own_alone(self._status) or not os.access(self._target.parent, os.W_OK):
            self._fill(file)
        else:
            try:
                self._replace(file)
            except OSError as error:
                if error.errno != errno.EBUSY:  # a file that is mounted, into a container say, keeps its place
                    raise
                self._fill(file)

    def _fill(self, file: IO[bytes]) -> None:
        file.seek(0)
        with os.fdopen(os.open(self._target, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_BINARY", 0)), "wb") as own:
            shutil.copyfileobj(file, own, _BLOCK)

    def _opened(self) -> int:
        """A descriptor of what is no regular file; a FIFO that nobody reads is waited for a while."""
        # Without this flag a FIFO that nobody reads would never be opened.
        flags = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
        end = time.monotonic() + PIPE_READER_SECONDS
        while True:
            try:
                return os.open(self.path, flags)
            except OSError as error:
                assert self._status is not None
                if error.errno != errno.ENXIO or not stat.S_ISFIFO(self._status.st_mode):
                    raise
                if time.monotonic() > end:
                    raise _unread(self.path) from None
            time.sleep(PIPE_READER_LOOK_SECONDS)

    def _replace(self, file: IO[bytes]) -> None:
        folder = self._target.parent
        _clear(folder)
        status = self._status
        # What only its owner may read is never open to others, not for a moment.
        handle, name = _new_part(folder, 0o666 if status is None else 0o600)
        try:
            with os.fdopen(handle, "wb") as part:
                if status is not None and hasattr(os, "fchown"):
                    with contextlib.suppress(OSError):  # a group that one is not in
                        os.fchown(part.fileno(), -1, status.st_gid)
                    os.fchmod(part.fileno(), stat.S_IMODE(status.st_mode))
                shutil.copyfileobj(file, part, _BLOCK)
                part.flush()
                if fcntl is not None:  # still locked: nobody takes it for a stale one
                    os.replace(name, self._target)
            if fcntl is None:
                os.replace(name, self._target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise


def _is_own(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def _is_own_alone(status: os.stat_result) -> bool:
    return _is_own(status) and status.st_nlink == 1


def _own_descriptor(path: Path) -> int | None:
    """The number of the process's own open file that a path stands for: 1 for `/dev/stdout`; None for other paths."""
    folders = {os.path.realpath(folder) for folder in ("/proc/self/fd", "/proc/thread-self/fd", "/dev/fd")}
    place = os.path.abspath(path)
    for _ in range(_MOST_LINKS):
        folder, name = os.path.split(place)
        folder = os.path.realpath(folder)
        if name.isdecimal() and folder in folders:
            return int(name)
        place = os.path.join(folder, name)
        if not os.path.islink(place):
            return None
        place = os.path.join(folder, os.readlink(place))
    return None


def _check_open(descriptor: int, path: Path) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        raise OSError(f"{path} is no open file of this process; give the path of a file") from None


def _send(file: IO[bytes], descriptor: int, path: Path) -> None:
    """Copies a file into a device or a pipe, and closes that.

    Raises:
        OSError: If nobody reads what is written to a pipe.
    """
    try:
        while block := file.read(_BLOCK):
            rest = memoryview(block)
            while rest:
                if not _takes_more(descriptor):
                    raise _unread(path)
                with contextlib.suppress(BlockingIOError):
                    rest = rest[os.write(descriptor, rest[:_PIPE_BLOCK]) :]
    finally:
        os.close(descriptor)


def _takes_more(descriptor: int) -> bool:
    """Waits until something can be written; False where that takes too long."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(PIPE_READER_SECONDS * 1000))


def _unread(path: Path) -> OSError:
    return OSError(f"nobody reads what is written to {path}; start its reader, or give the path of a file")


def _new_part(folder: Path, mode: int) -> tuple[int, Path]:
    """A new file with a name of its own, locked as long as it is open."""
    while True:
        name = folder / f"{_PREFIX}{secrets.token_hex(6)}{_SUFFIX}"
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        if fcntl is None:
            return handle, name
        with contextlib.suppress(OSError):  # a file system without locks: then nothing is cleared either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:  # not cleared before it was locked
            return handle, name
        os.close(handle)


def _clear(folder: Path) -> None:
    """Removes what writers left who were killed: files that are named as theirs, and that nobody has locked."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:  # a folder may be written to and not read
        for entry in entries:
            if not _PART.fullmatch(entry.name):
                continue
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and _is_own(status):
                    _remove_unlocked(entry.path)


def _remove_unlocked(path: str) -> None:
    if fcntl is None:
        os.unlink(path)
        return
    with open(path, "rb") as part:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
