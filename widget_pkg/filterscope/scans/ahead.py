"""Reads a data set on disk ahead of the net, in processes of torch's `DataLoader`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from filterscope.data.normalize import Finding
from filterscope.data.sample import Sample
from filterscope.errors import SampleError, describe_exception
from filterscope.scans.sampling import Samples

_AT_ONCE = 32  # images that a process reads before it sends them


class ReadAhead:
    """A data set's samples in a known order, read by other processes while the net runs.

    Args:
        samples: The data set.
        order: Indices of the images, in the order in which they will be asked for.
        workers: How many processes.

    Raises:
        ValueError: If the data set cannot be sent to another process.
    """

    def __init__(self, samples: Samples, order: np.ndarray, workers: int) -> None:
        self._samples, self._workers = samples, workers
        self.classes, self.is_stream, self.objective = samples.classes, samples.is_stream, samples.objective
        self._ready: deque[Sample | SampleError] = deque()
        parts = np.split(order, range(_AT_ONCE, len(order), _AT_ONCE))
        loader: DataLoader[Any] = DataLoader(
            _Parts(samples, parts),
            batch_size=None,
            num_workers=workers,
            collate_fn=_as_it_is,
            generator=torch.Generator(),  # the user's own would be drawn from
        )
        try:
            self._parts: Iterator[_Sent] | None = iter(loader)
        except Exception as error:
            raise ValueError(
                f"data cannot be sent to the processes of workers= ({describe_exception(error)}); give workers=0"
            ) from error

    def __len__(self) -> int:
        return len(self._samples)

    def read(self, index: int) -> Sample:
        """A sample, read here.

        Raises:
            SampleError: If it cannot be read.
        """
        return self._samples.read(index)

    def read_several(self, indices: Sequence[int]) -> Sequence[Sample | SampleError]:
        """Samples for the net, not to be drawn; for one that cannot be read, its error.

        Raises:
            RuntimeError: If a process ended.
        """
        while len(self._ready) < len(indices) and (part := self._next()) is not None:
            self._ready.extend(part.samples())
        upcoming = [self._ready[place].index for place in range(min(len(indices), len(self._ready)))]
        if upcoming != list(indices):  # another order than the one that was said
            return self._samples.read_several(indices)
        return [self._ready.popleft() for _ in indices]

    def has(self, index: int) -> bool:
        """Whether there is an image of that index."""
        return self._samples.has(index)

    def close(self) -> None:
        """Ends the processes."""
        self._parts = None

    def _next(self) -> _Sent | None:
        try:
            return None if self._parts is None else next(self._parts, None)
        except (RuntimeError, ConnectionError, EOFError) as error:  # the last two of what it was sending
            raise RuntimeError(
                f"a process of workers={self._workers} ended ({describe_exception(error)}); it may lack memory: give "
                "fewer workers, or 0. What was scanned before is in the file of resume=, if there was one"
            ) from error


@dataclass(eq=False)
class _Sent:
    """Samples as they are sent: all their images in one tensor, which lies in shared memory.

    Attributes:
        values: All images, one after the other.
        shapes: Their shapes; None for a sample that cannot be read.
        rest: What else a sample is made of, or an error's index and cause.
    """

    values: torch.Tensor
    shapes: list[tuple[int, ...] | None]
    rest: list[tuple[Any, ...]]

    @classmethod
    def of(cls, samples: Sequence[Sample | SampleError]) -> _Sent:
        images = [sample.image.reshape(-1) for sample in samples if isinstance(sample, Sample)]
        values = torch.from_numpy(np.concatenate(images) if images else np.zeros(0, np.float32))
        shapes = [sample.image.shape if isinstance(sample, Sample) else None for sample in samples]
        return cls(values, shapes, [_rest(sample) for sample in samples])

    def samples(self) -> Iterator[Sample | SampleError]:
        values, start = self.values.numpy(), 0
        for shape, rest in zip(self.shapes, self.rest, strict=True):
            if shape is None:
                yield SampleError(*rest)
                continue
            end = start + int(np.prod(shape))
            index, label, said, inputs, frames_first, label_is_no_class = rest
            image = values[start:end].reshape(shape)
            if inputs is not None:
                inputs = inputs.map(lambda array, shown=inputs.shown, image=image: image if array is shown else array)
            yield Sample(index, image, label, said, Finding(), inputs, frames_first, label_is_no_class)
            start = end


def _rest(sample: Sample | SampleError) -> tuple[Any, ...]:
    if isinstance(sample, SampleError):
        return sample.index, sample.cause
    return (
        sample.index,
        sample.label,
        sample.said,
        sample.inputs,
        sample.frames_first,
        sample.label_is_no_class,
    )


class _Parts(Dataset[_Sent]):
    """Parts of a data set, each read in one go."""

    def __init__(self, samples: Samples, parts: list[np.ndarray]) -> None:
        self._samples, self._parts = samples, parts

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, place: int) -> _Sent:
        return _Sent.of(self._samples.read_several(self._parts[place].tolist()))


def _as_it_is(value: Any) -> Any:
    return value
