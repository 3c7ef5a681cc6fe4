"""What is wrong with a net is found: planted faults, and nets that know nothing."""

import numpy as np
import pytest

from diagnoses import look
from filterscope import demo
from nets import seeded
from planted import COPIES, STILL, plant


@pytest.mark.parametrize("fault", STILL)
def test_filters_that_say_nothing_are_found(fault):
    net = plant(demo.fashion_net(), "conv2", fault, [2, 5], [2, 5], np.random.default_rng(0))
    state = "constant" if fault == "always on" else "dead"
    found = {f.filter: f.state for f in look(net, ablation=False, layers="conv2").filters if f.state != "live"}
    assert found == {2: state, 5: state, 11: "dead"}


@pytest.mark.parametrize("fault", [*COPIES, "sign flip"])
@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_copies_are_named_with_their_cost(fault, layer):
    net = plant(demo.fashion_net(), layer, fault, [7, 9], [0, 3], np.random.default_rng(0))
    filters = look(net, layers=layer).filters
    duplicates = {f.filter: f.duplicate_of for f in filters if f.duplicate_of is not None}
    if fault == "sign flip":
        assert not duplicates
        assert {f.filter: f.mirror_of for f in filters if f.mirror_of is not None} == {7: 0, 0: 7, 9: 3, 3: 9}
    else:
        assert duplicates == {7: 0, 9: 3}
        if filters[7].use != "withheld":  # a doubled map in conv1 leaves nothing of what the net knew
            assert all(abs(filters[k].merge_cost) < 0.023 for k in (7, 9))
        assert "Says the same as filter 0" in filters[7].sentence


@pytest.mark.parametrize("seed", range(8))
def test_an_untrained_net_has_no_use_to_tell(seed):
    net = seeded(demo.FashionNet, seed)
    found = look(net, images=500)
    assert {f.use for f in found.filters} == {"withheld"}
    assert "guessing" in found.filters[0].use_reason
    assert found.ablated == 0  # nothing is spent on it


def test_epoch_0_is_not_structured():
    assert "structured" not in {f.structure for f in look(demo.fashion_net(epoch=0)).filters}
