"""`Explorer(net, data)`: the widget. What is asked of it is the session's to answer, or the pages'."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ipywidgets
import numpy as np
import torch
from torch import nn

from filterscope import wire
from filterscope.adapters.opening import open_net
from filterscope.engine.engine import Engine
from filterscope.figures.figure_kinds import paper_figure
from filterscope.filters.arithmetic import Arithmetic
from filterscope.filters.response import SOURCES
from filterscope.host.lifetimes import collect
from filterscope.indices import as_index
from filterscope.nets.rng import RandomStream
from filterscope.outputs.score import Score
from filterscope.receptive_field.fields import ReceptiveField, ReceptiveFields
from filterscope.scans.result import Scan
from filterscope.session.comparison import beside
from filterscope.session.positions import Map, Positions
from filterscope.session.running_scan import RunningScan
from filterscope.session.timeline import RunningDiagnosisOverTime
from filterscope.timeline.comparison import Comparison, compare
from filterscope.verdicts.ablation.ablation import Replacement
from filterscope.verdicts.ablation.without import Without
from filterscope.verdicts.run.background import RunningDiagnosis
from filterscope.widget.hosted_widget import HostedWidget

if TYPE_CHECKING:  # matplotlib takes half a second to import, so it waits until somebody draws
    from filterscope.figures.live_figure import LiveFigure
    from filterscope.figures.paper_figure import PaperFigure

_FIRST: Any = object()


class Explorer(HostedWidget):
    """Sliders over every image, layer and filter of a convolutional network, live in a notebook.

    Shows the selected image, the filter's kernel, its `cv2.filter2D` response, its activation in the net, and the whole
    layer at once. Moving a slider sets the trait, setting a trait moves the slider. The net is left exactly as it came.

    Args:
        net: A `torch.nn.Module` with convolutions, or another library's object with one inside: ultralytics' `YOLO`,
            fastai's `Learner`, skorch's `NeuralNet`, a pipeline of transformers. It is shown as in eval mode, and
            stays in the mode it is in.
        test_data: Images, with or without labels: a torch `Dataset` of images, `(image, label)` or dictionaries; an
            `IterableDataset`, read as far as you go; a `DataLoader`, of which the data set is read in order, or what
            its sampler gives of it; any other loader, or a list, of batches; a list of arrays, tensors or PIL images;
            an array or tensor `(N, C, H, W)`, `(N, H, W, C)` or, of gray images, `(N, H, W)`; a pair of such an array
            and labels, or a dictionary of them; the path of a folder of pictures or of class folders, or of an `.npz`
            or HDF5 file; or one image. An array of three axes is one image where its first or last axis has as many
            entries as the net takes channels, more than one. Floats go to the net as they are; uint8 and PIL images as
            0 … 1. Images are read when they are needed.
        classes: Class names in their order, a dictionary, or a torchvision weights object; by default the data set's
            own (`.classes`, `.class_to_idx`, `.features`).
        transform: Applied to each image as the data set gives it: a function of one image, or a torchvision weights
            object for its own transforms.
        mean: Of the Normalize that the images went through, a number a channel; undone in `display`. By default the
            Normalize found in the data set's transforms.
        std: Its standard deviation.
        layout: The order of the axes where it is not clear: `"CHW"` or `"HWC"` of one image, `"NCHW"`, `"NHWC"` or
            `"NHW"` of a whole array; `"NL"` for an array of vectors.
        image_index: The image that is shown first.
        layer_index: The layer, in execution order.
        filter_index: The filter of that layer.
        channel: Which of the filter's kernels; None for all, summed.
        source: What filter2D runs over: `"image"`, or the layer's own `"input"`.
        forward: For a net with an unusual call: a function of net and image that calls the net it is given and returns
            its output, `lambda net, image: net(image, mask)`. The image is a batch of one, `(1, C, H, W)`; a function
            that refuses that is given all inputs of the sample, where it has several, as in
            `forward=lambda net, pair: net(*pair)`; then the image alone, `(C, H, W)`.
        checkpoints: The net at other moments of its training, for a fourth slider: a pattern such as `"runs/*.pt"`,
            or a list of paths, state dictionaries, nets and pairs `(name, one of these)`. Files by `torch.save` and in
            safetensors' format, of Lightning and of plain training loops: the net's own state is found in them. Nothing
            that stands in a file is run. Each is read when it is looked at; `net` itself is never changed.
        checkpoint_index: The checkpoint that is shown first; None for `net` itself. By default the first.
        score: How good the net's output for an image is: a function of the output and the sample's label that returns a
            number, the greater the better, or a `Score`. The strip, `without` and `diagnose` go by it. None for the
            loss of classes, the F1 of boxes at an IoU of 0.5 or the mean IoU of masks, as the net's output is.
        **traits: Any other trait of an ipywidget.

    Raises:
        TypeError: If a keyword is unknown, or `net` or `test_data` are not what they should be.
        ValueError: If the data set is empty, the net has no convolution, or refuses the image (`NetError`), or none of
            the first 20 images can be read (`SampleError`), or there are fewer class names than classes, or no
            checkpoint fits the net (`CheckpointError`).
        FileNotFoundError: If `test_data` is a path, and there is nothing.
        traitlets.TraitError: If an index is out of range.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
        >>> explorer.select(layer="conv2", filter=3).kernel.shape
        (10, 3, 3)
    """

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
        checkpoints: Any = None,
        checkpoint_index: Any = _FIRST,
        score: Score | Callable[[Any, Any], Any] | None = None,
        **traits: Any,
    ) -> None:
        unknown = [name for name in traits if name not in self.trait_names() or name.startswith("_")]
        if unknown:
            raise TypeError(
                f"Explorer has no keyword {', '.join(map(repr, unknown))}; it has classes, transform, mean, std, "
                "layout, image_index, layer_index, filter_index, channel, source, forward, score, checkpoints, "
                "checkpoint_index and every ipywidget's traits"
            )
        collect()  # what an explorer before this one has left behind
        if isinstance(layout, ipywidgets.Layout | dict):  # ipywidgets' own meaning of the word
            traits["layout"], layout = layout, None
        opened = open_net(
            net,
            test_data,
            classes=classes,
            transform=transform,
            mean=mean,
            std=std,
            layout=layout,
            forward=forward,
            score=score,
            isolated=partial(RandomStream().isolated, wait=False),
        )
        samples = opened.source
        first = as_index(image_index)
        first = first if first is not None and first >= 0 and samples.has(first) else 0
        engine = Engine(opened.net, samples, first, opened.forward, checkpoints)
        super().__init__(
            engine,
            image_index=image_index,
            layer_index=layer_index,
            filter_index=filter_index,
            channel=channel,
            source=source,
            checkpoint_index=(0 if engine.checkpoints else None) if checkpoint_index is _FIRST else checkpoint_index,
            **traits,
        )

    @property
    def _engine(self) -> Engine:
        """The session's engine, under the name by which scripts from before there was a session reach it."""
        return self.session.engine

    # One position `(row, column)` of the selected filter's pre-activation. Of a signal's map the row is 0. Of a
    # volume's, `depth` is the slice, by default the middle one. A position that the map does not have is a `ValueError`
    # that names what is possible.

    @property
    def pointer(self) -> Positions:
        """What answers for any position of any map."""
        self.session.look()
        return self.session.positions

    def arithmetic(self, row: int, column: int, depth: int | None = None) -> Arithmetic:
        """How the value of a position comes about: patch × kernel, summed, the bias, the steps to the activation.

        Args:
            row: In the pre-activation's map.
            column: In the pre-activation's map.
            depth: Of a volume's map the slice; None for the middle one.

        Returns:
            Arrays `patch`, `kernel`, `products` `(C_in/groups, *k)`, `channel_sums` `(C_in/groups,)` and numbers
            `bias`, `pre_activation`, `activation`, all float32; `print` shows them as text. `difference` is how far the
            recomputed value is from the net's own.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), layer_index=1)
            >>> explorer.arithmetic(4, 5).patch.shape
            (10, 3, 3)
            >>> explorer.arithmetic(4, 5).agrees
            True
        """
        return self.session.arithmetic(row, column, depth)

    def receptive_field(self, row: int, column: int, depth: int | None = None) -> ReceptiveField:
        """Which part of the image a position sees.

        Args:
            row: In the pre-activation's map.
            column: In the pre-activation's map.
            depth: Of a volume's map the slice; None for the middle one.

        Returns:
            `inside`, the box of the image's pixels that real taps reach; `theoretical`, that of the unclipped formula,
            which may reach outside of the image; and `status`: `"exact"`, `"upper bound"` or `"whole image"`.

        Raises:
            ValueError: If nothing of the image reaches the map.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.receptive_field(4, 5).inside
            Box(top=4, left=5, bottom=7, right=8, front=0, back=1)
        """
        return self.session.receptive_field(row, column, depth)

    def receptive_fields(self, of: Map = "pre_activation") -> ReceptiveFields:
        """The receptive fields of every position of the selected filter's map, as numbers for its rows and columns.

        Args:
            of: `"pre_activation"`, or `"activation"`, which a pool may have made smaller.

        Raises:
            ValueError: If nothing of the image reaches the map.
        """
        return self.session.receptive_fields(of)

    def effective_receptive_field(self, row: int, column: int, depth: int | None = None) -> np.ndarray:
        """How much each pixel of the image matters to a position: the size of its gradient.

        Args:
            row: In the pre-activation's map.
            column: In the pre-activation's map.
            depth: Of a volume's map the slice; None for the middle one.

        Returns:
            float32 `(H, W)`, `|∂ pre-activation / ∂ pixel|` summed over the image's channels.

        Raises:
            ValueError: If no gradient reaches the image.
        """
        return self.session.effective_receptive_field(row, column, depth)

    # Verdicts; the net is never changed, all is done with copies of it.

    def diagnose(
        self,
        images: int = 1000,
        layers: Iterable[int | str | nn.Module] | int | str | nn.Module | None = None,
        ablation: bool | str = "auto",
        *,
        seconds: float | None = None,
        ablated_images: int | None = None,
        start: Mapping[str, Any] | str | PathLike[str] | None = None,
    ) -> RunningDiagnosis:
        """Judges every filter in the background, and returns at once: sliders and cells go on meanwhile.

        See `filterscope.diagnose` for what is judged. It is made with a copy of the net as it is now, so it holds for
        these weights whatever happens to the net; the copy takes as much memory as the net. A second call for the same
        weights and layers goes on where the last one ended, and one that still runs is ended first.

        Args:
            images: How many images are looked at, drawn from all of the data set; of a stream the first ones.
            layers: Which layers, by index, name or module; None for all.
            ablation: How it is measured what the net loses without each filter: `"auto"` removes each in turn on a few
                of these images and takes the rest from gradients, `"all"` removes each on all of them, False none.
            seconds: With `ablation="auto"`, about how long it may take.
            ablated_images: With `ablation="auto"`, on how many images each filter is removed, 12 to 1,000.
            start: A state dict of the time before training, or the path of one, which tells how far each filter went.

        Returns:
            A `Diagnosis` that grows: `wait()` waits for its end, `cancel()` ends it within a moment, `done` says
            whether it has ended; what it has so far can be read at any time.

        Raises:
            TypeError: If `start` is of the wrong kind.
            ValueError: If an argument does not fit, with the valid choices.
            NetError: If the net cannot be copied, so that nothing may run it in the background.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.diagnose(images=100, ablation=False).wait().done
            True
        """
        diagnosis = self.session.diagnose(images, layers, ablation, ablated_images, seconds, start)
        self.send(*wire.verdicts())
        return diagnosis

    @property
    def diagnosis(self) -> RunningDiagnosis | None:
        """The newest diagnosis, begun here or in the page; None before the first."""
        return None if self._session is None else self._session.examiner.diagnosis

    def scan(
        self,
        images: int | Iterable[int] | slice | None = None,
        layers: Iterable[int | str | nn.Module] | int | str | nn.Module | None = None,
        *,
        pre_activation: bool = False,
    ) -> RunningScan:
        """Gathers what every filter gives for every image, in the background: sliders and cells go on meanwhile.

        See `filterscope.scan` for what is gathered. It is made with a copy of the net as it is now, so it holds for
        these weights whatever happens to the net; the copy takes as much memory as the net. A second call for the same
        weights and layers goes on where the last one ended, and one that still runs is ended first. Passes are as large
        as leaves the sliders alive, so a last bit may differ from that of `filterscope.scan`.

        Args:
            images: None for all; how many, drawn from all of the data set (of a stream the first ones); or indices.
            layers: Which layers, by index, name or module; None for all.
            pre_activation: Whether the scores are those of the maps before normalisation and nonlinearity.

        Returns:
            A `Scan` that grows: `wait()` waits for its end, `cancel()` ends it within a moment and keeps what was seen,
            `done` says whether it has ended; what it has so far can be read at any time.

        Raises:
            TypeError: If an argument is of the wrong kind.
            ValueError: If an argument does not fit, with the valid choices.
            NetError: If the net cannot be copied, so that nothing may run it in the background.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.scan(images=200).wait().top("conv2", 3, k=3).values.shape
            (3,)
        """
        scan = self.session.scan(images, layers, pre_activation)
        self.send(*wire.scans())
        return scan

    @property
    def newest_scan(self) -> RunningScan | None:
        """The newest scan, begun here or in the page; None before the first."""
        return None if self._session is None else self._session.scans.newest

    def without(
        self,
        filters: Iterable[int] | int,
        layer: Any = None,
        replaced_by: Replacement = "mean",
        images: int | None = None,
    ) -> Without:
        """What the net says when the maps of some filters are replaced by a constant; the net is never changed.

        Args:
            filters: Index of the filter, or of several.
            layer: Index, name or module of the layer; None for the selected one.
            replaced_by: `"mean"`, the map's mean over many images, which takes away what it says of this image; or
                `"zero"`, which also takes away a level that the next layer relies on.
            images: Over how many images accuracy and loss are measured, too; None for the selected image alone.

        Returns:
            The prediction before and after, what the maps were replaced by, and `effect` over many images.

        Raises:
            ValueError: If an argument does not fit, with the valid choices.
            NetError: If the net cannot be copied or refuses the image.
            SampleError: If the image cannot be read.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> found = explorer.without([3, 5], layer="conv1", images=200)
            >>> found.effect.images, found.effect.loss_change.low < found.effect.loss_change.value
            (200, True)
        """
        return self.session.without(filters, layer, replaced_by, images)

    def filter_effects(self, layer: Any = None) -> np.ndarray:
        """How much the prediction for the selected image rests on each filter of a layer; the net is never changed.

        Each filter's map in turn is replaced by zero, as in `without([k], replaced_by="zero")`, and the others are left
        in.

        Args:
            layer: Index, name or module of the layer; None for the selected one.

        Returns:
            float32 `(F,)`: by how many nats the log-probability of the class that the net predicts falls without the
            filter. Above 0 the filter speaks for that class, below 0 against it; 0 says that nothing changes, NaN that
            the net's output is not finite then.

        Raises:
            ValueError: If there is no such layer, with the valid choices; if the net's output is not one score a class,
                or not finite.
            NetError: If the net cannot be copied, refuses the image, or does not reach the layer with it.
            SampleError: If the image cannot be read.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), image_index=17)
            >>> effects = explorer.filter_effects("conv1")
            >>> effects.shape, explorer.without(int(effects.argmax()), layer="conv1", replaced_by="zero").after[0][0]
            ((10,), 'Bag')
        """
        return self.session.filter_effects(layer)

    # The net over its training

    def record(self, epoch: int | None = None, name: str | None = None) -> int:
        """Keeps the net as it is now, so that the checkpoint slider goes back to it: one line in a training loop.

        The slider of every page grows while the cell trains. Nothing of the run is changed: the weights are read and
        copied to the processor's memory, tensors of two axes or more in half precision, so that a weight is shown with
        an error of 2⁻¹¹ of the largest one of its filter at most. All recordings together take 256 MB at most: beyond
        that every second one is let go of, and from then on one is kept for every two calls, and so on.

        Args:
            epoch: The number of the epoch, or of the step, for its name.
            name: What it is called; by default `epoch 3`, or `snapshot 3` where no epoch is given.

        Returns:
            The index of the newest checkpoint.

        Raises:
            TypeError: If `epoch` is no whole number.
            NetError: If the net cannot be copied, so that a snapshot could not be shown.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> for epoch in range(3):
            ...     index = explorer.record(epoch=epoch)  # after the epoch's training steps
            >>> index, explorer.select(checkpoint=0).kernel.shape
            (2, (1, 3, 3))
        """
        number = as_index(epoch)
        if epoch is not None and number is None:
            raise TypeError(f"epoch is {epoch!r}; give the number of the epoch, or a name by name='warm-up'")
        index = self.session.engine.showing.record(None if name is None else str(name), number)
        self.send(*wire.checkpoints())
        self._announce()
        return index

    def diagnose_over_time(
        self,
        images: int = 1000,
        layers: Iterable[int | str | nn.Module] | int | str | nn.Module | None = None,
        ablation: bool | str = False,
    ) -> RunningDiagnosisOverTime:
        """Judges every filter at every checkpoint in the background, and returns at once.

        See `filterscope.diagnose_over_time`; the page shows what is known so far.

        Args:
            images: How many images are looked at, the same ones at each checkpoint.
            layers: Which layers, by index, name or module; None for all.
            ablation: How the use of filters is found at each checkpoint, as `diagnose` takes it: `"auto"`, `"all"` or
                False.

        Returns:
            A diagnosis over time that grows: `wait()`, `cancel()`, `done`, `found` and `over_time()`.

        Raises:
            ValueError: If an argument does not fit, or there are no checkpoints.
            NetError: If the net cannot be copied.

        Example:
            >>> from filterscope import Explorer, demo
            >>> nets = [demo.fashion_net(epoch=epoch) for epoch in (0, 20)]
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), checkpoints=nets)
            >>> len(explorer.diagnose_over_time(images=100).wait().rows())
            60
        """
        diagnosis = self.session.diagnose_over_time(images, layers, ablation)
        self.send(*wire.checkpoints())
        return diagnosis

    @classmethod
    def compare(
        cls, a: nn.Module, b: nn.Module, data: Any, images: int = 500, *, data_b: Any = None, **options: Any
    ) -> Explorer:
        """Two nets on one page: the explorer of a, and each filter of it beside its partner in b.

        Below the large pictures the page says in words which filters are found again, shows kernel and map of the
        selected filter in both nets and their difference on one scale, lists the layer's filters, those that changed
        most first, and the images on which one net alone is right; a button tells which filters explain that.
        `comparison` has all of it.

        Args:
            a: A net.
            b: Another one: trained on, pruned, quantised (simulated), from another seed, of another width.
            data: What `Explorer` takes.
            images: How many images are looked at for `comparison`.
            data_b: The same images as b is given them, where it wants another normalisation.
            **options: What `Explorer` takes. `layers`, `shuffles` and `same_run` are those of `filterscope.compare`.

        Raises:
            TypeError: If a net or the data are of the wrong kind.
            ValueError: If an option does not fit, or the two nets have no layer that can be compared.

        Example:
            >>> from filterscope import Explorer, demo
            >>> net, data = demo.fashion_net(), demo.fashion_test_data()
            >>> explorer = Explorer.compare(demo.fashion_net(epoch=1), net, data, images=100)
            >>> explorer.comparison.of_layer("conv1").correlations.shape
            (10, 10)
        """
        of_comparison = {name: options.pop(name) for name in ("layers", "shuffles", "same_run") if name in options}
        of_data: dict[str, Any] = {
            name: options[name] for name in ("classes", "transform", "forward") if name in options
        }
        comparison = compare(a, b, data, images, data_b=data_b, **of_comparison, **of_data)
        explorer = cls(a, data, **options)
        explorer.session.two_nets = beside(explorer.session.engine, comparison, b, data, data_b, of_data)
        return explorer

    @property
    def comparison(self) -> Comparison | None:
        """Which filter of net a is which of net b.

        Where `Explorer.compare` made this explorer, or while the tray compares the smaller net with the original;
        else None.
        """
        two_nets = self.session.two_nets
        return None if two_nets is None else two_nets.comparison

    def recorder(self, library: str, every: int = 1) -> Any:
        """A callback that calls `record` after each epoch of another library's trainer.

        Args:
            library: `"lightning"`, for `Trainer(callbacks=[…])`; `"fastai"`, for `learn.fit(…, cbs=[…])`; or
                `"transformers"`, for `Trainer(callbacks=[…])` of Hugging Face.
            every: After every how many epochs.

        Raises:
            ValueError: If the library is not one of these, or `every` is below 1.
            ImportError: If it is not installed.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.recorder("keras")
            Traceback (most recent call last):
            ValueError: library is 'keras'; choose 'lightning', 'fastai' or 'transformers'
        """
        from filterscope.timeline.callbacks import recording_callback

        self.session  # noqa: B018  a closed explorer says so at once
        return recording_callback(library, self.record, every)

    # What leaves the notebook, or stands beside it

    def figure(
        self,
        kind: Literal["live", "grid", "exemplars"] = "live",
        *,
        maps: Literal["response", "activation"] = "response",
        filters: Iterable[int] | None = None,
        columns: int = 5,
        scan: Scan | None = None,
        layer: Any = None,
        k: int = 9,
    ) -> LiveFigure | PaperFigure:
        """A matplotlib figure in the page's colours and ranges.

        Args:
            kind: `"live"` follows the sliders: image, kernel, response and activation with colour bars, to pan, zoom
                and save, without any magic command. `"grid"` is the course notebook's grid for a paper, a kernel and a
                map for each filter, as things are now. `"exemplars"` is for a paper, too: a row for each filter, its
                kernel and what its greatest maxima see; see `exemplar_figure`. Both need no display.
            maps: Of the grid: `"response"`, filter2D of the kernel over `source`, or `"activation"`, the net's own.
            filters: Of the grid and the exemplars: indices of filters; None for all of them, or of more the first 64.
            columns: Of the grid: pairs in a row.
            scan: Of the exemplars: the scan of this net that they come from.
            layer: Of the exemplars: index, name or module of the layer; None for the selected one.
            k: Of the exemplars: how many crops stand in a row, 1 to 12.

        Returns:
            A `matplotlib.figure.Figure`. A cell that ends with it shows it; `savefig` writes PNG, SVG or PDF.
            `close()` of a live one lets go of it, as the explorer's own `close()` does.

        Raises:
            TypeError: If `scan` is no scan.
            ValueError: If an option is not one of these, or belongs to another kind; if the scan is missing or of
                another net; `SampleError` or `NetError` where the grid or a crop cannot be drawn.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.figure(kind="grid").savefig("conv1.pdf")  # doctest: +SKIP
        """
        figure = paper_figure(self.session, kind, maps, filters, columns, scan, layer, k)
        if figure is not None:
            return figure
        assert self._live_figures is not None  # an open explorer has them
        return self._live_figures.open(self, self._scene)

    def save_html(
        self,
        path: str | os.PathLike[str],
        images: Any = None,
        layers: Any = None,
        *,
        channels: Any = None,
        sources: Any = SOURCES,
        precision: int = 8,
        limit_mb: float = 50,
        title: str | None = None,
        progress: bool = True,
        exemplars: bool = True,
        lab: bool = False,
        timeline: bool = False,
    ) -> Path:
        """Saves one page that shows this explorer without Python: it opens from disk, with no network.

        All sliders work over what was saved. Maps are saved as 8 bits a value over each map's own range, and the page
        says at each value how far it may be off. What was not saved cannot be chosen there, and a sentence says so.
        The verdicts that `diagnose` has found so far are saved too, and the exemplars that `scan` has.

        Args:
            path: The file to write, `filters.html`. What was there stays until the new one is complete.
            images: Which images: a slice, or indices; None for the first 32. In the page they count from 0.
            layers: Which layers, by index, name or module, one or several; None for all.
            channels: Of which input channels the response is saved alone, beside that of all of them: indices, or
                `"all"`.
            sources: What filter2D runs over: `"input"`, `"image"` or both.
            precision: Bits a value: 8, 16, or 32 for the exact float32.
            limit_mb: Megabytes that the page may have.
            title: The page's title; by default the net's class.
            progress: Whether the size is said first, and a bar shown (with tqdm, where it is installed).
            exemplars: Whether the exemplars of the newest scan are saved, of every filter of these layers.
            lab: Whether the kernels of the selected layer can be edited in the page, which computes that layer by
                itself then. What the layer is given of each image is saved for that, exactly.
            timeline: Whether the selected layer is shown over the checkpoints: kernels, and activations for each of
                the images, at each checkpoint, what changed when, and the verdicts of `diagnose_over_time` so far. It
                takes a pass for each image and checkpoint. The checkpoint slider is there for as many images as half of
                what all else leaves of `limit_mb` has room for, the selected one first; the page says how many.

        Returns:
            The path.

        Raises:
            ValueError: If an option is not one of these, or the page would be larger than `limit_mb`; the sentence says
                how large, and what makes it smaller.
            RuntimeError: If the net's weights changed meanwhile.
            OSError: If the file cannot be written.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.save_html("filters.html", images=range(32))  # doctest: +SKIP
            PosixPath('filters.html')
        """
        from filterscope.saved_page.save import save_html

        options = channels, sources, precision, limit_mb, title, progress, exemplars, lab, timeline
        return save_html(self.session, path, images, layers, *options)

    # Life

    def refresh(self) -> None:
        """Reads net and data set anew, as after a change that weights do not show; pages follow.

        Raises:
            ValueError: If net or data set can no longer be shown (`NetError`, `SampleError`).
        """
        self.session.refresh()

    def __reduce_ex__(self, protocol: Any) -> Any:
        """An explorer cannot be pickled, as for another process."""
        raise TypeError(
            "an Explorer cannot be pickled: it lives in the process that made it. Hand over the net and the "
            "data, and make one there: Explorer(net, test_data)"
        )

    def __repr__(self) -> str:
        if self._session is None:
            return "Explorer(closed)"
        if not self._home.is_this:
            return "Explorer(of another process)"
        images = len(self._session.engine.source)
        return f"Explorer(image {self.image_index} of {images}, {self.layer.title}, filter {self.filter_index})"
