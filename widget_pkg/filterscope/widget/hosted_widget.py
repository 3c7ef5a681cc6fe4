"""A widget in its host: what makes it, shows it, lets it sleep while nobody looks, and keeps it alive or frees it."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import MutableMapping
from typing import Any

import ipywidgets
import traitlets

from filterscope.assets import asset
from filterscope.engine.engine import Engine
from filterscope.figures.png import png
from filterscope.figures.scene import Scene
from filterscope.host.lifetimes import collect, followed_by_collect, left_behind, weakly
from filterscope.host.outputs import Cells, forget_result
from filterscope.host.process import HomeProcess
from filterscope.host.subshells import stay_where_asked
from filterscope.host.timing import LET_GO_SECONDS
from filterscope.session import selection
from filterscope.session.session import Session
from filterscope.widget.live_figures import LiveFigures
from filterscope.widget.pages import Pages
from filterscope.widget.selection_widget import SelectionWidget

_WIDGETS: MutableMapping[str, ipywidgets.Widget] = getattr(ipywidgets.widgets.widget, "_instances", {})
"""Every widget by its model's id: ipywidgets looks up there what a page asks for, and keeps it alive."""


class HostedWidget(SelectionWidget):
    """A selection widget that cells show and pages ask; it is freed as soon as nobody holds it any more.

    Args:
        engine: The net and the data set.
        **traits: The widget's.
    """

    _esm = asset("widget.js")
    _css = asset("widget.css")
    _png = traitlets.Bytes(b"", help="What the cell showed, for pages without a kernel.").tag(sync=True)

    _pages: Pages | None = None
    _live_figures: LiveFigures | None = None

    def __init__(self, engine: Engine, **traits: Any) -> None:
        self._home = HomeProcess()
        # What belongs to a widget does not keep it alive: when nobody holds it any more it is freed at once.
        selected = weakly(self._selection, otherwise=selection.Selection)
        self._session = Session(engine, selected, weakly(self._announce))
        self._live_figures = LiveFigures()
        super().__init__(**traits)
        self._cells = Cells(self)
        self._pages = Pages(self._session, weakly(self._tell), weakly(self._fit_in))
        stay_where_asked(self.comm)
        self.comm.on_msg(followed_by_collect(weakly(self._handle_msg)))
        self._let_go_of_it()

    @property
    def pages(self) -> Pages:
        """What answers its pages: `requests.handlers` has each request's. A seam as `session` is.

        Raises:
            RuntimeError: If the explorer is closed.
        """
        if self._pages is None:
            raise RuntimeError("this explorer is closed; make a new one")
        self._home.check()
        return self._pages

    # What is selected, and shown in its pages

    @traitlets.observe(*selection.TRAITS)
    def _look(self, change: Any) -> None:
        """A move is when changed weights are noticed: the page may answer it from what it holds."""
        if self._pages is not None and self.comm is not None:
            self._pages.look(self._selection())

    def _scene(self) -> Scene:
        return self.pages.scene(self._selection())

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and for where none can run a picture of the selection."""
        if self._pages is not None:
            self._cells.displayed()
            self._pages.views.displayed()
        widget = super()._repr_mimebundle_(**options)
        bundle = widget[0] if isinstance(widget, tuple) else widget
        included, excluded = options.get("include"), options.get("exclude") or ()
        if bundle is not None and (included is None or "image/png" in included) and "image/png" not in excluded:
            with contextlib.suppress(ValueError, RuntimeError):  # no picture; the widget says what is wrong
                self._png = png(self._scene())
                bundle["image/png"] = base64.b64encode(self._png).decode()
        return widget

    def close(self) -> None:
        """Takes the widget off its pages and lets go of the net, the data set and all that was computed."""
        if not self._home.is_this:  # a child of the process: page, threads and locks are the parent's
            self._pages = self._session = self._live_figures = None
            return
        super().close()
        if self._live_figures is not None:
            self._live_figures.close()
        pages, self._pages = self._pages, None
        if pages is not None:
            pages.close()
        session, self._session = self._session, None
        if session is not None:
            session.close()

    # Its pages

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        super()._handle_custom_msg(content, buffers)
        self._on_message(self, content, buffers)

    def _on_message(self, widget: Any, content: Any, buffers: Any) -> None:
        if self._pages is not None:
            self._pages.take(content)
            self._shown_or_gone()

    def _tell(self, *message: Any) -> None:
        self.send(*message)

    # Who keeps it. ipywidgets keeps every widget for ever, and IPython every cell's result. Neither keeps an explorer
    # before its model's id is asked for, as by whoever shows it, nor after the cells that showed it were run again.

    @property
    def model_id(self) -> str:
        """The id by which pages ask for the model."""
        number: str = super().model_id
        if self._pages is not None:
            _WIDGETS[number] = self
        return number

    def cells_ran(self) -> None:
        """Called after each cell: its output may have been the last that showed this explorer."""
        self._shown_or_gone()
        collect()

    def _shown_or_gone(self) -> None:
        pages, cells = self._pages, self._cells
        if pages is None or cells.running:
            return
        if pages.views.shown:
            _WIDGETS.setdefault(self.comm.comm_id, self)
        elif cells.were_run_again:
            pages.sleep()
            self._let_go_of_it()

    def _let_go_of_it(self) -> None:
        _WIDGETS.pop(self.comm.comm_id, None)
        forget_result(self)

    def __del__(self) -> None:
        """Nobody holds it: its model goes from the pages; what others hold of it, a layer or a diagnosis, lives on."""
        if not self._home.is_this:  # a child of the process, where the locks may stay locked
            return
        with contextlib.suppress(Exception):
            session, pages, self._pages = self._session, self._pages, None
            if pages is not None:
                pages.close(LET_GO_SECONDS)
            if session is not None:
                session.let_go()
                left_behind()
            super().close()

    def _announce(self) -> None:
        if self._pages is not None:
            self._pages.announce()
