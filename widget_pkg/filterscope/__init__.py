"""filterscope: sliders over every filter of a CNN, live in a notebook.

`Explorer(net, test_data)` in a cell shows what each filter of a convolutional network does to your own images.
"""

from __future__ import annotations

from filterscope import demo
from filterscope._version import __version__
from filterscope.errors import CheckpointError, NetError, SampleError
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
from filterscope.session.timeline import RunningDiagnosisOverTime
from filterscope.surgery.plan import Plan, PlannedGroup
from filterscope.surgery.size import Size
from filterscope.surgery.widths import WidthCurve, WidthPoint, Widths
from filterscope.timeline.comparison import Comparison, compare
from filterscope.timeline.over_time import DiagnosisOverTime, diagnose_over_time
from filterscope.timeline.partners import LayerPartners
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
    "CheckpointError",
    "ClassEffect",
    "Comparison",
    "ConvLayer",
    "Crop",
    "Detections",
    "Diagnosis",
    "DiagnosisOverTime",
    "Effect",
    "Estimate",
    "Exemplar",
    "Exemplars",
    "Explorer",
    "FilterVerdict",
    "Histogram",
    "JointEstimate",
    "LayerPartners",
    "LayerUse",
    "Moments",
    "Name",
    "NetError",
    "Overlap",
    "Plan",
    "PlannedGroup",
    "ReceptiveField",
    "ReceptiveFields",
    "RunningDiagnosis",
    "RunningDiagnosisOverTime",
    "RunningScan",
    "SampleError",
    "Scan",
    "Score",
    "Size",
    "WidthCurve",
    "WidthPoint",
    "Widths",
    "Without",
    "__version__",
    "compare",
    "demo",
    "diagnose",
    "diagnose_over_time",
    "exemplar_figure",
    "load_scan",
    "scan",
]
