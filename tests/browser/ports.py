"""A port for a server that cannot choose one itself."""

import secrets
import socket

# Below those that the system gives to whoever asks for any: one of these is not taken until the server has begun.
FIRST, COUNT = 20_000, 10_000


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    while True:
        port = FIRST + secrets.randbelow(COUNT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
