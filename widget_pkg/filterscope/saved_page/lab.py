"""The lab in a saved page: what the page needs to compute one layer with other kernels, without Python.

Its twin in the page is `js/src/saved/lab/`, which stands in pages that were saved with the lab alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from filterscope import wire
from filterscope.engine.engine import Engine
from filterscope.frames.lab import PageStepBody, PresetBody, build_page_steps, build_presets, geometry_body
from filterscope.lab.kernels import check_editable
from filterscope.lab.page_arithmetic import page_planes, steps_of_each
from filterscope.nets.arrays import float32
from filterscope.saved_page.answers import Part
from filterscope.saved_page.parts import Contents
from filterscope.session.session import Session


class SavedLab:
    """Parts of a page, for one layer: `lab`, and of each image `lab-…`.

    Args:
        session: The net, with the edits that stand, and the data set.
        contents: What is saved; `contents.lab` is the layer, or None.

    Attributes:
        parts: `lab`, where a layer has one.
        of: The layer in words; "" where none has one.

    Raises:
        ValueError: If a page cannot compute the layer by itself, with the reason.
        NetError: If the net refuses the data set's first image.
    """

    def __init__(self, session: Session, contents: Contents) -> None:
        self._engine, self._layer, self._sources = session.engine, contents.lab, contents.sources
        self.parts: list[Part] = []
        self.of = ""
        if contents.lab is not None:
            record = self._engine.layers[contents.lab]
            self.of = record.spoken
            self.parts = [("lab", self._part(session, contents.lab, contents.layers.index(contents.lab)))]

    def _part(self, session: Session, layer: int, place: int) -> wire.Body:
        engine, lab = self._engine, session.lab
        record = engine.layers[layer]
        check_editable(record)
        maps = engine.maps(engine.first_image, layer)
        with engine.passing(engine.first_image) as (runner, batch):
            steps = steps_of_each(runner, batch, layer, float32(maps.pre_activation), float32(maps.activation))
        known = [each for each in steps if each is not None]
        if len(known) < len(steps):
            raise ValueError(
                f"lab=True saves the lab of the selected layer, {record.spoken}, and a page cannot compute by itself "
                "what the net makes of its output: it knows batch norm and the common nonlinearities. Select another "
                "layer, or leave out lab=True"
            )
        shared, own = _shared([build_presets(lab, layer, k) for k in range(record.out_channels)])
        every: list[list[PageStepBody]] = [build_page_steps(each) for each in known]
        return {
            "layer": place,
            "name": record.name,
            "groups": record.groups,
            "kernels": float32(maps.weight),
            "own": lab.own_kernels(layer),
            "bias": np.zeros(record.out_channels, np.float32) if maps.bias is None else float32(maps.bias),
            "geometry": geometry_body(record),
            "steps": every,
            "presets": shared,
            "presets_of": own,
        }

    def image(self, image: int, place: int) -> list[Part]:
        """What the layer is given of an image, and the image itself where the response runs over it.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it.
            ValueError: If it is larger than what a page computes.
        """
        if self._layer is None:
            return []
        engine, record = self._engine, self._engine.layers[self._layer]
        layer_input, pixels = float32(engine.maps(image, self._layer).input), engine.sample(image).image
        seen, over = page_planes(pixels, layer_input, record, 0)
        if seen is None or ("image" in self._sources and over is None):
            raise ValueError(_too_large(engine, self._layer))
        whole = layer_input.reshape(len(layer_input), *seen.shape[1:])
        same = over is not None and np.array_equal(over, whole)
        body = {"input": whole, "over": None if same or "image" not in self._sources else over, "same": same}
        return [(f"lab-{place}", body)]


def _too_large(engine: Engine, layer: int) -> str:
    record = engine.layers[layer]
    return (
        f"lab=True saves the lab of the selected layer, {record.spoken}, and a page cannot compute it by itself: it "
        "computes convolutions over one or two spatial axes that are not transposed, with an input of at most 262,144 "
        "values. Select another layer, or leave out lab=True"
    )


def lab_layer(session: Session, lab: bool, layers: Sequence[int]) -> int | None:
    """The layer of which the lab is saved: the selected one.

    Raises:
        ValueError: If it is not among the layers that are saved.
    """
    if not lab:
        return None
    selected = session.selected().layer
    if selected not in layers:
        record = session.engine.layers[selected]
        raise ValueError(
            f"lab=True saves the lab of the selected layer, {record.spoken}, which is not among layers=; select one of "
            "those, or save that layer too"
        )
    return selected


def _shared(presets: list[list[PresetBody]]) -> tuple[list[PresetBody], list[list[PresetBody]]]:
    """Those that all filters have, and each filter's others."""

    def known(preset: PresetBody, others: list[PresetBody]) -> bool:
        return any(
            preset["name"] == other["name"] and np.array_equal(preset["kernel"], other["kernel"]) for other in others
        )

    shared = [preset for preset in presets[0] if all(known(preset, each) for each in presets[1:])]
    return shared, [[preset for preset in each if not known(preset, shared)] for each in presets]
