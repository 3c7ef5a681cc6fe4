"""Messages of a page are handled in the kernel subshell that the page sends them to, also while a cell runs.

JupyterLab from 4.4 on sends a widget's messages to a subshell, a thread of the kernel that works beside the cells. But
ipykernel 7.4 hands a message to the shell in which the widget last sent one, whatever the message says: after a cell
made or moved the explorer that is the main shell, where it waits for the running cell's end.
"""

from __future__ import annotations

from typing import Any


def stay_where_asked(comm: Any) -> None:
    """Has the messages of a comm handled where they say; a host that knows no subshells is left as it is."""
    if not hasattr(comm, "_reply_subshell_for"):
        return

    def as_it_says(data: Any, subshell_id: Any) -> Any:
        # Filled for each reply with an id, and emptied only by requests that start in Python: ours start in the page.
        getattr(comm, "_reply_subshell_ids", {}).clear()
        return subshell_id

    comm._reply_subshell_for = as_it_says
