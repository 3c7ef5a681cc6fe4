"""What can be asked about one position of a map: what it sees, and how its value comes about. Knows no widget."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from filterscope.engine.engine import Engine
from filterscope.errors import NetError, describe_exception
from filterscope.filters import arithmetic
from filterscope.filters.arithmetic import Arithmetic
from filterscope.filters.rounding import Computed
from filterscope.filters.steps import StepMap, record_steps, steps_at
from filterscope.indices import as_index
from filterscope.nets.layers import ConvLayer
from filterscope.receptive_field import search
from filterscope.receptive_field.fields import ReceptiveFields
from filterscope.receptive_field.search import Geometry

Map = Literal["pre_activation", "activation"]
MAPS: tuple[Map, Map] = ("pre_activation", "activation")

_SHAPES_KEPT = 16
_AXES = {1: ("column",), 2: ("row", "column"), 3: ("depth", "row", "column")}


class Positions:
    """Answers for any position of any map of an engine's net.

    The geometry is found once for each shape of image, and anew when the net's structure changes.

    Args:
        engine: The net and the data set.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._structure = engine.live.structure
        self._geometries: dict[tuple[int, ...], Geometry] = {}
        self._steps: tuple[tuple[int, int, int], list[StepMap]] | None = None  # of the last (revision, image, layer)

    def sleep(self) -> None:
        """Lets go of what can be found out anew."""
        with self._engine.lock:
            self._geometries.clear()
            self._steps = None

    @property
    def layers(self) -> tuple[ConvLayer, ...]:
        """The net's convolutions in execution order."""
        return self._engine.layers

    def geometry(self, image: int) -> Geometry:
        """What every layer sees of an image of this one's shape.

        Of a deep net with many branches it takes seconds, once.

        Args:
            image: Index of the image.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it.
        """
        engine = self._engine
        with engine.lock:
            shape = engine.sample(image).image.shape
            if self._structure != engine.live.structure:
                self._geometries.clear()
                self._structure = engine.live.structure
            if shape not in self._geometries:
                while len(self._geometries) >= _SHAPES_KEPT:
                    self._geometries.pop(next(iter(self._geometries)))
                with engine.passing(image) as (runner, batch):
                    self._geometries[shape] = search.find_geometry(runner, batch)
            return self._geometries[shape]

    def fields(
        self,
        image: int,
        layer: int,
        filter_index: int,
        of: Map = "pre_activation",
    ) -> ReceptiveFields:
        """The receptive fields of every position of one filter's map.

        Args:
            image: Index of the image.
            layer: Index of the layer.
            filter_index: Index of the filter.
            of: Whether of the convolution's output, or of the activation, which a pool may have made
                smaller.

        Raises:
            ValueError: If nothing of the image reaches the map.
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it, or does not reach the layer with it.
        """
        geometry, record = self.geometry(image), self._engine.layers[layer]
        maps = geometry.maps if of == "pre_activation" else geometry.activations
        if layer not in maps:
            self._engine.maps(image, layer)  # says why
            raise NetError(f"the net did not reach {record.name} for an image of this shape; choose another layer")
        footprint = maps[layer]
        fields = None if footprint is None else footprint.of(filter_index)
        if fields is None:
            several = self._engine.sample(image).inputs is not None
            raise ValueError(
                f"nothing of the image reaches filter {filter_index} of {record.name}: what it is given does not "
                "depend on the image, or goes there by a way outside of torch"
                f"{', or comes from another input of the sample' * several}. Choose another layer."
            )
        return fields

    def effective(self, image: int, layer: int, filter_index: int, position: tuple[int, ...]) -> np.ndarray:
        """Size of the gradient of one pre-activation with respect to each pixel, float32 `(H, W)`.

        Raises:
            ValueError: If no gradient reaches the image.
        """
        engine, gradient, cause = self._engine, None, ""
        with engine.passing(image) as (runner, batch):
            try:
                gradient = search.gradient(runner, batch, layer, (filter_index, *position))
            except Exception as error:  # the maps of this image are there: the net runs, but not with gradients
                cause = describe_exception(error)
        if cause:
            raise ValueError(
                f"there is no gradient from {engine.layers[layer].name} to the image: the net cannot be differentiated "
                f"({cause}). Its receptive field can still be asked for."
            )
        if gradient is None:
            raise ValueError(
                f"no gradient leads from {engine.layers[layer].name} back to the image: the net computes a part of the "
                "way without gradients: under torch.no_grad(), outside of torch, or in place in a scripted module. Its "
                "receptive field can still be asked for."
            )
        return gradient

    def arithmetic(self, image: int, layer: int, filter_index: int, position: tuple[int, ...]) -> Arithmetic:
        """How the value of one position comes about."""
        engine = self._engine
        with engine.lock:
            maps = engine.maps(image, layer)
            steps = steps_at(self._step_maps(image, layer), filter_index, position)
            return arithmetic.compute(
                engine.layers[layer],
                _float32(maps.input),
                _float32(maps.weight[filter_index]),
                None if maps.bias is None else float(maps.bias[filter_index]),
                np.float32(maps.pre_activation[filter_index][position].item()),
                steps,
                filter_index,
                position,
                Computed.of(maps),
            )

    def _step_maps(self, image: int, layer: int) -> list[StepMap]:
        engine = self._engine
        if not engine.layers[layer].activation.path:
            return []
        key = engine.revision, image, layer
        if self._steps is None or self._steps[0] != key:
            with engine.passing(image) as (runner, batch):
                self._steps = key, record_steps(runner, batch, layer) or []
        return self._steps[1]

    def position(self, layer: int, shape: tuple[int, ...], row: Any, column: Any, depth: Any = None) -> tuple[int, ...]:
        """A position of a layer's map, checked.

        Args:
            layer: Index of the layer.
            shape: Of its map.
            row: The row, of any type.
            column: The column.
            depth: The slice; None for the middle one.

        Raises:
            ValueError: If one is no int, or lies outside; the sentence names what is possible.
        """
        record = self._engine.layers[layer]
        rank = len(shape)
        asked = {"row": row, "column": column}
        if rank == 3:
            asked["depth"] = shape[0] // 2 if depth is None else depth
        elif depth is not None:
            raise ValueError(f"depth is {depth!r}; {record.spoken} has no volumes: leave it out")
        sizes = dict(zip(_AXES[rank], shape, strict=True)) | ({"row": 1} if rank == 1 else {})
        index = {name: _index(value, sizes[name], name, record.spoken, rank) for name, value in asked.items()}
        return tuple(index[name] for name in _AXES[rank])


def _index(value: Any, count: int, name: str, layer: str, rank: int) -> int:
    index = as_index(value)
    if index is None or not 0 <= index < count:
        what = "slices" if name == "depth" else f"{name}s"
        only = "is one row: 0" if rank == 1 and name == "row" else f"has {what} 0 … {count - 1}"
        raise ValueError(f"{name} is {value!r}; the map of {layer} {only}")
    return index


def _float32(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32, copy=True).numpy()
