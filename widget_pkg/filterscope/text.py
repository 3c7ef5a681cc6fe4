"""Text of others that can be written down: in UTF-8, in JSON, in a picture."""

from __future__ import annotations


def well_formed(text: str) -> str:
    r"""The text, with each lone surrogate as six characters.

    Python's strings have lone surrogates where the name of a file or folder is no UTF-8. No file, page or picture can
    hold them.

    Example:
        >>> print(well_formed("caf\udce9"), well_formed("café"))
        caf\udce9 café
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
