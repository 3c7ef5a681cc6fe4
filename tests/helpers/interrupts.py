"""Ctrl-C at any place of some work."""

import ast
import signal
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path


def interrupted(work: Callable[[], object], at: int, files: tuple[str, ...] = ()) -> int:
    """Does the work with Ctrl-C at one of the places where Python may raise it; how many there are.

    Places are in our own code, and in files whose paths end in one of `files`. Where a `with` is left, Python calls
    `__exit__` without looking for signals first: that line is none, unlike the first one inside of `__exit__`. Nor is a
    generator's end where nobody takes more from it: what is raised there is lost, whoever wrote the generator.
    """
    places = 0

    def trace(frame, event, argument):
        nonlocal places
        name = frame.f_code.co_filename
        if not (name.endswith(files) or "filterscope" in name) or frame.f_code.co_name == "<genexpr>":
            return None
        if event == "exception" and argument[0] is GeneratorExit:
            del frame.f_trace
            return None
        if event == "line" and frame.f_lineno in heads_of_with(name):
            return trace
        places += 1
        if places == at:
            signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return places


@cache
def heads_of_with(file: str) -> set[int]:
    """The lines of a file where contexts are entered and left."""
    tree = ast.parse(Path(file).read_text("utf-8"))
    heads = [node for node in ast.walk(tree) if isinstance(node, ast.With)]
    return {line for node in heads for line in range(node.lineno, node.items[-1].context_expr.end_lineno + 1)}
