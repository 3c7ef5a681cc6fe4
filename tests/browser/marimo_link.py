"""Lets a test ask Python in a marimo notebook: the notebook's side, imported in one of its cells, and the test's.

marimo's kernel has no channel for others, so a thread of the notebook asks the test for code to run.
"""

import ast
import json
import os
import threading
import traceback
from multiprocessing.connection import Client, Connection, Listener

from patience import LIMIT

ADDRESS, SECRET = "FILTERSCOPE_TEST_ADDRESS", "FILTERSCOPE_TEST_SECRET"


class MarimoError(AssertionError):
    """The code that a test ran raised; the message holds its traceback."""


def answer_the_test(namespace: dict) -> None:
    """In the notebook: run what the test sends, in a thread, until the test hangs up."""
    link = Client(("127.0.0.1", int(os.environ[ADDRESS])), authkey=bytes.fromhex(os.environ[SECRET]))
    threading.Thread(target=_answer, args=(link, namespace), daemon=True).start()


def _answer(link: Connection, namespace: dict) -> None:
    while True:
        try:
            code = link.recv()
        except (EOFError, OSError):
            return
        try:
            link.send((True, _value(code, namespace)))
        except Exception:
            link.send((False, traceback.format_exc()))


def _value(code: str, namespace: dict) -> str:
    body = ast.parse(code).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "<test>", "exec"), namespace)
    value = eval(compile(ast.Expression(last.value), "<test>", "eval"), namespace) if last else None
    return json.dumps(value, default=lambda v: v.tolist() if hasattr(v, "tolist") else list(v))


class MarimoKernel:
    """In the test: one notebook's Python."""

    def __init__(self, listener: Listener):
        self._link = listener.accept()

    def python(self, code: str):
        """Run code in the notebook's namespace; returns its last expression's value, by way of JSON."""
        self._link.send(code)
        if not self._link.poll(LIMIT):
            raise MarimoError(f"no answer within {LIMIT} s: {code}")
        well, said = self._link.recv()
        if not well:
            raise MarimoError(said)
        return json.loads(said)

    def close(self) -> None:
        self._link.close()
