"""Looking works in whatever mode the caller is in, and leaves the process's generators and hooks to the user."""

import random
import threading
from contextlib import nullcontext
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
)

from filterscope import Explorer, diagnose
from filterscope.nets.global_hooks import silent_global_hooks
from filterscope.nets.rng import RandomStream
from filterscope.nets.runner import NetRunner

MODES = {
    "plain": nullcontext,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
}


def small_net():
    torch.manual_seed(0)
    parts = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*parts).eval()


def pictures(count=6):
    torch.manual_seed(1)
    return torch.rand(count, 1, 10, 10)


@pytest.mark.parametrize(
    ("made", "opened", "used"), [modes for modes in product(MODES, repeat=3) if modes[0] != "autocast"]
)
def test_everything_works_in_every_mode(made, opened, used, tmp_path):
    expected = small_net()[:4](pictures()).detach()
    with MODES[made]():
        net = small_net()
    with MODES[opened]():
        explorer = Explorer(net, pictures())
    with MODES[used]():
        explorer.select(image=2, layer=1, filter=2)
        np.testing.assert_allclose(explorer.pre_activation, expected[2, 2].numpy(), atol=1e-6)
        assert explorer.arithmetic(1, 1).agrees
        assert explorer.receptive_field(1, 1).inside
        gradient = explorer.effective_receptive_field(1, 1)
        explorer.without([1])
        explorer.save_html(tmp_path / "page.html", images=[0])
        diagnosis = diagnose(net, pictures(), images=6, ablation=False)
        background = explorer.diagnose(images=6, ablation=False).wait()
        explorer.refresh()
    assert np.isfinite(gradient).all() and gradient.max() > 0
    for result in (diagnosis, background):
        assert "No Taylor" not in str(result)
        assert np.isfinite(result.to_dataframe()["taylor"]).all()
    with torch.no_grad():
        torch.testing.assert_close(net[:4](pictures()), expected)


class WritesIntoViews(nn.Module):
    """Runs, but not with gradients: autograd allows no writing into one of several views."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv(x)
        for part in x.unbind(1):
            part.clamp_(min=0)
        return self.head(x.mean((2, 3)))


class Refuses(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        if x.requires_grad:
            raise RuntimeError("only for inference")
        return x.relu()


class RefusesGradients(WritesIntoViews):
    def forward(self, x):
        return self.head(Refuses.apply(self.conv(x)).mean((2, 3)))


class GoesThroughNumpy(WritesIntoViews):
    def forward(self, x):
        return self.head(torch.from_numpy(self.conv(x).numpy()).relu().mean((2, 3)))


class NoWayBack(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.relu()

    @staticmethod
    def backward(context, gradient):
        raise ValueError("no way back")


class HasNoBackward(WritesIntoViews):
    def forward(self, x):
        return self.head(NoWayBack.apply(self.conv(x).relu().mean((2, 3))))


@pytest.mark.parametrize("kind", [WritesIntoViews, RefusesGradients, GoesThroughNumpy, HasNoBackward])
def test_a_diagnosis_goes_on_where_gradients_fail_and_says_so(kind):
    torch.manual_seed(0)
    diagnosis = diagnose(kind().eval(), (pictures(40), torch.arange(40) % 3), images=40)
    assert "No Taylor estimate: " in str(diagnosis)
    table = diagnosis.to_dataframe()
    assert (table["images"] == 40).all()
    assert np.isnan(table["taylor"].to_numpy(float)).all()


def test_the_gradient_at_a_position_says_why_it_cannot_be_had():
    class Late(WritesIntoViews):
        def __init__(self):
            super().__init__()
            self.second = nn.Conv2d(4, 3, 3)

        def forward(self, x):
            x = self.conv(x)
            for part in x.unbind(1):
                part.clamp_(min=0)
            return self.second(x).mean((2, 3))

    explorer = Explorer(Late().eval(), pictures(), layer_index=1)
    with pytest.raises(ValueError, match=r"no gradient from second to the image: the net cannot be differentiated"):
        explorer.effective_receptive_field(1, 1)
    assert explorer.receptive_field(1, 1).inside


def test_a_net_that_writes_into_its_image_still_has_gradients():
    class Shifts(WritesIntoViews):
        def forward(self, x):
            x -= 0.5
            return self.head(self.conv(x).relu().mean((2, 3)))

    net = Shifts().eval()
    assert "No Taylor" not in str(diagnose(net, (pictures(40), torch.arange(40) % 3), images=40))
    assert Explorer(net, pictures()).effective_receptive_field(1, 1).max() > 0


# Python's and NumPy's generators

DRAWS = {"random": random.random, "numpy": lambda: float(np.random.rand()), "torch": lambda: float(torch.rand(()))}


class Shaken(nn.Module):
    def __init__(self, draw):
        super().__init__()
        self.first, self.second, self.draw = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 3, 3), draw

    def forward(self, x):
        return self.second(self.first(x) * (0.5 + self.draw())).mean((2, 3))


def seed():
    random.seed(5), np.random.seed(5), torch.manual_seed(5)


@pytest.mark.parametrize("source", DRAWS)
def test_a_net_that_draws_leaves_the_users_numbers_and_draws_the_same_for_an_image_again(source):
    draw, net, images = DRAWS[source], Shaken(DRAWS[source]).eval(), pictures(4)
    seed()
    expected = [draw() for _ in range(3)]
    seed()
    explorer = Explorer(net, images).select(image=0, layer="second", filter=1)
    first, numbers = explorer.pre_activation, [draw()]
    explorer.select(image=3)
    assert explorer.prediction
    numbers.append(draw())
    explorer.refresh()
    explorer.select(image=0)
    again = explorer.pre_activation
    numbers.append(draw())
    assert np.array_equal(first, again)
    assert numbers == expected


@pytest.mark.parametrize("source", ["random", "numpy"])
def test_it_is_not_swapped_while_it_cannot_be_told_who_draws(source):
    """Another thread draws in each use, with long pauses: its numbers are its own."""
    draw, turn, done = DRAWS[source], threading.Semaphore(0), threading.Semaphore(0)
    seed()
    expected = [draw() for _ in range(20)]
    seed()
    numbers = []

    def steps():
        for _ in range(20):
            turn.acquire()
            numbers.append(draw())
            done.release()

    thread = threading.Thread(target=steps)
    thread.start()
    stream = RandomStream()
    for _ in range(20):
        with stream.isolated():
            turn.release()
            done.acquire()
    thread.join()
    assert numbers == expected


def test_two_threads_of_ours_put_back_the_users_state():
    seed()
    before = random.getstate()
    streams = RandomStream(), RandomStream(repeats=True)
    for stream in streams:
        with stream.isolated():
            random.random()

    def use(stream):
        for _ in range(300):
            with stream.isolated():
                random.random()

    threads = [threading.Thread(target=use, args=[stream]) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert random.getstate() == before


# Hooks for all modules of the process


def test_hooks_for_all_modules_do_not_run_in_our_passes_and_are_named():
    seen = []

    def counting(module, *args):
        seen.append(type(module).__name__)

    handles = [
        register_module_forward_pre_hook(counting),
        register_module_forward_hook(counting),
        register_module_full_backward_hook(counting),
    ]
    try:
        with pytest.warns(UserWarning, match=r"do not run in filterscope's passes: .*test_modes.*counting"):
            explorer = Explorer(small_net(), pictures())
        explorer.effective_receptive_field(1, 1)
        explorer.diagnose(images=6).wait()
        assert seen == []
        small_net()(pictures())
        assert len(seen) == 2 * 7
    finally:
        for handle in handles:
            handle.remove()


def test_hooks_for_all_modules_go_on_in_other_threads_and_can_be_removed_in_a_pass():
    seen = []
    handle = register_module_forward_hook(lambda module, args, output: seen.append(threading.get_ident()))
    try:
        with silent_global_hooks(), silent_global_hooks():
            nn.Identity()(torch.ones(1))
            thread = threading.Thread(target=lambda: nn.Identity()(torch.ones(1)))
            thread.start()
            thread.join()
        assert len(seen) == 1
        with silent_global_hooks():
            handle.remove()
        nn.Identity()(torch.ones(1))
        assert len(seen) == 1
    finally:
        handle.remove()
    assert not torch.nn.modules.module._global_forward_hooks


def test_without_such_hooks_nothing_is_said(recwarn):
    NetRunner(small_net())
    assert not recwarn.list
