"""The nets that an engine can show: the user's own, and those of its checkpoints, each made when it is looked at."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from filterscope.engine.lock import EngineLock
from filterscope.engine.map_store import KeptMaps, MapStore
from filterscope.engine.samples import Samples
from filterscope.errors import NetError
from filterscope.nets.layers import ReadWeights
from filterscope.nets.runner import NetRunner
from filterscope.timeline.checkpoints import Checkpoint, Checkpoints
from filterscope.timeline.net_copy import copy_with_state

CHECKPOINTS_BYTES = 512 * 2**20
"""Most that the weights of the checkpoints looked at last may take; the newest is kept whatever it takes."""


@dataclass(frozen=True, eq=False)
class ShownNet:
    """A net that can be shown.

    Attributes:
        runner: Runs it.
        map_store: The maps of recent images.
    """

    runner: NetRunner
    map_store: MapStore


class CheckpointNets:
    """The nets of the checkpoints looked at last; hold the engine's lock.

    A checkpoint's net is a copy of the user's net, with the checkpoint's tensors: the user's own is never changed, and
    no pass is needed to find the layers, which are the same ones. Where the checkpoints are of a net that has another
    architecture now, they fit no more, and whoever looks at one is told so.

    Args:
        live: The user's net; its layers are found.
        checkpoints: The states.
        samples: Gives the images.
        lock: The engine's.
        kept: Where maps are kept.
        read_weights: Returns kernels and bias of the net that is shown, by the layer's index.
    """

    def __init__(
        self,
        live: ShownNet,
        checkpoints: Checkpoints,
        samples: Samples,
        lock: EngineLock,
        kept: KeptMaps,
        read_weights: ReadWeights,
    ) -> None:
        self._live, self._checkpoints, self._samples, self._lock = live, checkpoints, samples, lock
        self._kept, self._read_weights = kept, read_weights
        self._pattern: nn.Module | None = None  # a copy of the user's net, with the hooks that run
        self._nets: OrderedDict[Checkpoint, tuple[ShownNet, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._nets)

    @property
    def nbytes(self) -> int:
        """What the weights of those that are kept take."""
        return sum(size for _, size in self._nets.values())

    def of(self, index: int) -> ShownNet:
        """The net of a checkpoint.

        Raises:
            CheckpointError: If it cannot be read, or does not fit the net.
            NetError: If the net cannot be copied.
        """
        checkpoint = self._checkpoints[index]
        if checkpoint not in self._nets:
            shown = self._made(index)
            self._nets[checkpoint] = shown, sum(tensor.nbytes for tensor in shown.runner.net.state_dict().values())
            while len(self._nets) > 1 and self.nbytes > CHECKPOINTS_BYTES:
                _, (oldest, _) = self._nets.popitem(last=False)
                oldest.map_store.clear()
        self._nets.move_to_end(checkpoint)
        return self._nets[checkpoint][0]

    def drop(self) -> None:
        """Lets go of all of them; they are made anew when they are looked at."""
        for shown, _ in self._nets.values():
            shown.map_store.clear()
        self._nets.clear()
        self._pattern = None

    def _made(self, index: int) -> ShownNet:
        checkpoint = self._checkpoints[index]
        state = self._checkpoints.state(index)
        if self._pattern is None:
            if self._live.runner.in_place:
                raise NetError("this net cannot be copied, so the weights of its checkpoints cannot be put into a copy")
            self._pattern = self._live.runner.snapshot()
        net = copy_with_state(self._pattern, state, checkpoint.name)
        runner = NetRunner(net, self._live.runner.forward)
        runner.take_layers(self._live.runner, self._read_weights)
        return ShownNet(runner, MapStore(runner, self._samples, self._lock, self._kept))
