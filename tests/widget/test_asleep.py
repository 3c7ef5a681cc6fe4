"""An explorer that nobody shows sleeps, wakes when it is asked, and is gone when nobody holds it any more."""

import gc
import threading
import weakref

import ipywidgets
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch.utils.data import IterableDataset

from explorers import data
from filterscope import Explorer
from nets import TwoConvs, images, seeded

CELL = "explorer = Explorer(make_net(), data)\nexplorer"


def say(explorer, kind, view="one"):
    explorer._handle_custom_msg({"kind": kind, "view": view}, [])


def ask(explorer, name="frame", **args):
    args = {"image": 0, "layer": 0, "filter": 0, "channel": None, "source": "input", **args}
    explorer._handle_custom_msg({"kind": "request", "id": "page-1", "name": name, "args": args}, [])


def kept(explorer):
    """What an explorer keeps that can be computed anew."""
    engine = explorer.session.engine
    return (
        len(engine.map_store)
        + len(engine.response_store)
        + len(engine.samples)
        + hasattr(engine.runner._twin, "_module")
    )


def is_whole(reference):
    """Of a weak reference, so that no assertion holds on to it."""
    explorer = reference()
    return explorer is not None and registered(explorer) and kept(explorer) > 0


def registered(explorer):
    return explorer.comm.comm_id in ipywidgets.widgets.widget._instances


def until_no_thread_is_left():
    for thread in threading.enumerate():
        if thread.name.startswith("filterscope"):
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture(name="shell")
def a_notebook():
    """IPython with cells, as a kernel without a page has it."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.user_ns.update(Explorer=Explorer, make_net=lambda: seeded(TwoConvs), data=data())
    yield shell
    shell.reset()
    InteractiveShell.clear_instance()


def run(shell, cell, number=None):
    result = shell.run_cell(cell, store_history=True, cell_id=number)
    result.raise_error()
    return result.result


# Views


def test_it_sleeps_when_its_last_view_has_gone(explorer):
    say(explorer, "shown", "one")
    say(explorer, "shown", "two")
    ask(explorer)
    say(explorer, "gone", "one")
    assert kept(explorer)
    say(explorer, "gone", "two")
    assert not kept(explorer)


def test_a_view_that_is_still_there_keeps_it_awake_whatever_goes(explorer):
    say(explorer, "shown", "one")
    ask(explorer)
    say(explorer, "gone", "never seen")
    say(explorer, "shown", "one")
    assert kept(explorer)


@pytest.mark.parametrize(
    "content", [{"kind": "shown"}, {"kind": "gone", "view": 3}, {"kind": "shown", "view": "x" * 65}]
)
def test_what_no_view_says_is_ignored(explorer, content):
    ask(explorer)
    explorer._handle_custom_msg(content, [])
    assert kept(explorer) and not explorer.pages.views.heard


def test_no_more_views_are_remembered_than_anybody_opens(explorer):
    for number in range(10_000):
        say(explorer, "shown", str(number))
    assert len(explorer.pages.views._shown) == 64


def test_asleep_it_answers_pages_and_python_as_before(explorer):
    before, activation = explorer.prediction, explorer.activation
    say(explorer, "shown")
    say(explorer, "gone")
    np.testing.assert_array_equal(explorer.activation, activation)
    assert explorer.prediction == before
    say(explorer, "gone")
    assert explorer.select(image=1, layer="conv2").layer.name == "conv2"
    say(explorer, "gone")
    assert explorer.diagnose(images=4, ablation=False).wait().images == 4
    say(explorer, "gone")
    assert explorer.without(0, images=None).before == explorer.prediction


def test_asleep_it_answers_a_page_with_the_same_frame(explorer, sent):
    ask(explorer)
    say(explorer, "gone")
    ask(explorer)
    (first, first_buffers), (second, second_buffers) = sent
    assert first == second and [*map(bytes, first_buffers)] == [*map(bytes, second_buffers)]


def test_weights_that_changed_while_it_slept_are_seen(explorer):
    before = explorer.activation
    say(explorer, "gone")
    with torch.no_grad():
        explorer.session.engine.net.conv1.weight.mul_(2)
    assert not np.array_equal(explorer.activation, before)


def test_hooks_that_were_chosen_still_run_after_it_slept():
    net = seeded(TwoConvs)
    net.conv1.register_forward_hook(lambda module, given, output: output + 1)
    explorer = Explorer(net, data())
    before = explorer.pre_activation
    say(explorer, "gone")
    np.testing.assert_array_equal(explorer.pre_activation, before)
    explorer.close()


def test_a_random_image_stays_the_one_that_was_shown():
    class Noise(torch.utils.data.Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return torch.rand(1, 14, 14), 0

    class Once(IterableDataset):
        def __iter__(self):
            return iter([(torch.rand(1, 14, 14), 0) for _ in range(3)])

    for kind in (Noise, Once):
        explorer = Explorer(seeded(TwoConvs), kind())
        image = explorer.image
        say(explorer, "gone")
        np.testing.assert_array_equal(explorer.image, image)
        explorer.close()


def test_nobody_waits_for_an_engine_that_works(explorer):
    """The message of a view that goes is read where cells run."""
    say(explorer, "shown")
    ask(explorer)
    held, go_on = threading.Event(), threading.Event()

    def work():
        with explorer.session.engine.lock:
            held.set()
            go_on.wait(60)

    worker = threading.Thread(target=work)
    worker.start()
    held.wait(60)
    say(explorer, "gone")
    assert kept(explorer)
    go_on.set()
    worker.join()
    until_no_thread_is_left()
    assert not kept(explorer)


# Cells


def test_one_that_nobody_shows_looks_at_no_weights_after_a_cell(shell, monkeypatch):
    run(shell, CELL)
    explorer = shell.user_ns["explorer"]
    say(explorer, "shown")
    ask(explorer)
    looks = []
    runner, checksum = explorer.session.engine.runner, explorer.session.engine.runner.checksum
    monkeypatch.setattr(runner, "checksum", lambda: looks.append(1) or checksum())
    run(shell, "1 + 1")
    assert len(looks) == 1
    say(explorer, "gone")
    run(shell, "1 + 1")
    assert len(looks) == 1
    say(explorer, "shown")
    ask(explorer)
    run(shell, "1 + 1")
    assert len(looks) >= 2


def test_one_that_python_asks_sleeps_after_a_cell_in_which_it_does_not(shell):
    run(shell, "explorer = Explorer(make_net(), data); explorer.activation.shape")
    explorer = shell.user_ns["explorer"]
    assert kept(explorer)
    run(shell, "explorer.prediction; 0")
    assert kept(explorer)
    run(shell, "1 + 1")
    assert not kept(explorer)


def test_one_whose_view_is_on_its_way_does_not(shell):
    run(shell, CELL)
    run(shell, "1 + 1")
    assert kept(shell.user_ns["explorer"])


# What nobody holds


def test_what_no_variable_holds_and_no_cell_shows_is_freed_at_once():
    explorer = Explorer(seeded(TwoConvs), data())
    assert explorer.activation.shape == (12, 12)
    alive = weakref.ref(explorer)
    gc.disable()
    try:
        del explorer
        assert alive() is None
    finally:
        gc.enable()


def test_what_others_hold_of_it_lives_on():
    layer = Explorer(seeded(TwoConvs), data()).layers[0]
    assert layer.kernels.shape[0] == layer.out_channels
    assert Explorer(seeded(TwoConvs), data()).diagnose(images=4, ablation=False).wait().images == 4
    figure = Explorer(seeded(TwoConvs), data()).figure()
    assert len(figure.axes) > 0
    figure.close()


def test_a_page_may_ask_for_whatever_was_shown_or_stands_in_a_box(shell):
    explorer = Explorer(seeded(TwoConvs), data())
    assert not registered(explorer)
    box = ipywidgets.HBox([explorer])
    assert registered(explorer)
    box.close()
    run(shell, CELL)
    assert registered(shell.user_ns["explorer"])
    explorer.close()


@pytest.mark.parametrize("number", ["an id", None])
@pytest.mark.parametrize("cell", [CELL, "Explorer(make_net(), data)", "display(Explorer(make_net(), data))"])
def test_runs_of_one_cell_leave_the_last_explorers_only(shell, cell, number, monkeypatch):
    if number:  # as ipykernel tells it
        parent = {"header": {"msg_type": "execute_request"}, "metadata": {"cellId": number}, "content": {"code": cell}}
        monkeypatch.setattr(type(shell), "get_parent", lambda self: parent, raising=False)
    nets = []
    shell.user_ns["make_net"] = lambda: nets.append(weakref.ref(net := seeded(TwoConvs))) or net
    counts = []
    for _ in range(12):
        run(shell, cell, number)
        explorers = [one for one in ipywidgets.widgets.widget._instances.values() if isinstance(one, Explorer)]
        for explorer in explorers:
            ask(explorer)
            say(explorer, "shown")
            say(explorer, "gone")
        del explorer, explorers
        handlers = [len(shell.events.callbacks[event]) for event in ("pre_execute", "post_execute", "pre_run_cell")]
        counts.append((sum(net() is not None for net in nets), *handlers))
    assert counts[-1] == counts[4]
    assert counts[-1][0] <= (2 if number else 3)
    assert not [thread for thread in threading.enumerate() if thread.name == "filterscope survey"]


def test_a_run_of_its_cell_takes_nothing_from_whoever_holds_or_shows_it(shell):
    shell.user_ns["every"] = []
    for _ in range(4):
        run(shell, "every.append(Explorer(make_net(), data))\nevery[-1]")
    assert [each.activation.shape for each in shell.user_ns["every"]] == [(12, 12)] * 4
    first = run(shell, "Explorer(make_net(), data)")
    alive = weakref.ref(first)
    say(first, "shown")  # in another tab
    ask(first)
    del first
    for _ in range(4):
        run(shell, "Explorer(make_net(), data)")
    assert is_whole(alive)
    say(alive(), "gone")
    run(shell, "1 + 1")
    assert alive() is None


def test_a_view_that_comes_back_has_its_model_again(shell):
    run(shell, "every = [Explorer(make_net(), data)]\nevery[0]")
    explorer = shell.user_ns["every"][0]
    say(explorer, "shown")
    say(explorer, "gone")
    explorer._let_go_of_it()
    say(explorer, "shown")
    assert registered(explorer)


def test_closed_views_and_reloads_let_nothing_go_that_an_output_shows(shell):
    """A tab that is closed and opened again restores its outputs by their models' ids."""
    run(shell, CELL)
    run(shell, "explorer = None")
    number = [key for key, one in ipywidgets.widgets.widget._instances.items() if isinstance(one, Explorer)][-1]
    explorer = ipywidgets.widgets.widget._instances[number]
    say(explorer, "shown")
    say(explorer, "gone")
    del explorer
    for _ in range(3):
        run(shell, "1 + 1")
    assert number in ipywidgets.widgets.widget._instances


def test_a_hundred_asleep_have_no_threads_and_keep_nothing():
    explorers = [Explorer(seeded(TwoConvs), images(3, 1, 14, 14)) for _ in range(100)]
    for explorer in explorers:
        say(explorer, "shown")
        ask(explorer)
        ask(explorer, "strip", start=0, count=3)
        say(explorer, "gone")
    until_no_thread_is_left()
    assert sum(map(kept, explorers)) == 0
    for explorer in explorers:
        explorer.close()


def test_cells_after_it_was_closed_are_left_alone(shell, capsys):
    run(shell, CELL)
    run(shell, "explorer.close()")
    capsys.readouterr()
    assert run(shell, "1 + 1") == 2
    captured = capsys.readouterr()
    assert "Error" not in captured.out + captured.err
