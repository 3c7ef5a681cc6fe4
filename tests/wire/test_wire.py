"""Bytes and message kinds: what goes in comes out, and every request gets an answer."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from filterscope import wire
from wire_messages import unpack


def test_arrays_come_back_as_they_were():
    floats = np.float32([[np.nan, np.inf, -0.0], [1e-38, 3.4e38, 1 / 3]])
    strided = np.arange(24, dtype=np.uint8).reshape(4, 6)[::2, ::3]
    body = {"a": floats, "list": [{"b": strided}], "picture": {"tensor": floats.T, "encoding": "float32"}, "n": None}
    content, back = unpack(wire.reply("x:1", "frame", body))
    assert (content["kind"], content["id"], content["name"]) == ("reply", "x:1", "frame")
    assert back["a"].tobytes() == floats.tobytes()
    assert np.array_equal(back["list"][0]["b"], strided)
    assert np.array_equal(back["picture"]["tensor"], floats.T, equal_nan=True)
    assert back["n"] is None


@pytest.mark.parametrize("name", ["caf\udce9", "\ud800", "\udfff\ud800 é 🐈"])
def test_text_that_no_message_can_hold_is_spelt_out(name):
    spelt = "".join(f"\\u{ord(letter):04x}" if 0xD800 <= ord(letter) < 0xE000 else letter for letter in name)
    content, _ = wire.reply("1", "frame", {"a": name, "b": [{"c": name}], "é": 1})
    assert content["body"] == {"a": spelt, "b": [{"c": spelt}], "é": 1}
    refused, _ = wire.refused(name)
    failed, _ = wire.failure("1", "frame", OSError(name))
    assert refused["message"] == failed["error"]["message"] == spelt
    json.dumps([content, refused, failed], ensure_ascii=False).encode()


def test_what_the_wire_cannot_carry_is_refused_here_not_lost_on_the_way():
    with pytest.raises(TypeError, match="float32, uint8 and uint16, not float64"):
        wire.reply("1", "frame", {"a": np.zeros(2)})
    with pytest.raises(ValueError, match="not JSON compliant"):
        wire.reply("1", "frame", {"a": float("nan")})


@pytest.mark.parametrize(
    "content",
    [None, "x", [], {}, {"kind": "request"}, {"kind": "request", "id": 3}, {"kind": "reply", "id": "1"}]
    + [{"kind": "request", "id": id} for id in ("\ud800-1", "x" * 1000, None, b"1", ["1"])],
)
def test_what_is_not_a_request(content):
    assert not wire.is_request(content)


def ask(content, **handlers):
    return wire.answer({"kind": "request", "id": "p:7", **content}, handlers)


def test_a_request_is_answered_under_its_own_id():
    content, body = unpack(ask({"name": "frame", "args": {"k": 2}}, frame=lambda args: {"twice": 2 * args["k"]}))
    assert content["id"] == "p:7"
    assert body == {"twice": 4}


def test_an_error_crosses_the_wire_with_its_sentence():
    def fail(args):
        raise ValueError("filter is 9; conv1 has filters 0 … 3")

    content, buffers = ask({"name": "frame"}, frame=fail)
    assert content == {
        "kind": "reply",
        "id": "p:7",
        "name": "frame",
        "error": {"type": "ValueError", "message": "filter is 9; conv1 has filters 0 … 3"},
    }
    assert buffers == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"name": "fly"}, "unknown request 'fly'; known are frame"),
        ({}, "unknown request 'None'"),
        ({"name": "frame", "args": 3}, "args of 'frame' are an int"),
        ({"name": ["frame"]}, "unknown request 'a list'"),
        ({"name": "f" * 1000}, "unknown request '" + "f" * 60 + "'; known are"),
        ({"name": "\ud800"}, "unknown request '\\\\ud800'"),
    ],
)
def test_a_forged_request_is_told_what_is_wrong(content, sentence):
    reply, _ = ask(content, frame=lambda args: {})
    assert sentence in reply["error"]["message"]


def test_a_reply_that_cannot_be_packed_becomes_an_error_reply():
    reply, _ = ask({"name": "frame"}, frame=lambda args: {"p": float("inf")})
    assert reply["error"]["type"] == "ValueError"


def test_a_name_that_is_no_utf8_reaches_the_page_with_the_rest_of_its_body():
    content, _ = wire.reply("1", "frame", {"label": "caf\udce9", "classes": ["a", "\ud800"], "image": 3})
    assert content["body"] == {"label": "caf\\udce9", "classes": ["a", "\\ud800"], "image": 3}
    reply, _ = ask({"name": "frame"}, frame=lambda args: raising(ValueError("no file caf\udce9")))
    assert reply["error"]["message"] == "no file caf\\udce9"


def raising(error):
    raise error


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (SystemExit("no weights"), "SystemExit", "no weights"),
        (GeneratorExit(), "GeneratorExit", "GeneratorExit"),
        (asyncio.CancelledError(), "CancelledError", "CancelledError"),
        (Unspeakable(), "Unspeakable", "Unspeakable"),
        (RecursionError("too deep"), "RecursionError", "too deep"),
        (ValueError("x" * 10**6), "ValueError", "x" * 2000 + " …"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_handler_raises_the_page_is_told(error, kind, message):
    reply, _ = ask({"name": "frame"}, frame=lambda args: raising(error))
    assert reply["error"] == {"type": kind, "message": message}


def test_an_interrupt_is_an_answer_in_a_thread_and_ends_the_work_in_the_main_thread():
    with pytest.raises(KeyboardInterrupt):
        ask({"name": "frame"}, frame=lambda args: raising(KeyboardInterrupt()))
    with ThreadPoolExecutor(1) as thread:
        reply, _ = thread.submit(ask, {"name": "frame"}, frame=lambda args: raising(KeyboardInterrupt())).result()
    assert reply["error"]["type"] == "KeyboardInterrupt"
