"""Whether several images may go through a net in one pass: two together must give what each of them gives alone.

They do not where a layer uses statistics of the batch in eval mode too, lays the images side by side as groups of one
convolution, attends from one image to another, or decides by the whole batch which way to take; and many nets are
written for one image. What is compared is each layer's activation and the scores of the classes. Beside it is seen
whether layers have other kernels for another image though nobody saw how they are made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from filterscope.errors import describe_exception
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import OnActivation, OnConv
from filterscope.nets.layers import ConvLayer
from filterscope.nets.outputs import class_output

_SAMPLED_VALUES = 4096  # of each layer's maps of one image, evenly spaced
# Of the largest value: how far rounding may take a deep net's values apart where its sums run in another order.
_ROUNDING = {torch.float64: 1e-7, torch.float32: 1e-3, torch.float16: 0.03, torch.bfloat16: 0.15}
_ROUNDING_ON_GPU = 1e-2  # at least: convolutions may round float32 to 10 bits there


class Runs(Protocol):
    """What runs a net; a `NetRunner` does."""

    layers: tuple[ConvLayer, ...]

    def batch(self, images: list[np.ndarray]) -> torch.Tensor:
        """Images of one shape as a batch."""

    def run(
        self, batch: torch.Tensor, layers: Iterable[int], on_activation: OnActivation | None, on_conv: OnConv | None
    ) -> Any:
        """Runs the net on a batch and returns its output; calls functions with each layer's activation and call."""


@dataclass(frozen=True)
class Comparison:
    """What two images showed, together and each alone.

    Attributes:
        objection: Why only one image at a time may go through the net, a sentence without full stop; "" where several
            may go in one pass.
        dynamic: Indices of layers that had other kernels for one image than for the other.
    """

    objection: str
    dynamic: frozenset[int]


def compare(runner: Runs, images: Iterable[np.ndarray]) -> Comparison | None:
    """Runs two images together and each alone.

    Args:
        runner: Runs the net.
        images: Images `(C, H, W)` to try, read one after the other until two of one shape differ and the net takes
            each of them alone.

    Returns:
        What they showed; None where no two images tell.
    """
    alone: dict[tuple[int, ...], tuple[np.ndarray, _Pass]] = {}  # by shape
    for image in images:
        before = alone.get(image.shape)
        if before is not None and np.array_equal(before[0], image):
            continue
        try:
            own = _Pass(runner, [image])
        except Exception:  # this image's content is what the net refuses
            continue
        if before is None:
            alone[image.shape] = image, own
            continue
        dynamic = frozenset(layer for layer in own.kernels if not _same_kernels(layer, before[1], own))
        try:
            together = _pass_of_two(runner, [before[0], image])
        except Exception as error:
            return Comparison(f"the net refuses two images in one pass ({describe_exception(error)})", dynamic)
        return Comparison(_difference(runner.layers, (before[1], own), together), dynamic)
    return None


def _same_kernels(layer: int, one: _Pass, other: _Pass) -> bool:
    return layer not in one.kernels or np.array_equal(one.kernels[layer], other.kernels[layer], equal_nan=True)


class _Pass:
    """One pass: of each layer reached the activation's shape and some of its values, and the net's scores.

    Attributes:
        shapes: Shape of each layer's activation.
        values: Of each layer's activation the values of each image, in each order in which its items may stand.
        kernels: Some of the kernels of each layer that computes them by a way in which the image was not seen.
        scores: Scores of the classes, one row an image; None where the net's output is not one score a class.
        rounding: How far apart values may be, as a share of the largest, by the layer; under None for the scores.
    """

    def __init__(self, runner: Runs, images: list[np.ndarray]) -> None:
        self._images = len(images)
        self.shapes: dict[int, tuple[int, ...]] = {}
        self.values: dict[int, list[list[np.ndarray]]] = {}
        self.kernels: dict[int, np.ndarray] = {}
        self._layers = runner.layers
        self.rounding: dict[int | None, float] = {}
        output = runner.run(runner.batch(images), range(len(runner.layers)), self._note, self._note_kernels)
        scores = class_output(output, len(images))
        self.scores: list[np.ndarray] | None = None
        if scores is not None:
            self.scores = [_some(row) for row in scores]
            self.rounding[None] = _rounding(scores)

    def _note(self, layer: int, activation: torch.Tensor) -> None:
        self.shapes[layer] = tuple(activation.shape)
        self.rounding[layer] = _rounding(activation)
        self.values[layer] = [[_some(part) for part in parts] for parts in _parts(activation.detach(), self._images)]

    def _note_kernels(self, layer: int, call: ConvCall) -> None:
        if not self._layers[layer].plain and not call.dynamic:
            self.kernels[layer] = _some(call.kernels)


def _pass_of_two(runner: Runs, images: list[np.ndarray]) -> _Pass:
    try:
        return _Pass(runner, images)
    except Exception:  # inside of a scripted module an interruption looks like this, too; it comes only once
        return _Pass(runner, images)


def _parts(activation: torch.Tensor, images: int) -> Iterator[list[torch.Tensor]]:
    """The items of each image, in each order in which a net may put them; nothing where they cannot be told apart."""
    items = activation.shape[0]
    if items % images:
        return
    yield list(torch.split(activation, max(1, items // images)))
    if items > images > 1:
        yield [activation[image::images] for image in range(images)]


def _some(tensor: torch.Tensor) -> np.ndarray:
    flat = tensor.detach().reshape(-1)
    return flat[:: -(-max(1, flat.numel()) // _SAMPLED_VALUES)].to("cpu", torch.float64, copy=True).numpy()


def _rounding(tensor: torch.Tensor) -> float:
    share = _ROUNDING.get(tensor.dtype, _ROUNDING[torch.float32])
    return share if tensor.device.type == "cpu" else max(share, _ROUNDING_ON_GPU)


def _difference(layers: tuple[ConvLayer, ...], alone: tuple[_Pass, _Pass], together: _Pass) -> str:
    """In what two images together differ from each alone, a sentence without full stop; "" where in nothing."""
    for layer in sorted({*alone[0].shapes, *alone[1].shapes, *together.shapes}):
        name = layers[layer].spoken
        if not (layer in alone[0].shapes and layer in alone[1].shapes and layer in together.shapes):
            return f"the net takes another way with two images in one pass, where {name} is reached by not all"
        one, two = alone[0].shapes[layer], together.shapes[layer]
        if two != (2 * one[0], *one[1:]):
            return f"{name} gives {two} for two images in one pass, and {one} for one"
        expected = [own.values[layer][0][0] for own in alone]
        if not any(_agree(expected, parts, together.rounding[layer]) for parts in together.values[layer]):
            return f"{name} gives an image other values beside another image than alone"
    if alone[0].scores is None or alone[1].scores is None:
        return ""
    if together.scores is None or not _agree(
        [alone[0].scores[0], alone[1].scores[0]], together.scores, together.rounding[None]
    ):
        return "the net gives an image another output beside another image than alone"
    return ""


def _agree(expected: list[np.ndarray], values: list[np.ndarray], rounding: float) -> bool:
    scale = max((float(np.abs(part[np.isfinite(part)]).max(initial=0)) for part in expected), default=0.0)
    return all(
        one.shape == other.shape and np.allclose(one, other, rtol=0, atol=rounding * scale, equal_nan=True)
        for one, other in zip(expected, values, strict=True)
    )
