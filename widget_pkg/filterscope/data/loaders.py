"""What a torch DataLoader gives: the samples that its sampler names, each as its `collate_fn` makes it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    WeightedRandomSampler,
    default_collate,
    default_convert,
)

from filterscope.data.axes import Input
from filterscope.data.batches import batch_size, sample_of
from filterscope.data.parts import parts_of
from filterscope.errors import describe_exception

_MOST_KEYS = 10**7
_SORTED = "they are shown once each, in the data set's order"


def keys_of(loader: DataLoader[Any], length: int | None) -> tuple[Sequence[Any] | None, str]:
    """The samples that a loader gives, in the order in which they are shown, and a sentence on it.

    A sampler without chance gives its own order. One that draws gives another order each time, so that the samples it
    may draw are taken in the data set's order. The loader, its sampler and all random numbers stay as they are.

    Args:
        loader: A loader of a data set that is read by index.
        length: The number of samples in the data set, None where it is not known.

    Returns:
        Indices, or whatever else the data set is read by; None for the whole data set in its order.

    Raises:
        TypeError: If its sampler cannot be read, or only once.
    """
    sampler: Any = loader.batch_sampler if loader.batch_sampler is not None else loader.sampler
    batched = loader.batch_sampler is not None
    drops = 0
    if type(sampler) is BatchSampler:
        drops = sampler.batch_size if sampler.drop_last else 0
        sampler, batched = sampler.sampler, False
    name = type(sampler).__name__
    how = "in its order"
    if type(sampler) in (SequentialSampler, RandomSampler):
        if length is None:
            return None, ""
        keys: Sequence[Any] = range(len(sampler.data_source))
        if type(sampler) is RandomSampler:
            how = f"at random; {_SORTED}"
    elif type(sampler) is SubsetRandomSampler:
        keys, how = _in_order(sampler.indices), f"at random; {_SORTED}"
    elif type(sampler) is WeightedRandomSampler:
        weights = torch.as_tensor(sampler.weights)
        keys, how = torch.nonzero(weights).flatten().tolist(), f"at random, by weight; {_SORTED}"
    else:
        keys, how = _drawn(sampler, name, batched, length)
    whole = len(keys)
    if drops and how == "in its order":
        keys = keys[: len(keys) // drops * drops]
    if len(keys) == 0:
        raise ValueError(f"the data set is a loader whose sampler ({name}) gives no sample; give one that does")
    is_all = len(keys) == length and all(_is_index(key) and key == place for place, key in enumerate(keys))
    draws = type(sampler) in (RandomSampler, WeightedRandomSampler) and sampler.num_samples
    if is_all and draws in (False, length) and type(sampler) is not WeightedRandomSampler:
        return None, ""
    what = f"sampler ({name})" if name not in ("list", "range", "tuple", "SequentialSampler") else "sampler"
    count = f"{len(keys)} samples" if length is None else f"{len(keys)} of {length} samples"
    if whole > len(keys):
        how = f"in its order, and drops the last {whole - len(keys)}, which fill no batch"
    return (None if is_all else keys), f"The loader's {what} gives {count}, {how}."


def _drawn(sampler: Any, name: str, batched: bool, length: int | None) -> tuple[Sequence[Any], str]:
    """The keys that a sampler gives, and how it gives them, as a sentence has it."""
    most = min(_MOST_KEYS, 4 * length + 1000) if length is not None else _MOST_KEYS
    try:
        if hasattr(type(sampler), "__next__"):
            raise TypeError(
                f"the data set is a loader whose sampler ({name}) can be read only once; give it list(sampler)"
            )
        with _undrawn(sampler):
            twin = _copied(sampler)
            first, second = (_flat(islice(twin, most), batched, most) for _ in range(2))
    except TypeError:
        raise
    except Exception as error:
        raise TypeError(
            f"the data set is a loader whose sampler ({name}) cannot be read: it raised {describe_exception(error)}"
        ) from error
    if _equal(first, second):
        return (first, "in its order") if len(first) < most else (_in_order(first), f"without end; {_SORTED}")
    if _are_indices(first):
        return _in_order([*first, *second]), f"at random; {_SORTED}"
    return first, "at random; they are those that it drew once"


def _flat(keys: Iterator[Any], batched: bool, most: int) -> list[Any]:
    flat = (key for batch in keys for key in batch) if batched else keys
    return [int(key) if _is_index(key) else key for key in islice(flat, most)]


def _is_index(key: Any) -> bool:
    whole = isinstance(key, torch.Tensor | np.ndarray) and key.ndim == 0
    return (isinstance(key, int | np.integer) or whole) and not isinstance(key, bool)


def _are_indices(keys: Sequence[Any]) -> bool:
    return all(map(_is_index, keys))


def _in_order(indices: Any) -> list[int]:
    return sorted({int(index) for index in indices})


def _equal(first: list[Any], second: list[Any]) -> bool:
    try:
        return bool(first == second)
    except (ValueError, RuntimeError, TypeError):  # arrays
        return repr(first) == repr(second)


def _copied(sampler: Any, depth: int = 0) -> Any:
    """A copy whose own attributes can change, as those of a sampler that counts its epochs."""
    if isinstance(sampler, list | tuple | range) or depth > 3:
        return sampler
    twin = copy.copy(sampler)
    for name in ("sampler", "batch_sampler", "base_sampler"):
        inner = getattr(twin, "__dict__", {}).get(name)
        if inner is not None:
            setattr(twin, name, _copied(inner, depth + 1))
    return twin


@contextmanager
def _undrawn(sampler: Any, depth: int = 0) -> Iterator[None]:
    """Leaves the sampler's own generators as they were; the global ones are whoever opens the data set's to isolate."""
    generators = []
    while sampler is not None and depth < 4:
        attributes = getattr(sampler, "__dict__", {})
        generators += [value for value in attributes.values() if isinstance(value, torch.Generator)]
        sampler, depth = attributes.get("sampler", attributes.get("batch_sampler")), depth + 1
    states = [generator.get_state() for generator in generators]
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


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
    with _undrawn(loader.sampler):
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
