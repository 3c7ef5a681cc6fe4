"""An engine over two images, whose every response is checked against the net; and what a hook on the net sees."""

import numpy as np
import torch

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from nets import TwoConvs, images, seeded

IMAGES = images(2, 1, 14, 14)


def look(net, **options):
    """An engine over two images, after every layer's response was found to be what the net computes."""
    engine = Engine(net, SampleSource(IMAGES), **options)
    for layer in engine.layers:
        pre = engine.moment(0, layer.index).pre_activations
        response = engine.moment(0, layer.index).responses.of_all_filters(None, "input")
        bias = engine.weights(layer.index)[1]
        summed = response if bias is None else response + bias.reshape(-1, 1, 1)
        precision = torch.finfo(engine.maps(0, layer.index).pre_activation.dtype).eps
        assert np.abs(summed - pre).max() <= max(1e-5, 2 * precision) * max(np.abs(pre).max(), np.ptp(pre))
    return engine


def names(engine):
    return [layer.name for layer in engine.layers]


def classify(engine, batch):
    """What the net says first of each image."""
    answers, _ = engine.runner.answers_and_scores(batch)
    return [engine.classes.best(answer) for answer in answers]


def two():
    return seeded(TwoConvs).eval()


def conv_by_hook(net, name, image=IMAGES[:1]):
    """What a forward hook on the user's own module sees."""
    seen = []
    handle = net.get_submodule(name).register_forward_hook(lambda module, args, output: seen.append(output.clone()))
    with torch.no_grad():
        net(image)
    handle.remove()
    return seen[0][0].float().numpy()
