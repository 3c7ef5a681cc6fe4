"""`Explorer(net, data)`: the widget. Its traits and their errors; no tensor mathematics."""

from __future__ import annotations

import contextlib
import operator
import threading
from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import ipywidgets
import torch
import traitlets
from torch import nn

from filterscope import wire
from filterscope.assets import asset
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.filters.response import SOURCES
from filterscope.host.subshells import stay_where_asked
from filterscope.nets.layers import net_inputs
from filterscope.session import selection
from filterscope.session.examiner import Examiner
from filterscope.session.judging import Judging
from filterscope.session.pointing import Pointing
from filterscope.session.readings import Readings
from filterscope.widget.pages import Pages
from filterscope.widget.sharing import Sharing

_KEEP: Any = object()

# Trait changes of all explorers, one at a time: observers run inside, and may move another explorer. The engine's own
# lock is held for computing only, never while somebody else's code runs.
_MOVING = threading.RLock()


class _Index(traitlets.Int):
    """An int trait that takes NumPy's and torch's integers too."""

    @staticmethod
    def is_index(value: Any) -> bool:
        """Whether a value is an integer of any library."""
        return hasattr(value, "__index__") and not isinstance(value, bool)

    def validate(self, obj: Any, value: Any) -> Any:
        if isinstance(value, bool):  # an int to traitlets, and one that equals the present value would be kept
            self.error(obj, value)
        with contextlib.suppress(TypeError):  # traitlets says it in its own words
            value = operator.index(value)
        return super().validate(obj, value)


class Explorer(Sharing, Pointing, Judging, Readings, anywidget.AnyWidget):
    """Sliders over every image, layer and filter of a convolutional network, live in a notebook.

    Shows the selected image, the filter's kernel, its `cv2.filter2D` response, its activation in the net, and the whole
    layer at once. Moving a slider sets the trait, setting a trait moves the slider. The net is left exactly as it came.

    Args:
        net: A `torch.nn.Module` with convolutions. It is shown as in eval mode, and stays in the mode it is in.
        test_data: Images, with or without labels: a torch `Dataset` of images, `(image, label)` or dictionaries; an
            `IterableDataset`, read as far as you go; a `DataLoader`, of which the data set is read in order; a list of
            arrays, tensors or PIL images; an array or tensor `(N, C, H, W)`, `(N, H, W, C)` or, of gray images,
            `(N, H, W)`; a pair of such an array and labels; the path of a folder of pictures or of class folders; or
            one image. An array of three axes is one image where its first or last axis has as many entries as the net
            takes channels, more than one. Floats go to the net as they are; uint8 and PIL images as 0 … 1. Images are
            read when they are needed.
        classes: Class names in their order, a dictionary, or a torchvision weights object; by default the data set's
            own (`.classes`, `.class_to_idx`, `.features`).
        transform: Applied to each image as the data set gives it: a function of one image, or a torchvision weights
            object for its own transforms.
        mean: Of the Normalize that the images went through, a number a channel; undone in `display`. By default the
            Normalize found in the data set's transforms.
        std: Its standard deviation.
        layout: The order of the axes where it is not clear: `"CHW"` or `"HWC"` of one image, `"NCHW"`, `"NHWC"` or
            `"NHW"` of a whole array.
        image_index: The image that is shown first.
        layer_index: The layer, in execution order.
        filter_index: The filter of that layer.
        channel: Which of the filter's kernels; None for all, summed.
        source: What filter2D runs over: `"image"`, or the layer's own `"input"`.
        forward: For a net with an unusual call: a function of net and image that calls the net it is given and returns
            its output, `lambda net, image: net(image, mask)`. The image is a batch of one, `(1, C, H, W)`; a function
            that refuses that is given the image alone, `(C, H, W)`.
        **traits: Any other trait of an ipywidget.

    Raises:
        TypeError: If a keyword is unknown, or `net` or `test_data` are not what they should be.
        ValueError: If the data set is empty, the net has no convolution, or refuses the image (`NetError`), or none of
            the first 20 images can be read (`SampleError`), or there are fewer class names than classes.
        FileNotFoundError: If `test_data` is a path, and there is nothing.
        traitlets.TraitError: If an index is out of range.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
        >>> explorer.select(layer="conv2", filter=3).kernel.shape
        (10, 3, 3)
    """

    _esm = asset("widget.js")
    _css = asset("widget.css")

    image_index = _Index(0, help="Which image of the data set.").tag(sync=True)
    layer_index = _Index(0, help="Which layer, in execution order.").tag(sync=True)
    filter_index = _Index(0, help="Which filter of the layer.").tag(sync=True)
    channel = _Index(None, allow_none=True, help="Which of the filter's kernels; None for all.").tag(sync=True)
    source = traitlets.Enum(SOURCES, "input", help="What filter2D runs over.").tag(sync=True)

    def __init__(
        self,
        net: nn.Module,
        test_data: Any,
        classes: Any = None,
        transform: Any = None,
        mean: Sequence[float] | float | None = None,
        std: Sequence[float] | float | None = None,
        layout: Any = None,
        image_index: int = 0,
        layer_index: int = 0,
        filter_index: int = 0,
        channel: int | None = None,
        source: str = "input",
        forward: Callable[[nn.Module, torch.Tensor], Any] | None = None,
        **traits: Any,
    ) -> None:
        self._engine: Engine | None = None
        self._pages: Pages | None = None
        self._examiner: Examiner | None = None
        unknown = [name for name in traits if name not in self.trait_names() or name.startswith("_")]
        if unknown:
            raise TypeError(
                f"Explorer has no keyword {', '.join(map(repr, unknown))}; it has classes, transform, mean, std, "
                "layout, image_index, layer_index, filter_index, channel, source, forward and every ipywidget's traits"
            )
        if isinstance(layout, ipywidgets.Layout | dict):  # ipywidgets' own meaning of the word
            traits["layout"], layout = layout, None
        samples = SampleSource(
            test_data,
            classes=classes,
            transform=transform,
            mean=mean,
            std=std,
            layout=layout,
            inputs=net_inputs(net),
        )
        first = operator.index(image_index) if _Index.is_index(image_index) else 0
        self._engine = Engine(net, samples, first if first >= 0 and samples.reach(first) else 0, forward)
        super().__init__(
            image_index=image_index,
            layer_index=layer_index,
            filter_index=filter_index,
            channel=channel,
            source=source,
            **traits,
        )
        pointer = self._pointer(self._engine)
        send = lambda *message: self.send(*message)  # noqa: E731
        self._pages = Pages(self._engine, send, self._fit_in, pointer, self._examining)
        self.on_msg(self._on_message)
        stay_where_asked(self.comm)

    # What is selected

    def select(
        self, image: Any = _KEEP, layer: Any = _KEEP, filter: Any = _KEEP, channel: Any = _KEEP, source: Any = _KEEP
    ) -> Explorer:
        """Selects several at once, in one update; what is left out keeps its value.

        Args:
            image: Index of the image.
            layer: Index, name (its first call) or module of the layer.
            filter: Index of the filter. If left out, one that the new layer does not have becomes its last.
            channel: Which of the filter's kernels, None for all. If left out, one that the new layer's filters do not
                have becomes None.
            source: `"image"` or `"input"`.

        Returns:
            The explorer.

        Raises:
            ValueError: If the net has no such layer.
            traitlets.TraitError: If an index is out of range; then nothing is changed.
        """
        self._open()
        with _MOVING:
            wanted = {"image_index": image, "filter_index": filter, "channel": channel, "source": source}
            wanted = {name: value for name, value in wanted.items() if value is not _KEEP}
            if layer is not _KEEP:
                wanted = self._fitted(selection.layer_number(self._open().layers, layer)) | wanted
            with self.hold_sync(), self.hold_trait_notifications():
                for name, value in self._in_order(wanted).items():
                    setattr(self, name, value)
        return self

    def _fitted(self, layer_index: Any) -> dict[str, Any]:
        return selection.fitted(self._open().layers, layer_index, self.filter_index, self.channel)

    def _in_order(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return selection.in_order(self._open().layers[self.layer_index], wanted)

    @traitlets.validate("image_index", "layer_index", "filter_index", "channel")
    def _check(self, proposal: Any) -> Any:
        engine, name, value = self._open(), proposal["trait"].name, proposal["value"]
        try:
            if name == "image_index":
                return selection.check_image(engine, value)
            if name == "layer_index":
                return selection.check_layer(engine, value)
            layer = engine.layers[min(self.layer_index, len(engine.layers) - 1)]
            return (selection.check_filter if name == "filter_index" else selection.check_channel)(layer, value)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None

    def _fit_in(self) -> None:
        """After the net or the data set changed: what is no longer there gives way to the last that is."""
        engine = self._open()
        image = min(self.image_index, len(engine.source) - 1)
        fitted = {"image_index": image, **self._fitted(min(self.layer_index, len(engine.layers) - 1))}
        with _MOVING, self.hold_sync():
            for name, value in fitted.items():
                if getattr(self, name) != value:
                    setattr(self, name, value)

    @traitlets.observe("layer_index")
    def _fit(self, change: Any) -> None:
        for name, value in self._fitted(change["new"]).items():
            setattr(self, name, value)

    @traitlets.observe(*selection.TRAITS)
    def _look(self, change: Any) -> None:
        """A move is when changed weights are noticed: the page may answer it from what it holds."""
        if self._pages is not None and self.comm is not None:
            self._pages.look(self._selection())

    def notify_change(self, change: Any) -> None:
        """A layer and the filter that has to follow it reach the page in one message."""
        if change["name"] == "layer_index":
            with self.hold_sync():
                super().notify_change(change)
        else:
            super().notify_change(change)

    # Life

    def refresh(self) -> None:
        """Reads net and data set anew, as after a change that weights do not show; pages follow.

        Raises:
            ValueError: If net or data set can no longer be shown (`NetError`, `SampleError`).
        """
        self._open().refresh()
        self._announce()

    def close(self) -> None:
        """Takes the widget off its pages and lets go of the net, the data set and all that was computed."""
        super().close()
        self._close_figures()
        engine, self._engine = getattr(self, "_engine", None), None
        self._asked = None
        examiner, self._examiner = getattr(self, "_examiner", None), None
        if examiner is not None:
            examiner.close()
        if engine is not None:
            pages, self._pages = self._pages, None
            if pages is not None:
                pages.close()
            engine.close()

    def __repr__(self) -> str:
        if self._engine is None:
            return "Explorer(closed)"
        images = len(self._engine.source)
        return f"Explorer(image {self.image_index} of {images}, {self.layer.title}, filter {self.filter_index})"

    # Its pages

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Trait values from a page. One that is refused changes nothing; the page is told why, and the true values."""
        engine = self._engine
        if engine is None:
            return
        try:
            with _MOVING:
                super().set_state(self._in_order(sync_data))
        except traitlets.TraitError as error:
            self.send(*wire.refused(str(error)))
            self.send_state([name for name in sync_data if name in self.keys])

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        if self._pages is not None:
            self._pages.take(content)

    def _announce(self) -> None:
        if self._pages is not None:
            self._pages.announce()

    def _begun(self) -> None:
        self.send(*wire.verdicts())
