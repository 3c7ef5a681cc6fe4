"""From a data set to a sample's image as the net receives it; next: `nets.runner`.

`source.read(i)` returns a `Sample`: the image, its label, and the picture that a person sees, with Normalize undone.
Each step has a file of its own: `items` (what a user has), `transform`, `axes`, `class_names`, `normalize`, `display`.
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

_LOOKS = 4  # how often the first sample is read again, at most, to see whether the data set is random
_REMEMBERED = 1024  # images whose checksums are kept
_TRIED_FIRST = 20  # samples that are tried where the preferred one cannot be read


class SampleSource:
    """Reads samples of a data set as float32 images with their class names.

    Args:
        data: A torch `Dataset`, also an `IterableDataset`; a `DataLoader` (its data set is read in order); an array or
            tensor `(N, C, H, W)`, `(N, H, W, C)`, `(N, H, W)` or one image; a PIL image; a pair of images and labels;
            a sequence of images, of `(image, label)` or of dictionaries; the path of a folder of pictures. Nothing is
            read in advance, except from a stream.
        classes: Class names, or a torchvision weights object; by default the data set's own.
        transform: Applied first to each image of the data set: a function, or a torchvision weights object for its own
            transforms.
        mean: Mean of the Normalize that the images went through, one number or one per channel; undone for display.
        std: Standard deviation of that Normalize.
        layout: `"CHW"` or `"HWC"`, the order of an image's axes where it is not clear; `"NCHW"`, `"NHWC"` and `"NHW"`
            are the order of a whole array's axes.
        inputs: The kinds of images that the net may take, the likeliest first: pairs of spatial axes (1, 2 or 3) and
            channels, None where they are not known.

    Attributes:
        classes: Class names by class number; empty where there are none.
        given_classes: The class names that the user gave, or None.
        version: A number that grows when all samples must be read again.
        random: Whether a second read of a sample was seen to give another image.
        seconds: About how long it takes to read one sample.

    Raises:
        TypeError: If `data` cannot be indexed or has no length.
        ValueError: If it is empty, or an option does not fit.
        FileNotFoundError: If it is a path that does not exist.
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
        # A transform may change the kind of the images.
        self._inputs = self._items.inputs if transform is None else inputs
        self._length = self._items.count()
        self._transform = None if transform is None else GivenTransform(transform)
        if (mean is None) != (std is None):
            raise ValueError("mean and std are given together: the Normalize that the images went through")
        self._normalize = None if mean is None else Normalize(per_channel(mean, "mean"), per_channel(std, "std"))
        self.given_classes = given_names(classes)
        self.classes = self.given_classes or own_names(self._items.origin) or own_names(self._items.sequence)
        self._categories = weights_names(transform)
        self.version = 0
        self.random = False
        self.seconds = 0.0
        self._marks: dict[int, int] = {}
        self._looks = 0

    def measure(self) -> None:
        """Asks the data set for its length and forgets what was read; needed after the data set changed."""
        if self._items.stream is not None:
            self._items.stream.measure()
        self._length = self._items.count()
        self._marks.clear()
        self.random, self._looks = False, 0
        self.version += 1

    def __len__(self) -> int:
        """The number of images; for a stream the number of those that are known."""
        stream = self._items.stream
        return self._length if stream is None else len(stream)

    @property
    def ended(self) -> bool:
        """Whether the number of images is final: False only for a stream that was not read to its end."""
        stream = self._items.stream
        return stream is None or stream.ended

    @property
    def is_stream(self) -> bool:
        """Whether the data set can only be read from its start."""
        return self._items.stream is not None

    def has(self, index: int, seconds: float | None = None) -> bool:
        """Whether there is an image with that index; a stream is read on to know, for so many seconds."""
        stream = self._items.stream
        return index < len(self) or (stream is not None and stream.has(index, seconds))

    @property
    def note(self) -> str:
        """Sentences about the whole data set, for people; empty where there is nothing to say."""
        sentences = []
        if self.is_stream and not self.ended:
            sentences.append(f"Read from its start as far as you go: {len(self)} images so far.")
        if self.random:
            sentences.append("This data set is random: read again, it gives another image. What is shown stays.")
        return " ".join(sentences)

    def read(self, index: int) -> Sample:
        """Reads one sample, and notices if its image differs from an earlier read.

        Args:
            index: Index of the sample.

        Raises:
            SampleError: If the data set raises, or its item is not an image.
        """
        start = time.monotonic()
        sample = self._read(index)
        took = time.monotonic() - start
        self.seconds = took if not self.seconds else 0.7 * self.seconds + 0.3 * took
        self._compare(index, sample.image)
        return sample

    def looks_again(self) -> bool:
        """Whether the first sample should be read again, to see whether the data set is random.

        True at least once, then as long as the reads take less than 20 ms together, at most four times: two random
        flips can give equal images.
        """
        if self.random or self.is_stream or self._looks >= _LOOKS:
            return False
        self._looks += 1
        if self._looks * self.seconds > RANDOM_DATA_SECONDS:
            self._looks = _LOOKS
        return True

    def _compare(self, index: int, image: np.ndarray) -> None:
        """Sets `random` if the image differs from an earlier read; at most about 100,000 values are compared."""
        if self.random:
            return
        flat = image.reshape(-1)
        mark = zlib.crc32(flat[:: 1 + flat.size // 2**17].tobytes()) ^ hash(image.shape)
        if self._marks.setdefault(index, mark) != mark:
            self.random = True
        if len(self._marks) > _REMEMBERED:
            self._marks.pop(next(iter(self._marks.copy())), None)  # another thread may read, too

    def _read(self, index: int) -> Sample:
        try:
            item = self._items.sequence[index]
        except Exception as error:
            raise SampleError(index, f"the data set raised {describe_exception(error)}") from error
        try:
            raw, label = parts_of(item, self._inputs[0][1])
        except Exception as error:
            raise SampleError(index, str(error)) from error
        transform_note, layout = "", self._items.layout
        if self._transform is not None:
            before, transform_note = raw, f"Made by {self._transform.name}."
            raw = self._transform(index, raw, layout, fitting(self._inputs, raw)[1])
            layout = layout if isinstance(before, np.ndarray) and isinstance(raw, np.ndarray) else None
        try:
            image, axes_note = as_image(raw, layout, *fitting(self._inputs, raw))
        except NoImageError as error:
            raise SampleError(index, str(error)) from error
        class_name, label_note = class_of(label, self.classes)
        sentences = " ".join(filter(None, [transform_note, axes_note, label_note]))
        return Sample(index, image, class_name, sentences, self._finding(index, image))

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
        """The classes of all samples without reading them, where the data set has a list of labels; else None.

        torchvision's data sets have `.targets` or `.labels`. They are taken only if no `target_transform` changes them
        and five samples, spread over the data set, have these labels when they are read.

        Args:
            read: Returns the label of a sample by reading it.
        """
        sequence = self._items.sequence
        if getattr(sequence, "target_transform", None) is not None:
            return None
        for name in ("targets", "labels"):
            values = getattr(sequence, name, None)
            if values is None or not hasattr(values, "__len__") or len(values) != self._length:
                continue
            try:
                labels = [class_of(label, self.classes)[0] for label in np.asarray(values).tolist()]
                if all(
                    labels[index] == read(index)
                    for index in {self._length * k // 4 for k in range(4)} | {self._length - 1}
                ):
                    return labels
            except (SampleError, TypeError, ValueError):
                continue
        return None

    def names_for(self, count: int) -> tuple[str, ...]:
        """The names of a net's `count` classes; empty where no list of names fits.

        More names than classes fit only if the user gave them. The data set's classes may be others than the net's;
        then the categories of the torchvision weights whose transforms are used are taken.
        """
        fitting = len(self.classes) == count or (self.given_classes is not None and len(self.classes) > count)
        if fitting:
            return self.classes
        return self._categories if len(self._categories) == count else ()


def first_readable(read: Callable[[int], Sample], images: int, preferred: int = 0) -> Sample:
    """The preferred sample; if it cannot be read, the first one that can, so that one bad file ends no session.

    Args:
        read: Reads a sample by its index.
        images: Number of samples.
        preferred: Index of the sample that is tried first.

    Raises:
        SampleError: If none of the first 20 can be read either: the error of the preferred one.
    """
    try:
        return read(preferred)
    except SampleError:
        for index in range(min(_TRIED_FIRST, images)):
            with suppress(SampleError):
                return read(index)
        raise
