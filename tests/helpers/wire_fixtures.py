"""What `tests/wire/*.json` hold: the rules that live in Python and in TypeScript, as Python has them.

`js/test/wire/*.test.ts` reads these files and finds that TypeScript's rule gives the same. All values are exact in
float32 (nets have weights of few bits), so that they are the same on every machine. JSON has no NaN and no infinity:
they stand as strings that JavaScript's `Number` reads.
"""

import base64
import math
import time
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from fields import Net, point
from filterscope import scan, wire
from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.figures import palette, scene
from filterscope.filters.slices import slice_of
from filterscope.filters.value_range import encode, encode_finely, join, value_range
from filterscope.frames import frame, layer_picture
from filterscope.frames.exemplars import (
    NOTHING_CUT,
    build_distribution,
    build_exemplars,
    build_scans,
    exemplar_groups,
)
from filterscope.frames.lab import build_filter
from filterscope.frames.outline import outline
from filterscope.frames.pictures import PICTURES
from filterscope.frames.positions import build_arithmetic, build_fields
from filterscope.frames.strip import build_strip
from filterscope.frames.verdicts import build_filter_effects, build_verdicts
from filterscope.session.label_table import LabelTable
from filterscope.session.positions import Positions
from filterscope.session.selection import Selection, fitted
from filterscope.session.session import Session
from filterscope.session.survey import Survey
from filterscope.verdicts.ablation.filter_effects import FilterEffects
from filterscope.verdicts.result.verdict import FilterVerdict
from filterscope.verdicts.run.task import TaskProgress
from filterscope.verdicts.weights.naming import NO_PATTERN
from nets import TwoConvs, seeded
from scan_cases import small_data, small_net

# Codes, ranges, colours


def plain(value):
    """For JSON: numbers that it lacks as strings."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, float | np.floating):
        number = float(value)
        return "NaN" if math.isnan(number) else number if math.isfinite(number) else f"{'-' * (number < 0)}Infinity"
    return int(value) if isinstance(value, np.integer) else value


SCATTERED = np.arange(24) * 37 % 101 / 13
VALUES = {
    "signed": SCATTERED - 3.5,
    "not negative": SCATTERED,
    "negative": -SCATTERED[:12] - 1,
    "halves between two codes": [*(np.arange(0, 252, 4) + 0.5), 0, 252],
    "one value": [0.3] * 4,
    "zeros": [0.0] * 3,
    "one negative value": [-2.5],
    "with what is not finite": [np.nan, -1.5, np.inf, 0.25, -np.inf, np.nan, 0.0],
    "one value and NaN": [2.0, np.nan, 2.0],
    "nothing finite": [np.nan, np.inf, -np.inf],
    "very small": [1e-45, 3e-42, -7e-41],
    "very large": [3.4e38, -1.2e38, 0.0],
}


def codes():
    arrays = {name: np.float32(values) for name, values in VALUES.items()}
    ranges = {name: value_range(values) for name, values in arrays.items()}
    together = [["signed", "not negative"], ["one value", "one value"], ["zeros", "nothing finite"], list(arrays)]
    return {
        "cases": [
            {
                "name": name,
                "values": values,
                "range": vars(ranges[name]),
                "codes": encode(values, ranges[name]),
                "fine": encode_finely(values, ranges[name]),
            }
            for name, values in arrays.items()
        ],
        "beyond": {
            "values": arrays["signed"],
            "low": -0.5,
            "high": 0.5,
            "codes": encode(arrays["signed"], value_range(np.float32([-0.5, 0.5]))),
        },
        "joined": [{"names": names, "range": vars(join([ranges[name] for name in names]))} for names in together],
    }


def colours():
    return {
        "lookups": {
            name: base64.b64encode(palette.lookup(name).tobytes()).decode()
            for name in ("sequential", "diverging", "gray")
        },
        "signed": palette.palette_for(True),
        "unsigned": palette.palette_for(False),
    }


def mosaics():
    cases = []
    for n, height, width in [
        (1, 3, 3),
        (4, 3, 3),
        (10, 3, 3),
        (16, 1, 3),
        (12, 7, 1),
        (2, 1, 9),
        (5, 2, 4),
        (27, 5, 5),
    ]:
        tiles = np.arange(n, dtype=np.float32)[:, None, None] + np.zeros((n, height, width), np.float32)
        values, empty = scene.mosaic(tiles)
        drawn = np.where(empty, -1, values).astype(int)
        cases.append({"n": n, "height": height, "width": width, "shape": list(values.shape), "tiles": drawn})
    return {"cases": cases}


# Words


def words():
    numbers = [
        *(0, 1, -1, 0.5, 2 / 3, -0.44512, 12.345, 999.4, 999.5, 999.6, 1000, 1234.5, 1235.5, -1236.5, 99999.4, 99999.6),
        *(0.001, 0.0009996, 0.00012, 0.125, 1.125, 1.375, -2.0625, 0.0625, 125000, 135000, 1e5, -2.5e7, 3.4e38, 1e-45),
        *(math.nan, math.inf, -math.inf, 100, 10.05, 1e21, 1.5e-10),
    ]
    shares = [0, 4e-15, 0.00049, 0.0005, 0.001, 0.0031, 0.00995, 0.0099951, 0.01, 0.0123, 0.125, 0.245, 0.607, 0.995, 1]
    classes = [(None, []), ("Coat", [("Shirt", 0.6071)]), (3, [(3, 0.004)]), (None, [("a", 1.0)]), (0, [])]
    return {
        "numbers": [[value, scene.number(value)] for value in numbers],
        "percents": [[share, scene.percent(share)] for share in shares],
        "classes": [
            {
                "label": label,
                "prediction": prediction,
                "words": scene.image_words(
                    SimpleNamespace(
                        image=17, sample=SimpleNamespace(label=label), prediction=prediction, tells="classes"
                    )
                ),
            }
            for label, prediction in classes
        ],
        "no_pattern": NO_PATTERN,
        "maps": [picture.name for picture in PICTURES],
    }


# The selection and the strip


def selections():
    layers = [SimpleNamespace(out_channels=4, channels=1), SimpleNamespace(out_channels=6, channels=4)]
    return {
        "slices": [
            [depth, chosen, of, slice_of(depth, chosen, of)]
            for depth in (1, 2, 3, 5, 8)
            for of in (1, 3, 4, 7)
            for chosen in (None, *range(of))
        ],
        "layers": [{"filters": layer.out_channels, "channels": layer.channels} for layer in layers],
        "fitted": [
            {"layer": layer, "filter": chosen, "channel": channel, "fitted": fitted(layers, layer, chosen, channel)}
            for layer in (0, 1)
            for chosen in (0, 3, 4, 5)
            for channel in (None, 0, 1, 3)
        ],
    }


def matches():
    labels = ["a", "b", None, "a", "stray", "b", "a", "stray", None, "b"]
    predictions = ["a", "a", "b", None, "a", "b", "b", None, None, "b"]
    classes = ["a", "b"]  # of the net; no prediction can be right for "stray"
    table = LabelTable(len(labels))
    table.need(labels=True, predictions=True)
    for place, (label, prediction) in enumerate(zip(labels, predictions, strict=True)):
        table.note_label(place, label)
        table.note_prediction(place, prediction)
    pairs = zip(labels, predictions, strict=True)
    return {
        "labels": labels,
        # As a strip sends them.
        "predicted": [prediction if label is None or label in classes else None for label, prediction in pairs],
        "cases": [
            {"class": label, "outcome": outcome, "places": table.matching(label, outcome, classes.__contains__)}
            for label in (None, "a", "b", "stray", "c")
            for outcome in (None, "right", "wrong")
        ],
    }


# Messages as they are sent


def sent(name, body):
    """A reply as it goes over the wire, and the arrays of its body by the paths under which the page has them."""
    content, buffers = wire.reply("page-7", name, body)
    return {
        "content": content,
        "buffers": [base64.b64encode(bytes(buffer)).decode() for buffer in buffers],
        "arrays": dict(arrays_in(body)),
    }


def arrays_in(value, path=""):
    if isinstance(value, np.ndarray):
        flat = value.reshape(-1)
        told = {"values": flat} if flat.size <= 64 else {"sum": int(flat.sum(dtype=np.int64)), "first": flat[:8]}
        yield path, {"dtype": value.dtype.name, "shape": list(value.shape), **told}
    elif isinstance(value, dict):
        for key, item in value.items():
            # Codes stand where their map would; a picture has its tensor beside its ranges.
            inner = path if key == "tensor" and "encoding" not in value else f"{path}.{key}".lstrip(".")
            yield from arrays_in(item, inner)
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from arrays_in(item, f"{path}.{place}")


def exact_net():
    """Weights of few bits, and two classes that are equally likely: nothing depends on how a sum is rounded."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2))
    with torch.no_grad():
        net[0].weight.copy_((torch.arange(18.0).reshape(2, 1, 3, 3) - 8) / 4)
        net[0].bias.copy_(torch.tensor([0.5, -0.25]))
        net[3].weight.zero_()
        net[3].bias.zero_()
    return net


def exact_engine(not_finite=False):
    image = (torch.arange(25.0).reshape(1, 5, 5) % 7) / 8
    other = 1 - image
    if not_finite:
        image = image.clone()
        image[0, 0, 0], image[0, 4, 4] = math.nan, math.inf
    return Engine(exact_net(), SampleSource([(image, 1), (other, 0)], classes=["shirt", "coat"]))


def frames():
    engine = exact_engine()
    shape = engine.sample(0).image.shape
    selection = Selection(0, 0, 1)
    moment = engine.moment(0, 0)
    return {
        "describe": sent("describe", outline("1.2.3", 0, 2, shape, engine.layers)),
        "frame": sent("frame", frame.build_frame(moment, selection)),
        "held": sent("frame", frame.build_frame(moment, Selection(0, 0, 1, 0, "image", "map"), kernels_held=True)),
        "filters": sent("filters", frame.build_filters(moment, selection, [0, 1], None)),
    }


def coded_frames():
    """As codes, with values that are not finite."""
    engine = exact_engine(not_finite=True)
    moment, selection = engine.moment(0, 0), Selection(0, 0, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer_picture, "FULL_PRECISION_BYTES", 8)
        patch.setattr(frame, "_CODED_FROM", 1)
        built = frame.build_frame(moment, selection)
        filters = frame.build_filters(moment, selection, [0], frame.ranges_of(built))
    return {"frame": sent("frame", built), "filters": sent("filters", filters)}


def strips():
    engine = exact_engine()
    survey = Survey(engine)
    args = {"start": 0, "count": 1, "class": None, "outcome": None}
    deadline = time.monotonic() + 300
    try:
        while (body := build_strip(engine, survey, args))["survey"]["running"]:
            assert time.monotonic() < deadline
        held = build_strip(engine, survey, {**args, "held": body["pictures"]})
    finally:
        survey.close()
    return {"strip": sent("strip", body), "held": sent("strip", held)}


def positions():
    engine = exact_engine()
    arithmetic = Positions(engine).arithmetic(0, 0, 1, (1, 2))
    nets = {
        "behind a pool": (seeded(TwoConvs), (1, 12, 12), 1),
        "padded": (nn.Sequential(nn.Conv2d(1, 1, 3, padding=2)), (1, 4, 5), 0),
        "everywhere": (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 1, 1)), (1, 6, 7), 0),
        "turned": (Net(lambda net, x: x.transpose(2, 3)), (2, 5, 6), 0),
        "one pixel": (nn.Sequential(nn.Conv2d(1, 1, 1)), (1, 3, 3), 0),
        "signal": (nn.Sequential(nn.Conv1d(1, 1, 3, stride=2)), (1, 9), 0),
        "volume": (nn.Sequential(nn.Conv3d(1, 1, 2)), (1, 3, 3, 4), 0),
    }
    cases = []
    for name, (net, shape, layer) in nets.items():
        pointer = point(net, *shape)
        fields = pointer.fields(0, layer, 0)
        every = list(np.ndindex(*fields.shape))
        at = [
            {"position": place, **field_of(fields.at(place), len(fields.image))}
            for place in every[:: 1 + len(every) // 12]
        ]
        message = sent("fields", {"revision": 0, **build_fields(pointer, 0, layer, 0)})
        cases.append({"name": name, "sent": {**message, "arrays": {}}, "at": at})  # `at` says what is in them
    return {
        "arithmetic": sent("arithmetic", {"revision": 0, "image": 0, **build_arithmetic(0, 1, (1, 2), arithmetic)}),
        "fields": cases,
    }


def field_of(field, rank):
    def spans(box):
        return [[box.front, box.back], [box.top, box.bottom], [box.left, box.right]][3 - rank :]

    inside, theoretical = spans(field.inside), spans(field.theoretical)
    if not field.inside:
        inside = [[0, 0]] * rank
    return {"inside": inside, "theoretical": theoretical, "status": field.status, "words": str(field)}


def verdicts():
    nan = math.nan
    counts = {"images": 100, "ablated": 50, "labelled": True}
    numbers = (
        *("p_structured", "p_noise", "noise_score", "taylor", "ci_low", "ci_high", "share", "match", "p_match"),
        *("p_training", "start_distance", "start_share"),
        *("p_template", "one_pattern", "times_likelier", "fires", "class_rise", "correlation", "merge_cost"),
        "estimated_rise",
    )
    texts = ("template", "runner_up", "drives_most", "drives_least", "hurts_most")
    reasons = ("structure_reason", "training_reason", "start_reason", "state_reason", "use_reason", "name_reason")
    empty = {**dict.fromkeys(numbers, nan), **dict.fromkeys(texts), **dict.fromkeys(reasons, "")}

    def verdict(index, structure, state, use, name, delta_loss, estimate, **more):
        told = {"structure": structure, "state": state, "use": use, "name": name, "rank": None}
        told |= {"training": "can't tell", "start": "not given"}
        pair = {"duplicate_of": None, "mirror_of": None, "delta_loss": delta_loss, "estimate": estimate}
        return FilterVerdict(layer="0", filter=index, **empty, **counts, **told, **{**pair, **more})

    layer = exact_engine().layers[0]
    diagnosis = SimpleNamespace(
        filters=(
            verdict(0, "structured", "live", "used", NO_PATTERN, 0.5, 0.25),
            verdict(1, "noise-like", "dead", "withheld", None, nan, nan, mirror_of=0),
        ),
        version=3,
        done=True,
        error=None,
        cancelled=False,
        progress=TaskProgress("ablation", 50, 100, 12.5, 4.0),
        images=100,
        asked=100,
        knowledge="The net knows 2 classes.",
        notes=("A note.",),
        summary=lambda title: f"{title}: 2 filters",
    )
    return {
        "none": sent("verdicts", build_verdicts(layer, 2, None, False, -1)),
        "known": sent("verdicts", build_verdicts(layer, 2, diagnosis, False, -1)),
        "held": sent("verdicts", build_verdicts(layer, 2, diagnosis, True, 3)),
        "effects": sent(
            "filter_effects",
            build_filter_effects(
                1, 0, of_task(done=True), FilterEffects(1, 0.5, np.float32([0.75, -0.5, np.nan])), "coat"
            ),
        ),
        "effects_begun": sent("filter_effects", build_filter_effects(1, 0, of_task(done=False), None, None)),
    }


def of_task(done):
    """What a page is told of a task that leaves out filters."""
    progress = TaskProgress("filters", 3, 3, 12.5, 0.0) if done else TaskProgress("filters", 1, 3, 12.5, 0.25)
    return SimpleNamespace(done=done, error=None, progress=progress)


def scans():
    """What a page is told of a scan; all values are exact, whatever batches the images went in."""
    engine = Engine(small_net(), SampleSource(small_data()))
    found = scan(small_net(), small_data(), progress=False)
    found.version = 3
    running = SimpleNamespace(
        done=False,
        error=None,
        cancelled=False,
        progress=TaskProgress("images", 30, 60, 12.5, 2.5),
        images=30,
        asked=60,
        version=3,
        notes=(),
        identity=found.identity,
    )
    layer = engine.layers[1]
    asked = {"layer": 1, "filter": 0, "number": 3, "kind": "class", "bin": 0, "label": None}
    groups = exemplar_groups(found, 1, 0, "class", {"bin": 0, "label": None})
    return {
        "none": sent("scans", build_scans(layer, 60, False, None, False)),
        "running": sent("scans", build_scans(layer, 60, False, running, True)),
        "exemplars": sent("exemplars", {**asked, "status": "done", **build_exemplars(groups, engine.classes)}),
        "cutting": sent("exemplars", {**asked, "status": "running", **NOTHING_CUT}),
        "distribution": sent(
            "distribution",
            {"layer": 1, "filter": 0, "number": 3, "status": "done", **build_distribution(found, 1, 0)},
        ),
    }


def lab():
    """Filters in the lab, and what Python computes of each with another kernel: the page is to compute the same."""
    cases = []
    for build, image, layer, filter_index, source, channel in (
        (exact_net, (1, 5, 5), 0, 1, "input", None),
        (exact_net, (1, 5, 5), 0, 0, "image", 0),
        (padded_net, (2, 6, 5), 0, 2, "input", None),
        (padded_net, (2, 6, 5), 0, 2, "input", 1),
        (padded_net, (2, 6, 5), 0, 1, "image", None),
        (padded_net, (2, 6, 5), 1, 0, "input", None),
        (padded_net, (2, 6, 5), 2, 1, "input", None),
        (padded_net, (2, 6, 5), 2, 1, "image", 1),
        (signal_net, (1, 11), 0, 1, "input", None),
    ):
        pixels = (torch.arange(float(np.prod(image))).reshape(image) * 5 % 13 - 4) / 8
        session = Session(
            Engine(build(), SampleSource([(pixels, 0), (1 - pixels, 1)], inputs=((len(image) - 1, image[0]),)))
        )
        selection = Selection(0, layer, filter_index, channel, source)
        session.selected = lambda selection=selection: selection
        before = sent("lab", build_filter(session.lab, selection))
        old = frame.build_frame(session.engine.moment(0, layer), selection)
        kernel = np.round(np.sin(np.arange(session.kernel.size)) * 8).reshape(session.kernel.shape) / 8
        session.lab.edit(kernel, channel=None)
        new = frame.build_frame(session.engine.moment(0, layer), selection)
        cases.append(
            {
                "name": f"{build.__name__} layer {layer}, {source}, channel {'all' if channel is None else channel}",
                "lab": before,
                "frame": sent("frame", old),
                "kernel": kernel.ravel(),
                "edited": sent("frame", new),
            }
        )
    return {"cases": cases}


def padded_net():
    """Every padding mode, a stride, groups, a normalisation and other nonlinearities; weights of few bits."""
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=2, padding_mode="reflect", dilation=(1, 2)),
        nn.BatchNorm2d(4, eps=0.0),
        nn.ReLU6(),
        nn.Conv2d(4, 2, (3, 2), stride=2, padding=(1, 2), padding_mode="circular", groups=2, bias=False),
        nn.LeakyReLU(0.25),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="replicate"),
        nn.ReLU(),
    )
    with torch.no_grad():
        for module in net:
            for parameter in module.parameters():
                parameter.copy_((torch.arange(float(parameter.numel())).reshape(parameter.shape) * 7 % 9 - 4) / 8)
        net[1].running_mean.copy_(torch.tensor([0.5, -0.25, 0.0, 1.0]))
        net[1].running_var.copy_(torch.tensor([0.25, 1.0, 4.0, 1.0]))
    return net.eval()


def signal_net():
    net = nn.Sequential(nn.Conv1d(1, 2, 4, stride=2, padding=1), nn.ReLU())
    with torch.no_grad():
        net[0].weight.copy_((torch.arange(8.0).reshape(2, 1, 4) - 3) / 4)
        net[0].bias.copy_(torch.tensor([0.5, -0.25]))
    return net


def envelopes():
    """Messages without a body; and a body as text, for a saved page."""
    body = {
        "wide": np.uint16([0, 65535, 258]),
        "numbers": [np.float32([0.5, -2, np.nan])],
        "bytes": np.uint8([[1], [255]]),
        "words": "„×“",
    }
    return {
        "failure": wire.failure("page-7", "frame", ValueError("filter is 9; conv1 has filters 0 … 3"))[0],
        "skipped": wire.skipped({"id": "page-7", "name": "frame"})[0],
        "changed": wire.changed(4)[0],
        "verdicts": wire.verdicts()[0],
        "scans": wire.scans()[0],
        "refused": wire.refused("image_index is 99")[0],
        "packed": {"text": wire.packed(body), "arrays": dict(arrays_in(body)), "words": body["words"]},
    }


FIXTURES = {
    "codes": codes,
    "colours": colours,
    "mosaics": mosaics,
    "words": words,
    "selections": selections,
    "matches": matches,
    "frames": frames,
    "coded_frames": coded_frames,
    "strips": strips,
    "positions": positions,
    "verdicts": verdicts,
    "scans": scans,
    "lab": lab,
    "envelopes": envelopes,
}


def unzipped(fixture):
    """A fixture with its packed text unpacked: how well it is deflated is zlib's own affair."""
    packed = fixture.get("packed")
    if packed is None:
        return fixture
    data = zlib.decompress(base64.b64decode(packed["text"]))
    return {**fixture, "packed": {**packed, "text": data.hex()}}
