"""The command `filterscope`: the quick start in JupyterLab, a saved page of a net, a diagnosis of a net."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from filterscope._version import __version__
from filterscope.adapters.opening import open_net
from filterscope.cli.diagnose import LimitExceeded, add_diagnose_options, run_diagnose
from filterscope.cli.inputs import UsageError, layers_from, load_net, load_weights
from filterscope.cli.options import add_inputs, data_from
from filterscope.engine.engine import Engine
from filterscope.filters.response import SOURCES
from filterscope.saved_page.contents import IMAGES
from filterscope.saved_page.output_file import OutputFile
from filterscope.saved_page.page import PageError
from filterscope.saved_page.parts import PRECISIONS
from filterscope.saved_page.save import save_html
from filterscope.session.session import Session
from filterscope.text import well_formed

_PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel they lie among its own files, in a checkout in their folder.
_NOTEBOOK_FOLDERS = (_PACKAGE / "demo_files" / "notebooks", _PACKAGE.parents[1] / "demo_notebooks")
NOTEBOOKS = ("01_first_look.ipynb", "02_course_notebook.ipynb")

# What `save_html` calls by its keywords.
_WAYS = {
    "images": "a smaller --count",
    "layers": "fewer --layers",
    "channels": "no --channels",
    "sources": "one --source",
    "precision": "--precision 8",
    "limit_mb": "a larger --limit-mb",
}


class CommandError(Exception):
    """What was asked for cannot be done; its text says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line's arguments, without the program's name; None for the process's own.

    Returns:
        The exit code: 0 where it was done, 1 where it failed, 2 where the arguments make no sense, 3 where a net has
        more faults than a limit allows.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LimitExceeded as error:
        return _fail(str(error), 3)
    except UsageError as error:
        return _fail(f"{error}\nfilterscope {options.command} --help names the options.", 2)
    except KeyboardInterrupt:
        return _fail("stopped; nothing was written.", 130)
    except (CommandError, ValueError, TypeError, OSError, RuntimeError) as error:
        return _fail(str(error), 1)
    return 0


def _fail(sentence: str, code: int) -> int:
    print(f"filterscope: {_printable(sentence)}", file=sys.stderr)
    return code


def _printable(text: str) -> str:
    """Text for a terminal, to which control characters, in the names of a file's weights say, are commands."""
    return re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", lambda control: f"\\x{ord(control[0]):02x}", well_formed(text))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="filterscope", description="What every filter of a CNN looks for, and what it does to real images."
    )
    parser.add_argument("--version", action="version", version=f"filterscope {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    demo = commands.add_parser("demo", help="open the quick start in JupyterLab", description=_demo.__doc__)
    demo.add_argument("folder", nargs="?", type=Path, default=Path("filterscope-demo"), help="where the notebooks go")
    demo.add_argument("--copy-only", action="store_true", help="copy the notebooks, and open nothing")
    demo.set_defaults(run=_demo)
    html = commands.add_parser(
        "html",
        help="save one page that shows a net on your images, without Python",
        description=_html.__doc__,
        epilog="Example: filterscope html --net my_nets:make_net --weights net.pt --images photographs out.html",
    )
    _add_html_options(html)
    html.set_defaults(run=_html)
    diagnose = commands.add_parser(
        "diagnose",
        help="judge every filter of a net, for a report or a test of the net",
        description=run_diagnose.__doc__,
        epilog="Example: filterscope diagnose --net my_nets:make_net --weights net.pt --data photos --max-dead 0.1",
    )
    add_diagnose_options(diagnose)
    diagnose.set_defaults(run=run_diagnose)
    return parser


def _add_html_options(html: argparse.ArgumentParser) -> None:
    add = html.add_argument
    add("out", type=Path, help="the page to write, out.html; a pipe or device as well, /dev/stdout")
    add_inputs(html)
    add("--count", type=int, default=IMAGES, metavar="N", help=f"how many images are saved (default {IMAGES})")
    add("--layers", metavar="NAMES", help="which layers, by name or index with commas (default all)")
    add("--channels", metavar="all|NUMBERS", help="single input channels to save, beside all of them summed")
    add("--source", choices=SOURCES, help="what filter2D runs over (default both)")
    add("--precision", type=int, choices=PRECISIONS, default=8, help="bits a value (default 8)")
    add("--limit-mb", type=float, default=50.0, metavar="MB", help="how large the page may be (default 50)")
    add("--title", help="the page's title (default the net's class)")
    add("--quiet", action="store_true", help="say nothing but errors")


def _demo(options: argparse.Namespace) -> None:
    """Copies the quick start's notebooks into a folder, and opens the first in JupyterLab.

    A notebook that is there already stays as it is.
    """
    source = next((folder for folder in _NOTEBOOK_FOLDERS if (folder / NOTEBOOKS[0]).is_file()), None)
    if source is None:
        raise CommandError("this installation lacks its notebooks; install filterscope anew")
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in NOTEBOOKS:
        if not (options.folder / name).exists():
            with OutputFile(options.folder / name).open() as write:  # half of one would be taken for a complete one
                write((source / name).read_text("utf-8"))
    first = options.folder / NOTEBOOKS[0]
    print(first)
    if options.copy_only:
        return
    lab = subprocess.run([sys.executable, "-c", "import jupyterlab"], capture_output=True)
    if lab.returncode:
        raise CommandError(f"JupyterLab is not installed: pip install jupyterlab, or open {first} in your own notebook")
    command = [sys.executable, "-m", "jupyterlab", str(first)]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    status = subprocess.run(command).returncode
    if status:
        raise CommandError(f"JupyterLab ended with exit status {status}; the lines above say why")


def _html(options: argparse.Namespace) -> None:
    """Saves one page that shows a net on your images: it opens in any browser, without Python and without a network.

    The net's own code is run to make it; its weights are read as numbers alone.
    """
    try:
        output = OutputFile(options.out)  # what is wrong with it is said before anything is computed
    except OSError as error:
        raise UsageError(str(error)) from error
    if options.count < 1:
        raise UsageError(f"--count is {options.count}; give 1 or more")
    net = load_net(options.net)
    if options.weights is not None:
        load_weights(net, options.weights)
    session = _session(options, net)
    try:
        path = save_html(
            session,
            options.out,
            images=slice(options.count),
            layers=layers_from(options.layers),
            channels=_channels(options.channels),
            sources=options.source or SOURCES,
            precision=options.precision,
            limit_mb=options.limit_mb,
            title=options.title,
            progress=not options.quiet,
        )
    except PageError as error:
        raise CommandError(error.advising(_WAYS)) from error
    finally:
        session.close()
    if not options.quiet and output.is_regular:  # the page may be what the standard output is for
        print(f"{_printable(str(path))}: {path.stat().st_size / 1e6:.2f} MB")


def _session(options: argparse.Namespace, net: nn.Module) -> Session:
    images, transform, classes = data_from(options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if options.quiet else "default")
        opened = open_net(net, images, classes=classes, transform=transform)
        return Session(Engine(opened.net, opened.source, forward=opened.forward))


def _channels(text: str | None) -> Any:
    if text is None or text == "all":
        return text
    try:
        return [int(channel) for channel in text.split(",")]
    except ValueError:
        raise UsageError(f"--channels is {text!r}; give numbers with commas, 0,3, or all") from None


if __name__ == "__main__":
    sys.exit(main())
