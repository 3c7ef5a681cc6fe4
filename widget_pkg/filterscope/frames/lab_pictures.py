"""The lab's small pictures for a page: what hides the evidence, stages, spectra, and another geometry's map."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from filterscope.filters.block_means import block_means
from filterscope.filters.slices import planes
from filterscope.filters.value_range import encode, value_range
from filterscope.frames.layer_picture import PictureBody, range_body
from filterscope.lab.geometry import GeometryTrial, own_geometry
from filterscope.lab.occlusion import Occlusion
from filterscope.lab.spectrum import amplitudes, frequency_response
from filterscope.lab.stages import Stage
from filterscope.nets.layers import ConvLayer

MOST_SIDE = 256
"""A picture of the lab is sent with no more values a side."""


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
