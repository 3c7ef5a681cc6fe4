"""Which samples a torch DataLoader gives, and in which order: `keys_of(loader)`."""

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
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from filterscope.errors import describe_exception
from filterscope.host.collection import without_collection

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
        with generators_kept(sampler):
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
def generators_kept(sampler: Any, depth: int = 0) -> Iterator[None]:
    """Leaves the sampler's own generators as they were; the global ones are whoever opens the data set's to isolate."""
    generators = []
    while sampler is not None and depth < 4:
        attributes = getattr(sampler, "__dict__", {})
        generators += [value for value in attributes.values() if isinstance(value, torch.Generator)]
        sampler, depth = attributes.get("sampler", attributes.get("batch_sampler")), depth + 1
    states = [without_collection(generator.get_state) for generator in generators]
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
