"""What the selection shows: the explorer's read-only properties, computed when they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from filterscope.engine.engine import Engine
from filterscope.engine.moment import Moment
from filterscope.filters.response import Source, shown_plane
from filterscope.nets.layers import ConvLayer


class Readings:
    """The properties of an explorer. Arrays are copies; the weights are those of the moment of reading.

    Every property that needs the image raises `SampleError` where it cannot be read, and `NetError` where the net
    refuses it.
    """

    _engine: Engine | None
    image_index: int
    layer_index: int
    filter_index: int
    channel: int | None
    source: Source

    @property
    def layers(self) -> tuple[ConvLayer, ...]:
        """The net's convolutions, one for each call in a forward pass, in execution order."""
        return self._open().layers

    @property
    def layer(self) -> ConvLayer:
        """The selected layer."""
        return self.layers[self.layer_index]

    @property
    def image(self) -> np.ndarray:
        """What the network is given, float32 `(C, H, W)`. Raises `SampleError` if it cannot be read."""
        return self._open().sample(self.image_index).image.copy()

    @property
    def display(self) -> np.ndarray:
        """What is drawn, float32 `(H, W)` or `(H, W, 3)` in [0, 1], Normalize undone.

        Of an image whose channels cannot be drawn together (two, or more than four), the channel that the selected
        kernel looks at, where filters have as many kernels as the image channels; else its first.
        """
        sample = self._open().sample(self.image_index)
        return sample.drawn(shown_plane(sample.image, self.layer, self.channel)).pixels.copy()

    @property
    def label(self) -> str | int | None:
        """The image's class: its name, an int where there is no name, or None."""
        return self._open().sample(self.image_index).label

    @property
    def prediction(self) -> list[tuple[str | int, float]]:
        """The net's classes with their probabilities, best first; empty where it gives no score a class."""
        return self._read(lambda engine: engine.prediction(self.image_index))

    @property
    def kernel(self) -> np.ndarray:
        """The selected filter's kernels, float32 `(C_in/groups, kH, kW)`."""
        return self._read(lambda engine: engine.kernels(self.layer_index)[self.filter_index].copy())

    @property
    def response(self) -> np.ndarray:
        """`cv2.filter2D` of the selected filter over `source`, float32 `(H', W')`, without the bias.

        Over the image, that of kernel `channel` (None: the sum where the filter has as many kernels as the image has
        channels, else kernel 0), with OpenCV's default border. Over the layer's own input, with the layer's padding,
        stride, dilation and groups: summed over all channels, plus the bias, it is the pre-activation.
        """
        return self._read(
            lambda engine: engine.response(
                self.image_index, self.layer_index, self.filter_index, self.channel, self.source
            )
        )

    @property
    def pre_activation(self) -> np.ndarray:
        """The convolution's output at the selected filter, float32 `(H', W')`."""
        return self._read(self._moment).pre_activation(self.filter_index)

    @property
    def activation(self) -> np.ndarray:
        """The selected filter's map after normalisation and nonlinearity, float32; see `activation_name`."""
        return self._read(self._moment).activation(self.filter_index)

    @property
    def activation_name(self) -> str:
        """Which tensor `activation` is: `conv2 → relu`, `layer1.0.conv2 → bn2 (before add)`."""
        return self.layer.activation.name

    def _moment(self, engine: Engine) -> Moment:
        return engine.moment(self.image_index, self.layer_index)

    def _open(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("this explorer is closed; make a new one")
        return self._engine

    def _read(self, compute: Callable[[Engine], Any]) -> Any:
        """Computes with the weights of this moment; the pages follow if they changed."""
        engine = self._open()
        with engine.lock:
            changed = engine.check()
            value = None if changed else compute(engine)
        self._announce()
        if changed:  # what the net no longer has is no longer selected now
            with engine.lock:
                value = compute(engine)
        return value

    def _announce(self) -> None:
        """Tells the pages that what they hold is out of date, if it is."""
        raise NotImplementedError
