"""The lab of one explorer: what is tried on the twin, how it is undone, and what comes of it. Knows no widget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.engine.engine import Engine
from filterscope.errors import NetError
from filterscope.lab.edit_history import EditHistory
from filterscope.lab.geometry import GeometryTrial, try_geometry
from filterscope.lab.kernels import check_editable, check_kernel
from filterscope.lab.occlusion import Occlusion
from filterscope.lab.presets import random_like, template_of, textbook_kernels
from filterscope.lab.spectrum import Spectrum, frequency_response
from filterscope.lab.stages import Stage, record_stages
from filterscope.nets.arrays import float32
from filterscope.nets.conv_call import in_order
from filterscope.nets.kernel_edits import KernelEdit, KernelEdits, editable
from filterscope.session.edit_outcomes import EditChanges, EditOutcomes
from filterscope.session.examiner import Examiner
from filterscope.session.selection import Selection
from filterscope.session.trial_images import TrialImages
from filterscope.verdicts.ablation.effect_table import Effect


class Lab:
    """Other kernels for a net, undone and redone; all is run on the twin, and the user's net is never changed.

    Args:
        engine: The net and the data set.
        examiner: Measures over many images.
        selected: Gives the present selection.
        announce: Tells whoever shows this session that it is out of date.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
        >>> explorer.kernel = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
        >>> explorer.lab.undo(), explorer.edited
        (True, ())
    """

    def __init__(
        self, engine: Engine, examiner: Examiner, selected: Callable[[], Selection], announce: Callable[[], None]
    ) -> None:
        self.engine = self._engine = engine
        self._examiner = examiner
        self._selected, self._announce = selected, announce
        self._history = EditHistory()
        self._images, self._outcomes = TrialImages(engine), EditOutcomes(engine, examiner)

    # Kernels

    @property
    def edited(self) -> tuple[KernelEdit, ...]:
        """The edits that stand now; empty where the net is shown as it is."""
        return self._engine.edits

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to undo."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to redo."""
        return self._history.can_redo

    def edit(
        self,
        kernel: Any,
        layer: int | None = None,
        filter_index: int | None = None,
        channel: Any = -1,
        gesture: str = "",
    ) -> None:
        """Gives a filter other kernels.

        Args:
            kernel: Numbers `(C_in/groups, *k)`, or of one kernel; None for the net's own again.
            layer: Index of the layer; None for the selected one.
            filter_index: Index of the filter; None for the selected one.
            channel: Which kernel numbers of one kernel are; by default the selected one, None for none.
            gesture: Edits of one filter with the same word in a row, as while a number is dragged, are one step.

        Raises:
            ValueError: If the kernels do not fit, or the layer's cannot be edited.
            NetError: If the net cannot be copied.
        """
        engine, at = self._engine, self._selected()
        with engine.lock:
            engine.check()
            index = at.layer if layer is None else layer
            chosen = at.filter if filter_index is None else filter_index
            record, edits = engine.layers[index], engine.edits
            others = tuple(edit for edit in edits if (edit.layer, edit.filter) != (record.name, chosen))
            if kernel is not None:
                check_editable(record)
                own = engine.kernels(index)[chosen]
                values = check_kernel(kernel, record, own, at.channel if channel == -1 else channel)
                others += (KernelEdit(record.name, chosen, values, record.groups, record.transposed),)
            elif len(others) == len(edits):
                return
            engine.edit(others)
            self._history.record(edits, f"{index} {chosen} {gesture}" if gesture else "")
        self._announce()

    def undo(self) -> bool:
        """Takes back the last step.

        Returns:
            Whether there was one.
        """
        return self._step(back=True)

    def redo(self) -> bool:
        """Takes the step again that was undone last.

        Returns:
            Whether there was one.
        """
        return self._step(back=False)

    def _step(self, back: bool) -> bool:
        engine = self._engine
        with engine.lock:
            target = self._history.last(back)
            if target is None:
                return False
            before = engine.edits
            engine.edit(KernelEdits(target).fitting(engine.layers).edits)
            self._history.go(back, before)
        self._announce()
        return True

    def reset(self) -> None:
        """Gives all filters the net's own kernels again; this can be undone, too."""
        engine = self._engine
        with engine.lock:
            edits = engine.edits
            if not edits:
                return
            engine.edit(())
            self._history.record(edits, "")
        self._announce()

    def own_kernels(self, layer: int) -> np.ndarray:
        """The net's own kernels of a layer, whatever stands in their place, float32 `(F, C_in/groups, *k)`."""
        record = self._engine.layers[layer]
        weight = record.module._parameters.get("weight") if editable(record) and record.module is not None else None
        return (
            self._engine.kernels(layer)
            if weight is None
            else float32(in_order(weight, record.groups, record.transposed))
        )

    def presets(self, layer: int, filter_index: int) -> dict[str, np.ndarray]:
        """Kernels to begin with: `(kH, kW)`, or for all of the filter's kernels `(C_in/groups, *k)`.

        Args:
            layer: Index of the layer.
            filter_index: Index of the filter.
        """
        engine = self._engine
        with engine.lock:
            record = engine.layers[layer]
            kernels = self.own_kernels(layer)
        presets = textbook_kernels(record.kernel_size)
        template = template_of(kernels, filter_index) if record.rank == 2 else None
        if template is not None:
            presets[f"the verdict's template: {template[0]}"] = template[1]
        start = self._examiner.start_of(layer)
        if start is not None and start.shape == kernels.shape:
            presets["the start of the training"] = start[filter_index].copy()
        presets["random like the layer's"] = random_like(kernels)
        return presets

    def edited_net(self) -> nn.Module:
        """A copy of the net, in eval mode and with tensors of its own, that has the edited kernels.

        Raises:
            NetError: If the net cannot be copied.
        """
        engine = self._engine
        with engine.lock:
            engine.check()
            net = engine.snapshot()
            named = dict(net.named_modules())
            for edit in engine.edits:
                weight = named[edit.layer]._parameters["weight"]
                if weight is None:
                    raise NetError(f"the copy of {edit.layer} has no weight of its own, so it cannot be edited")
                with torch.inference_mode(False), torch.no_grad():
                    edit.write(weight)
            return net

    # Images

    def try_image(self, picture: Any, image: int | None = None) -> None:
        """Shows a picture in place of an image of the data set; None for the data set's own again.

        Args:
            picture: See `filterscope.data.trial.trial_sample`.
            image: In place of which image; None for the selected one.

        Raises:
            SampleError: If it is no picture, or the data's transform refuses it.
            NetError: If the net refuses it; then nothing is changed.
        """
        if picture is not None:
            self._images.show(picture, self._selected().image if image is None else image)
        elif not self._images.take_back():
            return
        self._announce()

    def try_pixels(self, pixels: np.ndarray, plane: int | None = None, image: int | None = None) -> None:
        """Shows an image with other pixels in its place; see `filterscope.data.trial.painted_sample`.

        Args:
            pixels: uint8 `(h, w)` or `(h, w, 3)`.
            plane: Which channel was drawn, where they cannot be drawn together.
            image: Which image; None for the selected one.
        """
        self._images.show_pixels(pixels, plane, self._selected().image if image is None else image)
        self._announce()

    @property
    def tried_image(self) -> int | None:
        """In place of which image another one stands; None where all are the data set's."""
        return self._images.index

    def occlusion(
        self,
        box: int | None = None,
        on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
        check: Callable[[], None] = lambda: None,
        at: Selection | None = None,
    ) -> Occlusion:
        """Covers one place of the image after the other: what falls of the selected filter and of the predicted class.

        Args:
            box: The box's side in pixels; None for a seventh of the image's shorter side.
            on_progress: Told how many places were covered, and of how many.
            check: Called before each batch; what it raises ends the work.
            at: The selection; None for the present one.

        Raises:
            ValueError: If the box does not fit the image.
        """
        return self._images.occlusion(self._selected() if at is None else at, box, on_progress, check)

    # What comes of it

    def changes(self, image: int | None = None) -> EditChanges:
        """What the edits do to an image: to the layers behind, and to the prediction.

        Args:
            image: Index of the image; None for the selected one.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it.
        """
        return self._outcomes.changes(self._selected().image if image is None else image)

    def effect(
        self,
        images: int,
        on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
        check: Callable[[], None] = lambda: None,
    ) -> Effect:
        """What the edits do over many images: accuracy and loss, with intervals, as for an ablation.

        Args:
            images: How many images are looked at, drawn from all of the data set; of a stream the first ones.
            on_progress: Told how many were looked at, and of how many.
            check: Called before each sample and each pass; what it raises ends the work.

        Raises:
            ValueError: If nothing is edited, or there is no accuracy and no loss to measure.
            NetError: If the net cannot be copied.
        """
        return self._outcomes.effect(images, on_progress, check)

    # What can be asked of a filter besides

    def stages(self) -> list[Stage]:
        """The stages of the selected filter: input, response, bias, normalisation, nonlinearity, pool."""
        engine, at = self._engine, self._selected()
        with engine.lock:
            engine.check()
            return self.stages_of(at.image, at.layer, at.filter, at.channel or 0)

    def stages_of(self, image: int, layer: int, filter_index: int, channel: int) -> list[Stage]:
        """The stages of any filter; see `filterscope.lab.stages`."""
        engine = self._engine
        with engine.lock:
            engine.maps(image, layer)  # says why, where it is not reached
            with engine.passing(image) as (runner, batch):
                return record_stages(runner, batch, layer, filter_index, channel)

    def spectrum(self, sampling_rate: float | None = None, channel: int | None = None) -> Spectrum:
        """The frequency response of one of the selected filter's kernels.

        Args:
            sampling_rate: Of a signal, samples a second; then frequencies are in Hz.
            channel: Which kernel; None for the selected one, else the first.
        """
        at = self._selected()
        kernels = self._engine.kernels(at.layer, at.image)[at.filter]
        kernel = kernels[(at.channel or 0) if channel is None else channel]
        return frequency_response(kernel if kernel.ndim < 3 else kernel[kernel.shape[0] // 2], sampling_rate)

    def geometry(
        self, stride: Any = None, padding: Any = None, padding_mode: Any = None, dilation: Any = None
    ) -> GeometryTrial:
        """The selected filter's map with another geometry; what is None stays the layer's own.

        Raises:
            ValueError: If a value does not fit, or no position is left.
        """
        at = self._selected()
        return self.geometry_of(at.image, at.layer, at.filter, stride, padding, padding_mode, dilation)

    def geometry_of(self, image: int, layer: int, filter_index: int, *geometry: Any) -> GeometryTrial:
        """The map of any filter; see `filterscope.lab.geometry`."""
        engine = self._engine
        with engine.lock:
            engine.check()
            maps, record = engine.maps(image, layer), engine.layers[layer]
            bias = None if maps.bias is None else maps.bias[filter_index]
            return try_geometry(record, maps.input, maps.weight[filter_index], bias, filter_index, *geometry)
