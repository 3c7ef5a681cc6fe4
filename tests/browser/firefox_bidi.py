"""Firefox for Playwright's channel `moz-firefox`, where Firefox is older than what Playwright speaks.

Playwright tells every window how to emulate media by a command of WebDriver BiDi that Debian's Firefox (ESR) does not
know, and gives up where it hears so. This program stands between the two: it starts Firefox, passes on what both say,
and answers the commands in UNKNOWN_TO_ESR itself. Nothing in the tests emulates media in Firefox.

    python firefox_bidi.py /usr/bin/firefox-esr --remote-debugging-port=0 --headless --profile FOLDER
"""

import asyncio
import json
import re
import sys
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketClosedError, WebSocketHandler, websocket_connect

UNKNOWN_TO_ESR = ("emulation.setMediaFeaturesOverride",)
LISTENING = re.compile(rb"WebDriver BiDi listening on (ws://127\.0\.0\.1:\d+)")
LARGEST = 1 << 28  # bytes of one message: screenshots are long


def as_executable(firefox: str, folder: Path) -> Path:
    """A file that Playwright can start in the place of that Firefox."""
    path = folder / "firefox"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{firefox}" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


class Between(WebSocketHandler):
    """One connection of Playwright's, and the one to Firefox that belongs to it."""

    def initialize(self, firefox: str) -> None:
        self._firefox = firefox

    async def open(self, path: str) -> None:
        self._other = await websocket_connect(self._firefox + path, max_message_size=LARGEST)
        self._back = asyncio.create_task(self._pass_back())

    async def on_message(self, message: str | bytes) -> None:
        command = json.loads(message)
        if command.get("method") in UNKNOWN_TO_ESR:
            await self.write_message(json.dumps({"type": "success", "id": command["id"], "result": {}}))
        else:
            await self._other.write_message(message)

    async def _pass_back(self) -> None:
        try:
            while (message := await self._other.read_message()) is not None:
                await self.write_message(message)
        except WebSocketClosedError:
            pass
        self.close()

    def on_close(self) -> None:
        self._other.close()


async def main(firefox: list[str]) -> int:
    """Run Firefox until it ends; returns its exit status."""
    process = await asyncio.create_subprocess_exec(*firefox, stderr=asyncio.subprocess.PIPE, limit=1 << 20)
    assert process.stderr
    async for line in process.stderr:
        if heard := LISTENING.search(line):
            address = heard[1].decode()
            server = HTTPServer(
                Application([(r"(/.*)", Between, {"firefox": address})], websocket_max_message_size=LARGEST)
            )
            sockets = bind_sockets(0, "127.0.0.1")
            server.add_sockets(sockets)
            line = line.replace(heard[1], f"ws://127.0.0.1:{sockets[0].getsockname()[1]}".encode())
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
    return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
