"""Anything that yields images, one sample at a time: `source.read(i)` → `Sample(image, label, display)`.

The image is what the network is given; the display is what a person is shown, with Normalize undone. Each step on the
way has a file of its own: `data_items` (what people have), `image_axes`, `class_names`, `normalize`, `display`.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from filterscope.data.axes import Input, NoImageError, as_image, check_layout, fitting
from filterscope.data.class_names import class_of, given_names, own_names, weights_names
from filterscope.data.items import open_data, parts_of
from filterscope.data.normalize import Finding, Normalize, find_normalize, per_channel
from filterscope.data.sample import Sample
from filterscope.data.transform import GivenTransform
from filterscope.errors import SampleError, describe_exception
from filterscope.host.timing import RANDOM_DATA_SECONDS

_LOOKS = 4  # at the first sample again, to see whether the data set is random
_REMEMBERED = 1024
_TRIED_FIRST = 20


class SampleSource:
    """Reads samples of a data set as float32 images with their class names.

    Args:
        data: A torch `Dataset`, also an `IterableDataset`; a `DataLoader` (its data set is read in order); an array or
            tensor `(N, C, H, W)`, `(N, H, W, C)`, `(N, H, W)` or one image; a PIL image; a pair of images and labels;
            a sequence of images, of `(image, label)` or of dictionaries; the path of a folder of pictures. Nothing is
            read ahead, except of a stream.
        classes: Class names, or a torchvision weights object; by default the data set's own.
        transform: Applied to each image as the data set gives it, before anything else: a function, or a torchvision
            weights object for its own transforms.
        mean: Of the Normalize that the images went through, a number a channel; undone for display.
        std: Its standard deviation.
        layout: `"CHW"` or `"HWC"`, the order of an image's axes where it is not clear; `"NCHW"`, `"NHWC"` and `"NHW"`
            say the same of a whole array.
        inputs: What images the net may take, the likeliest first: pairs of spatial axes (1, 2 or 3) and channels, None
            where they are not known.

    Attributes:
        classes: Class names by number; empty where there are none.
        given_classes: Those that were given, or None.
        version: Goes up when the data set is to be read anew.
        random: Whether a second read of a sample was seen to give another image.
        seconds: About how long it takes to read one.

    Raises:
        TypeError: If `data` cannot be indexed or has no length.
        ValueError: If it is empty, or an option does not fit.
        FileNotFoundError: If it is a path, and there is nothing.
    """

    def __init__(
        self,
        data: Any,
        *,
        classes: Any = None,
        transform: Any = None,
        mean: Sequence[float] | float | None = None,
        std: Sequence[float] | float | None = None,
        layout: str | None = None,
        inputs: Sequence[Input] = ((2, None),),
    ) -> None:
        self._items = open_data(data, inputs, check_layout(layout))
        self._inputs = self._items.inputs if transform is None else inputs  # which may make others of them
        self._length = self._items.count()
        self._transform = None if transform is None else GivenTransform(transform)
        if (mean is None) != (std is None):
            raise ValueError("mean and std are given together: the Normalize that the images went through")
        self._normalize = None if mean is None else Normalize(per_channel(mean, "mean"), per_channel(std, "std"))
        self.given_classes = given_names(classes)
        self.classes = self.given_classes or own_names(self._items.origin) or own_names(self._items.held)
        self._categories = weights_names(transform)
        self.version = 0
        self.random = False
        self.seconds = 0.0
        self._marks: dict[int, int] = {}
        self._looks = 0

    def measure(self) -> None:
        """Asks the data set for its length, as at first and after it changed."""
        if self._items.stream is not None:
            self._items.stream.measure()
        self._length = self._items.count()
        self._marks.clear()
        self.random, self._looks = False, 0
        self.version += 1

    def __len__(self) -> int:
        """How many images there are; of a stream, how many are known."""
        stream = self._items.stream
        return self._length if stream is None else len(stream)

    @property
    def ended(self) -> bool:
        """Whether all images are known: always, but for a stream that was not read to its end."""
        stream = self._items.stream
        return stream is None or stream.ended

    @property
    def is_stream(self) -> bool:
        """Whether it can only be read from its start."""
        return self._items.stream is not None

    def has(self, index: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known."""
        stream = self._items.stream
        return index < len(self) or (stream is not None and stream.has(index))

    @property
    def note(self) -> str:
        """What is to be said of the whole data set, in words."""
        said = []
        if self.is_stream and not self.ended:
            said.append(f"Read from its start as far as you go: {len(self)} images so far.")
        if self.random:
            said.append("This data set is random: read again, it gives another image. What is shown stays.")
        return " ".join(said)

    def read(self, index: int) -> Sample:
        """Reads one sample; one that is not what it was shows that the data set is random.

        Raises:
            SampleError: If the data set raises, or what it gives is not an image.
        """
        start = time.monotonic()
        sample = self._read(index)
        took = time.monotonic() - start
        self.seconds = took if not self.seconds else 0.7 * self.seconds + 0.3 * took
        self._compare(index, sample.image)
        return sample

    def looks_again(self) -> bool:
        """Whether the first sample is to be read again, to see whether the data set is random.

        Once at least, and as often as a fiftieth of a second allows, four times at the most: a flip may fall alike.
        """
        if self.random or self.is_stream or self._looks >= _LOOKS:
            return False
        self._looks += 1
        if self._looks * self.seconds > RANDOM_DATA_SECONDS:
            self._looks = _LOOKS
        return True

    def _compare(self, index: int, image: np.ndarray) -> None:
        """Notices an image that is not what it was; of a large one some thousand values are looked at."""
        if self.random:
            return
        flat = image.reshape(-1)
        mark = zlib.crc32(flat[:: 1 + flat.size // 2**17].tobytes()) ^ hash(image.shape)
        if self._marks.setdefault(index, mark) != mark:
            self.random = True
        if len(self._marks) > _REMEMBERED:
            self._marks.pop(next(iter(self._marks)))

    def _read(self, index: int) -> Sample:
        try:
            item = self._items.held[index]
        except Exception as error:
            raise SampleError(index, f"the data set raised {describe_exception(error)}") from error
        try:
            given, label = parts_of(item, self._inputs[0][1])
        except Exception as error:
            raise SampleError(index, str(error)) from error
        said, layout = "", self._items.layout
        if self._transform is not None:
            before, said = given, f"Made by {self._transform.name}."
            given = self._transform(index, given, layout, fitting(self._inputs, given)[1])
            layout = layout if isinstance(before, np.ndarray) and isinstance(given, np.ndarray) else None
        try:
            image, how = as_image(given, layout, *fitting(self._inputs, given))
        except NoImageError as error:
            raise SampleError(index, str(error)) from error
        name, trouble = class_of(label, self.classes)
        words = " ".join(filter(None, [said, how, trouble]))
        return Sample(index, image, name, words, self._finding(index, image))

    def _finding(self, index: int, image: np.ndarray) -> Finding:
        if self._normalize is None:
            return find_normalize(self._items.origin, index, self._transform and self._transform.function)
        for name, values in (("mean", self._normalize.mean), ("std", self._normalize.std)):
            if len(values) not in (1, image.shape[0]):
                raise SampleError(
                    index, f"{name} has {len(values)} numbers, the image {image.shape[0]} channels; give one each"
                )
        return Finding(self._normalize)

    def labels(self, read: Callable[[int], str | int | None]) -> list[str | int | None] | None:
        """The classes of all samples without reading them, where the data set holds them beside; else None.

        torchvision's data sets have `.targets` or `.labels`. They are taken only where nothing changes them on the way
        and five samples, spread over the data set, have the same label when they are read.

        Args:
            read: Gives the label of a sample by reading it.
        """
        held_by = self._items.held
        if getattr(held_by, "target_transform", None) is not None:
            return None
        for name in ("targets", "labels"):
            held = getattr(held_by, name, None)
            if held is None or not hasattr(held, "__len__") or len(held) != self._length:
                continue
            try:
                found = [class_of(label, self.classes)[0] for label in np.asarray(held).tolist()]
                if all(
                    found[index] == read(index)
                    for index in {self._length * k // 4 for k in range(4)} | {self._length - 1}
                ):
                    return found
            except (SampleError, TypeError, ValueError):
                continue
        return None

    def names_for(self, count: int) -> tuple[str, ...]:
        """The names of a net's classes, of which there are `count`; none where the names are of other classes.

        More names than classes are taken only where they were given. The data set's own may be of other classes than
        the net's; the categories of the weights whose transforms are used are then the net's.
        """
        fitting = len(self.classes) == count or (self.given_classes is not None and len(self.classes) > count)
        if fitting:
            return self.classes
        return self._categories if len(self._categories) == count else ()


def first_readable(read: Callable[[int], Sample], images: int, preferred: int = 0) -> Sample:
    """The preferred sample, or where it cannot be read, the first that can: one bad file ends no session.

    Args:
        read: Reads a sample by its index.
        images: How many there are.
        preferred: Index of the sample that is tried first.

    Raises:
        SampleError: If none of the first 20 can be read: that of the preferred one.
    """
    try:
        return read(preferred)
    except SampleError:
        for index in range(min(_TRIED_FIRST, images)):
            with suppress(SampleError):
                return read(index)
        raise
