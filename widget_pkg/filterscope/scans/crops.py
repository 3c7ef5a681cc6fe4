"""The part of an image that one position of a filter's map sees, cut out exactly."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np

from filterscope.data.display import draw
from filterscope.data.sample import Sample
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.layers import ConvLayer
from filterscope.nets.runner import NetRunner
from filterscope.receptive_field.fields import Box, MapFields, ReceptiveFields
from filterscope.receptive_field.search import Geometry, find_geometry
from filterscope.scans.sampling import Samples


@dataclass(frozen=True, eq=False)
class Crop:
    """What one position of a filter's map sees of an image.

    Attributes:
        image: Index of the image.
        pixels: float32 `(h, w)` or `(h, w, 3)` in [0, 1]: the image as the net was given it, with Normalize undone, cut
            to the box. Of a signal the columns of all channels; of a volume the slice in the middle of the box.
        box: The box of pixels of the image.
        status: `"exact"`, `"upper bound"` or `"whole image"`, as `ReceptiveField.status`; `"nothing"` where nothing of
            the image reaches that position, of which all is then given.
        position: The position in the filter's map, `(row, column)`.
        centre: The middle of what the position sees, in pixels of the image, `(row, column)`: where to mark it in a
            layer that sees the whole image. None along an axis where it has no place.
        whole: Whether the box is the whole image.

    Example:
        >>> from filterscope import demo, scan
        >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
        >>> crop = found.top("conv1", 0, k=1).crops()[0]
        >>> crop.pixels.shape, crop.status
        ((3, 3), 'exact')
    """

    image: int
    pixels: np.ndarray
    box: Box
    status: str
    position: tuple[int, ...]
    centre: tuple[float | None, ...]
    whole: bool = False


class Cropper:
    """Cuts crops out of a data set's images: the net and the data set of a scan, for one thread after the other.

    Args:
        runner: Runs the net.
        samples: The data set.
        pre_activation: Whether positions are those of the maps before normalisation and nonlinearity.

    Attributes:
        runner: The net.
        samples: The data set.
        pre_activation: Which maps.
    """

    def __init__(self, runner: NetRunner, samples: Samples, pre_activation: bool) -> None:
        self.runner, self.samples, self.pre_activation = runner, samples, pre_activation
        self._geometries: dict[tuple[int, ...], Geometry] = {}  # by the image's shape
        self._lock = threading.Lock()  # a runner is run by one thread at a time

    def crop(self, layer: int, filter_index: int, image: int, position: tuple[int, ...]) -> Crop:
        """The crop of one position.

        Args:
            layer: Index of the layer.
            filter_index: The filter.
            image: Index of the image.
            position: An index for each axis of the filter's map.

        Raises:
            SampleError: If the image cannot be read.
            NetError: If the net refuses it.
        """
        sample = self.samples.read(image)
        fields = self._fields(layer, filter_index, sample)
        size = sample.image.shape[1:]
        box = _box_of(size)
        whole = Crop(image, sample.display, box, "nothing", position, (None,) * len(size), True)
        if fields is None:
            return whole
        centre = tuple(
            None if axis.along is None or axis.centres is None else float(axis.centres[position[axis.along]])
            for axis in fields.axes
        )
        field = fields.at(position)
        if not field.inside:
            return replace(whole, centre=centre)
        pixels, inside = _cut(sample, field.inside), field.inside
        return Crop(image, pixels, inside, field.status, position, centre, inside == box)

    def layer(self, layer: int) -> ConvLayer:
        """A layer of the net that was scanned, by its index."""
        return self.runner.layers[layer]

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that stand for the net's weights as they are now."""
        return fingerprint(self.runner.net)

    def picture(self, image: int) -> np.ndarray:
        """The whole picture of an image, float32 `(H, W)` or `(H, W, 3)` in [0, 1].

        Raises:
            SampleError: If it cannot be read.
        """
        return self.samples.read(image).display

    def _fields(self, layer: int, filter_index: int, sample: Sample) -> ReceptiveFields | None:
        shape = sample.image.shape
        with self._lock:
            if shape not in self._geometries:
                self._geometries[shape] = find_geometry(self.runner, self.runner.batch([sample.net_input]))
            geometry = self._geometries[shape]
        maps: MapFields | None = (geometry.maps if self.pre_activation else geometry.activations).get(layer)
        return None if maps is None else maps.of(filter_index)


def _cut(sample: Sample, box: Box) -> np.ndarray:
    rank = sample.image.ndim - 1
    if rank == 1:
        return sample.display[:, box.left : box.right]
    if rank == 3 and not sample.frames_first:
        middle = (box.front + box.back) // 2
        pixels = draw(sample.image[:, middle : middle + 1], sample.finding).pixels
    else:
        pixels = sample.display
    return pixels[box.top : box.bottom, box.left : box.right]


def _box_of(size: tuple[int, ...]) -> Box:
    """The box of a whole image."""
    depth, height, width = (1,) * (3 - len(size)) + tuple(size)[-3:]
    return Box(0, 0, height, width, 0, depth)
