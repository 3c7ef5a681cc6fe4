"""Faults planted into filters of a trained net, so that the verdicts on them are known beforehand."""

from __future__ import annotations

import copy

import numpy as np
import torch

NOISE = ("random", "norm-matched", "shuffled")
STILL = ("zeroed", "bias -100", "always on")
COPIES = ("exact copy", "1 % noise", "10 % noise", "rescaled")
NO_COPIES = ("sign flip", "other bias")


def plant(net, layer, kind, filters, sources, random):
    """A copy of the net with a fault in some filters of a layer.

    Args:
        net: Stays as it is.
        layer: Name of the convolution.
        kind: One of the above.
        filters: Which filters get it.
        sources: Of which filters they become copies, one each; only for copies.
        random: A NumPy generator.
    """
    planted = copy.deepcopy(net)
    conv = planted.get_submodule(layer)
    weight = conv.weight.detach().numpy().copy()
    bias = None if conv.bias is None else conv.bias.detach().numpy().copy()
    original = weight.copy()
    size = original[0].shape
    for index, source in zip(filters, sources, strict=True):
        noise = random.normal(size=size)
        noise /= np.linalg.norm(noise)
        if kind == "random":
            bound = 1 / np.sqrt(np.prod(size))  # torch's own start
            weight[index] = random.uniform(-bound, bound, size)
        elif kind == "norm-matched":
            weight[index] = noise * np.linalg.norm(original[index])
        elif kind == "shuffled":
            weight[index] = random.permutation(original[index].ravel()).reshape(size)
        elif kind in STILL:
            weight[index] = 0 if kind != "bias -100" else original[index]
            bias[index] = {"zeroed": 0.0, "bias -100": -100.0, "always on": 1.0}[kind]
        else:
            share = {"1 % noise": 0.01, "10 % noise": 0.1}.get(kind, 0)
            scale = {"rescaled": 2.0, "sign flip": -1.0}.get(kind, 1.0)
            weight[index] = scale * (original[source] + share * noise * np.linalg.norm(original[source]))
            if bias is not None:
                # Another bias: by the spread of the filter's output for inputs of unit variance.
                shift = np.linalg.norm(original[source]) * random.choice([-0.5, 0.5]) if kind == "other bias" else 0
                bias[index] = scale * bias[source] + shift
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(weight))
        if bias is not None:
            conv.bias.copy_(torch.from_numpy(bias))
    return planted


def copy_normed(net, layer, norm, shift, filters, sources, random):
    """A copy of the net in which filters are copies of others, their BatchNorm's figures too, but for its shift.

    Args:
        net: Stays as it is.
        layer: Name of the convolution.
        norm: Name of the BatchNorm behind it.
        shift: By how many standard deviations of the filter's output, up or down by chance.
        filters: Which filters become copies.
        sources: Of which, one each.
        random: A NumPy generator.
    """
    planted = copy.deepcopy(net)
    conv, bn = planted.get_submodule(layer), planted.get_submodule(norm)
    with torch.no_grad():
        for index, source in zip(filters, sources, strict=True):
            conv.weight[index] = conv.weight[source]
            for held in (bn.weight, bn.bias, bn.running_mean, bn.running_var):
                held[index] = held[source]
            bn.bias[index] += shift * float(random.choice([-1, 1])) * bn.weight[source].abs()
    return planted
