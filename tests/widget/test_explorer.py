"""The widget without a page: its traits, what its messages answer, its errors and its end."""

import gc
import sys
import threading
import weakref

import ipywidgets
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset
from traitlets import TraitError

from filterscope import Explorer, NetError, SampleError
from filterscope.assets import panels_module
from nets import NoConvs, TwoConvs, Unreached, images, seeded


def data(count=4, channels=1):
    return TensorDataset(images(count, channels, 14, 14), torch.arange(count) % 3)


@pytest.fixture(name="explorer")
def an_explorer():
    explorer = Explorer(seeded(TwoConvs), data(), classes=["a", "b", "c"])
    yield explorer
    explorer.close()


@pytest.fixture(name="sent")
def what_is_sent(explorer, monkeypatch):
    messages = []
    monkeypatch.setattr(explorer, "send", lambda content, buffers=None: messages.append((content, buffers)))
    return messages


def traits(explorer):
    return explorer.image_index, explorer.layer_index, explorer.filter_index, explorer.channel, explorer.source


def ask(explorer, name, **args):
    explorer._handle_custom_msg({"kind": "request", "id": "t:1", "name": name, "args": args}, [])


def test_it_is_a_dom_widget_that_nests(explorer):
    assert isinstance(explorer, ipywidgets.DOMWidget)
    assert ipywidgets.HBox([explorer]).children == (explorer,)
    assert "_esm" in explorer.get_state() and explorer.get_state()["image_index"] == 0


def test_properties_are_the_nets_own_values(explorer):
    net = seeded(TwoConvs)
    with torch.no_grad():
        pre1 = net.conv1(images(4, 1, 14, 14)[2:3])
        pre2 = net.conv2(net.pool(F.relu(pre1)))[0]
        probabilities = torch.softmax(net(images(4, 1, 14, 14)[2:3])[0].double(), 0)
    explorer.select(image=2, layer="conv2", filter=5)
    assert np.array_equal(explorer.image, images(4, 1, 14, 14)[2].numpy())
    assert np.array_equal(explorer.display, explorer.image[0])
    assert np.array_equal(explorer.kernel, net.conv2.weight.detach().numpy()[5])
    assert np.array_equal(explorer.pre_activation, pre2[5].numpy())
    assert np.array_equal(explorer.activation, F.relu(pre2[5]).numpy())
    np.testing.assert_allclose(explorer.response + net.conv2.bias[5].item(), pre2[5].numpy(), atol=1e-6)
    assert explorer.activation_name == "conv2 → relu"
    assert explorer.label == "c"
    assert [name for name, _ in explorer.prediction] == ["abc"[i] for i in torch.argsort(-probabilities)]
    np.testing.assert_allclose([p for _, p in explorer.prediction], torch.sort(-probabilities)[0].neg())
    for value in (explorer.image, explorer.display, explorer.kernel, explorer.response, explorer.activation):
        assert value.dtype == np.float32


def test_what_it_gives_away_is_the_callers_own(explorer):
    before = [explorer.image, explorer.kernel, explorer.activation, explorer.layer.kernels]
    copies = [value.copy() for value in before]
    for value in before:
        value += 100
    after = [explorer.image, explorer.kernel, explorer.activation, explorer.layer.kernels]
    assert all(np.array_equal(one, other) for one, other in zip(after, copies, strict=True))


def test_layers_speak_conv2d(explorer):
    layer = explorer.layers[1]
    assert (layer.name, layer.call, layer.index) == ("conv2", 0, 1)
    assert isinstance(layer.module, nn.Conv2d)
    assert layer.kernels.shape == (6, 4, 3, 3)
    assert (layer.stride, layer.padding, layer.dilation, layer.groups) == ((1, 1), (0, 0), (1, 1), 1)
    assert layer.out_shape == (6, 4, 4)
    assert explorer.layer is explorer.layers[0]
    assert np.array_equal(layer.bias, layer.module.bias.detach().numpy())


def test_keywords_are_the_traits_names():
    explorer = Explorer(
        seeded(TwoConvs), data(), image_index=3, layer_index=1, filter_index=5, channel=2, source="image"
    )
    assert traits(explorer) == (3, 1, 5, 2, "image")
    assert traits(Explorer(seeded(TwoConvs), data(), layout=ipywidgets.Layout(width="50%"))) == (0, 0, 0, None, "input")


@pytest.mark.parametrize("keyword", ["filterindex", "layer", "_esm", "comm_"])
def test_an_unknown_keyword_is_a_type_error(keyword):
    with pytest.raises(TypeError, match=f"no keyword '{keyword}'; it has classes, transform"):
        Explorer(seeded(TwoConvs), data(), **{keyword: 1})


@pytest.mark.parametrize("arguments", [(), (seeded(TwoConvs),)])
def test_a_forgotten_argument_is_one_error_alone(arguments, monkeypatch):
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    with pytest.raises(TypeError, match="missing"):
        Explorer(*arguments)
    gc.collect()
    assert ignored == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("image_index", 4, r"image_index is 4; this data set has images 0 … 3"),
        ("image_index", -1, "image_index is -1"),
        ("layer_index", 2, "layer_index is 2; this net has convolutions 0 … 1"),
        ("filter_index", 4, "filter_index is 4; conv1 has filters 0 … 3"),
        ("channel", 1, "channel is 1; a filter of conv1 has kernels 0 … 0; None means all"),
        ("source", "both", "expected any of"),
        ("image_index", "2", "expected an int"),
        ("image_index", 1.5, "expected an int"),
    ],
)
def test_an_index_out_of_range_is_refused_and_changes_nothing(explorer, name, value, sentence):
    before = traits(explorer)
    with pytest.raises(TraitError, match=sentence):
        setattr(explorer, name, value)
    assert traits(explorer) == before
    with pytest.raises(TraitError, match=sentence):
        explorer.select(**{"source": "image", name.removesuffix("_index"): value})
    assert traits(explorer) == before
    with pytest.raises(TraitError, match=sentence):
        Explorer(seeded(TwoConvs), data(), **{name: value})


@pytest.mark.parametrize("name", ["image_index", "layer_index", "filter_index", "channel"])
@pytest.mark.parametrize("present", [0, 1])
def test_a_bool_is_no_index_even_where_it_equals_the_present_one(name, present):
    selected = {"image_index": present, "layer_index": 1, "filter_index": present, "channel": present}
    explorer = Explorer(seeded(TwoConvs), data(), **selected)
    before = traits(explorer)
    for value in (False, True):
        with pytest.raises(TraitError, match="expected an int"):
            setattr(explorer, name, value)
        with pytest.raises(TraitError, match="expected an int"):
            explorer.select(**{"source": "image", name.removesuffix("_index"): value})
        assert traits(explorer) == before and all(type(one) is not bool for one in traits(explorer))


def test_numpy_and_torch_integers_are_integers(explorer):
    explorer.image_index = np.int64(2)
    explorer.filter_index = torch.tensor(3)
    assert traits(explorer)[:3] == (2, 0, 3)
    assert type(explorer.image_index) is int


def test_select_by_name_module_index_and_layer(explorer):
    net_module = explorer.layers[1].module
    for layer in ("conv2", net_module, 1, explorer.layers[1]):
        explorer.layer_index = 0
        assert explorer.select(layer=layer) is explorer
        assert explorer.layer_index == 1
    with pytest.raises(ValueError, match="layer is 'conv3'; this net has convolutions 0 … 1: conv1, conv2"):
        explorer.select(layer="conv3")
    with pytest.raises(ValueError, match="layer is the module Conv2d"):
        explorer.select(layer=nn.Conv2d(1, 1, 1))


def test_select_keeps_what_is_left_out_and_none_means_all_channels(explorer):
    explorer.select(image=1, layer=1, filter=3, channel=2, source="image")
    explorer.select(image=3)
    assert traits(explorer) == (3, 1, 3, 2, "image")
    explorer.select(channel=None)
    assert traits(explorer) == (3, 1, 3, None, "image")


def test_a_new_layer_clamps_the_filter_and_drops_a_channel_it_lacks(explorer):
    explorer.select(layer=1, filter=5, channel=3)
    explorer.layer_index = 0
    assert traits(explorer)[1:4] == (0, 3, None)
    explorer.select(layer=1, filter=5, channel=3).select(layer=0)
    assert traits(explorer)[1:4] == (0, 3, None)
    explorer.select(layer=1, filter=5).select(layer=0, filter=1)
    assert traits(explorer)[1:4] == (0, 1, None)


def test_what_changes_together_reaches_the_page_in_one_message(explorer, monkeypatch):
    explorer.select(layer=1, filter=5, channel=3)
    states = []
    monkeypatch.setattr(explorer, "_send", lambda msg, buffers=None: states.append(msg["state"]))
    explorer.layer_index = 0
    explorer.select(image=2, layer=1, filter=4)
    assert states == [
        {"layer_index": 0, "filter_index": 3, "channel": None},
        {"image_index": 2, "layer_index": 1, "filter_index": 4},
    ]


def test_observers_never_see_a_selection_that_does_not_exist(explorer):
    explorer.select(layer=1, filter=5)
    seen = []
    explorer.observe(lambda change: seen.append(explorer.kernel.shape), "layer_index")
    explorer.layer_index = 0
    explorer.select(layer=1, filter=5)
    assert seen == [(1, 3, 3), (4, 3, 3)]


def test_link_with_another_widget(explorer):
    slider = ipywidgets.IntSlider(max=3)
    ipywidgets.link((slider, "value"), (explorer, "image_index"))
    slider.value = 2
    assert explorer.image_index == 2
    explorer.image_index = 1
    assert slider.value == 1


def linked_pair():
    one, other = (Explorer(seeded(TwoConvs, seed), data()) for seed in (0, 1))
    for name in ("image_index", "layer_index", "filter_index", "channel", "source"):
        ipywidgets.link((one, name), (other, name))
    return one, other


@pytest.mark.parametrize("how", ["select", "page", "page, filter first"])
@pytest.mark.parametrize("to", [(0, 2, 0), (0, 3, None), (1, 5, 2), (1, 0, None)], ids=str)
@pytest.mark.parametrize("start", [(1, 5, 3), (1, 4, None), (0, 3, 0)], ids=str)
def test_two_linked_explorers_stay_together(start, to, how):
    one, other = linked_pair()
    for layer, filter, channel in (start, to):
        if how == "select":
            one.select(image=1, layer=layer, filter=filter, channel=channel)
        elif how == "page":
            one.set_state({"layer_index": layer, "filter_index": filter, "channel": channel})
        else:
            one.set_state({"filter_index": filter, "channel": channel, "layer_index": layer})
        assert traits(one)[1:4] == traits(other)[1:4] == (layer, filter, channel)
    other.layer_index = 1
    other.filter_index = 5
    other.layer_index = 0
    assert traits(one)[1:3] == traits(other)[1:3] == (0, 3)


# From a page


def test_a_moved_slider_sets_the_trait(explorer):
    explorer.set_state({"layer_index": 1, "filter_index": 5})
    assert traits(explorer)[1:3] == (1, 5)


def test_a_forged_trait_is_refused_and_the_page_told_the_truth(explorer, sent, monkeypatch):
    states = []
    monkeypatch.setattr(explorer, "send_state", lambda key=None: states.append(key))
    for forged in ({"image_index": 99}, {"layer_index": 1, "filter_index": 77}, {"source": "<b>"}, {"channel": "x"}):
        before = traits(explorer)
        explorer.set_state(forged)
        assert traits(explorer) == before
        assert states.pop() == list(forged)
        content, _ = sent.pop()
        assert content["kind"] == "refused" and content["message"]
    explorer.set_state({"image_index": 3})
    assert explorer.image_index == 3


def test_describe_and_frame_are_answered(explorer, sent):
    ask(explorer, "describe")
    ask(explorer, "frame", image=1, layer=1, filter=2, channel=None, source="input", scale="layer")
    (described, _), (framed, buffers) = sent
    assert described["body"]["images"] == 4
    assert framed["body"]["filter"] == 2
    explorer.select(image=1, layer=1, filter=2)
    index = framed["body"]["detail"]["activation"]["tensor"]
    shown = np.frombuffer(buffers[index], "<f4").reshape(framed["tensors"][index]["shape"])
    assert np.array_equal(shown, explorer.activation)


def test_a_page_gets_its_second_module_when_it_asks(explorer, sent):
    ask(explorer, "panels")
    ((answered, _),) = sent
    assert answered["body"] == {"module": panels_module()}


def test_a_forged_request_gets_a_sentence_and_the_next_one_an_answer(explorer, sent):
    ask(explorer, "frame", image=99, layer=0, filter=0, source="input")
    ask(explorer, "fly")
    explorer._handle_custom_msg({"kind": "request"}, [])  # no id: nobody to answer
    explorer._handle_custom_msg("nonsense", [])
    ask(explorer, "frame", image=3, layer=0, filter=0, source="input")
    said = [content.get("error", {}).get("message", "body") for content, _ in sent]
    known = ", ".join(sorted(explorer.pages.requests.handlers))
    assert "frame" in known
    assert said == [
        "image is 99; this data set has images 0 … 3",
        f"unknown request 'fly'; known are {known}",
        "body",
    ]


class Sometimes:
    """A data set whose sample 1 cannot be read, 2 is no image, 3 has a shape the net refuses."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        if index == 1:
            raise OSError("disk on fire")
        return {2: "words", 3: images(3, 14, 14)}.get(index, images(1, 14, 14))


def test_a_bad_sample_is_an_error_in_its_place_and_the_explorer_goes_on():
    explorer = Explorer(seeded(TwoConvs), Sometimes())
    good = explorer.activation
    explorer.image_index = 1
    for name in ("image", "display", "label", "response", "pre_activation", "activation", "prediction"):
        with pytest.raises(SampleError, match="sample 1: the data set raised OSError: disk on fire"):
            getattr(explorer, name)
    assert explorer.kernel.shape == (1, 3, 3)
    explorer.image_index = 2
    with pytest.raises(SampleError, match="sample 2: it is str 'words', not an image"):
        _ = explorer.activation
    explorer.image_index = 3
    assert explorer.image.shape == (3, 14, 14)
    with pytest.raises(NetError, match=r"refused an image of shape \(C, H, W\) = \(3, 14, 14\), float32: RuntimeError"):
        _ = explorer.activation
    explorer.image_index = 4
    assert np.array_equal(explorer.activation, good)


def test_an_explorer_opens_on_a_bad_sample_with_what_another_one_tells_of_the_net():
    explorer = Explorer(seeded(TwoConvs), Sometimes(), image_index=1)
    assert [layer.out_shape for layer in explorer.layers] == [(4, 12, 12), (6, 4, 4)]
    with pytest.raises(SampleError, match="sample 1: the data set raised OSError: disk on fire"):
        _ = explorer.image
    explorer.image_index = 0
    assert explorer.image.shape == (1, 14, 14)


def test_a_bad_sample_reaches_the_page_as_a_sentence():
    explorer = Explorer(seeded(TwoConvs), Sometimes())
    messages = []
    explorer.send = lambda content, buffers=None: messages.append(content)
    for image in (1, 3, 0):
        ask(explorer, "frame", image=image, layer=0, filter=0, source="input")
    assert messages[0]["error"] == {
        "type": "SampleError",
        "message": "sample 1: the data set raised OSError: disk on fire",
    }
    assert messages[1]["error"]["type"] == "NetError"
    assert "body" in messages[2]


def test_a_net_that_makes_signals_of_images():
    net = seeded(lambda: nn.Sequential(nn.Flatten(1, 2), nn.Conv1d(14, 2, 3)))
    explorer = Explorer(net, data())
    assert explorer.image.shape == (1, 14, 14)
    assert explorer.activation.shape == (12,)


@pytest.mark.parametrize("rank", [1, 3])
def test_a_1d_and_a_3d_net_keep_their_own_axes(rank):
    conv = (nn.Conv1d, nn.Conv3d)[rank // 2]
    net = nn.Sequential(seeded(lambda: conv(2, 4, 3, padding=1)), nn.ReLU())
    explorer = Explorer(net, list(images(2, 2, *(9, 8, 7)[:rank])), filter_index=3)
    size = (9, 8, 7)[:rank]
    assert explorer.image.shape == (2, *size)
    assert explorer.kernel.shape == (2, *(3,) * rank)
    for shown in (explorer.response, explorer.pre_activation, explorer.activation):
        assert shown.shape == size
    assert explorer.select(source="image", channel=1).response.shape == size


@pytest.mark.parametrize(
    ("net", "given", "options", "error", "sentence"),
    [
        (None, data(), {}, TypeError, "net is None; expected a torch.nn.Module"),
        (
            TwoConvs,
            data(),
            {},
            TypeError,
            "net is the class TwoConvs; expected a torch.nn.Module; call it to make a net",
        ),
        (NoConvs(), data(), {}, NetError, "no convolution found in a forward pass of the net: NoConvs has none"),
        (Unreached(), data(), {}, NetError, r"it has conv \(Conv2d\), none of them reached from the image"),
        (seeded(TwoConvs), [], {}, ValueError, "empty"),
        (seeded(TwoConvs), data(), {"classes": ["a"]}, ValueError, "classes has 1 name, the net's output 3 classes"),
        (seeded(TwoConvs), ["a cat"], {}, SampleError, "sample 0: it is str 'a cat', not an image"),
        (seeded(TwoConvs), data(channels=3), {}, NetError, r"refused an image of shape \(C, H, W\) = \(3, 14, 14\)"),
    ],
)
def test_what_cannot_be_explored_says_why(net, given, options, error, sentence):
    with pytest.raises(error, match=sentence):
        Explorer(net, given, **options)


def test_names_of_another_set_of_classes_are_not_put_under_the_nets_numbers():
    class Named(TensorDataset):
        classes = ["cat", "dog"]

    explorer = Explorer(seeded(TwoConvs), Named(images(2, 1, 14, 14), torch.tensor([0, 1])))
    assert explorer.label == "cat"
    assert sorted(name for name, _ in explorer.prediction) == [0, 1, 2]


# Changed weights


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


# The end


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


def test_two_explorers_tied_by_observers_and_moved_from_two_threads_do_not_lock_each_other():
    one, other = (Explorer(seeded(TwoConvs), data(30)) for _ in range(2))
    one.observe(lambda change: other.select(filter=change["new"]), "filter_index")
    other.observe(lambda change: one.select(image=change["new"]), "image_index")
    threads = [
        threading.Thread(target=lambda: [one.select(filter=step % 4) for step in range(200)], daemon=True),
        threading.Thread(target=lambda: [other.select(image=step % 30) for step in range(200)], daemon=True),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)


def test_several_explorers_do_not_mix():
    one, other = (Explorer(seeded(TwoConvs, seed), data()) for seed in (0, 1))
    one.select(layer=1, filter=3)
    assert traits(other) == (0, 0, 0, None, "input")
    assert not np.array_equal(one.kernel, other.select(layer=1, filter=3).kernel)
    one.close()
    assert other.kernel.shape == (4, 3, 3)


def test_moves_from_two_threads_leave_one_true_state(explorer):
    errors = []

    def drag(values):
        try:
            for step in range(60):
                explorer.set_state({"image_index": values[step % len(values)]})
                explorer.select(layer=step % 2)
                _ = explorer.activation
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=drag, args=(values,)) for values in ([0, 1], [2, 3])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert explorer.image_index in (1, 3)


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
