"""Random maps, and their statistics."""

import torch

from filterscope.verdicts.activations.statistics import LayerStatistics


def maps(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def statistics_of(activation, labels=None, classes=0):
    seen = LayerStatistics(activation.shape[1], classes)
    seen.add(activation, labels)
    return seen
