"""Diagnoses of the demo net, and whether two of them say the same."""

import numpy as np
import pytest

from filterscope import demo, diagnose

DATA = demo.fashion_test_data()
COLUMNS = {
    *(
        "layer",
        "filter",
        "structure",
        "p_structured",
        "p_noise",
        "noise_score",
        "state",
        "duplicate_of",
        "mirror_of",
        "use",
    ),
    *("taylor", "delta_loss", "ci_low", "ci_high", "template", "name", "match", "p_template", "images"),
}


def look(net, data=DATA, images=200, **options):
    return diagnose(net, data, images=images, progress=False, **options)


def same(one, other):
    """Whether two diagnoses say the same, to rounding."""
    for left, right in zip(one.rows(), other.rows(), strict=True):
        for name, value in left.items():
            if isinstance(value, float):
                # What a copy costs follows from how it differs from its partner: a small difference of large numbers.
                # And where a score lies between two of random filters, rounding tells between which two.
                # Next to no probability moves an estimated rise by its own rounding.
                rounding = {"merge_cost": 1e-5, "estimated_rise": 1e-5, "p_training": 1e-3}.get(name, 1e-7)
                assert value == pytest.approx(right[name], rel=1e-4, abs=rounding, nan_ok=True), name
            elif name != "sentence":
                assert value == right[name], name
    return True


def bytes_of(diagnosis):
    """All sums behind a diagnosis and all that it says, to the byte."""
    sums = diagnosis.examination
    names = ("statistics", "inputs", "knowledge", "ablations", "sampled", "shifts", "slopes", "joint")
    names += ("means", "not_seen", "premises")
    numbers = ("seen", "ablated", "merged", "unreadable", "unreadable_cause", "refused")
    parts: list[bytes] = []
    _feed([getattr(sums, name) for name in names + numbers], parts)
    _feed([diagnosis.rows(), diagnosis.notes, diagnosis.knowledge, diagnosis.complete], parts)
    return b"\n".join(parts)


def _feed(value, parts):
    if isinstance(value, np.ndarray):
        parts += [f"{value.dtype} {value.shape}".encode(), np.ascontiguousarray(value).tobytes()]
    elif isinstance(value, dict):
        for key in sorted(value, key=repr):
            parts.append(repr(key).encode())
            _feed(value[key], parts)
    elif isinstance(value, list | tuple):
        for each in value:
            _feed(each, parts)
    elif type(value).__module__.startswith("filterscope"):
        _feed(vars(value), parts)
    else:
        parts.append(repr(value).encode())
