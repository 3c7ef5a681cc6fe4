"""Which cell runs is asked of the shell, which hosts other than Jupyter imitate."""

from types import SimpleNamespace
from unittest.mock import Mock

from filterscope.host import cells, outputs


def test_a_shell_that_is_imitated_runs_no_cell(monkeypatch):
    shell = SimpleNamespace(get_parent=dict, history_manager=Mock())  # as Solara's
    monkeypatch.setattr(outputs, "_shell", lambda: shell)
    assert outputs._running_cell() is None
    shell.history_manager.input_hist_raw = ["", "explorer"]
    assert outputs._running_cell() == outputs.Cell("explorer", 2)


def test_a_shell_without_events_is_left_without_a_word():
    for room in (outputs, cells):
        room._unregister(SimpleNamespace, starts=print, ended=print)
