"""The maps and scores of recent images: one pass gives them, and what a pass gave is kept within stated bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from filterscope.engine.cache import Cache
from filterscope.engine.lock import EngineLock
from filterscope.engine.samples import Samples
from filterscope.errors import NetError, SampleError
from filterscope.nets.conv_call import in_order
from filterscope.nets.layers import ConvLayer
from filterscope.nets.passes import Maps, Pass, Weights
from filterscope.nets.runner import NetRunner
from filterscope.outputs.kind import Answer

MAPS_BYTES = 128 * 2**20
"""Most that the maps of recent images may take; the newest are kept whatever they take."""

_ANSWERS_KEPT = 1024
# A pass is cheap to bring to its end where this many multiplications are left: 2 to 5 ms on one core.
_CHEAP_MULTIPLICATIONS = 10**8


KeptMaps = Cache["tuple[object, int, int]", Maps]
"""Maps by their net, image and layer."""


def kept_maps() -> KeptMaps:
    """A place for the maps of several nets, which together take no more than `MAPS_BYTES`."""
    return Cache(MAPS_BYTES, lambda maps: maps.nbytes)


class MapsOfNet:
    """The maps of one net, by image and layer, in a place that it shares with other nets.

    Args:
        kept: The place.
    """

    def __init__(self, kept: KeptMaps) -> None:
        self._kept, self._net = kept, object()

    def __contains__(self, place: tuple[int, int]) -> bool:
        return (self._net, *place) in self._kept

    def __getitem__(self, place: tuple[int, int]) -> Maps:
        image, layer = place
        return self._kept[self._net, image, layer]

    def __setitem__(self, place: tuple[int, int], maps: Maps) -> None:
        image, layer = place
        self._kept[self._net, image, layer] = maps

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def limit(self) -> int:
        """Bytes that the maps of all nets may take."""
        return self._kept.limit

    @property
    def nbytes(self) -> int:
        """What the maps of all nets take."""
        return self._kept.nbytes

    def clear(self) -> None:
        """Drops those of this net."""
        self._kept.drop(lambda key: key[0] is self._net)

    def clear_all(self) -> None:
        """Drops those of all nets."""
        self._kept.clear()


class MapStore:
    """What passes over single images gave; its methods may be called from any thread, one pass runs at a time.

    Args:
        runner: Runs the net.
        samples: Gives the images.
        lock: Held during each pass.
        kept: Where maps are kept, beside those of other nets; None for a place of its own.
    """

    def __init__(self, runner: NetRunner, samples: Samples, lock: EngineLock, kept: KeptMaps | None = None) -> None:
        self._runner, self._samples, self._lock = runner, samples, lock
        self._maps = MapsOfNet(kept_maps() if kept is None else kept)
        self._answers: dict[int, Answer | None] = {}
        self._complete: set[int] = set()  # images of which a pass was run for all layers
        self._live: dict[int, Weights] = {}  # layers whose weights are their module's own parameters
        self._computed: dict[int, Weights] = {}  # what the other layers' weights were for the first image looked at
        self._differing: dict[int, bool] = {}  # layers whose weights were others for another image: their kernels, too?
        self._first_image = 0
        self._fits_memory = True  # whether the maps of all layers are kept for several images

    def __contains__(self, place: tuple[int, int]) -> bool:
        return place in self._maps

    def __len__(self) -> int:
        return len(self._maps)

    @property
    def limit(self) -> int:
        """Bytes that the maps may take."""
        return self._maps.limit

    @property
    def nbytes(self) -> int:
        """What the maps take."""
        return self._maps.nbytes

    def clear(self) -> None:
        """Drops all, as when the net has changed."""
        self._maps.clear()
        self._answers.clear()
        self._complete.clear()
        self._live.clear()
        self._computed.clear()
        self._differing.clear()

    def close(self) -> None:
        """Drops all, and lets go of the net and the data set."""
        self.clear()
        del self._runner, self._samples

    def begin(self, image: int, output: object) -> None:
        """Takes up work with the layers that the runner has found, and the output of the pass that found them."""
        self._first_image = image
        # Maps of four images at least, so that the neighbours stay beside the one that is looked at.
        self._fits_memory = sum(map(bytes_kept, self._runner.layers)) <= MAPS_BYTES // 4
        if not self._fits_memory:  # else the pass that would find them keeps the maps of all layers too
            self._answers[image] = self._runner.known.answers(output, 1, self._runner.image_shape[1:])[0]
            self._complete.add(image)

    def maps(self, image: int, layer: int) -> Maps:
        """What a layer did to an image.

        The pass stops at the layer, unless what is left of it is cheap; then it gives the net's output too, and where
        the whole of it is cheap and fits memory, the maps of all layers.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it, or does not reach the layer with it.
        """
        with self._lock:
            if (image, layer) in self._maps:
                return self._maps[image, layer]
            self._samples.sample(image)  # first: while it is read the lock is set down, and the net may change
            everything = self._fits_memory and self._work() <= _CHEAP_MULTIPLICATIONS
            layers = range(len(self._runner.layers)) if everything else [layer]
            result = self._run(image, layers, to_the_end=self._work(layer + 1) <= _CHEAP_MULTIPLICATIONS)
            if layer in result.missing:
                raise NetError(result.missing[layer])
            return result.maps[layer]

    def complete(self, image: int) -> None:
        """One pass to the end, which serves all layers of this image where memory allows.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it.
        """
        with self._lock:
            if image not in self._complete:
                self._samples.sample(image)
                layers = range(len(self._runner.layers)) if self._fits_memory else []
                self._run(image, [layer for layer in layers if (image, layer) not in self._maps], to_the_end=True)
                self._complete.add(image)

    def has_scores(self, image: int) -> bool:
        """Whether what the net says of an image is at hand, without a pass."""
        with self._lock:
            return image in self._answers

    def answer(self, image: int) -> Answer | None:
        """What the net says of an image; None where that is nothing that can be told."""
        with self._lock:
            if image not in self._answers:
                self.complete(image)
            return self._answers[image]

    def weights(self, layer: int, image: int) -> Weights:
        """A layer's kernels `(F, C_in/groups, *k)` and bias: the net's own tensors, or what it computes for the image.

        Args:
            layer: Index of the layer.
            image: The image of which a pass is run where the weights are computed in the forward pass: by weight norm,
                a parametrisation, a function of the image.

        Raises:
            SampleError: If each image has weights of its own, and this one cannot be read.
            NetError: If the net refuses it, or does not reach the layer with it.
        """
        with self._lock:
            record = self._runner.layers[layer]
            module = record.module
            weight = None if module is None or not record.plain else module._parameters.get("weight")
            if module is not None and weight is not None:
                if layer not in self._live:
                    used = self._runner.edits.weight(record.name, weight)
                    kernels = in_order(used, record.groups, record.transposed)
                    self._live[layer] = kernels, module._parameters.get("bias")
                return self._live[layer]
            try:
                maps = self.maps(image, layer)
            except (SampleError, NetError):
                if self.has_own_weights(layer):
                    raise
                if layer in self._computed:
                    return self._computed[layer]
                maps = self.maps(self._first_image, layer)
            return maps.weight, maps.bias

    def is_dynamic(self, layer: int) -> bool:
        """Whether each image has kernels of its own: they are seen to be made of it, or were others for another."""
        return self._runner.is_dynamic(layer) or self._differing.get(layer, False)

    def has_own_weights(self, layer: int) -> bool:
        """Whether each image has kernels or a bias of its own."""
        record = self._runner.layers[layer]
        return self._runner.is_dynamic(layer) or record.dynamic_bias or layer in self._differing

    def keeps_neighbours(self, layer: int) -> bool:
        """Whether a layer's maps of one image leave room for those of others."""
        return bytes_kept(self._runner.layers[layer]) <= MAPS_BYTES // 2

    def _work(self, first: int = 0) -> int:
        """Multiplications in the layers from this one on, for an image like the first."""
        return sum(
            math.prod(layer.out_shape) * layer.channels * math.prod(layer.kernel_size)
            for layer in self._runner.layers[first:]
        )

    def _run(self, image: int, layers: Sequence[int], to_the_end: bool) -> Pass:
        batch = self._runner.batch([self._samples.sample(image).net_input])
        if any(not self.keeps_neighbours(layer) for layer in layers):
            self._maps.clear_all()  # before the pass: the old ones and the new ones may not fit the machine together
        try:
            result = self._runner.keep(batch, layers, to_the_end, self._computed)
        except Exception as error:
            raise self._runner.refusal(batch, error) from error
        if to_the_end:
            self._answers[image] = self._runner.known.answers(result.output, 1, tuple(batch.shape[2:]))[0]
            while len(self._answers) > _ANSWERS_KEPT:
                oldest = next(iter(self._answers))
                del self._answers[oldest]
                self._complete.discard(oldest)
        for index, maps in result.maps.items():
            if not maps.own_weights and not self._runner.layers[index].plain:
                self._notice_own_weights(index, maps)
            self._maps[image, index] = maps
        return result

    def _notice_own_weights(self, layer: int, maps: Maps) -> None:
        """Notices weights that differ from another image's: they are made of it, by a way that is not seen."""
        weight, bias = self._computed.setdefault(layer, (maps.weight, maps.bias))
        if maps.weight is not weight or maps.bias is not bias:
            maps.own_weights = True
            self._differing[layer] = self._differing.get(layer, False) or maps.weight is not weight


def bytes_kept(layer: ConvLayer) -> int:
    """About how many bytes a layer's maps of one image take."""
    return 3 * 4 * math.prod(layer.out_shape)  # input, pre-activation, activation: about alike
