"""What a page needs in the lab, as plain arrays, numbers and words."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from filterscope.engine.classes import Prediction
from filterscope.filters.block_means import block_means
from filterscope.filters.slices import planes
from filterscope.filters.value_range import encode, value_range
from filterscope.frames.layer_picture import PictureBody, range_body
from filterscope.frames.prediction import best_of
from filterscope.lab.geometry import GeometryTrial, own_geometry
from filterscope.lab.occlusion import Occlusion
from filterscope.lab.page_arithmetic import page_planes, page_steps
from filterscope.lab.spectrum import amplitudes, frequency_response
from filterscope.lab.stages import Stage
from filterscope.nets.kernel_edits import editable
from filterscope.nets.layers import ConvLayer
from filterscope.nets.runner import float32
from filterscope.session.lab import EditChanges, Lab
from filterscope.session.selection import Selection
from filterscope.verdicts.ablation.effect_table import Effect

MOST_SIDE = 256
"""A picture of the lab is sent with no more values a side."""


class HistoryBody(TypedDict):
    """What is edited, and what can be undone."""

    revision: int
    edits: list[dict[str, object]]
    can_undo: bool
    can_redo: bool


class GeometryBody(TypedDict):
    """A layer's geometry along rows and columns; of a signal the rows are one. `pads` are before and after."""

    stride: list[int]
    pads: list[list[int]]
    mode: str
    dilation: list[int]


class PageStepBody(TypedDict):
    """A step that the page takes by itself; `numbers` is float32."""

    name: str
    numbers: np.ndarray


class PresetBody(TypedDict):
    """A kernel to begin with: float32 `(kH, kW)`, or `(C, kH, kW)`."""

    name: str
    kernel: np.ndarray


class FilterBody(HistoryBody):
    """One filter in the lab.

    `kernels` and `own` are float32 `(C, *k)`: those that stand now, and the net's. `input` and `over` are float32
    `(C, H, W)` and `(n, H, W)`, what the page convolves by itself, or None; `steps` is None where it waits for Python.
    """

    image: int
    layer: int
    filter: int
    why_not: str
    kernels: np.ndarray
    own: np.ndarray
    bias: np.ndarray
    input: np.ndarray | None
    over: np.ndarray | None
    geometry: GeometryBody | None
    steps: list[PageStepBody] | None
    presets: list[PresetBody]


def build_history(lab: Lab, revision: int) -> HistoryBody:
    """What is edited, and what can be undone."""
    return {
        "revision": revision,
        "edits": [{"layer": edit.layer, "filter": edit.filter} for edit in lab.edited],
        "can_undo": lab.can_undo,
        "can_redo": lab.can_redo,
    }


def build_filter(lab: Lab, at: Selection) -> FilterBody:
    """One filter in the lab: its kernels, what a page computes by itself, and the presets."""
    engine = lab.engine
    record = engine.layers[at.layer]
    maps = engine.maps(at.image, at.layer)
    pre, activation = float32(maps.pre_activation[at.filter]), float32(maps.activation[at.filter])
    pixels, layer_input = engine.sample(at.image).image, float32(maps.input)
    seen, over = page_planes(pixels, layer_input, record, at.filter)
    steps = None
    if seen is not None:
        with engine.passing(at.image) as (runner, batch):
            steps = page_steps(runner, batch, at.layer, at.filter, pre, activation)
    own = lab.own_kernels(at.layer)[at.filter]
    bias = 0.0 if maps.bias is None else float(maps.bias[at.filter])
    return {
        **build_history(lab, engine.revision),
        "image": at.image,
        "layer": at.layer,
        "filter": at.filter,
        "why_not": "" if editable(record) else _why_not(record),
        "kernels": float32(maps.weight[at.filter]),
        "own": own,
        "bias": np.array([bias], np.float32),
        "input": seen,
        "over": over,
        "geometry": None if seen is None and over is None else _geometry(record),
        "steps": None
        if steps is None
        else [{"name": step.name, "numbers": np.array(step.numbers, np.float32)} for step in steps],
        "presets": [{"name": name, "kernel": kernel} for name, kernel in lab.presets(at.layer, at.filter).items()],
    }


def _why_not(layer: ConvLayer) -> str:
    return (
        f"The kernels of {layer.spoken} are computed in each pass, and are no parameter of its module, so nothing can "
        "stand in their place. The other parts of the lab work."
    )


def _geometry(layer: ConvLayer) -> GeometryBody:
    flat = 2 - layer.rank
    return {
        "stride": [1] * flat + list(layer.stride),
        "pads": [[0, 0]] * flat + [list(pair) for pair in layer.pads],
        "mode": layer.padding_mode,
        "dilation": [1] * flat + list(layer.dilation),
    }


class ChangesBody(TypedDict):
    """What the edits do to an image; `changes` is float32, one a layer of `layers`."""

    revision: int
    image: int
    layers: list[str]
    changes: np.ndarray
    before: Prediction
    after: Prediction


def build_changes(changes: EditChanges, revision: int) -> ChangesBody:
    """What the edits do to an image."""
    return {
        "revision": revision,
        "image": changes.image,
        "layers": [each.name for each in changes.layers],
        "changes": np.array([each.change for each in changes.layers], np.float32),
        "before": best_of(changes.before),
        "after": best_of(changes.after),
    }


class EffectBody(TypedDict):
    """What the edits do over many images; each estimate is float32 `(value, low, high)`."""

    images: int
    labelled: bool
    accuracy: np.ndarray
    accuracy_change: np.ndarray
    loss: np.ndarray
    loss_change: np.ndarray
    notes: list[str]


def build_effect(effect: Effect) -> EffectBody:
    """What the edits do over many images."""
    accuracy, loss = effect.accuracy_change, effect.loss_change
    return {
        "images": effect.images,
        "labelled": effect.labelled,
        "accuracy": np.array([effect.accuracy_before, effect.accuracy_after], np.float32),
        "accuracy_change": np.array([accuracy.value, accuracy.low, accuracy.high], np.float32),
        "loss": np.array([effect.loss_before, effect.loss_after], np.float32),
        "loss_change": np.array([loss.value, loss.low, loss.high], np.float32),
        "notes": list(effect.notes),
    }


def build_crop(pixels: np.ndarray) -> np.ndarray:
    """A crop's pixels as bytes, uint8 `(h, w)` or `(h, w, 3)`."""
    levels: np.ndarray = np.floor(np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
    return levels


class OcclusionBody(TypedDict):
    """A heat map each for the filter and for the predicted class: float32, and pictures of the same."""

    box: int
    stride: int
    maps: list[dict[str, object]]


def build_occlusion(found: Occlusion) -> OcclusionBody:
    """The heat maps of an occlusion."""
    maps: list[dict[str, object]] = [{"of": "filter", **lab_picture(found.filter)}]
    if found.probability is not None:
        maps.append({"of": "class", **lab_picture(found.probability)})
    return {"box": found.box, "stride": found.stride, "maps": maps}


class StageBody(PictureBody):
    """A stage's picture, and what stands below it."""

    kind: str
    name: str
    shape: list[int]


def build_stage(stage: Stage) -> StageBody:
    """A stage, as a picture."""
    return {**lab_picture(stage.values), "kind": stage.kind, "name": stage.name, "shape": list(stage.values.shape)}


def lab_picture(values: np.ndarray) -> PictureBody:
    """Values as codes in their own range, of many the means of `reduced × reduced`; of a volume the middle slice."""
    shown, _ = planes(values, 0, None, 1)
    reduced = -(-max(shown.shape) // MOST_SIDE)
    drawn = shown if reduced == 1 else block_means(shown, reduced)
    of = value_range(drawn)
    return {"tensor": encode(drawn, of), "encoding": "codes", "reduced": reduced, "ranges": [range_body(of)]}


class SpectrumBody(TypedDict):
    """Pictures of spectra by their names; of a signal curves instead: float32 `(n,)` each, over `frequencies`."""

    unit: str
    pictures: list[dict[str, object]]
    curves: list[dict[str, object]]
    frequencies: np.ndarray


def build_spectrum(
    kernels: dict[str, np.ndarray], image: np.ndarray, response: np.ndarray, sampling_rate: float | None
) -> SpectrumBody:
    """The spectra of some kernels, and of an image before and after.

    Args:
        kernels: By what they are called, float32 `(kH, kW)` or `(k,)`.
        image: What the response runs over, float32 `(H, W)` or `(L,)`.
        response: The response.
        sampling_rate: Of a signal, samples a second.

    Raises:
        ValueError: If the sampling rate is not a number above 0.
    """
    spectra = {name: frequency_response(kernel, sampling_rate) for name, kernel in kernels.items()}
    first = next(iter(spectra.values()))
    if first.gain.ndim == 1:
        curves: list[dict[str, object]] = [{"name": name, "values": each.decibels} for name, each in spectra.items()]
        return {"unit": first.unit, "pictures": [], "curves": curves, "frequencies": first.frequencies}
    pictures: list[dict[str, object]] = [
        {"name": f"{name}: gain", **lab_picture(each.gain)} for name, each in spectra.items()
    ]
    for name, plane in (("before", image), ("after", response)):
        pictures.append({"name": f"image {name}: amplitudes", **lab_picture(amplitudes(plane))})
    return {"unit": first.unit, "pictures": pictures, "curves": [], "frequencies": first.frequencies}


class GeometryTrialBody(PictureBody):
    """A map with another geometry, as a picture."""

    formula: list[str]
    parameters: int
    sees: list[int]
    shape: list[int]
    stride: list[int]
    padding: list[int]
    padding_mode: str
    dilation: list[int]
    own: dict[str, object]


def build_geometry(trial: GeometryTrial, layer: ConvLayer) -> GeometryTrialBody:
    """A map with another geometry."""
    own = {name: list(value) if isinstance(value, tuple) else value for name, value in own_geometry(layer).items()}
    return {
        **lab_picture(trial.values),
        "formula": list(trial.formula),
        "parameters": trial.parameters,
        "sees": list(trial.sees),
        "shape": list(trial.values.shape),
        "stride": list(trial.stride),
        "padding": list(trial.padding),
        "padding_mode": trial.padding_mode,
        "dilation": list(trial.dilation),
        "own": own,
    }
