"""From a PIL image to its values: what each of Pillow's modes becomes, and the sentence on it.

| mode | values |
| --- | --- |
| `1`, `L`, `LA`, `RGB`, `RGBA` | its own bands; 0 … 255 becomes 0 … 1 |
| `P`, `PA` | the palette's colours, RGBA where some are transparent, or as many channels as the net takes |
| `RGBX` | RGB, without the padding |
| `La`, `RGBa` | `LA`, `RGBA`: no longer multiplied by the transparency |
| `CMYK`, `YCbCr`, `HSV`, `LAB` | RGB |
| `I;16`, `I;16L`, `I;16B` | 0 … 65535 becomes 0 … 1 |
| `I`, `F` | its values as they are |
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

_STRAIGHT = {"La": "LA", "RGBa": "RGBA"}
_COLOURS = ("CMYK", "YCbCr", "HSV", "LAB")
_PLAIN = ("1", "L", "LA", "RGB", "RGBA", "I", "I;16", "I;16L", "I;16B", "F")
_BY_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
_ORIENTATION = 0x0112  # the EXIF tag
TURNED = {
    2: "mirrored",
    3: "turned by 180°",
    4: "mirrored and turned by 180°",
    5: "mirrored and turned by 90° to the left",
    6: "turned by 90° to the right",
    7: "mirrored and turned by 90° to the right",
    8: "turned by 90° to the left",
}
"""How a picture is to be turned, by its EXIF orientation."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def plain(picture: Image.Image, channels: int | None = None) -> tuple[Image.Image, str]:
    """The picture in one of the modes whose bands are gray, colours, transparency or single numbers.

    Args:
        picture: A PIL image of any mode.
        channels: The net's input channels, which decide what a palette becomes; None where they are not known.

    Returns:
        The picture, and a sentence on its conversion or an empty string.

    Raises:
        ValueError: If the mode is none of Pillow's own.
    """
    mode = picture.mode
    if mode in _PLAIN:
        return picture, ""
    if mode in ("P", "PA"):
        coloured = picture.convert("RGBA" if has_transparency(picture) else "RGB")
        target = _BY_CHANNELS.get(channels or 0, coloured.mode)
        return coloured.convert(target), transparency_left_out(coloured, target)
    if mode == "RGBX":
        return picture.convert("RGB"), ""
    if mode in _STRAIGHT:
        return picture.convert(_STRAIGHT[mode]), ""
    if mode in _COLOURS:
        return picture.convert("RGB"), f"{mode}, made RGB."
    raise ValueError(f"it is a PIL image of the mode {mode!r}; give one that is made RGB, image.convert('RGB')")


def bands(picture: Image.Image) -> int:
    """The number of channels that a PIL image has once it is `plain`."""
    if picture.mode in ("P", "PA"):
        return 4 if has_transparency(picture) else 3
    return 3 if picture.mode in ("RGBX", "CMYK") else len(picture.getbands())


def has_transparency(picture: Image.Image) -> bool:
    """Whether a PIL image has pixels, or colours of a palette, that may be transparent."""
    if "transparency" in picture.info or picture.mode in ("PA", "LA", "La", "RGBA", "RGBa"):
        return True
    return picture.mode == "P" and getattr(picture.palette, "mode", "RGB").endswith("A")


def transparency_left_out(picture: Image.Image, target: str) -> str:
    """A sentence where a picture with transparent pixels is given to the net as a mode without them."""
    if target == "RGBA" or not has_transparency(picture):
        return ""
    least = picture.convert("RGBA").getchannel("A").getextrema()[0]
    return "Its transparency is left out." if isinstance(least, int | float) and least < 255 else ""


def scaled(values: np.ndarray, white: int = 65535) -> tuple[np.ndarray, str]:
    """Values that are no bytes as float32, and a sentence on what the net is given.

    Args:
        values: uint16, where 0 … `white` becomes 0 … 1; or any other integers or floats, which are left as they are.
        white: The greatest number that a uint16 picture may have.

    Example:
        >>> scaled(np.uint16([0, 65535]))
        (array([0., 1.], dtype=float32), '16 bits: 0 … 65535 given to the net as 0 … 1.')
    """
    bits = values.dtype.itemsize * 8
    if values.dtype.kind == "u" and bits == 16:
        return values.astype(np.float32) / np.float32(white), f"16 bits: 0 … {white} given to the net as 0 … 1."
    single = values.astype(np.float32)
    finite = single[np.isfinite(single)]
    between = f" ({finite.min():.6g} … {finite.max():.6g})".replace("-", "−") if finite.size else ""
    kind = {"f": "floats", "i": "signed integers"}.get(values.dtype.kind, "integers")
    return single, f"{bits}-bit {kind}, given to the net as they are{between}."


def with_channels(values: np.ndarray, channels: int | None) -> tuple[np.ndarray, str]:
    """A gray or coloured picture with as many channels as the net takes.

    Args:
        values: float32 `(H, W)`, `(H, W, 3)` or `(H, W, 4)`, the last with its transparency.
        channels: The net's input channels: 1 makes the picture gray, 4 makes it RGBA; else it becomes RGB.

    Returns:
        float32 `(C, H, W)`, and a sentence where transparency is left out.
    """
    colours = values[None] if values.ndim == 2 else np.moveaxis(values[:, :, :3], -1, 0)
    opacity = values[:, :, 3] if values.shape[2:] == (4,) else None
    lost = "Its transparency is left out." if opacity is not None and channels != 4 and opacity.min() < 1 else ""
    if channels == 1:
        return colours if len(colours) == 1 else (_LUMA[:, None, None] * colours).sum(axis=0, keepdims=True), lost
    if len(colours) == 1:
        colours = np.repeat(colours, 3, axis=0)
    if channels == 4:
        opacity = np.ones(colours.shape[1:], np.float32) if opacity is None else opacity
        return np.concatenate([colours, opacity[None]]), lost
    return colours, lost


def picture_values(picture: Image.Image, channels: int | None = None) -> tuple[np.ndarray, str]:
    """The values of a PIL image as a data set gives it: bytes, or float32 where it has no bytes.

    Args:
        picture: A PIL image of any mode. It is not turned, because the data set's own transform did not see it turned.
        channels: The net's input channels, where they are known.

    Returns:
        uint8, bool or float32 `(H, W)` or `(H, W, C)`, and sentences on it.

    Raises:
        ValueError: If the mode is none of Pillow's own.
    """
    orientation = turned(picture)
    sentences = []
    if orientation:
        sentences.append(
            f"Its EXIF orientation says that it is to be {orientation}: not done, because the data set gives it so "
            "(PIL.ImageOps.exif_transpose does it)."
        )
    made_plain, sentence = plain(picture, channels)
    sentences.append(sentence)
    values = np.asarray(made_plain)
    if values.dtype not in (np.uint8, np.bool_):
        values, sentence = scaled(values)
        sentences.append(sentence)
    return values, " ".join(filter(None, sentences))


def turned(picture: Image.Image) -> str:
    """How the EXIF orientation says that a picture is to be turned, in words; empty where it is upright."""
    try:
        orientation: Any = picture.getexif().get(_ORIENTATION)
    except Exception:  # what is not EXIF says nothing
        return ""
    return TURNED.get(orientation, "") if isinstance(orientation, int) else ""
