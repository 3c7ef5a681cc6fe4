"""Whatever a request meets, it is answered, the thread that answers lives on, and the next request is answered."""

import asyncio
import json
import queue
import threading

import pytest
from torch import nn

from filterscope import Explorer
from filterscope.host import reports
from filterscope.nets.interruption import StopPass
from filterscope.widget import inbox
from nets import TwoConvs, images, seeded

EXITS = [SystemExit("no such file"), asyncio.CancelledError("late"), KeyboardInterrupt("no"), GeneratorExit("end")]
GOOD = {"image": 1, "layer": 0, "filter": 1, "source": "input"}


class Raises:
    """A data set of which one image raises what it is told to."""

    def __init__(self):
        self.pixels, self.error = images(9, 1, 14, 14), None

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, index):
        if index == 7 and self.error is not None:
            raise self.error
        return self.pixels[index], index % 3


class RaisesInside(nn.Module):
    """A net that raises what it is told to, but for the first image."""

    def __init__(self):
        super().__init__()
        self.conv1, self.error = nn.Conv2d(1, 4, 3), None

    def forward(self, x):
        if self.error is not None and x.abs().sum() > 1e6:
            raise self.error
        return self.conv1(x)


class Notebook:
    """An explorer whose requests are answered in a thread, as under ipykernel; what it sends is packed as there."""

    def __init__(self, monkeypatch, net=None, data=None, **options):
        monkeypatch.setattr(inbox, "_in_ipykernel", lambda: True)
        self.data = data or Raises()
        self.explorer = Explorer(net or seeded(TwoConvs), self.data, **options)
        self.told: queue.Queue = queue.Queue()
        self.explorer.comm.publish_msg = self._publish

    def _publish(self, kind, data=None, **rest):
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf8", errors="surrogateescape")
        if "content" in data:
            self.told.put(data["content"])

    def ask(self, id, name="frame", **args):
        self.send({"kind": "request", "id": id, "name": name, "args": {**GOOD, **args}})

    def send(self, content):
        self.explorer._handle_custom_msg(content, [])

    def reply_to(self, id):
        while True:
            content = self.told.get(timeout=120)
            if content.get("id") == id:
                return content

    def lives(self):
        self.ask("last-1", filter=2)
        return self.reply_to("last-1")["body"]["filter"] == 2


@pytest.fixture(name="open_notebook")
def notebooks(monkeypatch):
    opened = []

    def open_one(*args, **options):
        opened.append(Notebook(monkeypatch, *args, **options))
        return opened[-1]

    yield open_one
    for notebook in opened:
        notebook.explorer.close()


@pytest.mark.parametrize("error", EXITS, ids=repr)
def test_a_data_set_that_raises_what_is_no_exception(open_notebook, error):
    notebook = open_notebook()
    notebook.data.error = error
    notebook.ask("a-1", image=7)
    told = notebook.reply_to("a-1")["error"]
    assert told["type"] == "SampleError"
    assert told["message"] == f"sample 7: the data set raised {type(error).__name__}: {error}"
    assert notebook.lives()


@pytest.mark.parametrize("error", EXITS, ids=repr)
def test_a_transform_that_raises_what_is_no_exception(open_notebook, error):
    failing = []

    def transform(image):
        if failing:
            raise error
        return image

    notebook = open_notebook(transform=transform)
    failing.append(True)
    notebook.ask("a-1", image=7)
    told = notebook.reply_to("a-1")["error"]
    assert told["message"] == f"sample 7: the transform raised {type(error).__name__}: {error}"
    failing.clear()
    assert notebook.lives()


@pytest.mark.parametrize("error", EXITS, ids=repr)
def test_a_net_that_raises_what_is_no_exception(open_notebook, error):
    net, data = RaisesInside(), Raises()
    data.pixels[7] *= 1e9
    notebook = open_notebook(net, data)
    net.error = error
    notebook.ask("a-1", image=7)
    told = notebook.reply_to("a-1")["error"]
    assert told["type"] == "NetError" and f": {type(error).__name__}: {error}. Give images" in told["message"]
    assert notebook.lives()


@pytest.mark.parametrize("error", [*EXITS, RecursionError("deep"), MemoryError("full"), StopPass()], ids=repr)
def test_a_handler_that_raises_anything(open_notebook, monkeypatch, error):
    notebook = open_notebook()
    frames = notebook.explorer.pages._frames
    build = frames._built

    def built(args):
        if args["image"] == 7:
            raise error
        return build(args)

    monkeypatch.setattr(frames, "_built", built)
    notebook.ask("a-1", image=7)
    reply = notebook.reply_to("a-1")
    assert reply.get("skipped", False) or reply["error"] == {
        "type": type(error).__name__,
        "message": str(error),
    }
    assert notebook.lives()


def test_a_reply_that_the_host_cannot_pack_becomes_an_error(open_notebook, monkeypatch):
    notebook = open_notebook()
    publish = notebook._publish

    def refuses(kind, data=None, **rest):
        if "body" in data.get("content", {}) and data["content"]["id"] == "a-1":
            raise RuntimeError("the comm has no buffers")
        publish(kind, data, **rest)

    notebook.explorer.comm.publish_msg = refuses
    notebook.ask("a-1")
    assert notebook.reply_to("a-1")["error"]["message"] == "the comm has no buffers"
    assert notebook.lives()


@pytest.mark.parametrize("error", [OSError("closed"), *EXITS], ids=repr)
def test_a_host_that_sends_nothing_for_a_while(open_notebook, capsys, error):
    notebook = open_notebook()
    tried = threading.Event()
    publish = notebook._publish

    def refuses(kind, data=None, **rest):
        if data.get("content", {}).get("id") == "a-1":
            tried.set()
            raise error
        publish(kind, data, **rest)

    notebook.explorer.comm.publish_msg = refuses
    notebook.ask("a-1")
    assert tried.wait(300)
    assert notebook.lives()


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "request", "id": "\ud800-1", "name": "describe"},
        {"kind": "request", "id": "i" * 10**6, "name": "describe"},
        {"kind": "request", "id": {"a": 1}, "name": "describe"},
        {"kind": ["request"]},
        {"id": "a-1"},
        [],
        None,
        7,
        "request",
        b"request",
    ],
    ids=lambda content: repr(content)[:40],
)
def test_what_is_no_request_is_ignored(open_notebook, content):
    notebook = open_notebook()
    notebook.send(content)
    assert notebook.lives()


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("\udfff", {}, "unknown request"),
        (None, {}, "unknown request 'None'"),
        ({"frame": []}, {}, "unknown request 'a dict'"),
        ("__class__", {}, "unknown request '__class__'"),
        ("frame", {"image": "\ud800"}, "image is '\\ud800'"),
        ("frame", {"image": float("nan")}, "image is nan"),
        ("frame", {"image": 1e308}, "image is 1e+308"),
        ("frame", {"image": [[[]]] * 10**5}, "image is [[[]], [[]]"),
        ("filters", {"filters": [0] * 10**5}, "filters has more entries than"),
        ("filters", {"filters": [{}]}, "filters is {}"),
        ("without", {"filters": [0], "replaced_by": ["mean"]}, "replaced_by is ['mean']"),
        ("effect", {"filters": [0], "images": "many"}, "images is 'many'"),
        ("effect", {"filters": [0], "images": -1}, "images is -1"),
        ("strip", {"start": 10**30, "count": [0]}, "count is [0]"),
        ("strip", {"start": 0, "count": 1, "outcome": {}}, "outcome is {}"),
        ("verdicts", {"layer": True}, "layer is True"),
        ("diagnose", {"images": 1.5}, "images is 1.5"),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(open_notebook, name, args, sentence):
    notebook = open_notebook()
    notebook.send({"kind": "request", "id": "a-1", "name": name, "args": {**GOOD, **args}})
    message = notebook.reply_to("a-1")["error"]["message"]
    assert message.startswith(sentence) and len(message) < 3000
    assert notebook.lives()


@pytest.mark.parametrize("error", [ValueError("a bug in a callback"), SystemExit("of a callback")], ids=repr)
def test_an_observer_that_raises_when_the_net_lost_filters_ends_nothing(open_notebook, monkeypatch, error):
    printed = []
    monkeypatch.setattr(reports, "_print", printed.append)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 6, 3))
    notebook = open_notebook(net, layer_index=1, filter_index=5, channel=7)
    explorer = notebook.explorer

    def observer(change):
        raise error

    explorer.observe(observer, ["layer_index", "filter_index", "channel"])
    assert explorer.activation.ndim == 2
    net[0], net[2] = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 3, 3)
    notebook.ask("a-1", filter=1)
    assert notebook.reply_to("a-1")["body"]["filter"] == 1
    assert notebook.lives()
    assert (explorer.layer_index, explorer.filter_index, explorer.channel) == (1, 2, None)  # all fitted
    assert error in printed


def test_an_observers_own_error_reaches_who_moved(open_notebook):
    explorer = open_notebook().explorer

    def observer(change):
        raise ZeroDivisionError("mine")

    explorer.observe(observer, "filter_index")
    with pytest.raises(ZeroDivisionError, match="mine"):
        explorer.filter_index = 2


def test_where_no_thread_can_be_started_the_caller_answers(open_notebook, monkeypatch):
    notebook = open_notebook()
    start = threading.Thread.start

    def fails(thread):
        if thread.name == "filterscope requests":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fails)
    notebook.ask("a-1")
    assert notebook.told.get_nowait()["body"]["filter"] == 1
    monkeypatch.setattr(threading.Thread, "start", start)
    assert notebook.lives()


def test_errors_of_callbacks_are_printed_as_ipython_prints_them(monkeypatch, capsys):
    shown = []

    class Shell:
        def showtraceback(self, info):
            shown.append(info[1])

    error = ValueError("a bug")
    with reports.reported():
        raise error
    assert "ValueError: a bug" in capsys.readouterr().err
    monkeypatch.setattr(reports, "ipython_shell", Shell)
    with reports.reported():
        raise error
    assert shown == [error]
    with pytest.raises(KeyboardInterrupt), reports.reported():
        raise KeyboardInterrupt
