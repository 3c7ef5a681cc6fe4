"""Weights that are computed are shown as the net uses them."""

import warnings

import numpy as np
import pytest
from torch import nn
from torch.nn.utils import parametrizations, prune

from engines import IMAGES, conv_by_hook, look
from nets import seeded


class EqualizedRate:
    """A user's own hook that computes a weight, as StyleGAN's nets do."""

    def __call__(self, module, args):
        module.weight = module.weight_orig * 0.5


def equalized():
    conv = nn.Conv2d(1, 4, 3)
    conv.weight_orig = nn.Parameter(conv.weight.detach().clone())
    del conv._parameters["weight"]
    conv.weight = conv.weight_orig.detach()  # not yet what the hook makes of it
    conv.register_forward_pre_hook(EqualizedRate())
    return conv


def pruned():
    conv = nn.Conv2d(1, 4, 3)
    prune.random_unstructured(conv, "weight", 0.5)
    return conv


def lazy():
    conv = nn.LazyConv2d(4, 3)
    conv(IMAGES)
    return conv


def old_weight_norm():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and in many people's nets
        return nn.utils.weight_norm(nn.Conv2d(1, 4, 3))


COMPUTED = {
    "weight_norm, old": old_weight_norm,
    "weight_norm": lambda: parametrizations.weight_norm(nn.Conv2d(1, 4, 3)),
    "spectral_norm, old": lambda: nn.utils.spectral_norm(nn.Conv2d(1, 4, 3)),
    "spectral_norm": lambda: parametrizations.spectral_norm(nn.Conv2d(1, 4, 3)),
    "orthogonal": lambda: parametrizations.orthogonal(nn.Conv2d(1, 4, 3)),
    "pruned": pruned,
    "lazy": lazy,
    "the user's own hook": equalized,
}


@pytest.mark.parametrize("build", COMPUTED.values(), ids=COMPUTED)
def test_weights_that_are_computed_are_those_that_the_net_uses(build):
    net = seeded(lambda: nn.Sequential(build(), nn.ReLU())).eval()
    engine = look(net)
    expected = conv_by_hook(net, "0")
    assert np.array_equal(engine.moment(0, 0).pre_activations, expected)
    assert np.array_equal(engine.kernels(0), net[0].weight.detach().numpy())
