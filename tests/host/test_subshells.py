"""A message is handled in the shell that it names, whatever Python sent last, and nothing piles up."""

from types import SimpleNamespace

import pytest
from ipykernel.comm import Comm

from filterscope.host.subshells import stay_where_asked


@pytest.fixture(name="comm")
def a_comm():
    comm = Comm(target_name="jupyter.widget", primary=False, show_warning=False)
    if not hasattr(comm, "_reply_subshell_for"):
        pytest.skip("this ipykernel hands messages on as they say")
    return comm


def test_the_message_says_where_it_is_handled(comm):
    comm._reply_subshell_id = "that of Python's last message"
    assert comm._reply_subshell_for({}, "said") == "that of Python's last message"  # else this room is not needed
    stay_where_asked(comm)
    for subshell in ("one", None, "two"):
        assert comm._reply_subshell_for({"method": "custom", "content": {"id": "page-1"}}, subshell) == subshell


def test_ids_of_replies_do_not_pile_up(comm):
    stay_where_asked(comm)
    comm._reply_subshell_ids.update({f"page-{number}": None for number in range(100)})
    comm._reply_subshell_for({}, None)
    assert comm._reply_subshell_ids == {}


def test_a_host_without_subshells_is_left_as_it_is():
    class Plain:
        pass

    stay_where_asked(Plain())
    stay_where_asked(None)
    assert vars(Plain()) == {}


def test_a_subshell_of_before_a_restart_is_none():
    """A second tab still names it, and nobody would answer."""

    class Manager:
        def list_subshell(self):
            return ["there"]

    comm = SimpleNamespace(_reply_subshell_for=None)
    comm.kernel = SimpleNamespace(shell_channel_thread=SimpleNamespace(manager=Manager()))
    stay_where_asked(comm)
    assert [comm._reply_subshell_for({}, subshell) for subshell in ("there", "of before", None)] == [
        "there",
        None,
        None,
    ]
