"""The command `filterscope diagnose`: verdicts as a report, as JSON, and as an exit code for tests of a net."""

from __future__ import annotations

import argparse
import json
import math
import warnings
from pathlib import Path
from typing import Any

from filterscope.cli.inputs import UsageError, layers_from, load_net, load_weights
from filterscope.cli.options import add_inputs, data_from
from filterscope.saved_page.output_file import OutputFile
from filterscope.text import well_formed
from filterscope.verdicts.result.diagnosis import Diagnosis
from filterscope.verdicts.result.report import FAULTS
from filterscope.verdicts.run.diagnose import diagnose

_LIMITS = ("dead", "duplicate", "noise-like", "no measurable use")
_NEEDS_ABLATION = "no measurable use"


class LimitExceeded(Exception):
    """A net has more faults than was allowed; the text says which."""


def add_diagnose_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    add_inputs(parser)
    add = parser.add_argument
    add("--count", type=int, default=1000, metavar="N", help="how many images are looked at (default 1000)")
    add("--layers", metavar="NAMES", help="which layers, by name or index with commas (default all)")
    add("--no-ablation", action="store_true", help="do not ablate filters: faster, and use is not known")
    add("--json", type=Path, metavar="FILE", help="write all verdicts and limits there, as JSON")
    for word in _LIMITS:
        add(
            f"--max-{_dashed(word)}",
            type=float,
            metavar="SHARE",
            help=f"exit with code 3 where more of a layer's filters than this share are {FAULTS[word].name}",
        )
    add("--quiet", action="store_true", help="print no report")


def _dashed(word: str) -> str:
    return "unused" if word == _NEEDS_ABLATION else word


def run_diagnose(options: argparse.Namespace) -> None:
    """Judges every filter of a net on your images, and prints one page that says what is well and what is not.

    The exit code is 3 where a layer has more faults than a limit allows. The net's own code is run to make it; its
    weights are read as numbers alone.
    """
    limits = _limits(options)
    output = None
    if options.json is not None:
        try:
            output = OutputFile(options.json)  # what is wrong with it is said before anything is computed
        except OSError as error:
            raise UsageError(str(error)) from error
    net = load_net(options.net)
    if options.weights is not None:
        load_weights(net, options.weights)
    images, transform, classes = data_from(options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if options.quiet else "default")
        diagnosis = diagnose(
            net,
            images,
            images=options.count,
            layers=layers_from(options.layers),
            ablation=not options.no_ablation,
            classes=classes,
            transform=transform,
            progress=not options.quiet,
        )
    judged = _judged(diagnosis, limits)
    if output is not None:
        with output.open() as write:
            write(json.dumps(_as_json(diagnosis, judged), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    if not options.quiet:
        print(well_formed(diagnosis.report()), end="")
    exceeded = [each for each in judged if not each["within"]]
    if exceeded:
        words = "; ".join(
            f"{each['layer']}: {each['filters']} of {each['of']} are {FAULTS[each['fault']].name}, and "
            f"--max-{_dashed(each['fault'])} allows {each['limit']:g} of them"
            for each in exceeded
        )
        raise LimitExceeded(words)


def _limits(options: argparse.Namespace) -> dict[str, float]:
    if options.count < 1:
        raise UsageError(f"--count is {options.count}; give 1 or more")
    limits = {}
    for word in _LIMITS:
        value = getattr(options, f"max_{_dashed(word).replace('-', '_')}")
        if value is None:
            continue
        if not 0 <= value <= 1:
            raise UsageError(f"--max-{_dashed(word)} is {value:g}; give a share from 0 to 1, 0.1 for a tenth")
        if word == _NEEDS_ABLATION and options.no_ablation:
            raise UsageError("--max-unused needs what the net loses without each filter; leave --no-ablation out")
        limits[word] = value
    return limits


def _judged(diagnosis: Diagnosis, limits: dict[str, float]) -> list[dict[str, Any]]:
    """Each limit for each layer, and whether it holds."""
    judged = []
    for word, limit in limits.items():
        for layer in diagnosis.layers:
            verdicts = diagnosis.of_layer(layer)
            count = sum(map(FAULTS[word].holds, verdicts))
            judged.append(
                {
                    "fault": word,
                    "layer": layer,
                    "filters": count,
                    "of": len(verdicts),
                    "limit": limit,
                    "within": count <= limit * len(verdicts),
                }
            )
    return judged


def _as_json(diagnosis: Diagnosis, judged: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "knowledge": diagnosis.knowledge,
        "notes": list(diagnosis.notes),
        "images": diagnosis.images,
        "ablated": diagnosis.ablated,
        "fingerprint": diagnosis.fingerprint,
        "layers": {layer: diagnosis.summary(layer) for layer in diagnosis.layers},
        "limits": judged,
        "filters": [{name: _plain(value) for name, value in row.items()} for row in diagnosis.rows()],
    }


def _plain(value: Any) -> Any:
    """A value that JSON has: numbers that were not measured are null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value
