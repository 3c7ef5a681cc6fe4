"""How wide the page is where a figure stands: a widget of no height beside the figure's canvas says so."""

from __future__ import annotations

from collections.abc import Callable

import anywidget
import traitlets
from ipywidgets import VBox
from ipywidgets.widgets.domwidget import DOMWidget

_MEASURE = """
export default {
  render({ model, el }) {
    Object.assign(el.style, { width: "100%", height: "0", overflow: "hidden" });
    const size = new ResizeObserver(() => {
      const width = Math.floor(el.getBoundingClientRect().width);
      if (width === 0 || width === model.get("width")) return; // hidden, or another view of the same figure
      model.set("width", width);
      model.save_changes();
    });
    size.observe(el);
    return () => size.disconnect();
  },
};
"""


class Ruler(anywidget.AnyWidget):
    """Knows the width of what it stands in.

    Attributes:
        width: In CSS pixels; 0 before a page has shown it.
    """

    _esm = _MEASURE
    width = traitlets.Int(0, help="Of the output, in CSS pixels.").tag(sync=True)


def measured(widget: DOMWidget, tell: Callable[[int], None]) -> tuple[VBox, Ruler]:
    """A box with a widget in it, as wide as there is room, and what measures that.

    Args:
        widget: What stands in the box.
        tell: Called with each new width in CSS pixels.
    """
    ruler = Ruler()
    ruler.observe(lambda change: tell(change["new"]), "width")
    return VBox([ruler, widget], layout={"width": "100%", "overflow": "hidden"}), ruler
