"""Diagnoses of the demo net, and whether two of them say the same."""

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
                rounding = 1e-5 if name == "merge_cost" else 1e-7
                assert value == pytest.approx(right[name], rel=1e-4, abs=rounding, nan_ok=True), name
            elif name != "sentence":
                assert value == right[name], name
    return True
