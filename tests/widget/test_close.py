"""The end of an explorer: it lets go of everything."""

import gc
import weakref

import pytest
from torch.utils.data import TensorDataset

from explorers import data
from filterscope import Explorer
from nets import TwoConvs, images, seeded


def test_close_lets_go_of_everything():
    class Kept(TensorDataset):
        pass

    net, given = seeded(TwoConvs), Kept(images(2, 1, 14, 14))
    explorer = Explorer(net, given)
    assert explorer.activation.shape == (12, 12)
    alive = [weakref.ref(net), weakref.ref(given), weakref.ref(explorer.session.engine)]
    explorer.close()
    del net, given
    gc.collect()
    assert [ref() for ref in alive] == [None, None, None]
    assert explorer.comm is None
    with pytest.raises(RuntimeError, match="this explorer is closed; make a new one"):
        _ = explorer.activation
    explorer.close()
    assert repr(explorer) == "Explorer(closed)"


def test_a_layer_of_a_closed_explorer_says_so():
    explorer = Explorer(seeded(TwoConvs), data())
    layer = explorer.layer
    explorer.close()
    with pytest.raises(RuntimeError, match="this explorer is closed; make a new one"):
        _ = layer.kernels


def test_a_closed_explorer_is_freed():
    explorer = Explorer(seeded(TwoConvs), data())
    alive = weakref.ref(explorer)
    explorer.close()
    del explorer
    gc.collect()
    assert alive() is None
