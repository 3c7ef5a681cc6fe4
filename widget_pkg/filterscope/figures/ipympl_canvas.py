"""ipympl's canvas, imported without what its import does besides: it makes itself matplotlib's backend."""

from __future__ import annotations

from unittest.mock import patch

import matplotlib

with patch.object(matplotlib, "use"):  # the user's own plots stay where they were
    from ipympl.backend_nbagg import Canvas, FigureManager

__all__ = ["Canvas", "FigureManager"]
