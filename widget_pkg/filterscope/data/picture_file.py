"""From a file to a picture: turned upright, gray or in colour as the net takes it, with all the bits that it has.

Pillow reads the files, except those with more than eight bits a colour and those of signed, double or coloured numbers:
of these it would keep eight bits, or nothing. OpenCV reads them.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from filterscope.data.picture_modes import TURNED, plain, scaled, transparency_left_out, turned, with_channels

LARGEST = 16_000_000
"""Pixels of the largest picture that is given to a net whole, if no transform makes it smaller: as float32 it takes 192
MB, and each map of a net's first layer as much again for every three channels."""

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "F")
_KINDS = {1: "u", 2: "i", 3: "f"}  # of TIFF's sample formats
_WIDTHS = {"u": (8, 16, 32), "i": (8, 16, 32), "f": (32, 64)}  # bits of the numbers that OpenCV reads right
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # TIFF's photometric interpretations


@dataclass(frozen=True, eq=False)
class PictureFile:
    """A picture that was read from a file.

    Attributes:
        image: What a transform receives: a PIL image, or an array `(H, W)` or `(H, W, C)` where Pillow cannot hold it;
            None where the file has more than `LARGEST` pixels and was not read.
        values: float32 `(C, H, W)` where the picture has more than eight bits; else None.
        note: How it was read, in sentences.
        deep_note: What became of more than eight bits, where the net is given `values`.
        path: Path of the file.
        size: Width and height.
        channels: The net's input channels.
    """

    image: Image.Image | np.ndarray | None
    values: np.ndarray | None
    note: str
    deep_note: str
    path: str
    size: tuple[int, int]
    channels: int | None

    def for_net(self) -> tuple[Image.Image | np.ndarray, str]:
        """The picture as the net is given it, a PIL image of bytes or float32 `(C, H, W)`, and sentences on it.

        Raises:
            OSError: If it has more than `LARGEST` pixels.
        """
        if self.image is None:
            width, height = self.size
            raise OSError(
                f"the file {self.path} has {width} × {height} pixels, and no picture of more than "
                f"{LARGEST // 10**6} million is given to the net whole; make it smaller, with "
                "transform=torchvision.transforms.Resize(512)"
            )
        if self.values is not None:
            return self.values, " ".join(filter(None, [self.note, self.deep_note]))
        assert isinstance(self.image, Image.Image)
        return self.image, self.note

    def for_transform(self) -> tuple[Image.Image | np.ndarray, str]:
        """The picture as a transform receives it, and sentences on it.

        Raises:
            OSError: If it cannot be read.
        """
        if self.image is None:
            return read_picture(self.path, self.channels, whole=True).for_transform()
        eight_bits = self.values is not None and isinstance(self.image, Image.Image)
        eight_bits = eight_bits and getattr(self.image, "mode", "") not in _DEEP_MODES
        lost = "It has more than 8 bits a colour, of which the transform receives 8." if eight_bits else ""
        return self.image, " ".join(filter(None, [self.note, lost]))


def read_picture(path: str | os.PathLike[str], channels: int | None, whole: bool = False) -> PictureFile:
    """The picture in a file, gray or in colour as the net takes it, upright; of several pictures the first.

    Args:
        path: Path of the file.
        channels: The net's input channels: 1 makes the picture gray, 4 makes it RGBA; else it becomes RGB.
        whole: Whether a picture of more than `LARGEST` pixels is read, too.

    Raises:
        OSError: If it cannot be read; the message names the file.
    """
    name = os.fspath(path)
    try:
        if not stat.S_ISREG(os.stat(name).st_mode):  # a FIFO would never end
            raise OSError("it is no file")
        return _read(name, channels, whole)
    except Exception as error:
        why = "it is no picture" if isinstance(error, UnidentifiedImageError) else str(error)
        raise OSError(f"the file {name} cannot be read: {why}") from error


def _read(name: str, channels: int | None, whole: bool) -> PictureFile:
    tags = _tiff_tags(name)
    if tags is not None and _is_deep_tiff(tags):
        size = int(tags[256]), int(tags[257])
        if not whole and size[0] * size[1] > LARGEST:
            return PictureFile(None, None, "", "", name, size, channels)
        own_values = _deep_tiff(name, tags)
        image: Image.Image | np.ndarray | None = _with_pillow(name) if own_values.ndim == 2 else None
        if not isinstance(image, Image.Image) or not np.array_equal(np.asarray(image), own_values):
            image = own_values
        sentences = [_turned_sentence(TURNED.get(tags.get(274), "")), "" if tags.next == 0 else _FIRST]
        return _deep(image, own_values, " ".join(filter(None, sentences)), name, channels)
    with _opened(name, tags) as picture:
        if not whole and picture.width * picture.height > LARGEST:
            return PictureFile(None, None, "", "", name, picture.size, channels)
        maximum = _sixteen_bits(picture)
        sentences = [_FIRST] if getattr(picture, "is_animated", False) else []
        orientation = turned(picture)  # before it is loaded: Pillow then turns TIFF itself
        picture.load()
        upright = picture
        if orientation:
            upright = _upright(picture)
            sentences.append(_turned_sentence(orientation))
        if upright.mode in _DEEP_MODES:
            own_values = np.asarray(upright)
            if picture.format in ("PNG", "PPM") and upright.mode == "I":  # Pillow's mode for 16 bits in these
                own_values = own_values.astype(np.uint16)
            return _deep(upright.copy(), own_values, " ".join(sentences), name, channels)
        mode = _MODES.get(channels or 3, "RGB")
        made_plain, sentence = plain(upright, channels)
        sentences += [sentence, transparency_left_out(made_plain, mode)]
        converted = made_plain.convert(mode)
        note = " ".join(dict.fromkeys(filter(None, sentences)))
        if not maximum:
            return PictureFile(converted, None, note, "", name, converted.size, channels)
        own_values = _in_colours(_with_opencv(name))
        if orientation:
            own_values = _turned_as(picture, own_values)
        return _deep(converted, own_values, note, name, channels, maximum)


_FIRST = "The first of several pictures in its file."


def _opened(name: str, tags: Any) -> Image.Image:
    try:
        return Image.open(name)
    except UnidentifiedImageError:
        if tags is None:
            raise
        raise _unreadable(tags) from None


def _deep(
    image: Any, own_values: np.ndarray, note: str, name: str, channels: int | None, white: int = 65535
) -> PictureFile:
    """The picture of a file whose values `(H, W)` or `(H, W, C)` are no bytes."""
    values, range_note = scaled(own_values, white)
    values, lost = with_channels(values, channels)
    size = own_values.shape[1], own_values.shape[0]
    deep_note = " ".join(filter(None, [range_note, lost if lost not in note else ""]))
    return PictureFile(image, values, note, deep_note, name, size, channels)


def _turned_sentence(orientation: str) -> str:
    return f"{orientation[0].upper()}{orientation[1:]}, as its EXIF orientation says." if orientation else ""


def _upright(picture: Image.Image) -> Image.Image:
    upright = ImageOps.exif_transpose(picture)
    return picture if upright is None else upright


def _turned_as(picture: Image.Image, values: np.ndarray) -> np.ndarray:
    """An array turned as a PIL image's EXIF orientation says."""
    places = Image.fromarray(np.arange(picture.width * picture.height, dtype=np.int32).reshape(picture.size[::-1]))
    places.getexif()[0x0112] = picture.getexif()[0x0112]
    upright: np.ndarray = values.reshape(-1, *values.shape[2:])[np.asarray(_upright(places))]
    return upright


def _sixteen_bits(picture: Image.Image) -> int:
    """The greatest value a colour may have in a file of which Pillow would keep eight bits; 0 for any other file."""
    tiles: Any = getattr(picture, "tile", None)  # Pillow's plan for decoding the file
    if picture.mode not in ("RGB", "RGBA", "LA", "L") or not tiles:
        return 0
    arguments = tiles[0][3]
    if picture.format == "PNG":
        return 65535 if ";16" in str(arguments) else 0
    if picture.format == "PPM" and isinstance(arguments, tuple) and isinstance(arguments[-1], int):
        return arguments[-1] if arguments[-1] > 255 else 0
    return 0


def _with_pillow(name: str) -> Image.Image | None:
    """The picture as Pillow holds it; None where it cannot."""
    try:
        with Image.open(name) as picture:
            copy: Image.Image = picture.copy()
            return copy
    except Exception:
        return None


def _with_opencv(name: str) -> np.ndarray:
    """The values of a file as OpenCV has them: `(H, W)`, or `(H, W, C)` with blue first.

    Raises:
        OSError: If OpenCV cannot read it.
    """
    values = cv2.imdecode(np.fromfile(name, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise OSError("OpenCV cannot read it")
    array: np.ndarray = values
    return array


def _in_colours(values: np.ndarray) -> np.ndarray:
    """OpenCV's `(H, W, C)` with red first; a gray picture with transparency stays as it is."""
    if values.ndim == 2:
        return values
    return values[:, :, [2, 1, 0, 3][: values.shape[2]]]


def _tiff_tags(name: str) -> Any:
    """The tags of a TIFF file's first picture; None for any other file."""
    with open(name, "rb") as file:
        header = file.read(8)
        if header[:4] not in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
            return None
        large = b"+" in header[:4]  # a BigTIFF file
        tags = TiffImagePlugin.ImageFileDirectory_v2(header + file.read(8) if large else header)
        file.seek(tags.next)
        tags.load(file)
    return tags


def _is_deep_tiff(tags: Any) -> bool:
    """Whether a TIFF file has more than eight bits a colour, or signed or floating numbers."""
    return max(_numbers(tags, 258, 1)) > 8 or set(_numbers(tags, 339, 1)) & {2, 3, 5, 6} != set()


def _numbers(tags: Any, tag: int, default: int) -> tuple[int, ...]:
    value = tags.get(tag, default)
    return tuple(value) if isinstance(value, tuple) else (value,)


def _check_length(name: str, tags: Any) -> None:
    """Raises OSError if a TIFF file is cut off, which OpenCV would fill with zeros."""
    for starts, lengths in ((273, 279), (324, 325)):  # of its strips, and of its tiles
        ends = [
            start + length for start, length in zip(_numbers(tags, starts, 0), _numbers(tags, lengths, 0), strict=False)
        ]
        if max(ends) > os.path.getsize(name):
            raise OSError("image file is truncated")


def _deep_tiff(name: str, tags: Any) -> np.ndarray:
    """The values of a TIFF file `(H, W)` or `(H, W, C)`, upright, in the type that its tags name.

    Raises:
        OSError: If they are of a kind that OpenCV reads wrong or not at all.
    """
    _check_length(name, tags)
    bits, formats = set(_numbers(tags, 258, 1)), set(_numbers(tags, 339, 1))
    count, photometric = int(tags.get(277, 1)), int(tags.get(262, _BLACK_IS_ZERO))
    planes = int(tags.get(284, 1)) == 2 and count > 1
    kind, width = _KINDS.get(next(iter(formats)), ""), next(iter(bits))
    gray = photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and count == 1
    readable = (gray or (photometric == _RGB and count in (3, 4))) and not planes
    readable = readable and len(bits) == len(formats) == 1
    if readable and width in _WIDTHS.get(kind, ()):
        values = _in_colours(_with_opencv(name))
        if values.dtype.itemsize * 8 == width and values.shape[2:] == (() if count == 1 else (count,)):
            values = np.ascontiguousarray(values).view(f"{kind}{width // 8}")
            inverted = photometric == _WHITE_IS_ZERO and kind == "u"
            return np.iinfo(values.dtype).max - values if inverted else values
    raise _unreadable(tags)


def _unreadable(tags: Any) -> OSError:
    """An error that says what the values of a TIFF file are, which neither Pillow nor OpenCV reads right."""
    count, bits, kind = int(tags.get(277, 1)), max(_numbers(tags, 258, 1)), _KINDS.get(max(_numbers(tags, 339, 1)), "")
    words = {"u": "unsigned", "i": "signed", "f": "floating"}.get(kind, "other")
    planes = " in separate planes" * (int(tags.get(284, 1)) == 2 and count > 1)
    samples = f"{count} {words} samples" if count > 1 else f"one {words} sample"
    return OSError(
        f"it is a TIFF file of {samples} of {bits} bits a pixel{planes}; read it with another library, tifffile say, "
        "and give its array"
    )
