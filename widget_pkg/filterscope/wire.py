"""From a body to the bytes of its message; next: `wire/messages.ts` and `wire/frame.ts` in the page.

The only file that knows bytes, dtypes and message kinds, as `js/src/wire/messages.ts` is in the page. A request is
`{kind: "request", id, name, args}`. Its reply carries the same id and either a body whose arrays are replaced by
`{"tensor": k}` with buffer `k` holding the values, little-endian, or an error's type and sentence.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from filterscope.errors import ForeignExit, kind_of, passes_through, text_of
from filterscope.text import well_formed

Message = tuple[dict[str, Any], list[memoryview]]
"""A message's content, and its buffers."""

Body = Mapping[str, object]
"""What a reply tells: plain values, and arrays anywhere. Each builder says which: a TypedDict."""

Handler = Callable[[dict[str, Any]], Body]
"""Gives the body that answers a request's `args`."""

_MOST_ID = 200  # characters: a page's own has 40
_MOST_NAME = 60
_MOST_SENTENCE = 2000  # a forged value of megabytes is not said back

_DTYPES = {np.dtype(np.float32): "<f4", np.dtype(np.uint8): "u1", np.dtype(np.uint16): "<u2"}


_LONGEST_NAME = 64


class WireError(ValueError):
    """A message from a page that is not what the protocol says."""


def reply(id: str, name: str, body: Body) -> Message:
    """A reply whose body may hold float32, uint8 and uint16 arrays anywhere.

    Raises:
        TypeError: If the body holds what the wire cannot carry; ValueError for NaN outside of an array.
    """
    plain, heads, buffers = _taken_apart(body)
    json.dumps(plain, allow_nan=False)  # JSON has no NaN: browsers drop the whole message, without a word
    return {"kind": "reply", "id": id, "name": name, "body": plain, "tensors": heads}, buffers


def packed(body: Body) -> str:
    """A body as text, for a page that was saved: letters and digits that no HTML can be made of.

    Base64 of the deflated (zlib) bytes: the length of what follows as JSON, uint32; JSON `{body, tensors}` in UTF-8;
    the arrays' values, one after the other. All numbers are little-endian.

    Raises:
        TypeError: If the body holds what the wire cannot carry; ValueError for NaN outside of an array.
    """
    plain, heads, buffers = _taken_apart(body)
    head = json.dumps({"body": plain, "tensors": heads}, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    text = head.encode()
    data = b"".join([len(text).to_bytes(4, "little"), text, *buffers])
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _taken_apart(body: Body) -> tuple[dict[str, Any], list[dict[str, Any]], list[memoryview]]:
    arrays: list[np.ndarray] = []
    plain = _without_arrays(body, arrays)
    heads = [{"dtype": array.dtype.name, "shape": list(array.shape)} for array in arrays]
    return plain, heads, [_buffer(array) for array in arrays]


def failure(id: str, name: str, error: BaseException) -> Message:
    """A reply that says why there is none."""
    if isinstance(error, ForeignExit) and error.__cause__ is not None:
        error = error.__cause__
    reason = {"type": type(error).__name__, "message": _sentence(text_of(error) or type(error).__name__)}
    return {"kind": "reply", "id": id, "name": name, "error": reason}, []


def skipped(content: dict[str, Any]) -> Message:
    """A reply that says that a newer request of the same asker and name was answered instead."""
    return {"kind": "reply", "id": content["id"], "name": request_name(content), "skipped": True}, []


def changed(revision: int) -> Message:
    """What the page holds is out of date."""
    return {"kind": "changed", "revision": revision}, []


def verdicts() -> Message:
    """A diagnosis was begun: a page that shows verdicts asks for them."""
    return {"kind": "verdicts"}, []


def scans() -> Message:
    """A scan was begun: a page that shows exemplars asks for them."""
    return {"kind": "scans"}, []


def refused(message: str) -> Message:
    """A trait's value from the page was refused; the true state follows."""
    return {"kind": "refused", "message": _sentence(message)}, []


def here() -> Message:
    """The answer to a page that asks whether its explorer is there: sent at once, before the kernel says "idle"."""
    return {"kind": "here"}, []


def is_probe(content: object) -> bool:
    """Whether a page asks that."""
    return isinstance(content, dict) and content.get("kind") == "probe"


def is_request(content: object) -> bool:
    """Whether a message is a request that can be answered under its id; other messages are ignored."""
    if not isinstance(content, dict) or content.get("kind") != "request":
        return False
    id = content.get("id")
    return isinstance(id, str) and len(id) <= _MOST_ID and well_formed(id) == id


def view_that(content: object, kind: str) -> str | None:
    """The view that says of itself that it is `"shown"` or `"gone"`; None where a message says something else."""
    if not isinstance(content, dict) or content.get("kind") != kind:
        return None
    view = content.get("view")
    return view if isinstance(view, str) and len(view) <= _LONGEST_NAME else None


def asker(content: dict[str, Any]) -> str:
    """Who asks: what stands before the last hyphen of a request's id. Its newest request is the one that counts."""
    return str(content["id"]).rpartition("-")[0]


def request_name(content: dict[str, Any]) -> str:
    """What is asked; of a name that no request can have, what it is instead."""
    name = content.get("name")
    if not isinstance(name, str):
        return kind_of(name)
    return _sentence(name[:_MOST_NAME])


def answer(content: dict[str, Any], handlers: Mapping[str, Handler]) -> Message:
    """Runs a request's handler and packs what it gives, or what it raises, into the reply.

    Raises:
        EndsWork: If the handler was ended to be asked again.
        KeyboardInterrupt: If Ctrl-C ended it, in the main thread.
    """
    id, name = content["id"], request_name(content)
    try:
        handler = handlers.get(name)
        if handler is None:
            raise WireError(f"unknown request {name!r}; known are {', '.join(sorted(handlers))}")
        args = content.get("args", {})
        if not isinstance(args, dict):
            raise WireError(f"args of {name!r} are {kind_of(args)}; expected an object")
        return reply(id, name, handler(args))
    except BaseException as error:  # whatever it is, the page must hear of it: it waits
        if passes_through(error):
            raise
        return failure(id, name, error)


def _sentence(text: str) -> str:
    """A text as a message can hold it: no longer than people read, and in UTF-8."""
    return well_formed(text if len(text) <= _MOST_SENTENCE else f"{text[:_MOST_SENTENCE]} …")


def _without_arrays(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"tensor": len(arrays) - 1}
    if isinstance(value, dict):
        # A picture's own array becomes its "tensor" entry, not an object inside of it.
        return {
            (well_formed(key) if isinstance(key, str) else key): _index(item, arrays)
            if key == "tensor" and isinstance(item, np.ndarray)
            else _without_arrays(item, arrays)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_arrays(item, arrays) for item in value]
    return well_formed(value) if isinstance(value, str) else value


def _index(array: np.ndarray, arrays: list[np.ndarray]) -> int:
    arrays.append(array)
    return len(arrays) - 1


def _buffer(array: np.ndarray) -> memoryview:
    if array.dtype not in _DTYPES:
        raise TypeError(f"the wire carries float32, uint8 and uint16, not {array.dtype}")
    flat = np.ascontiguousarray(array, dtype=_DTYPES[array.dtype]).reshape(-1)
    return memoryview(flat.view(np.uint8).data)
