"""filterscope: sliders over every filter of a CNN, live in a notebook.

`Explorer(net, test_data)` in a cell shows what each filter of a convolutional network does to your own images.
"""

from __future__ import annotations

from filterscope import demo
from filterscope._version import __version__
from filterscope.errors import NetError, SampleError
from filterscope.figures.exemplars import exemplar_figure
from filterscope.filters.arithmetic import Arithmetic
from filterscope.nets.layers import ConvLayer
from filterscope.outputs.detections import Detections
from filterscope.outputs.score import Score
from filterscope.receptive_field.fields import Box, ReceptiveField, ReceptiveFields
from filterscope.scans.crops import Crop
from filterscope.scans.distribution import Histogram, Moments
from filterscope.scans.exemplars import Exemplar, Exemplars
from filterscope.scans.names import Name
from filterscope.scans.overlaps import Overlap
from filterscope.scans.result import Scan
from filterscope.scans.scan import load_scan, scan
from filterscope.session.running_scan import RunningScan
from filterscope.verdicts.ablation.effect_table import ClassEffect, Effect, Estimate
from filterscope.verdicts.ablation.without import Without
from filterscope.verdicts.result.diagnosis import Diagnosis
from filterscope.verdicts.result.layer_use import JointEstimate, LayerUse
from filterscope.verdicts.result.verdict import FilterVerdict
from filterscope.verdicts.run.background import RunningDiagnosis
from filterscope.verdicts.run.diagnose import diagnose
from filterscope.widget.explorer import Explorer

__all__ = [
    "Arithmetic",
    "Box",
    "ClassEffect",
    "ConvLayer",
    "Crop",
    "Detections",
    "Diagnosis",
    "Effect",
    "Estimate",
    "Exemplar",
    "Exemplars",
    "Explorer",
    "FilterVerdict",
    "Histogram",
    "JointEstimate",
    "LayerUse",
    "Moments",
    "Name",
    "NetError",
    "Overlap",
    "ReceptiveField",
    "ReceptiveFields",
    "RunningDiagnosis",
    "RunningScan",
    "SampleError",
    "Scan",
    "Score",
    "Without",
    "__version__",
    "demo",
    "diagnose",
    "exemplar_figure",
    "load_scan",
    "scan",
]
