"""The demo in a notebook, and what a person reads and does there."""

import numpy as np

DEMO = """
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer
"""


PICTURES = ("image", "kernel", "response", "activation")


THEMES = ("JupyterLab Light", "JupyterLab Dark")


def open_demo(lab, **selection):
    """The demo at that selection, with all that the page asks for by itself; returns notebook and the widget's root."""
    notebook = lab.open([DEMO])
    notebook.python(f"explorer.select(**{selection!r}); None")
    notebook.ready()
    image, layer, filter = notebook.python("[explorer.image_index, explorer.layer_index, explorer.filter_index]")
    notebook.ready(image=image, layer=layer, filter=filter)
    return notebook, notebook.settled()


def set_width(notebook, width):
    """Makes the widget this wide, and waits until its strip has the images that there is room for."""
    lay_out(notebook, width)
    notebook.settled()


def lay_out(notebook, width):
    """Makes the widget this wide, and waits until it is laid out anew."""
    notebook.widget().evaluate("(e, width) => { e.style.width = `${width}px` }", width)
    notebook.laid_out()


def at_pixel(notebook, view, row, column):
    """Where a value is drawn, in CSS pixels from the canvas's corner."""
    canvas = notebook.canvas(view)
    columns, rows, width, height = canvas.evaluate("e => [e.width, e.height, e.clientWidth, e.clientHeight]")
    return {"x": (column + 0.5) * width / columns, "y": (row + 0.5) * height / rows}


def boxes(*locators):
    """Where each of them is, all at one moment: x, y, width and height in CSS pixels."""
    first, *others = [locator.element_handle() for locator in locators]
    of_all = """(first, others) => [first, ...others].map(one => {
        const {x, y, width, height} = one.getBoundingClientRect();
        return {x, y, width, height};
    })"""
    return first.evaluate(of_all, others)


def readout(notebook, view):
    """The two parts of the line under a picture: where, and what is there."""
    line = notebook.widget().locator(f".fs-{view} .fs-readout")
    return [part.strip() for part in line.locator("span").all_inner_texts()]


def as_number(text):
    return np.float32(text.replace("−", "-"))
