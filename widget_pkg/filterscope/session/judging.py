"""What an explorer says of its filters: the verdicts, and what the net does without some of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from torch import nn

from filterscope.engine.engine import Engine
from filterscope.session.examiner import Examiner
from filterscope.session.readings import Readings
from filterscope.session.selection import check_filter, layer_number
from filterscope.verdicts.ablation.replacement import Replacement
from filterscope.verdicts.ablation.without import Without
from filterscope.verdicts.run.background import RunningDiagnosis

_MAKING = threading.Lock()


class Judging(Readings):
    """`diagnose` and `without` of an explorer; the net is never changed, all is done with copies of it."""

    _examiner: Examiner | None

    def _begun(self) -> None:
        """Tells the pages that a diagnosis was begun."""
        raise NotImplementedError

    def _examining(self) -> Examiner:
        engine = self._open()
        with _MAKING:
            if self._examiner is None:
                self._examiner = Examiner(engine)
            return self._examiner

    def diagnose(
        self,
        images: int = 1000,
        layers: Iterable[int | str | nn.Module] | int | str | nn.Module | None = None,
        ablation: bool = True,
    ) -> RunningDiagnosis:
        """Judges every filter in the background, and returns at once: sliders and cells go on meanwhile.

        See `filterscope.diagnose` for what is judged. It is made with a copy of the net as it is now, so it holds for
        these weights whatever happens to the net; the copy takes as much memory as the net. A second call for the same
        weights and layers goes on where the last one ended, and one that still runs is ended first.

        Args:
            images: How many images are looked at, drawn from all of the data set; of a stream the first ones.
            layers: Which layers, by index, name or module; None for all.
            ablation: Whether each filter is removed in turn on these images, to measure what the net loses.

        Returns:
            A `Diagnosis` that grows: `wait()` waits for its end, `cancel()` ends it within a moment, `done` says
            whether it has ended; what it has so far can be read at any time.

        Raises:
            ValueError: If an argument does not fit, with the valid choices.
            NetError: If the net cannot be copied, so that nothing may run it in the background.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.diagnose(images=100, ablation=False).wait().done
            True
        """
        found = self._examining().diagnose(images, layers, ablation, self.layer_index)
        self._announce()
        self._begun()
        return found

    @property
    def diagnosis(self) -> RunningDiagnosis | None:
        """The newest diagnosis, begun here or in the page; None before the first."""
        return None if self._examiner is None else self._examiner.diagnosis

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
        engine, examiner = self._open(), self._examining()
        index = self.layer_index if layer is None else layer_number(engine.layers, layer)
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(engine.layers):
            raise ValueError(f"layer is {index!r}; this net has convolutions 0 … {len(engine.layers) - 1}")
        chosen = checked_filters(engine, index, filters)
        found = examiner.without(self.image_index, index, chosen, replaced_by)
        self._announce()
        return found if images is None else replace(found, effect=examiner.effect(index, chosen, replaced_by, images))


def checked_filters(engine: Engine, layer: int, filters: Any) -> tuple[int, ...]:
    """Indices of filters of a layer, ascending, each once; ValueError names what is possible."""
    record = engine.layers[layer]
    several = filters if isinstance(filters, Iterable) and not isinstance(filters, str) else [filters]
    found = {check_filter(record, int(one) if hasattr(one, "item") else one, "filters") for one in several}
    if not found:
        raise ValueError(f"filters is empty; {record.spoken} has filters 0 … {record.out_channels - 1}")
    return tuple(sorted(found))
