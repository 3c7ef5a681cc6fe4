"""A cell's autocast and inference mode change no picture, and no error is of another kind than those documented."""

import contextlib

import numpy as np
import pytest
import torch

from explorers import data
from filterscope import Explorer, NetError, SampleError, diagnose
from nets import TwoConvs, seeded


@contextlib.contextmanager
def both():
    with torch.autocast("cpu"), torch.inference_mode():
        yield


MODES = {
    "autocast": lambda: torch.autocast("cpu"),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "autocast in inference mode": both,
}
ASKED = {
    "activation": lambda explorer: explorer.activation,
    "pre-activation": lambda explorer: explorer.pre_activation,
    "response": lambda explorer: explorer.response,
    "kernel": lambda explorer: explorer.kernel,
    "prediction": lambda explorer: [value for _, value in explorer.prediction],
    "position": lambda explorer: explorer.arithmetic(2, 3).products,
    "receptive field": lambda explorer: explorer.receptive_field(2, 3).inside.top,
    "gradient": lambda explorer: explorer.effective_receptive_field(2, 3),
    "without": lambda explorer: explorer.without(1, images=4).values,
    "effect": lambda explorer: explorer.without(1, images=4).effect.loss_after,
    "diagnosis": lambda explorer: explorer.diagnose(images=4).wait().filters[0].taylor,
    "blocking": lambda explorer: (
        diagnose(explorer.session.engine.net, data(), images=4, progress=False).filters[0].taylor
    ),
    "refreshed": lambda explorer: explorer.refresh() or explorer.activation,
}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_what_is_shown_is_the_same(mode):
    explorer = Explorer(seeded(TwoConvs), data())
    expected = {name: ask(explorer) for name, ask in ASKED.items()}
    with mode():
        made_here = Explorer(explorer.session.engine.net, data())
        inside = {name: ask(explorer) for name, ask in ASKED.items()}
        of_one_made_here = {name: ask(made_here) for name, ask in ASKED.items()}
    later = {name: ask(made_here) for name, ask in ASKED.items()}
    for values in (inside, of_one_made_here, later):
        for name, value in values.items():
            np.testing.assert_array_equal(np.asarray(value), np.asarray(expected[name]), err_msg=name)
    explorer.close()
    made_here.close()


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_a_net_made_there_is_shown_or_refused_with_a_documented_error(mode):
    with mode():
        net = seeded(TwoConvs)
    explorer = Explorer(net, data())
    for name, ask in ASKED.items():
        if name == "gradient":  # weights of inference mode have none
            with contextlib.suppress(NetError):
                ask(explorer)
        else:
            ask(explorer)
    explorer.close()


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_errors_there_are_the_documented_ones(mode):
    samples = [*data(), (torch.rand(3, 14, 14), 0), ("no picture", 1)]
    explorer = Explorer(seeded(TwoConvs), samples)
    with mode():
        for image, error in ((4, NetError), (5, SampleError)):
            explorer.image_index = image
            for name in ("activation", "prediction", "response"):
                with pytest.raises(error):
                    getattr(explorer, name)
            with pytest.raises(error):
                explorer.without(0)
            with pytest.raises(error):
                explorer.effective_receptive_field(1, 1)
    explorer.close()
