"""Hooks that belong to the net run, on copies; those of people who watch do not, and nothing of theirs moves."""

import functools
import types
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.ao import quantization

from filterscope import Explorer
from nets import images, seeded
from portraits import portrait


class Kept:
    """Keeps the output of a module."""

    def __init__(self, module):
        self.output = None
        module.register_forward_hook(self.keep)

    def keep(self, module, args, output):
        self.output = output


class Skips(nn.Module):
    """The encoder's output reaches the decoder by a hook; a subclass says by which."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Conv2d(1, 4, 3, padding=1)
        self.decoder = nn.Conv2d(8, 2, 3, padding=1)
        self.attach()

    def forward(self, x):
        return self.decoder(torch.cat([self.encoder(x).relu(), self.skip()], 1))


class ByItsMethod(Skips):
    def attach(self):
        self.encoder.register_forward_hook(self.keep)

    def keep(self, module, args, output):
        self.kept = output

    def skip(self):
        return self.kept


class ByAnObject(Skips):
    """As nets made of an encoder's layers by a library have it."""

    def attach(self):
        self.kept = Kept(self.encoder)

    def skip(self):
        return self.kept.output


class ByAClosure(Skips):
    def attach(self):
        features = []
        self.encoder.register_forward_hook(lambda module, args, output: features.append(2 * output))
        self.take = features.pop

    def skip(self):
        return self.take()


class ByAListOfItsOwn(Skips):
    def attach(self):
        self.features = []

        def keep(module, args, output):
            self.features.append(output)

        self.encoder.register_forward_hook(keep)

    def skip(self):
        return self.features.pop()


FEATURES = {}


def _keep_globally(module, args, output):
    FEATURES["encoder"] = output


class ByAGlobal(Skips):
    def attach(self):
        self.encoder.register_forward_hook(_keep_globally)

    def skip(self):
        return FEATURES["encoder"]

    def forward(self, x):
        return self.decoder(torch.cat([self.encoder(x).relu(), FEATURES["encoder"]], 1))


COLLECTOR = types.SimpleNamespace(outputs=None)


def _collect(module, args, output):
    if COLLECTOR.outputs is not None:
        COLLECTOR.outputs.append(output)


def collecting(forward):
    """A library's decorator: it registers its hook when a net is first run, and collects in that run alone."""

    @functools.wraps(forward)
    def collects(self, x):
        if not self.watched:
            self.encoder.register_forward_hook(_collect)
            self.watched = True
        COLLECTOR.outputs = []
        try:
            return forward(self, x)
        finally:
            COLLECTOR.outputs = None

    return collects


def documented(forward):
    @functools.wraps(forward)
    def documents(self, x):
        return forward(self, x)

    return documents


class ByADecorator(Skips):
    def attach(self):
        self.watched = False

    @documented
    @collecting
    def forward(self, x):
        inner = self.encoder(x).relu()
        return self.decoder(torch.cat([inner, COLLECTOR.outputs[-1]], 1))


class ShiftsItsInput(Skips):
    def attach(self):
        self.decoder.register_forward_pre_hook(lambda module, args: (2 * args[0] - 1,))

    def skip(self):
        return torch.zeros(1, 4, 10, 10)


def of_the_decoder(net, image):
    """What the decoder gives in a run of the net itself, with its hooks."""
    outputs = []
    watch = net.decoder.register_forward_hook(lambda module, args, output: outputs.append(output.clone()))
    with torch.no_grad():
        net(image)
    watch.remove()
    return outputs[0][0].numpy()


KINDS = [ByItsMethod, ByAnObject, ByAClosure, ByAListOfItsOwn, ByAGlobal, ByADecorator, ShiftsItsInput]


@pytest.mark.parametrize("run_before", [False, True], ids=["never run", "run before"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_net_is_shown_with_the_hooks_that_belong_to_it(kind, run_before):
    FEATURES.clear()
    net, data = seeded(kind).eval(), images(3, 1, 10, 10)
    if run_before:
        net(data[:1] * 5)
    explorer = Explorer(net, data)
    for image in (0, 2, 1):
        explorer.select(image=image, layer="decoder", filter=1)
        np.testing.assert_allclose(explorer.pre_activation, of_the_decoder(net, data[image : image + 1])[1], atol=1e-5)
    explorer.close()


def test_fake_quantisation_is_shown():
    def build():
        net = nn.Sequential(quantization.QuantStub(), nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 3))
        net.qconfig = quantization.get_default_qat_qconfig("fbgemm")
        return quantization.prepare_qat(net.train())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a module that torch moves to another package
        net = seeded(build)
    data = images(3, 1, 10, 10)
    net(data)
    net.eval().apply(quantization.disable_observer)
    before = portrait(net)
    inputs = []
    explorer = Explorer(net, data).select(image=1, layer="2", filter=1)
    shown = explorer.pre_activation
    assert portrait(net) == before
    watch = net[2].register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    with torch.no_grad():
        net(data[1:2])
        expected = nn.functional.conv2d(inputs[0], net[2].weight_fake_quant(net[2].weight), net[2].bias)
    watch.remove()
    np.testing.assert_allclose(shown, expected[0, 1].numpy(), atol=1e-5)
    explorer.close()


def two_convs():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 3)).eval()


class Watches:
    """Somebody's logger: counts, keeps and prints what it sees."""

    def __init__(self):
        self.calls, self.kept = 0, []

    def __call__(self, module, args, output):
        self.calls += 1
        self.kept.append(output)
        print("watched")


SEEN = []
CALLS = 0


def _watch_globally(module, args, output):
    global CALLS
    CALLS += 1
    note_globally(output)


def note_globally(output):
    SEEN.append(output)


def test_people_who_watch_see_nothing_of_our_passes(capsys):
    net, watches, local = seeded(two_convs), Watches(), []
    net[0].register_forward_hook(watches)
    net[0].register_forward_hook(_watch_globally)
    net[1].register_forward_hook(lambda module, args, output: local.append(net[0].weight.sum()))
    net[1].register_forward_pre_hook(lambda module, args: print("before"))
    before = portrait(net)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        explorer = Explorer(net, images(2, 1, 10, 10)).select(image=1, layer=1, filter=1)
    assert explorer.pre_activation.shape == (6, 6)
    explorer.refresh()
    explorer.close()
    assert (watches.calls, watches.kept, SEEN, CALLS, local) == (0, [], [], 0, [])
    assert capsys.readouterr().out == ""
    assert portrait(net) == before


def test_a_hook_from_outside_without_which_the_net_computes_something_else_runs_and_is_named():
    net, data, seen = seeded(two_convs), images(2, 1, 10, 10), []

    def triples(module, args, output):
        seen.append(1)
        return 3 * output

    net[0].register_forward_hook(triples)
    net[1].register_forward_hook(lambda module, args, output: seen.append(2))
    with pytest.warns(UserWarning, match="triples, registered from outside of the net, changes what the net computes"):
        explorer = Explorer(net, data).select(image=1, layer=1, filter=1)
    shown = explorer.pre_activation
    assert not seen
    with torch.no_grad():
        np.testing.assert_allclose(shown, net(data[1:])[0, 1].numpy(), atol=1e-5)
    explorer.close()


def test_a_hook_that_comes_or_goes_later_is_noticed():
    net, data = seeded(two_convs), images(2, 1, 10, 10)
    explorer = Explorer(net, data).select(image=1, layer=1, filter=1)
    handle = net[0].register_forward_hook(lambda module, args, output: -output)
    for change in (lambda: None, handle.remove):
        change()
        with torch.no_grad():
            np.testing.assert_allclose(explorer.pre_activation, net(data[1:])[0, 1].numpy(), atol=1e-5)
    explorer.close()


class Refuses:
    """A hook that nobody can copy."""

    def __call__(self, module, args, output):
        return 2 * output

    def __reduce_ex__(self, protocol):
        raise TypeError("stays where it is")


def test_a_hook_that_cannot_be_copied_is_left_out_and_that_is_said():
    net, data = seeded(two_convs), images(2, 1, 10, 10)
    net[0].register_forward_hook(Refuses())
    with pytest.warns(UserWarning, match="Refuses, registered from outside.*does not run here, and cannot be tried"):
        explorer = Explorer(net, data).select(image=1, layer=1, filter=1)
    with torch.no_grad():
        np.testing.assert_allclose(explorer.pre_activation, net[1](net[0].forward(data[1:]))[0, 1].numpy(), atol=1e-5)
    explorer.close()


class ComputesItsWeight:
    """An equalised learning rate: the weight is made of another parameter before each pass."""

    def __call__(self, module, args):
        module.weight = module.raw * 0.5


def test_a_weight_that_a_hook_makes_before_the_first_pass_is_shown_and_stays_live():
    def build():
        conv = nn.Conv2d(1, 4, 3)
        conv.raw = conv._parameters.pop("weight")
        conv.register_forward_pre_hook(ComputesItsWeight())
        return nn.Sequential(conv, nn.ReLU())

    net, data = seeded(build), images(2, 1, 10, 10)
    with pytest.warns(UserWarning, match="ComputesItsWeight"):
        explorer = Explorer(net, data).select(image=1, layer=0, filter=2)
    assert not hasattr(net[0], "weight")
    for factor in (1, -3):
        with torch.no_grad():
            net[0].raw.mul_(factor)
        np.testing.assert_allclose(explorer.layer.kernels, net[0].raw.detach().numpy() * 0.5, atol=1e-6)
        expected = nn.functional.conv2d(data[1:], net[0].raw * 0.5, net[0].bias)[0, 2].detach().numpy()
        np.testing.assert_allclose(explorer.pre_activation, expected, atol=1e-5)
    explorer.close()


@pytest.mark.parametrize("kind", [ByItsMethod, ByAnObject, ByAClosure, ByAListOfItsOwn])
def test_a_copy_for_the_background_has_hooks_of_its_own(kind):
    net, data = seeded(kind).eval(), images(2, 1, 10, 10)
    explorer = Explorer(net, data)
    snapshot = explorer.session.engine.snapshot()
    explorer.close()
    with torch.no_grad():
        expected = of_the_decoder(net, data[:1])
        net.encoder.weight.zero_()
        of_the_decoder(net, data[1:])  # would leave its features in a hook that both have
        np.testing.assert_allclose(of_the_decoder(snapshot, data[:1]), expected, atol=1e-5)
