"""From a data set to a sample's image as the net receives it; next: `nets.runner`.

`source.read(i)` returns a `Sample`: the image, its label, and the picture that a person sees, with Normalize undone.
Each step has a file of its own: `items` (what a user has), `transform`, `axes`, `class_names`, `normalize`, `display`.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import numpy as np

from filterscope.attributes import attribute
from filterscope.data.axes import Input, check_layout
from filterscope.data.class_names import class_of, given_names, own_names, weights_names
from filterscope.data.fetched import Fetched
from filterscope.data.items import open_data
from filterscope.data.normalize import Finding, Normalize, find_normalize, per_channel
from filterscope.data.normalize_check import at_random, check, unchecked
from filterscope.data.reading import Reader
from filterscope.data.rows import as_clips, as_rows, table_note
from filterscope.data.sample import Sample, SampleBlock
from filterscope.data.targets import is_target
from filterscope.data.transform import GivenTransform
from filterscope.data.trial import own_transform
from filterscope.errors import SampleError
from filterscope.host.sigint import let_sigint_through
from filterscope.host.timing import RANDOM_DATA_SECONDS
from filterscope.outputs.score import UNKNOWN, Objective

_LOOKS = 4  # how often the first sample is read again, at most, to see whether the data set is random
_REMEMBERED = 1024  # images whose checksums are kept
_REMADE = "The data set has a Normalize, but the loader changes its images: say by mean= and std= what is to be undone."
_TRIED_FIRST = 20  # samples that are tried where the preferred one cannot be read


class SampleSource:
    """Reads samples of a data set as float32 images with their class names.

    Args:
        data: A torch `Dataset`, also an `IterableDataset`; a `DataLoader` (its data set is read in order, or what its
            sampler gives of it); any other loader, list or stream of batches; an array or tensor `(N, C, H, W)`,
            `(N, H, W, C)`, `(N, H, W)` or one image; a PIL image; a pair of images and labels, or a dictionary of
            them; a sequence of images, of `(image, label)` or of dictionaries; the path of a folder of pictures, or of
            a file of arrays. Nothing is read in advance, except from a stream.
        classes: Class names, or a torchvision weights object; by default the data set's own.
        transform: Applied first to each image of the data set: a function, or a torchvision weights object for its own
            transforms.
        mean: Mean of the Normalize that the images went through, one number or one per channel; undone for display.
        std: Standard deviation of that Normalize.
        layout: `"CHW"` or `"HWC"`, the order of an image's axes where it is not clear; `"NCHW"`, `"NHWC"`, `"NHW"` and
            `"NL"`, rows that are vectors, are the order of a whole array's axes.
        inputs: The kinds of images that the net may take, the likeliest first: pairs of spatial axes (1, 2 or 3) and
            channels, None where they are not known.
        vector: Length of the vectors that the net may take in place of images; None where none is known.
        several: Whether the net is called by `forward=`, which may receive all inputs of a sample, and images with one
            axis more than the net's, such as clips for a 2-D net.
        net_classes: Names of the net's own classes, where its library has them; taken where no names of the data fit.
        objective: What the net is for; see `filterscope.outputs.score`.
        isolated: Makes the context in which the data set is opened and a stream is read, as `RandomStream.isolated`,
            which leaves the user's random numbers alone.

    Attributes:
        classes: Class names by class number; empty where there are none.
        given_classes: The class names that the user gave, or None.
        version: A number that grows when all samples must be read again.
        objective: What the net is for.
        holds_targets: Whether outputs are held against labels that are boxes or masks, which then need be no class.
        table_note: How an array of two axes was read, as one picture, and how else it can be; empty for other data.
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
        vector: int | None = None,
        several: bool = False,
        isolated: Callable[[], AbstractContextManager[None]] = nullcontext,
        net_classes: tuple[str, ...] = (),
        objective: Objective = UNKNOWN,
    ) -> None:
        items = as_rows(data, inputs, vector, check_layout(layout))
        of_vectors = None if items is data else True  # None where that is not known
        self.table_note = "" if items is not data or layout else table_note(data, inputs)
        items = as_clips(items, inputs) if several else items
        with isolated(), let_sigint_through():
            self._items = open_data(items, inputs, None if layout == "NL" else layout)
        if self._items.stream is not None:
            self._items.stream.isolated = isolated
        # A transform may change the kind of the images.
        self._inputs = self._items.inputs if transform is None else inputs
        self._reader = Reader(self._items, self._inputs, vector, of_vectors, several)
        self._length = self._items.count()
        self._transform = None if transform is None else GivenTransform(transform)
        if (mean is None) != (std is None):
            raise ValueError("mean and std are given together: the Normalize that the images went through")
        self._normalize = None if mean is None else Normalize(per_channel(mean, "mean"), per_channel(std, "std"))
        self.given_classes = given_names(classes)
        self.classes = self.given_classes or own_names(self._items.origin) or own_names(self._items.sequence)
        self._categories = net_classes or weights_names(transform)
        self.objective = objective
        self.holds_targets = objective.score is not None or (
            objective.kind is not None and objective.kind.reader is not None
        )
        self.version = 0
        self.random = False
        self.seconds = 0.0
        self._marks: dict[int, int] = {}
        self._looks = 0
        self._findings: dict[Any, tuple[Finding, Finding]] = {}  # what was found, and what was seen of it

    def measure(self) -> None:
        """Asks the data set for its length and forgets what was read; needed after the data set changed."""
        if self._items.stream is not None:
            self._items.stream.measure()
        self._length = self._items.count()
        self._marks.clear()
        self._findings.clear()
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
        sentences = [self.table_note, self._items.note]
        if self.is_stream and not self.ended:
            sentences.append(f"Read from its start as far as you go: {len(self)} images so far.")
        if self.random:
            sentences.append("This data set is random: read again, it gives another image. What is shown stays.")
        return " ".join(filter(None, sentences))

    def read(self, index: int) -> Sample:
        """Reads one sample, and notices if its image differs from an earlier read.

        Args:
            index: Index of the sample.

        Raises:
            SampleError: If the data set raises, or its item is not an image.
        """
        return self._read(index, self._items.sequence)

    @property
    def picture_transform(self) -> Callable[[Any], Any] | None:
        """What one picture goes through to become an image of this data set; None where no transform is known."""
        return own_transform(self._items.origin) if self._transform is None else self._transform.function

    def read_for_net(self, indices: Sequence[int]) -> Sequence[Sample | SampleError]:
        """Reads samples that are given to the net and not drawn.

        Neither is it found out which Normalize they went through, nor whether they differ from an earlier read.

        A data set that has `__getitems__`, as torch's loaders use it, is asked for all of them at once.

        Args:
            indices: Their indices.

        Returns:
            The samples in that order; for one that cannot be read, its error.
        """
        start = time.monotonic()
        fetched = Fetched(self._items.sequence, indices)
        block = self._reader.block(fetched.items) if self._transform is None else None
        if block is not None and len(block[0]) == len(indices):
            images, labels, note = block
            self._took((time.monotonic() - start) / len(indices))
            classes = {label: class_of(label, self.classes) for label in {*labels}}
            return SampleBlock(
                list(indices),
                images,
                [classes[label][0] for label in labels],
                [f"{note} {classes[label][1]}".strip() for label in labels],
                self._has_frames_first(images[0]),
                labels,
            )
        samples: list[Sample | SampleError] = []
        for index in indices:
            try:
                samples.append(self._read(int(index), fetched, drawn=False))
            except SampleError as error:
                samples.append(error)
        return samples

    def _read(self, index: int, sequence: Any, drawn: bool = True) -> Sample:
        start = time.monotonic()
        reading = self._reader.read(index, sequence, self._transform)
        self._took(time.monotonic() - start)
        image = reading.image
        if drawn:
            self._compare(index, image)
        label = reading.label
        class_name, label_note = class_of(label, self.classes)
        if self.objective.score is not None or (self.holds_targets and is_target(label)):
            label_note = ""
        unknown = isinstance(label, float) and math.isnan(label)
        no_class = label is not None and class_name is None and not unknown
        note = f"{reading.note} {label_note}".strip()
        finding = self._finding(index, image) if drawn else Finding()
        frames_first = self._has_frames_first(image)
        target = self._target(label, reading.item_image)
        return Sample(index, image, class_name, note, finding, reading.inputs, frames_first, no_class, target)

    def _target(self, label: Any, picture: Any) -> Any:
        """What an output is held against: the label, its boxes or mask moved as the transform moves the picture."""
        function = None if self._transform is None else self._transform.function
        move = attribute(function, "target")
        return move(label, picture) if callable(move) and is_target(label) else label

    def _took(self, seconds: float) -> None:
        """Reading a sample took so long."""
        self.seconds = seconds if not self.seconds else 0.7 * self.seconds + 0.3 * seconds

    def _has_frames_first(self, image: np.ndarray) -> bool:
        return image.ndim == 4 and all(rank < 3 for rank, _ in self._inputs) and image.shape[1] in (1, 3, 4)

    def looks_again(self) -> bool:
        """Whether the first sample should be read again, to see whether the data set is random.

        True at least once, then as long as the reads take less than 20 ms together, at most four times: two random
        flips can give equal images.
        """
        if self.random or self.is_stream or self._looks >= _LOOKS:
            return False
        self._count_look()
        return True

    def _count_look(self) -> None:
        self._looks += 1
        if self._looks * self.seconds > RANDOM_DATA_SECONDS:
            self._looks = _LOOKS

    def _compare(self, index: int, image: np.ndarray) -> None:
        """Sets `random` if the image differs from an earlier read; at most about 100,000 values are compared."""
        if self.random:
            return
        flat = image.reshape(-1)
        mark = zlib.crc32(flat[:: 1 + flat.size // 2**17].tobytes()) ^ hash(image.shape)
        if self._marks.setdefault(index, mark) != mark:
            self.random = True
        if len(self._marks) > _REMEMBERED:
            with suppress(RuntimeError):  # another thread may read, too
                self._marks.pop(next(iter(self._marks)), None)

    def _finding(self, index: int, image: np.ndarray) -> Finding:
        if self._normalize is not None:
            for name, values in (("mean", self._normalize.mean), ("std", self._normalize.std)):
                if len(values) not in (1, image.shape[0]):
                    raise SampleError(
                        index, f"{name} has {len(values)} numbers, the image {image.shape[0]} channels; give one each"
                    )
            return Finding(self._normalize)
        finding = find_normalize(self._items.origin, index, self._transform and self._transform.function)
        if finding.normalize is not None and not self._items.are_as_transformed:
            return Finding(None, _REMADE)
        if not finding.parts or finding.at_random:
            return at_random(finding, image)
        if self.is_stream:  # which would have to be begun anew
            return unchecked(finding)
        # The same transforms, with the same numbers, are watched only once.
        key = tuple((id(part.transform), part.mean.tobytes(), part.std.tobytes()) for part in finding.parts)
        if key not in self._findings:
            checked = check(finding, (self._items.sequence, self._transform), self._reading_of_stand_ins(index))
            self._findings[key] = finding, checked
        return self._findings[key][1]

    def _reading_of_stand_ins(self, index: int) -> Callable[..., tuple[Any, np.ndarray]]:
        """A function that reads a sample of stand-ins; its first read also shows whether the data set is random."""
        times = 0

        def read(sequence: Any, transform: Any) -> tuple[Any, np.ndarray]:
            nonlocal times
            reading = self._reader.read(index, sequence, transform)
            times += 1
            if times == 1:
                self._count_look()
                self._compare(index, reading.image)
            return reading.item_image, reading.image

        return read

    def labels(self, read: Callable[[int], str | int | None]) -> list[str | int | None] | None:
        """The classes of all samples without reading them, where the data set has a list of labels; else None.

        torchvision's data sets have `.targets` or `.labels`. They are taken only if no `target_transform` changes them
        and five samples, spread over the data set, have these labels when they are read.

        Args:
            read: Returns the label of a sample by reading it.
        """
        sequence = self._items.sequence
        if attribute(sequence, "target_transform") is not None:
            return None
        for name in ("targets", "labels"):
            values = attribute(sequence, name)
            try:
                if values is None or len(values) != self._length:
                    continue
                labels = [class_of(label, self.classes)[0] for label in np.asarray(values).tolist()]
                if all(
                    labels[index] == read(index)
                    for index in {self._length * k // 4 for k in range(4)} | {self._length - 1}
                ):
                    return labels
            except Exception:  # no list of labels after all, or a sample that cannot be read
                continue
        return None

    def names_for(self, count: int) -> tuple[str, ...]:
        """The names of a net's `count` classes, 0 where that is not known; empty where no list of names fits.

        More names than classes fit only if the user gave them. The data set's classes may be others than the net's;
        then the categories of the torchvision weights whose transforms are used are taken.
        """
        if count == 0:  # boxes and masks do not tell how many classes there are
            return self.given_classes or self._categories or self.classes
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
