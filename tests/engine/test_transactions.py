"""What was seen of a changed net is noted when it was read: a look that is broken off or fails is done again."""

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Explorer, NetError, SampleError
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from nets import images


class Fails:
    """A data set that raises what it is told to, so many times."""

    def __init__(self):
        self.pixels, self.errors = images(5, 1, 12, 12), []

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, index):
        if self.errors:
            raise self.errors.pop()
        return self.pixels[index], index % 3


class Stops(nn.Module):
    """A part of a net that raises what it is told to."""

    def __init__(self, *errors):
        super().__init__()
        self.errors = list(errors)  # shared with the copy of the net

    def forward(self, x):
        if ERRORS:
            raise ERRORS.pop()
        return x


ERRORS: list[BaseException] = []


def two_convs(*more):
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3), *more)


@pytest.fixture(name="samples")
def of_this_test():
    ERRORS.clear()
    yield Fails()
    ERRORS.clear()


def change(net):
    torch.manual_seed(2)
    net[0], net[2] = nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 3)


def assert_shows(explorer, net):
    shown = explorer.select(layer=1).pre_activation  # this read is a look
    assert [layer.out_channels for layer in explorer.layers] == [net[0].out_channels, net[2].out_channels]
    pixels = torch.from_numpy(explorer.image)[None]
    with torch.no_grad():
        expected = net[2](torch.relu(net[0](pixels)))[0, explorer.filter_index]
    np.testing.assert_allclose(shown, expected.numpy(), atol=1e-5)
    np.testing.assert_array_equal(explorer.kernel, net[2].weight.detach().numpy()[explorer.filter_index])


LOOKS = {
    "a property": lambda explorer: explorer.activation,
    "weights": lambda explorer: explorer.kernel,
    "a move": lambda explorer: explorer.select(image=1),
    "receptive fields": lambda explorer: explorer.receptive_field(2, 2),
    "refresh": lambda explorer: explorer.refresh(),
    "without": lambda explorer: explorer.without(0, replaced_by="zero"),
    "a cell": lambda explorer: explorer.session.engine.check(),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("where", ["the net", "the data set", "its layers", "its copy"])
def test_an_interrupted_look_at_a_changed_net_is_done_again(samples, look, where, monkeypatch):
    net = two_convs(Stops())
    explorer = Explorer(net, samples, layer_index=1, filter_index=1)
    assert_shows(explorer, net)
    change(net)
    engine = explorer.session.engine
    if where == "the net":
        ERRORS.append(KeyboardInterrupt())
    elif where == "the data set":
        engine.samples.clear()
        samples.errors.append(KeyboardInterrupt())
    else:
        part, name = (engine.live, "_find_layers") if where == "its layers" else (engine.runner, "rebuild")
        work = getattr(part, name)

        def interrupted():
            monkeypatch.setattr(part, name, work)
            if where == "its layers":
                work()
            raise KeyboardInterrupt

        monkeypatch.setattr(part, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        look(explorer)
    assert_shows(explorer, net)


@pytest.mark.parametrize("look", [LOOKS["a property"], LOOKS["weights"], LOOKS["without"]])
def test_a_failing_read_of_a_changed_net_is_said_and_done_again(samples, look):
    net = two_convs()
    explorer = Explorer(net, samples, layer_index=1, filter_index=1)
    assert_shows(explorer, net)
    change(net)
    explorer.session.engine.samples.clear()
    samples.errors = [OSError("the drive is away")] * 100
    revision = explorer.session.engine.revision
    for _ in range(3):
        with pytest.raises(SampleError, match="the drive is away"):
            look(explorer)
    assert explorer.session.engine.revision == revision + 1  # or pages would ask again and again
    samples.errors.clear()
    assert_shows(explorer, net)
    assert explorer.session.engine.revision == revision + 2


def test_where_one_image_cannot_be_read_another_shows_the_changed_net(samples):
    net = two_convs()
    explorer = Explorer(net, samples, layer_index=1, filter_index=1)
    change(net)
    explorer.session.engine.samples.clear()
    samples.errors = [OSError("bad sector")]
    assert explorer.session.engine.check()
    assert_shows(explorer, net)


@pytest.mark.parametrize("name", ["kernel", "response", "pre_activation", "activation", "prediction"])
def test_a_changed_net_that_cannot_be_shown_says_why_until_it_can(samples, name):
    net = two_convs()
    explorer = Explorer(net, samples, layer_index=1, filter_index=1)
    good = net[2]
    net[2] = nn.Conv2d(7, 6, 3)  # it is given four channels
    for _ in range(2):
        with pytest.raises(NetError, match="the net refused an image"):
            getattr(explorer, name)
    net[2] = good
    assert_shows(explorer, net)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyError("name"), MemoryError("full")])
def test_whatever_reading_a_changed_net_raises_is_a_net_error(samples, monkeypatch, error):
    net = two_convs()
    explorer = Explorer(net, samples, layer_index=1)
    change(net)
    runner = explorer.session.engine.runner
    rebuild = runner.rebuild

    def fails():
        raise error

    monkeypatch.setattr(runner, "rebuild", fails)
    with pytest.raises(NetError, match=f"can no longer be shown: {type(error).__name__}"):
        _ = explorer.activation
    with pytest.raises(NetError, match="can no longer be shown"):
        explorer.refresh()
    monkeypatch.setattr(runner, "rebuild", rebuild)
    assert_shows(explorer, net)


def test_a_refresh_that_fails_is_done_again_at_the_next_look(samples):
    net = two_convs()
    explorer = Explorer(net, samples)
    change(net)
    samples.errors = [OSError("away")] * 100
    with pytest.raises(SampleError, match="away"):
        explorer.refresh()
    samples.errors.clear()
    assert_shows(explorer, net)


def test_changed_weights_alone_find_no_layers_anew(samples, monkeypatch):
    net = two_convs()
    engine = Engine(net, SampleSource(samples))
    structure = engine.live.structure
    monkeypatch.setattr(engine.live, "_find_layers", lambda: pytest.fail("the structure is the same"))
    with torch.no_grad():
        net[0].weight.mul_(2)
    assert engine.check() and not engine.check()
    assert engine.live.structure == structure
    np.testing.assert_array_equal(engine.kernels(0), net[0].weight.detach().numpy())
    engine.close()


def test_an_interrupted_move_is_looked_at_again(samples, monkeypatch):
    net = two_convs()
    explorer = Explorer(net, samples)
    explorer.image_index = 1
    with torch.no_grad():
        net[0].weight.mul_(2)
    engine = explorer.session.engine
    check, told = engine.check, []

    def interrupted(within=0.0):
        monkeypatch.setattr(engine, "check", check)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "check", interrupted)
    monkeypatch.setattr(explorer, "send", lambda content, buffers=None: told.append(content))
    with pytest.raises(KeyboardInterrupt):
        explorer.image_index = 2
    explorer.pages.look(explorer._selection())
    assert [content["kind"] for content in told] == ["changed"]


def test_an_announcement_that_fails_is_made_again(samples, monkeypatch):
    net = two_convs()
    explorer = Explorer(net, samples)
    told = []

    def fails(content, buffers=None):
        monkeypatch.setattr(explorer, "send", lambda content, buffers=None: told.append(content))
        raise KeyboardInterrupt

    monkeypatch.setattr(explorer, "send", fails)
    with torch.no_grad():
        net[0].weight.mul_(2)
    with pytest.raises(KeyboardInterrupt):
        _ = explorer.activation
    assert explorer.activation is not None
    assert [content["kind"] for content in told] == ["changed"]
