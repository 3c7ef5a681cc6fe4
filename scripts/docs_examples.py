"""Has the reference show examples as code: mkdocstrings knows a section `Examples`, our docstrings have `Example`."""

from __future__ import annotations

from typing import Any

import griffe


class Examples(griffe.Extension):
    """Gives the section the name that the parser knows."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called for each class, function and attribute."""
        if obj.docstring is not None:
            lines = obj.docstring.value.split("\n")
            obj.docstring.value = "\n".join("Examples:" if line == "Example:" else line for line in lines)
