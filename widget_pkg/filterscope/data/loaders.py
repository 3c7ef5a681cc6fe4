"""What a torch DataLoader makes of its samples: its `collate_fn`, an `__iter__` of its own, a data set of batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.utils.data import BatchSampler, DataLoader, Subset, default_collate, default_convert

from filterscope.data.axes import Input
from filterscope.data.batches import batch_size, sample_of
from filterscope.data.parts import parts_of
from filterscope.data.samplers import generators_kept
from filterscope.errors import describe_exception


class Collate:
    """A loader's own `collate_fn`, applied to one item at a time.

    Args:
        loader: The loader.
        inputs: The kinds of images that the net may take.
    """

    def __init__(self, loader: DataLoader[Any], inputs: Sequence[Input]) -> None:
        self._function: Any = loader.collate_fn
        self._batches = loader.batch_size is not None or loader.batch_sampler is not None
        self._inputs = inputs

    @property
    def note(self) -> str:
        """A sentence for people; empty where `collate_fn` is torch's own."""
        if not self.changes:
            return ""
        name = getattr(self._function, "__name__", type(self._function).__name__)
        name = "" if name == "<lambda>" else f" ({name})"
        return (
            f"Each image is what the loader's collate_fn{name} makes of one sample alone; what it makes of several "
            "together, as mixing or padding, is not shown."
        )

    @property
    def changes(self) -> bool:
        """Whether `collate_fn` is another one than torch's, which stacks and changes nothing."""
        return self._function not in (default_collate, default_convert)

    def keeps_image(self, item: Any, sample: Any) -> bool:
        """Whether a sample that was made of an item has the same image."""
        try:
            return _same_image(sample, item, self._inputs)
        except Exception:  # somebody's code
            return False

    def __call__(self, item: Any) -> Any:
        """What `collate_fn` makes of an item: a sample.

        Raises:
            ValueError: If `collate_fn` raises.
        """
        if not self._batches:
            return self._function(item)
        try:
            batch = self._function([item])
        except Exception as error:
            try:
                batch = self._function([item, item])  # some need an even number, as those that mix
            except Exception:
                raise ValueError(
                    f"the loader's collate_fn raised {describe_exception(error)} for one sample alone; give "
                    "loader.dataset to see the samples without it"
                ) from error
        size = batch_size(batch, self._inputs)
        return batch if size is None else sample_of(batch, 0, size, self._inputs)


class Collated:
    """A data set whose items go through a loader's `collate_fn`.

    Args:
        dataset: The data set.
        collate: The loader's `collate_fn`.

    Attributes:
        remade: Whether the first item that was read came out as another image.
    """

    def __init__(self, dataset: Any, collate: Collate) -> None:
        self.dataset, self._collate = dataset, collate
        self.remade: bool | None = None

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        item = self.dataset[index]
        sample = self._collate(item)
        if self.remade is None:
            self.remade = not self._collate.keeps_image(item, sample)
        return sample


def in_batches(loader: DataLoader[Any], samples: Any, inputs: Sequence[Input]) -> Any:
    """The batches of a loader that makes none itself, because its data set gives them; None where it gives samples.

    Args:
        loader: The loader.
        samples: The data set's items that it gives, by index.
        inputs: The kinds of images that the net may take.

    Returns:
        An iterable of batches, or None.
    """
    if loader.batch_size is not None or loader.batch_sampler is not None:
        return None
    count = len(samples)
    sampler: Any = loader.sampler
    if type(sampler) is BatchSampler:  # the data set is read by lists of indices
        starts = range(0, count, sampler.batch_size)
        indices = [list(range(start, min(start + sampler.batch_size, count))) for start in starts]
        return Subset(_ByLists(samples), indices)  # type: ignore[arg-type]
    return Subset(samples, range(count)) if batch_size(samples[0], inputs) is not None else None


class _ByLists:
    """A data set, perhaps a subset of it, by lists of indices."""

    def __init__(self, samples: Any) -> None:
        self._samples = samples

    def __getitem__(self, places: list[int]) -> Any:
        if isinstance(self._samples, Subset):
            return self._samples.dataset[[self._samples.indices[place] for place in places]]
        return self._samples[places]


def gives_other_batches(loader: DataLoader[Any], samples: Any, inputs: Sequence[Input]) -> bool:
    """Whether a loader's own `__iter__` gives others than the samples of its data set.

    Args:
        loader: The loader.
        samples: What it is to give, by index; None where its order is not known.
        inputs: The kinds of images that the net may take.
    """
    if type(loader).__iter__ is DataLoader.__iter__:
        return False
    if samples is None:
        return True
    with generators_kept(loader.sampler):
        batch = next(iter(loader), None)
        size = batch_size(batch, inputs)
        sample = batch if size is None else sample_of(batch, 0, size, inputs)
        try:
            return not _same_image(sample, samples[0], inputs)
        except Exception:  # somebody's code
            return True


def _same_image(sample: Any, other: Any, inputs: Sequence[Input]) -> bool:
    image, expected = (np.asarray(parts_of(item, inputs).image) for item in (sample, other))
    return image.shape == expected.shape and bool(np.array_equal(image, expected))
