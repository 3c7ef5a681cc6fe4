"""fastai: the model of a `Learner`, and the items of its `DataLoaders` as its transforms give them for validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.adapters.adaptation import Adaptation
from filterscope.attributes import attribute, plain_tensor
from filterscope.data.class_names import own_names


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """A `Learner`; `DataLoaders` as data stand for their validation set."""
    loader = _loader(data)
    items = None if loader is None else FastaiItems(loader)
    inner, loaders = attribute(model, "model"), attribute(model, "dls")
    is_learner = isinstance(inner, nn.Module) and loaders is not None and attribute(model, "loss_func") is not None
    if not is_learner and items is None:
        return None
    mean, std = (None, None) if items is None else items.normalize
    return Adaptation(
        net=inner if is_learner else None,
        data=items,
        mean=mean,
        std=std,
        classes=own_names(loaders) if is_learner else (),
    )


def _loader(data: Any) -> Any:
    """The loader whose items are shown: the one that was given, or the validation's of several."""
    loader = attribute(data, "valid", data) if attribute(data, "loaders") is not None else data
    steps = ("do_item", "create_batch", "after_batch", "dataset")
    return loader if all(attribute(loader, step) is not None for step in steps) else None


class FastaiItems(Sequence[Any]):
    """What a fastai loader gives of each of its items: a batch of one, through `after_item` and `after_batch`.

    Args:
        loader: The loader.

    Attributes:
        dataset: Its data set, where class names are looked for.
    """

    def __init__(self, loader: Any) -> None:
        self._loader, self.dataset = loader, loader.dataset
        self.vocab = attribute(loader, "vocab")

    def __len__(self) -> int:
        return len(self._loader.dataset)

    def __getitem__(self, index: Any) -> Any:
        loader = self._loader
        if not 0 <= index < len(self):
            raise IndexError(index)
        batch = loader.after_batch(loader.create_batch([loader.do_item(index)]))
        parts = [plain_tensor(part) if isinstance(part, torch.Tensor) else part for part in batch]
        return tuple(part[0] if isinstance(part, torch.Tensor) and part.ndim else part for part in parts)

    @property
    def normalize(self) -> tuple[list[float] | None, list[float] | None]:
        """Mean and standard deviation of the Normalize among the steps of a batch."""
        for step in attribute(attribute(self._loader, "after_batch"), "fs", ()):
            mean, std = attribute(step, "mean"), attribute(step, "std")
            if mean is not None and std is not None:
                return [np.asarray(torch.as_tensor(each).cpu()).reshape(-1).tolist() for each in (mean, std)]  # type: ignore[return-value]
        return None, None
