"""Picture files written byte by byte, so that no library that reads them has written them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

_PNG_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
_TIFF_FORMATS = {"u": 1, "i": 2, "f": 3}


def png(values: np.ndarray, chunks: Sequence[tuple[bytes, bytes]] = (), kind: int | None = None) -> bytes:
    """A PNG file of uint8 or uint16 values `(H, W)` or `(H, W, C)`: gray, with transparency, colours or both.

    Args:
        values: The values.
        chunks: More chunks, name and content, before the pixels: a palette or its transparency.
        kind: PNG's number of the colour type; by default that of the channels.
    """
    height, width = values.shape[:2]
    channels = values.shape[2] if values.ndim == 3 else 1
    bits = values.dtype.itemsize * 8
    rows = values.astype(values.dtype.newbyteorder(">"))
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    colours = _PNG_COLOURS[channels] if kind is None else kind
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )


def tiff(
    *pages: np.ndarray, photometric: int | None = None, planar: bool = False, orientation: int = 1, order: str = "<"
) -> bytes:
    """A TIFF file of pages `(H, W)` or `(H, W, C)` of any integers or floats.

    Args:
        pages: The values.
        photometric: 0 for white is zero, 1 for black is zero, 2 for RGB; by default what the channels say.
        planar: Whether each colour is written by itself.
        orientation: Its tag, 1 … 8.
        order: `"<"` for the least byte first, or `">"`.
    """
    mark = b"II*\0" if order == "<" else b"MM\0*"
    file = mark + struct.pack(order + "I", 8)
    for number, values in enumerate(pages):
        height, width = values.shape[:2]
        channels = values.shape[2] if values.ndim == 3 else 1
        tags = [
            (256, width),
            (257, height),
            (258, [values.dtype.itemsize * 8] * channels),
            (259, 1),
            (262, (1 if channels < 3 else 2) if photometric is None else photometric),
            (274, orientation),
            (277, channels),
            (278, height),
            (284, 2 if planar else 1),
            (338, 2),
            (339, [_TIFF_FORMATS[values.dtype.kind]] * channels),
        ]
        planes = list(np.moveaxis(values, -1, 0)) if planar else [values]
        bodies = [plane.astype(plane.dtype.newbyteorder(order)).tobytes() for plane in planes]
        tags = [tag for tag in tags if tag[0] != 338 or channels in (2, 4)]
        ifd_end = len(file) + 2 + 12 * (len(tags) + 2) + 4
        extra = b""

        def entry(tag: int, values_of_tag: Sequence[int], kind: str, start: int, extra: bytes) -> tuple[bytes, bytes]:
            packed = struct.pack(f"{order}{len(values_of_tag)}{kind}", *values_of_tag)
            head = struct.pack(order + "HHI", tag, 3 if kind == "H" else 4, len(values_of_tag))
            if len(packed) <= 4:
                return head + packed.ljust(4, b"\0"), extra
            return head + struct.pack(order + "I", start + len(extra)), extra + packed

        entries = {}
        for tag, value in tags:
            listed = value if isinstance(value, list) else [value]
            entries[tag], extra = entry(tag, listed, "H", ifd_end, extra)
        body_start = ifd_end + len(extra) + 8 * len(bodies)
        starts = [body_start + sum(map(len, bodies[:index])) for index in range(len(bodies))]
        for tag, longs in ((273, starts), (279, [len(body) for body in bodies])):
            entries[tag], extra = entry(tag, longs, "I", ifd_end, extra)
        extra = extra.ljust(body_start - ifd_end, b"\0")
        end = body_start + sum(map(len, bodies))
        following = 0 if number == len(pages) - 1 else end
        file += struct.pack(order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries))
        file += struct.pack(order + "I", following) + extra + b"".join(bodies)
    return file
