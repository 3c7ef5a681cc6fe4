"""What is selected, and what that shows: the widget's traits, how they fit one another, and who may set them."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import anywidget
import numpy as np
import traitlets
from torch import nn

from filterscope import wire
from filterscope.filters.response import SOURCES
from filterscope.host.process import HomeProcess
from filterscope.host.reports import reported
from filterscope.host.sigint import defer_sigint, let_sigint_through
from filterscope.host.timing import STREAM_REQUEST_SECONDS
from filterscope.indices import as_index
from filterscope.lab.quiz import Quiz
from filterscope.nets.kernel_edits import KernelEdit
from filterscope.nets.layer_choice import layer_index
from filterscope.nets.layers import ConvLayer
from filterscope.outputs.detections import Detections
from filterscope.session import selection
from filterscope.session.lab import Lab
from filterscope.session.session import Session
from filterscope.widget.index_trait import Index

if TYPE_CHECKING:
    from typing_extensions import Self

_KEEP: Any = object()

# Trait changes of all explorers, one at a time: observers run inside, and may move another explorer. The engine's own
# lock is held for computing only, never while somebody else's code runs.
_MOVING = threading.RLock()


class SelectionWidget(anywidget.AnyWidget):
    """A widget that selects an image, a layer and a filter of a session.

    A value that does not fit is refused. One that no longer fits the new layer, or the changed net, gives way.
    """

    image_index = Index(0, help="Which image of the data set.").tag(sync=True)
    layer_index = Index(0, help="Which layer, in execution order.").tag(sync=True)
    filter_index = Index(0, help="Which filter of the layer.").tag(sync=True)
    channel = Index(None, allow_none=True, help="Which of the filter's kernels; None for all.").tag(sync=True)
    checkpoint_index = Index(None, allow_none=True, help="Which checkpoint; None for the net itself.").tag(sync=True)
    source = traitlets.Enum(SOURCES, "input", help="What filter2D runs over.").tag(sync=True)

    # Also of a widget that was not made, or is closed.
    _home = HomeProcess()
    _session: Session | None = None

    @property
    def session(self) -> Session:
        """What this explorer knows beside its widget: `engine`, `positions`, `examiner` and `survey`.

        The seam for tests and tools that look behind the widget; its names may change with any version.

        Raises:
            RuntimeError: If the explorer is closed.
        """
        if self._session is None:
            raise RuntimeError("this explorer is closed; make a new one")
        self._home.check()
        return self._session

    def select(
        self,
        image: Any = _KEEP,
        layer: Any = _KEEP,
        filter: Any = _KEEP,
        channel: Any = _KEEP,
        source: Any = _KEEP,
        checkpoint: Any = _KEEP,
    ) -> Self:
        """Selects several at once, in one update; what is left out keeps its value.

        Args:
            image: Index of the image.
            layer: Index, name (its first call) or module of the layer.
            filter: Index of the filter. If left out, one that the new layer does not have becomes its last.
            channel: Which of the filter's kernels, None for all. If left out, one that the new layer's filters do not
                have becomes None.
            source: `"image"` or `"input"`.
            checkpoint: Index of the checkpoint; None for the net itself.

        Returns:
            The explorer.

        Raises:
            ValueError: If the net has no such layer.
            traitlets.TraitError: If an index is out of range; then nothing is changed.
        """
        layers = self.session.layers
        index = as_index(image)
        if index is not None:
            # Of a stream, which is read before the lock that all explorers share.
            self.session.engine.samples.has(index)
        with _MOVING:
            traits = {"image_index": image, "filter_index": filter, "channel": channel, "source": source}
            traits["checkpoint_index"] = checkpoint
            traits = {name: value for name, value in traits.items() if value is not _KEEP}
            if layer is not _KEEP:
                named = isinstance(layer, str | nn.Module | ConvLayer)  # a number is the trait's own to refuse
                traits = self._fitted(layer_index(layers, layer) if named else layer) | traits
            try:
                with defer_sigint(), self.hold_sync(), self.hold_trait_notifications():
                    for name, value in self._in_order(traits).items():
                        setattr(self, name, value)
            except BaseException:  # an observer raised, or was interrupted: those of the other traits were not called
                self.send_state(selection.TRAITS)
                raise
        return self

    # What the selection shows. Arrays are copies; the weights are those of the moment of reading. What needs the image
    # raises `SampleError` where it cannot be read, and `NetError` where the net refuses it.

    @property
    def layers(self) -> tuple[ConvLayer, ...]:
        """The net's convolutions, one for each call in a forward pass, in execution order."""
        return self.session.layers

    @property
    def layer(self) -> ConvLayer:
        """The selected layer."""
        return self.session.layer

    @property
    def image(self) -> np.ndarray:
        """What the network is given, float32 `(C, H, W)`. Raises `SampleError` if it cannot be read."""
        return self.session.image

    @property
    def display(self) -> np.ndarray:
        """What is drawn, float32 `(H, W)` or `(H, W, 3)` in [0, 1], Normalize undone.

        Of an image whose channels cannot be drawn together (two, or more than four), the channel that the selected
        kernel looks at, where filters have as many kernels as the image channels; else its first.
        """
        return self.session.display

    @property
    def label(self) -> str | int | None:
        """The image's class: its name, an int where there is no name, or None."""
        return self.session.label

    @property
    def prediction(self) -> list[tuple[str | int, float]]:
        """The net's classes with their probabilities, best first; empty where it gives no score a class."""
        return self.session.prediction

    @property
    def detections(self) -> Detections | None:
        """The objects that the net sees in the image, in boxes; None where its output is none such."""
        return self.session.detections

    @property
    def class_map(self) -> np.ndarray | None:
        """The class of each pixel as the net sees it, uint8 `(H, W)` or `(D, H, W)`; None where it tells none."""
        return self.session.class_map

    @property
    def kernel(self) -> np.ndarray:
        """The selected filter's kernels, float32 `(C_in/groups, kH, kW)`; to set them is a trial on the twin.

        All pictures, properties and predictions are then those of the net with these kernels, and `edited` says so; the
        user's net is never changed. `(kH, kW)` are the numbers of kernel `channel`, or of a filter's only one. None
        gives the filter the net's own kernels again; `lab.undo()` and `lab.reset()` are other ways back.

        Raises:
            ValueError: If what is set has another shape, or is no array of finite numbers; if the layer's kernels are
                computed in each pass, so that none can take their place.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.kernel = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
            >>> explorer.kernel[0, 1].tolist(), len(explorer.edited)
            ([-2.0, 0.0, 2.0], 1)
        """
        return self.session.kernel

    @kernel.setter
    def kernel(self, value: Any) -> None:
        self.session.lab.edit(value)

    @property
    def edited(self) -> tuple[KernelEdit, ...]:
        """The kernels that stand in place of the net's own, each with `.layer .filter .kernel`; empty where none do."""
        return self.session.lab.edited

    def edited_net(self) -> nn.Module:
        """A copy of the net with the edited kernels, in eval mode and with tensors of its own.

        Raises:
            NetError: If the net cannot be copied.

        Example:
            >>> import torch
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.kernel = torch.zeros(3, 3)
            >>> float(explorer.edited_net().conv1.weight[0].abs().sum())
            0.0
        """
        return self.session.lab.edited_net()

    def try_image(self, picture: Any) -> None:
        """Shows a picture in place of the selected image: a trial; None for the data set's own image again.

        Floats are what the net is given. A picture of bytes goes through the data's own transform; where the data has
        none, it is scaled to the image's size and channels, 0 … 255 becomes 0 … 1, and the Normalize is applied. The
        note under the image says so. The data set is not changed: scans and verdicts never see the trial.

        Args:
            picture: float `(C, H, W)`, or `(H, W)` of one channel; or uint8 `(H, W)` or `(H, W, 3)`, a PIL image, the
                path of a picture; or None.

        Raises:
            SampleError: If it is no picture, or the data's transform refuses it.
            NetError: If the net refuses it; then nothing is changed.

        Example:
            >>> import numpy as np
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.try_image(np.zeros((28, 28), np.uint8))
            >>> float(explorer.image.max())
            0.0
        """
        self.session.lab.try_image(picture)

    def quiz(self, rounds: int = 20, seed: int = 0, layer: Any = None) -> Quiz:
        """Guess the filter: two pictures, of which one drives it, from the evidence of the newest scan.

        Args:
            rounds: How many questions.
            seed: The same questions for the same seed.
            layer: Of which layer the filters are, by index or name; None for all.

        Returns:
            A `Quiz` with `.rounds`, `.answer(round, side)` and `.grade()`, a plain dictionary.

        Raises:
            ValueError: If nothing was scanned yet, or an argument does not fit.
        """
        return self.session.quiz(rounds, seed, layer)

    @property
    def lab(self) -> Lab:
        """What can be tried: `undo`, `redo`, `reset`, `changes`, `effect`, `stages`, `spectrum`, `geometry`."""
        return self.session.lab

    @property
    def response(self) -> np.ndarray:
        """`cv2.filter2D` of the selected filter over `source`, float32 `(H', W')`, without the bias.

        Over the image, that of kernel `channel` (None: the sum where the filter has as many kernels as the image has
        channels, else kernel 0), with OpenCV's default border. Over the layer's own input, with the layer's padding,
        stride, dilation and groups: summed over all channels, plus the bias, it is the pre-activation.
        """
        return self.session.response

    @property
    def pre_activation(self) -> np.ndarray:
        """The convolution's output at the selected filter, float32 `(H', W')`."""
        return self.session.pre_activation

    @property
    def activation(self) -> np.ndarray:
        """The selected filter's map after normalisation and nonlinearity, float32; see `activation_name`."""
        return self.session.activation

    @property
    def activation_name(self) -> str:
        """Which tensor `activation` is: `conv2 → relu`, `layer1.0.conv2 → bn2 (before add)`."""
        return self.layer.activation.name

    # How its values fit one another, and reach the pages.

    def send_state(self, key: Any = None) -> None:
        """Tells the pages; Ctrl-C waits for that, else they would show one thing and Python another."""
        with defer_sigint():
            super().send_state(key)

    def _selection(self) -> selection.Selection:
        return selection.Selection(
            self.image_index,
            self.layer_index,
            self.filter_index,
            self.channel,
            self.source,
            checkpoint=self.checkpoint_index,
        )

    def _fitted(self, index: Any) -> dict[str, Any]:
        return selection.fitted(self.session.layers, index, self.filter_index, self.channel)

    def _in_order(self, traits: dict[str, Any]) -> dict[str, Any]:
        layers = self.session.layers
        return selection.in_order(layers[min(self.layer_index, len(layers) - 1)], traits)

    @traitlets.validate("image_index", "layer_index", "filter_index", "channel", "checkpoint_index")
    def _check(self, proposal: Any) -> Any:
        try:
            engine = self.session.engine
            return selection.check_trait(engine, self.layer_index, proposal["trait"].name, proposal["value"])
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None

    def _fit_in(self) -> None:
        """After the net or the data set changed: what is no longer there gives way to the last that is."""
        engine = self.session.engine
        with _MOVING, self.hold_sync():  # before the selection is read, else who moves meanwhile would be moved back
            last = len(engine.checkpoints) - 1
            at = self.checkpoint_index
            fitted = {
                "image_index": min(self.image_index, len(engine.source) - 1),
                "checkpoint_index": None if at is None or last < 0 else min(at, last),
                **self._fitted(min(self.layer_index, len(engine.layers) - 1)),
            }
            for name, value in fitted.items():
                if getattr(self, name) != value:
                    with reported():  # an observer's error is its author's, and keeps no trait from being fitted
                        setattr(self, name, value)

    @traitlets.observe("layer_index")
    def _fit(self, change: Any) -> None:
        for name, value in self._fitted(change["new"]).items():
            setattr(self, name, value)

    def notify_change(self, change: Any) -> None:
        """A layer and the filter that has to follow it reach the page in one message.

        Ctrl-C interrupts the observers, and not what `select` does around them.
        """
        together = self.hold_sync() if change["name"] == "layer_index" else contextlib.nullcontext()
        with together, let_sigint_through():
            super().notify_change(change)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Trait values from a page. One that is refused changes nothing; the page is told why, and the true values."""
        if self._session is None:
            return
        try:
            self._read_on(sync_data)
            with _MOVING:
                super().set_state(self._in_order(sync_data))
        except traitlets.TraitError as error:
            self.send(*wire.refused(str(error)))
            self.send_state([name for name in sync_data if name in self.keys])

    def _read_on(self, sync_data: dict[str, Any]) -> None:
        """Reads a stream on for a page, a little, and before the lock that all explorers share."""
        if "image_index" in sync_data:
            try:
                selection.check_image(self.session.engine, sync_data["image_index"], seconds=STREAM_REQUEST_SECONDS)
            except ValueError as error:
                raise traitlets.TraitError(str(error)) from None
