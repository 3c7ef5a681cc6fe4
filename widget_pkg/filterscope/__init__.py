"""filterscope: sliders over every filter of a CNN, live in a notebook.

`Explorer(net, test_data)` in a cell shows what each filter of a convolutional network does to your own images.
"""

from __future__ import annotations

__version__ = "0.1.0"

from filterscope import demo
from filterscope.errors import NetError, SampleError
from filterscope.explorer import Explorer
from filterscope.layers import ConvLayer
from filterscope.verdicts.diagnose import diagnose
from filterscope.verdicts.diagnosis import Diagnosis
from filterscope.verdicts.running import RunningDiagnosis
from filterscope.verdicts.without import Without

__all__ = [
    "ConvLayer",
    "Diagnosis",
    "Explorer",
    "NetError",
    "RunningDiagnosis",
    "SampleError",
    "Without",
    "__version__",
    "demo",
    "diagnose",
]
