"""What filters reach that have learned nothing: the same net with each filter's weights in another order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.errors import NetError, SampleError
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.runner import NetRunner
from filterscope.scans.crops import Cropper
from filterscope.scans.identity import ScanIdentity
from filterscope.scans.sampling import Samples, find_out_batches, runner_for
from filterscope.scans.shard import SHARD_IMAGES, ShardScanner
from filterscope.scans.state import ScanState

SHUFFLES = 8
"""How many shuffled nets are scanned."""

_IMAGES, _IMAGES_OF_CLASS = 2000, 20  # that they see, of all and of each class; of so many a class has 10 at least
_CALIBRATION = 256  # images, for the statistics of BatchNorm


OnProgress = Callable[[str, int, int], None]


def scan_shuffled(
    cropper: Cropper, identity: ScanIdentity, state: ScanState, count: int, on_progress: OnProgress
) -> tuple[list[ScanState], str]:
    """Scans of shuffled nets over images of a scan.

    Args:
        cropper: The net and the data set.
        identity: What was scanned.
        state: What was seen.
        count: How many nets.
        on_progress: Called with `"shuffled nets"`, how many images were seen, and of how many.

    Returns:
        The scans; and where there are none, why, a sentence without full stop.
    """
    most = min(len(state.images), max(_IMAGES, _IMAGES_OF_CLASS * len(state.classes)))
    if not most:
        return [], "no image has scores"
    images = np.sort(np.random.default_rng(most).permutation(state.images)[:most])
    nets = ShuffledNets(
        cropper.runner, cropper.samples, [layer.index for layer in identity.layers], cropper.pre_activation
    )
    states, done = [], 0

    def take(seen: int) -> None:
        nonlocal done
        done += seen
        on_progress("shuffled nets", done, count * most)

    try:
        for seed in range(count):
            states.append(nets.scan(images, seed, take))
    except NetError as error:
        return [], f"the net cannot be run with its weights in random order: {error}"
    return states, ""


class ShuffledNets:
    """Scans of nets like one, whose filters know nothing: each filter has its own weights in a random order.

    In a net as it was initialised, weights of one filter are independent draws from one distribution, whichever that
    is; so in another order they are another such draw, and the shuffled net is another untrained net. In a trained net
    the order is what was learned, beside each filter's bias, norm and sum, which stay.

    Args:
        runner: Runs the net.
        samples: The data set.
        layers: Indices of the layers that are scanned.
        pre_activation: Whether the maps are those before normalisation and nonlinearity.
    """

    def __init__(self, runner: NetRunner, samples: Samples, layers: Sequence[int], pre_activation: bool) -> None:
        self._runner, self._samples, self._layers = runner, samples, layers
        self._pre_activation = pre_activation

    def scan(self, images: np.ndarray, seed: int, on_shard: Callable[[int], None] = lambda images: None) -> ScanState:
        """What one of them gives for some images.

        Args:
            images: int64, ascending, at least one.
            seed: Which of them.
            on_shard: Called after each shard with its number of images.

        Raises:
            NetError: If the net cannot be copied, has no weights to shuffle, or refuses the images when they are.
        """
        net = self._shuffled(images, seed)
        try:
            runner = runner_for(net, self._samples, self._runner.forward, first=int(images[0]))
            find_out_batches(runner, self._samples, images)
        except SampleError as error:
            raise NetError(str(error)) from error
        if [layer.out_channels for layer in runner.layers] != [layer.out_channels for layer in self._runner.layers]:
            raise NetError("with its weights in another order the net takes another path")
        scanner = ShardScanner(runner, self._samples, self._layers, self._pre_activation)
        state = ScanState()
        for shard in np.split(images, range(SHARD_IMAGES, len(images), SHARD_IMAGES)):
            state = state.merge(scanner.scan(shard))
            on_shard(len(shard))
        return state

    def _shuffled(self, images: np.ndarray, seed: int) -> nn.Module:
        net = self._runner.snapshot()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in net.parameters():
                if parameter.ndim > 1 and parameter.is_floating_point():
                    rows = parameter.detach().flatten(1)
                    order = torch.rand(rows.shape, generator=generator).argsort(1).to(rows.device)
                    parameter.copy_(rows.gather(1, order).view_as(parameter))
        if fingerprint(net) == fingerprint(self._runner.net):
            raise NetError("the net has no weights that can be put in another order")
        self._calibrate(net, images[:: max(1, len(images) // _CALIBRATION)][:_CALIBRATION])
        return net

    def _calibrate(self, net: nn.Module, images: np.ndarray) -> None:
        """Gives BatchNorm the statistics of these images, layer by layer in one pass, where it has any of its own.

        Those of the weights in their old order would leave many channels always on or always off.
        """
        hooks = []

        def take(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
            values = inputs[0].detach().transpose(0, 1).flatten(1).float()
            module.running_mean.copy_(values.mean(1))
            module.running_var.copy_(values.var(1, unbiased=False))

        for module in net.modules():
            tracked = getattr(module, "num_batches_tracked", None)
            if isinstance(getattr(module, "running_var", None), torch.Tensor) and tracked is not None and tracked > 0:
                hooks.append(module.register_forward_pre_hook(take))
        if not hooks:
            return
        read = self._samples.read_several(images.tolist())
        samples = [sample for sample in read if not isinstance(sample, SampleError)]
        same = [sample.net_input for sample in samples if sample.image.shape == samples[0].image.shape]
        try:
            with torch.no_grad(), self._runner.random.isolated():
                self._runner.call(net, self._runner.batch(same[: self._runner.images_at_once()]))
        finally:
            for hook in hooks:
                hook.remove()
