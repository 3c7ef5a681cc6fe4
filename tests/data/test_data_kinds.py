"""Every kind of data set becomes the images, labels and displays that an oracle computes."""

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

from data_kinds import TABLE
from filterscope import Explorer
from nets import seeded

KINDS = [kind for kinds in TABLE.values() for kind in kinds]


class Any1(nn.Module):
    """A net for images of any size."""

    def __init__(self, channels, rank):
        super().__init__()
        self.conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1](channels, 2, 3)
        self.head = nn.Linear(2, 1000)

    def forward(self, x):
        return self.head(self.conv(x).flatten(2).mean(2))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.what)
def test_a_kind_of_data_set(kind, tmp_path):
    case = kind.make(tmp_path)
    options = dict(case.options)
    rank = options.pop("rank", 2)
    net = seeded(lambda: Any1(case.channels, rank))
    before = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()]
    copied = copy.deepcopy(case.data) if isinstance(case.data, np.ndarray | torch.Tensor) else None
    explorer = Explorer(net, case.data, **options).select(image=case.at)
    expected = np.asarray(case.image, np.float32)
    assert (explorer.image.dtype, explorer.image.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(explorer.image, expected, atol=1e-6)
    assert len(explorer.session.engine.source) == case.count
    assert explorer.label == case.label and type(explorer.label) is type(case.label)
    shown = expected if case.display is None else np.asarray(case.display, np.float32)
    shown = np.moveaxis(shown, 0, -1) if shown.ndim == 3 and len(shown) == 3 else shown[0] if shown.ndim == 3 else shown
    np.testing.assert_allclose(explorer.display, shown, atol=2e-6)
    assert explorer.display.dtype == np.float32 and explorer.display.min() >= 0 and explorer.display.max() <= 1
    assert case.note in explorer.session.engine.sample(case.at).note
    assert explorer.activation.ndim == rank
    after = [torch.get_rng_state(), random.getstate(), np.random.get_state()[1]]
    assert torch.equal(before[0], after[0]) and before[1] == after[1] and np.array_equal(before[2], after[2])
    if copied is not None:
        assert bool((case.data == copied).all())
