"""Scans of parts of a data set, and their bytes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from torch import nn

from filterscope.data.source import SampleSource
from filterscope.scans.archive import write_scan
from filterscope.scans.identity import identify
from filterscope.scans.sampling import IsolatedSamples, find_out_batches, runner_for
from filterscope.scans.shard import ShardScanner
from filterscope.scans.state import ScanState


class Parts:
    """Scans any images of a data set, a shard at a time."""

    def __init__(self, net: nn.Module, data: Any, at: Any) -> None:
        samples = IsolatedSamples(SampleSource(data))
        runner = runner_for(net, samples)
        find_out_batches(runner, samples, np.arange(20))
        layers = list(range(len(runner.layers)))
        self.scanner = ShardScanner(runner, samples, layers)
        self.identity = identify(runner, samples, layers, False)
        self._file = at / "state.npz"

    def scan(self, images: Any) -> ScanState:
        return self.scanner.scan(np.sort(np.asarray(images, np.int64)))

    def bytes_of(self, state: ScanState) -> str:
        write_scan(self._file, self.identity, state)
        return digest(self._file)


def digest(path: Any) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
