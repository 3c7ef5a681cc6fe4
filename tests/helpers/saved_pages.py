"""Saved pages, read by other means than those that the package and the browser have."""

import base64
import html.parser
import json
import zlib

import numpy as np


class Page(html.parser.HTMLParser):
    """A page, read by a parser that is not the browser's: its parts, scripts, policy and title."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.tags, self.parts, self.scripts, self.words = [], {}, [], []
        self.policy, self.open = None, ("", {})
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.open = (tag, attrs)
        self.tags.append((tag, attrs))
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]

    def handle_endtag(self, tag):
        self.open = ("", {})

    def handle_data(self, data):
        tag, attrs = self.open
        if tag != "script":
            self.words.append(data)
        elif attrs.get("type") == "module":
            self.scripts.append(data)
        else:
            self.parts[attrs["id"].removeprefix("fs-")] = data

    def part(self, name):
        """The recipe of `wire.packed`, written a second time."""
        data = zlib.decompress(base64.b64decode(self.parts[name]))
        length = int.from_bytes(data[:4], "little")
        head = json.loads(data[4 : 4 + length])
        place = 4 + length
        arrays = []
        for one in head["tensors"]:
            dtype = np.dtype(one["dtype"]).newbyteorder("<")
            size = int(np.prod(one["shape"])) * dtype.itemsize
            arrays.append(np.frombuffer(data[place : place + size], dtype).reshape(one["shape"]))
            place += size
        assert place == len(data)

        def filled(value):
            if isinstance(value, list):
                return [filled(one) for one in value]
            if isinstance(value, dict):
                if set(value) == {"tensor"}:
                    return arrays[value["tensor"]]
                return {key: arrays[one] if key == "tensor" else filled(one) for key, one in value.items()}
            return value

        return filled(head["body"])
