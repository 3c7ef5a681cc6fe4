"""A trait that is an index, of whatever library's integer it is set to."""

from __future__ import annotations

from typing import Any

import traitlets

from filterscope.indices import as_index


class Index(traitlets.Int):  # type: ignore[type-arg]  # older traitlets are not generic when they run
    """An int trait that takes NumPy's and torch's integers too, and no bool."""

    def validate(self, obj: Any, value: Any) -> Any:
        """The value as Python's integer, or traitlets' error."""
        index = as_index(value)
        if index is None and isinstance(value, int):
            self.error(obj, value)  # a bool, an int to traitlets; one that equals the present value would be kept
        return super().validate(obj, value if index is None else index)  # traitlets says it in its own words
