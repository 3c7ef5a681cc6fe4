"""Keeps a page's messages in the kernel subshell to which the page sends them, so that they work while a cell runs.

JupyterLab, from version 4.4 on, sends a widget's messages to a subshell: a thread of the kernel that works beside the
cells. But ipykernel 7.4 handles a message in the shell from which the widget last sent one, whichever shell the message
names. After a cell made or moved the explorer that is the main shell, where the message waits for the cell to end.
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
        return subshell_id

    comm._reply_subshell_for = named_subshell
