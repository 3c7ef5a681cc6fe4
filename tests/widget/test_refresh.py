"""A net or a data set that changed: what is noticed by itself, and what a refresh sees."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from explorers import data, traits
from filterscope import Explorer
from filterscope.session import selection
from nets import TwoConvs, images, seeded


def test_changed_weights_are_seen_at_the_next_read_and_the_page_is_told(explorer, sent):
    before = explorer.activation
    with torch.no_grad():
        explorer.layer.module.weight.mul_(-1)
    assert not np.array_equal(explorer.activation, before)
    assert [content for content, _ in sent] == [{"kind": "changed", "revision": 1}]


def test_changed_weights_are_noticed_at_the_next_move(explorer, sent):
    explorer.layer.module.weight.data.mul_(2)
    explorer.filter_index = 1  # a move that the page answers from what it holds
    assert [content for content, _ in sent] == [{"kind": "changed", "revision": 1}]


def test_refresh_sees_a_net_that_grew_and_one_that_shrank():
    net = seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU()))
    explorer = Explorer(net, data(), layer_index=1, filter_index=5)
    net.append(seeded(lambda: nn.Conv2d(6, 2, 1)))
    explorer.refresh()
    assert [layer.name for layer in explorer.layers] == ["0", "2", "4"]
    explorer.select(layer=2, filter=1)
    del net[4], net[3], net[2]
    explorer.refresh()
    assert [layer.name for layer in explorer.layers] == ["0"]
    assert traits(explorer)[1:3] == (0, 1)
    assert np.array_equal(explorer.kernel, net[0].weight.detach().numpy()[1])


def test_a_replaced_layer_is_seen_at_the_next_read():
    net = seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()))
    explorer = Explorer(net, data(), filter_index=3)
    net[0] = seeded(lambda: nn.Conv2d(1, 2, 5, stride=2), seed=1)
    assert np.array_equal(explorer.layers[0].kernels, net[0].weight.detach().numpy())
    explorer.image_index = 1
    assert traits(explorer)[:3] == (1, 0, 1)
    with torch.no_grad():
        expected = net[0](images(4, 1, 14, 14)[1:2])[0, 1]
    assert np.array_equal(explorer.pre_activation, expected.numpy())
    np.testing.assert_allclose(explorer.response + explorer.layer.bias[1], expected.numpy(), atol=1e-6)


def test_refresh_sees_a_data_set_that_changed():
    items = list(images(3, 1, 14, 14))
    explorer = Explorer(seeded(TwoConvs), items, image_index=2)
    items.append(images(1, 14, 14, seed=9))
    explorer.refresh()
    assert np.array_equal(explorer.select(image=3).image, images(1, 14, 14, seed=9).numpy())
    del items[1:]
    explorer.refresh()
    assert explorer.image_index == 0


def test_refresh_sees_what_weights_do_not_show(explorer, sent):
    assert explorer.activation.shape == (12, 12)
    explorer.layer.module.stride = (2, 2)
    explorer.refresh()
    assert explorer.activation.shape == (6, 6)
    assert [content["kind"] for content, _ in sent] == ["changed"]


@pytest.mark.parametrize("smaller", [nn.Conv2d(4, 2, 3), nn.Identity(), nn.Conv2d(4, 6, 3, groups=2)])
def test_a_selection_that_the_changed_net_no_longer_has_gives_way_at_the_next_read(smaller):
    net = seeded(TwoConvs)
    explorer = Explorer(net, images(2, 1, 14, 14), layer_index=1, filter_index=5, channel=3)
    net.conv2 = smaller
    net.fc = nn.Identity()
    for name in ("kernel", "response", "pre_activation", "activation"):
        assert getattr(explorer, name).dtype == np.float32
    assert explorer.filter_index < explorer.layer.out_channels
    assert explorer.channel is None or explorer.channel < explorer.layer.channels
    explorer.close()


def test_a_move_while_it_is_seen_whether_the_selection_still_fits_is_not_undone(explorer, monkeypatch):
    fitted = selection.fitted

    def move_meanwhile(*selected):
        page.start()
        page.join(0.3)  # it ends at once, or waits until what fits is set
        return fitted(*selected)

    page = threading.Thread(target=explorer.set_state, args=({"image_index": 2},))
    monkeypatch.setattr(selection, "fitted", move_meanwhile)
    explorer._fit_in()
    page.join()
    assert explorer.image_index == 2
