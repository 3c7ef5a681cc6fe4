"""Keeps a page's messages in the kernel subshell to which the page sends them, so that they work while a cell runs.

JupyterLab, from version 4.4 on, sends a widget's messages to a subshell: a thread of the kernel that works beside the
cells. But ipykernel 7.4 handles a message in the shell from which the widget last sent one, whichever shell the message
names. After a cell made or moved the explorer that is the main shell, where the message waits for the cell to end.

And where the kernel was restarted from one browser tab, another tab still names the subshell that it had before: nobody
answers a message to that one, so the main shell takes it.
"""

from __future__ import annotations

from typing import Any


def stay_where_asked(comm: Any) -> None:
    """Makes the kernel handle a comm's messages in the shell that they name; no effect in a host without subshells."""
    if not hasattr(comm, "_reply_subshell_for"):
        return

    def named_subshell(data: Any, subshell_id: Any) -> Any:
        # ipykernel adds to it for each reply, and removes only for requests from Python: ours come from the page.
        getattr(comm, "_reply_subshell_ids", {}).clear()
        return subshell_id if subshell_id is None or _is_there(comm, subshell_id) else None

    comm._reply_subshell_for = named_subshell


def _is_there(comm: Any, subshell_id: Any) -> bool:
    """Whether the kernel has that subshell; also where it does not tell."""
    thread = getattr(getattr(comm, "kernel", None), "shell_channel_thread", None)
    manager = getattr(thread, "manager", None)
    return manager is None or subshell_id in manager.list_subshell()
