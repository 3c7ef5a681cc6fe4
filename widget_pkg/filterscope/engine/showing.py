"""Which net each thread is shown, the user's own or a checkpoint's, and the number that stands for its weights."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from filterscope.engine.lock import EngineLock
from filterscope.engine.shown_net import CheckpointNets, ShownNet
from filterscope.errors import NetError
from filterscope.timeline.checkpoints import Checkpoint, Checkpoints
from filterscope.timeline.record import Recorder


class Showing:
    """Which net is shown, and under which revision.

    Args:
        live: The user's net.
        checkpoints: The net's states at other moments.
        nets: The nets of these.
        lock: The engine's.

    Attributes:
        live_revision: Of the user's own net: goes up whenever what was computed with it before no longer holds.
        selected: Gives the index of the checkpoint that is selected; by default None, for the net itself.
        recorder: Adds checkpoints while the net trains.

    Raises:
        NetError: If the net cannot be copied, and has checkpoints.
    """

    def __init__(self, live: ShownNet, checkpoints: Checkpoints, nets: CheckpointNets, lock: EngineLock) -> None:
        if checkpoints and live.runner.in_place:
            raise NetError("this net cannot be copied, so its checkpoints cannot be shown; leave checkpoints out")
        self.live_revision = self._newest_revision = 0
        self.selected: Callable[[], int | None] = lambda: None
        self.recorder = Recorder(checkpoints)
        self._live, self._checkpoints, self._nets, self._lock = live, checkpoints, nets, lock
        self._revisions: dict[Checkpoint, int] = {}
        self._of_thread = threading.local()

    @property
    def checkpoint(self) -> int | None:
        """Index of the checkpoint that is shown; None for the net itself."""
        asked: Callable[[], int | None] = getattr(self._of_thread, "checkpoint", self.selected)
        return asked()

    @contextmanager
    def only(self, checkpoint: int | None) -> Iterator[None]:
        """Shows a checkpoint, or with None the net itself, to this thread alone, whatever is selected."""
        before = getattr(self._of_thread, "checkpoint", self.selected)
        self._of_thread.checkpoint = lambda: checkpoint
        try:
            yield
        finally:
            self._of_thread.checkpoint = before

    @property
    def net(self) -> ShownNet:
        """The net that is shown."""
        checkpoint = self.checkpoint
        if checkpoint is None:
            return self._live
        with self._lock:
            return self._nets.of(checkpoint)

    @property
    def revision(self) -> int:
        """Stands for the weights that are shown: what was computed under another one no longer holds."""
        index = self.checkpoint
        if index is None:
            return self.live_revision
        checkpoint = self._checkpoints[index]
        if checkpoint not in self._revisions:
            self._newest_revision += 1
            self._revisions[checkpoint] = self._newest_revision
        return self._revisions[checkpoint]

    def begin_revision(self) -> None:
        """Nothing that was computed so far holds, of the net and of its checkpoints: all get new numbers."""
        self._newest_revision += 1
        self.live_revision = self._newest_revision
        self._revisions.clear()  # a page takes nothing that was computed before this one

    def record(self, name: str | None, epoch: int | None) -> int:
        """Keeps the user's net as it is now as a checkpoint; see `Explorer.record`.

        Returns:
            Its index.

        Raises:
            NetError: If the net cannot be copied.
        """
        if self._live.runner.in_place:
            raise NetError("this net cannot be copied, so its snapshots could not be shown")
        index, thinned = self.recorder.record(self._live.runner.net, name, epoch)
        if thinned:  # others have their indices now: whoever holds something by its index lets go of it
            with self._lock:
                self.begin_revision()
        return index

    def drop(self) -> None:
        """Lets go of the nets of checkpoints; they are made anew when they are looked at."""
        self._nets.drop()

    def close(self) -> None:
        """Lets go of the net and its checkpoints."""
        self.drop()
        del self._live, self._checkpoints, self._nets, self.recorder
