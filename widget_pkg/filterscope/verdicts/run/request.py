"""What is asked about the use of filters: on how many images each is ablated, and how long that may take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

from filterscope.errors import kind_of
from filterscope.verdicts.ablation.control import FEWEST_ABLATED, FEWEST_FOR_HARMFUL
from filterscope.verdicts.ablation.linearised import LINEARISED_IMAGES

Mode = Literal["auto", "all", False]


@dataclass(frozen=True)
class AblationRequest:
    """How the use of filters is found.

    Attributes:
        mode: `"all"`: each filter is ablated on all images seen. `"auto"`: on as many as are needed beside linearised
            logits, or on all where that is quick. False: on none.
        images: With `"auto"` on how many each filter is ablated; None for as many as `seconds` allow, or a fixed few.
        seconds: With `"auto"` how long the whole diagnosis may take; None for no limit.
        first: Index of the layer whose filters are ablated first; None for the first of the net.
    """

    mode: Mode = "auto"
    images: int | None = None
    seconds: float | None = None
    first: int | None = None


def check_request(ablation: Any, ablated_images: Any = None, seconds: Any = None) -> AblationRequest:
    """What the arguments of `filterscope.diagnose` ask for.

    Raises:
        ValueError: If one does not fit, with the valid choices.
        TypeError: If a number is none.
    """
    modes: dict[Any, Mode] = {"auto": "auto", "all": "all", True: "all", False: False}
    if not isinstance(ablation, bool | str) or ablation not in modes:
        raise ValueError(
            f"ablation is {ablation!r}; choose 'auto' (each filter on as many images as are needed), 'all' (each on "
            "all images) or False (none)"
        )
    mode = modes[ablation]
    for name, value in (("ablated_images", ablated_images), ("seconds", seconds)):
        if value is None:
            continue
        if mode != "auto":
            raise ValueError(f"{name} is a budget for ablation='auto', and ablation is {ablation!r}; leave {name} out")
        if isinstance(value, bool) or not isinstance(value, Integral if name == "ablated_images" else Real):
            raise TypeError(f"{name} is {kind_of(value)}; give a number")
    if ablated_images is not None and not FEWEST_ABLATED <= ablated_images <= LINEARISED_IMAGES:
        raise ValueError(
            f"ablated_images is {ablated_images}; give {FEWEST_ABLATED} to {LINEARISED_IMAGES:,}: with fewer "
            f"nothing can be judged, from {FEWEST_FOR_HARMFUL} on a filter may be called harmful, and ablation='all' "
            "takes all images"
        )
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"seconds is {seconds!r}; give how many seconds it may take, more than 0")
    return AblationRequest(
        mode, None if ablated_images is None else int(ablated_images), None if seconds is None else float(seconds)
    )
