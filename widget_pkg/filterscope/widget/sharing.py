"""What an explorer gives away: a picture, a figure, a page that needs no Python."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from filterscope.engine.engine import Engine
from filterscope.figures.png import still
from filterscope.figures.scene import Shown, shown
from filterscope.filters.response import SOURCES, Source
from filterscope.saved_page.contents import as_index, check_limit, chosen_contents
from filterscope.saved_page.parts import Contents
from filterscope.session.selection import TRAITS, Selection, check_filter, choice

if TYPE_CHECKING:
    from filterscope.figures.grid_figure import GridFigure
    from filterscope.figures.live_figure import LiveFigure
    from filterscope.session.examiner import Examiner
    from filterscope.session.positions import Pointer
    from filterscope.widget.pages import Pages

FIGURES = ("live", "grid")


class Sharing:
    """The methods of an explorer whose result leaves the notebook, or stands beside it."""

    image_index: int
    layer_index: int
    filter_index: int
    channel: int | None
    source: Source
    _figures: tuple[Any, ...] = ()  # also of an explorer that was not made
    _examiner: Examiner | None
    _pages: Pages | None

    if TYPE_CHECKING:  # the explorer's own and every widget's

        def _open(self) -> Engine: ...
        def _pointer(self, engine: Engine) -> Pointer: ...

        observe: Any
        unobserve: Any

    def figure(
        self,
        kind: Literal["live", "grid"] = "live",
        *,
        maps: Literal["response", "activation"] = "response",
        filters: Iterable[int] | None = None,
        columns: int = 5,
    ) -> LiveFigure | GridFigure:
        """A matplotlib figure in the page's colours and ranges.

        Args:
            kind: `"live"` follows the sliders: image, kernel, response and activation with colour bars, to pan, zoom
                and save, without any magic command. `"grid"` is the course notebook's grid for a paper, a kernel and a
                map for each filter, as things are now; it needs no display.
            maps: Of the grid: `"response"`, filter2D of the kernel over `source`, or `"activation"`, the net's own.
            filters: Of the grid: indices of filters; None for all of them, or of more the first 64.
            columns: Of the grid: pairs in a row.

        Returns:
            A `matplotlib.figure.Figure`. A cell that ends with it shows it; `savefig` writes PNG, SVG or PDF.
            `close()` of a live one lets go of it, as the explorer's own `close()` does.

        Raises:
            ValueError: If an option is not one of these; `SampleError` or `NetError` where the grid cannot be drawn.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.figure(kind="grid").savefig("conv1.pdf")  # doctest: +SKIP
        """
        engine = self._open()
        choice(kind, FIGURES, "kind")
        if kind == "live":
            if (maps, filters, columns) != ("response", None, 5):
                raise ValueError(
                    "maps, filters and columns are for the grid; give kind='grid' as well, or leave them out"
                )
            from filterscope.figures.live_figure import LiveFigure

            figure = LiveFigure(self._shown, self._figure_closed)
            self._figures += (figure,)
            self.observe(figure.moved, TRAITS)
            return figure
        from filterscope.figures.grid_figure import MAPS, grid_figure

        choice(maps, MAPS, "maps")
        if isinstance(columns, bool) or not isinstance(columns, int) or columns < 1:
            raise ValueError(f"columns is {columns!r}; give how many pairs stand in a row, 1 or more")
        layer = engine.layers[self.layer_index]
        wanted = None if filters is None else [check_filter(layer, as_index(one), "filters") for one in filters]
        if wanted == []:
            raise ValueError("filters is empty; give the indices of one filter or more, or leave it out for all")
        with engine.lock:
            engine.check()
            selection = self._selection()
            moment = engine.moment(selection.image, selection.layer)
            return grid_figure(moment, selection, maps, wanted, columns)

    def save_html(
        self,
        path: str | os.PathLike[str],
        images: Any = None,
        layers: Any = None,
        *,
        channels: Any = None,
        sources: Any = SOURCES,
        precision: int = 8,
        limit_mb: float = 50,
        title: str | None = None,
        progress: bool = True,
    ) -> Path:
        """Saves one page that shows this explorer without Python: it opens from disk, with no network.

        All sliders work over what was saved. Maps are saved as 8 bits a value over each map's own range, and the page
        says at each value how far it may be off. What was not saved cannot be chosen there, and a sentence says so.
        The verdicts that `diagnose` has found so far are saved too.

        Args:
            path: The file to write, `filters.html`. What was there stays until the new one is complete.
            images: Which images: a slice, or indices; None for the first 32. In the page they count from 0.
            layers: Which layers, by index, name or module, one or several; None for all.
            channels: Of which input channels the response is saved alone, beside that of all of them: indices, or
                `"all"`.
            sources: What filter2D runs over: `"input"`, `"image"` or both.
            precision: Bits a value: 8, 16, or 32 for the exact float32.
            limit_mb: Megabytes that the page may have.
            title: The page's title; by default the net's class.
            progress: Whether the size is said first, and a bar shown (with tqdm, where it is installed).

        Returns:
            The path.

        Raises:
            ValueError: If an option is not one of these, or the page would be larger than `limit_mb`; the sentence says
                how large, and what makes it smaller.
            RuntimeError: If the net's weights changed meanwhile.
            OSError: If the file cannot be written.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.save_html("filters.html", images=range(32))  # doctest: +SKIP
            PosixPath('filters.html')
        """
        from filterscope.saved_page.page import save_page

        engine = self._open()
        contents = chosen_contents(engine, images, layers, channels, sources, precision)
        limit = check_limit(limit_mb)
        name = engine.net_name if title is None else str(title)
        target = Path(path)
        if not target.parent.is_dir():
            raise FileNotFoundError(f"the folder {target.parent} is not there; make it, or write somewhere else")
        pointer, selection = self._pointer(engine), self._selection_in(contents)
        save_page(target, engine, contents, pointer, self._examiner, selection, name, limit, progress)
        return target

    def _selection_in(self, contents: Contents) -> dict[str, Any]:
        """The present selection, or of what was not saved the first, in the page's own indices."""
        place = contents.layers.index(self.layer_index) if self.layer_index in contents.layers else 0
        here = contents.layers[place] == self.layer_index
        channel = self.channel if here and self.channel in contents.channels else None
        return {
            "image_index": contents.images.index(self.image_index) if self.image_index in contents.images else 0,
            "layer_index": place,
            "filter_index": self.filter_index if here else 0,
            "channel": channel,
            "source": self.source if self.source in contents.sources else contents.sources[0],
        }

    def _figure_closed(self, figure: LiveFigure) -> None:
        if figure in self._figures:
            self._figures = tuple(one for one in self._figures if one is not figure)
            with contextlib.suppress(ValueError):  # already taken off
                self.unobserve(figure.moved, TRAITS)

    def _close_figures(self) -> None:
        for figure in self._figures:
            figure.close()

    def _selection(self) -> Selection:
        return Selection(self.image_index, self.layer_index, self.filter_index, self.channel, self.source)

    def _shown(self) -> Shown:
        engine = self._open()
        with engine.lock:
            engine.check()
            selection = self._selection()
            assert self._pages is not None  # an open explorer has them
            moment = engine.moment(selection.image, selection.layer)
            layer_part = self._pages.layer_parts.of(moment, selection)  # which the page will want too
            return shown(moment, selection, layer_part)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and for where none can run a picture of the selection."""
        found = super()._repr_mimebundle_(**options)  # type: ignore[misc]
        bundle = found[0] if isinstance(found, tuple) else found
        wanted, unwanted = options.get("include"), options.get("exclude") or ()
        if bundle is not None and (wanted is None or "image/png" in wanted) and "image/png" not in unwanted:
            with contextlib.suppress(ValueError, RuntimeError):  # no picture; the widget says what is wrong
                bundle["image/png"] = base64.b64encode(still(self._shown())).decode()
        return found
