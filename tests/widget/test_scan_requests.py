"""What pages are answered about scans: how far one is, a filter's exemplars with their pixels, and its distribution."""

import json
import threading
import time

import numpy as np
import pytest
import torch

from filterscope import Explorer, demo, wire
from filterscope.frames.exemplars import BINS
from filterscope.verdicts.run.task import Task
from nets import images, seeded
from scan_cases import Breaks, small_data, small_net

DATA = demo.fashion_test_data()
KINDS = ("top", "bottom", "typical", "class")


class Page:
    """Asks an explorer as a page does, and again while something is being cut."""

    def __init__(self, explorer):
        self.handlers = explorer.pages.requests.handlers

    def ask(self, name, **args):
        content, buffers = wire.answer({"kind": "request", "id": "page-1", "name": name, "args": args}, self.handlers)
        json.dumps(content, allow_nan=False)
        if "error" in content:
            return content["error"]
        dtypes = {"float32": np.float32, "uint8": np.uint8}
        tensors = [
            np.frombuffer(buffer, dtypes[head["dtype"]]).reshape(head["shape"])
            for head, buffer in zip(content["tensors"], buffers, strict=True)
        ]
        return self._filled(content["body"], tensors)

    def _filled(self, value, tensors):
        if isinstance(value, dict):
            if value.keys() == {"tensor"}:
                return tensors[value["tensor"]]
            filled = {name: self._filled(part, tensors) for name, part in value.items()}
            return filled | ({"tensor": tensors[value["tensor"]]} if "tensor" in value else {})
        return [self._filled(part, tensors) for part in value] if isinstance(value, list) else value

    def cut(self, name="exemplars", **args):
        end = time.monotonic() + 300
        while (answer := self.ask(name, **args)).get("status") == "running":
            assert time.monotonic() < end
        return answer


def groups_of(answer):
    """The groups of an answer, each crop with its value and its pixels."""
    groups, crops, start = [], iter(zip(answer["crops"], answer["values"].tolist(), strict=True)), 0
    for group in answer["groups"]:
        items = []
        for _ in range(group["count"]):
            crop, value = next(crops)
            size = int(np.prod(crop["shape"]))
            pixels = answer["pixels"][start : start + size].reshape(crop["shape"])
            items.append((crop, value, pixels))
            start += size
        groups.append((group["label"], items))
    assert start == len(answer["pixels"])
    return groups


def levels(pixels):
    flat = np.floor(pixels * 255 + 0.5).astype(np.uint8)
    return flat if flat.ndim == 3 else flat[:, :, None]


@pytest.fixture(name="explorer", scope="module")
def scanned():
    explorer = Explorer(demo.fashion_net(), DATA, layer_index=1)
    explorer.scan(600).wait()
    yield explorer
    explorer.close()


# How far it is


def test_nothing_is_known_before_somebody_asks():
    explorer = Explorer(small_net(), small_data())
    page = Page(explorer)
    answer = page.ask("scans", layer=1)
    assert answer["status"] == "none" and not answer["fits"] and answer["images_in_all"] == 60
    for name, args in (("exemplars", {"kind": "top"}), ("distribution", {}), ("best_crops", {"filters": [0]})):
        message = page.ask(name, layer=1, filter=0, **args)["message"]
        assert message == "nothing is known of conv2 yet; start a scan of it"
    assert explorer.newest_scan is None
    explorer.close()


def test_a_page_begins_follows_and_cancels_a_scan():
    explorer = Explorer(small_net(), small_data())
    page = Page(explorer)
    explorer.session.engine.moved = time.monotonic() + 1000  # so that it stays where it is
    begun = page.ask("scan", layer=1, images=None)
    assert begun["status"] == "running" and begun["asked"] == 60 and begun["images"] == 0
    assert page.ask("cancel_scan", layer=1)["status"] in ("running", "cancelled")
    explorer.newest_scan.wait()
    assert page.ask("scans", layer=1)["status"] == "cancelled"
    explorer.session.engine.moved = 0.0
    page.ask("scan", layer=1, images=20, only_this_layer=True)
    explorer.newest_scan.wait()
    ended = page.ask("scans", layer=1)
    assert (ended["status"], ended["images"], ended["fits"], ended["maps"]) == ("done", 20, True, "activation")
    assert page.ask("scans", layer=0)["fits"] is False
    assert page.ask("scan", layer=1, images=0)["message"].startswith("images is 0; give how many, 1 or more")
    assert page.ask("scans", layer=1)["number"] == ended["number"]
    explorer.close()


def test_a_scan_of_earlier_weights_is_said():
    net = small_net()
    explorer = Explorer(net, small_data())
    explorer.scan().wait()
    page = Page(explorer)
    assert page.ask("scans", layer=0)["earlier"] is False
    with torch.no_grad():
        net.conv1.bias.add_(1)
    explorer.select(image=1)
    assert page.ask("scans", layer=0)["earlier"] is True
    explorer.close()


def test_pages_are_told_of_a_scan_that_python_begins(explorer, monkeypatch):
    sent = []
    monkeypatch.setattr(explorer, "send", lambda content, buffers=None: sent.append(content))
    other = Explorer(small_net(), small_data())
    monkeypatch.setattr(other, "send", lambda content, buffers=None: sent.append(content))
    other.scan().wait()
    assert sent == [{"kind": "scans"}]
    other.close()


# What drives a filter


def expected(found, kind, layer, number):
    if kind == "typical":
        return [(None, group.fold()) for group in found.typical(layer, number, 5)]
    if kind == "class":
        return [(name, group.fold()[:4]) for name, group in found.by_class(layer, number, k=12).items()]
    end = found.top if kind == "top" else found.bottom
    return [(None, end(layer, number, 36).fold()[:12])]


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_the_exemplars_are_pythons_to_the_pixel(explorer, kind, layer):
    found, page = explorer.newest_scan, Page(explorer)
    for number in (0, 3, 7):
        answer = page.cut(layer=layer, filter=number, kind=kind)
        assert (answer["layer"], answer["filter"], answer["kind"], answer["number"]) == (
            *(layer, number, kind, found.version),
        )
        for (label, items), (name, exemplars) in zip(
            groups_of(answer), expected(found, kind, layer, number), strict=True
        ):
            assert label == name and len(items) == len(exemplars)
            for (crop, value, pixels), one in zip(items, exemplars, strict=True):
                cut = one.crop()
                assert (crop["image"], value, crop["position"]) == (one.image, one.value, list(one.position))
                assert (crop["label"], crop["copies"], crop["status"]) == (one.label, one.copies, cut.status)
                assert crop["predicted"] == explorer.session.engine.classes[one.predicted]
                assert crop["box"] == [cut.box.top, cut.box.left, cut.box.bottom, cut.box.right]
                assert crop["centre"] == list(cut.centre) and crop["error"] is None and crop["whole"] is False
                np.testing.assert_array_equal(pixels, levels(cut.pixels))


def test_copies_stand_on_the_wall_once_with_their_number():
    originals = [DATA[index] for index in range(0, 4000, 100)]
    copies = [(image * 0.9, label) for image, label in originals]
    explorer = Explorer(demo.fashion_net(), originals + copies + copies)
    explorer.scan().wait()
    page = Page(explorer)
    for kind, least in (("top", 12), ("class", 4)):
        crops = page.cut(layer=0, filter=0, kind=kind)["crops"]
        assert len(crops) >= least
        assert {crop["copies"] for crop in crops} >= {3} or kind == "class"
        assert any(crop["copies"] > 1 for crop in crops)
    explorer.close()


def test_the_images_of_a_bar_are_in_its_bin_and_class(explorer):
    found, page = explorer.newest_scan, Page(explorer)
    told = page.cut("distribution", layer=1, filter=3)
    assert told["counts"].shape == (11, BINS) and told["edges"].shape == (BINS + 1,)
    for row, place in enumerate(told["rows"]):
        for bin in range(0, BINS, 5):
            answer = page.cut(layer=1, filter=3, kind="bin", bin=bin, label=place["label"])
            count = int(told["counts"][row, bin])
            assert (len(answer["crops"]) > 0) == (count > 0)
            assert sum(crop["copies"] for crop in answer["crops"]) == min(count, 12)
            exemplars = found.in_bin("conv2", 3, bin, BINS, place["label"], 12)
            assert {crop["image"] for crop in answer["crops"]} <= set(exemplars.images.tolist())


def test_the_distribution_is_pythons(explorer):
    found, page = explorer.newest_scan, Page(explorer)
    for layer, number in ((0, 2), (1, 13)):
        told = page.cut("distribution", layer=layer, filter=number)
        histogram, moments = found.histogram(layer, number, BINS), found.moments(layer, number)
        np.testing.assert_array_equal(told["counts"][0], histogram.counts)
        np.testing.assert_array_equal(told["edges"], histogram.edges.astype(np.float32))
        assert [row["label"] for row in told["rows"]] == [None, *found.classes] and told["classes"] == 10
        for row, counts in zip(told["rows"], told["counts"], strict=True):
            one = moments[row["label"]]
            assert (row["images"], row["fires"], row["mean"]) == (one.images, one.fires, one.mean)
            assert row["label"] is None or (counts == histogram.by_class[row["label"]]).all()
        assert told["mean_map"]["tensor"].shape == found.mean_map(layer, number).shape and told["why"] == ""
        low, high = (told["mean_map"]["ranges"][0][name] for name in ("minimum", "maximum"))
        assert (low, high) == (found.mean_map(layer, number).min(), found.mean_map(layer, number).max())


def test_the_best_crop_of_each_filter_is_the_first_of_its_top(explorer):
    found, page = explorer.newest_scan, Page(explorer)
    answer = page.cut("best_crops", layer=1, filters=[4, 0, 19])
    for number, (_, items) in zip([4, 0, 19], groups_of(answer), strict=True):
        ((crop, value, pixels),) = items
        best = found.top("conv2", number, 1)[0]
        assert (crop["image"], value) == (best.image, best.value)
        np.testing.assert_array_equal(pixels, levels(best.crop().pixels))


def test_a_filter_of_which_nothing_is_known_has_no_crop():
    class Nothing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return self.conv(x) * torch.tensor([1.0, torch.nan])[None, :, None, None]

    explorer = Explorer(seeded(Nothing), [(image, 0) for image in images(8, 1, 9, 9)])
    net = explorer.session.engine.net
    with torch.no_grad():
        net.conv.weight[1] = torch.nan
    explorer.refresh()
    explorer.scan().wait()
    page = Page(explorer)
    assert page.cut(layer=0, filter=1, kind="top")["crops"] == []
    told = page.cut("distribution", layer=0, filter=1)
    assert told["nan"] == 8 and told["mean_map"] is None and "no finite map" in told["why"]
    best = page.cut("best_crops", layer=0, filters=[0, 1])
    assert [group["count"] for group in best["groups"]] == [1, 0] and len(best["crops"]) == 1
    explorer.close()


def test_an_image_that_cannot_be_read_any_more_says_so():
    data = Breaks(())
    explorer = Explorer(small_net(), data)
    best = explorer.scan().wait().top("conv1", 0, 1)[0].image
    data.broken = (best,)
    answer = Page(explorer).cut("best_crops", layer=0, filters=[0])
    (crop,) = answer["crops"]
    assert crop["image"] == best and crop["error"].endswith(f"image {best} is gone") and crop["shape"] == [0, 0, 1]
    assert len(answer["pixels"]) == 0
    explorer.close()


# Beside the person


def test_what_was_cut_is_kept_until_nobody_looks(explorer, monkeypatch):
    page = Page(explorer)
    first = page.cut(layer=1, filter=5, kind="top")
    monkeypatch.setattr("filterscope.widget.scan_requests.exemplar_groups", lambda *args: pytest.fail("cut again"))
    again = page.ask("exemplars", layer=1, filter=5, kind="top")
    assert again["status"] == "done" and again["crops"] == first["crops"]
    explorer.pages._scans.sleep()
    assert len(explorer.pages._scans._cut) == 0


def test_a_newer_question_ends_the_work_on_an_older_one(monkeypatch):
    explorer = Explorer(small_net(), small_data())
    explorer.scan().wait()
    began, go_on = threading.Event(), threading.Event()
    read = explorer.session.engine.samples.read

    def slow(image):
        if threading.current_thread().name == "filterscope crops":
            began.set()
            assert go_on.wait(300)
        return read(image)

    monkeypatch.setattr(explorer.session.engine.samples, "read", slow)
    page = Page(explorer)
    assert page.ask("exemplars", layer=0, filter=0, kind="top")["status"] == "running"
    assert began.wait(300)
    first = explorer.pages._scans._cutting["exemplars"][1]
    assert page.ask("exemplars", layer=0, filter=0, kind="top")["status"] == "running"
    assert explorer.pages._scans._cutting["exemplars"][1] is first and not first.cancelled.is_set()
    page.ask("exemplars", layer=0, filter=1, kind="top")
    assert first.cancelled.is_set()
    go_on.set()
    assert page.cut(layer=0, filter=1, kind="top")["filter"] == 1
    assert first.wait(300) and not any(key[3] == 0 for key in explorer.pages._scans._cut)
    explorer.close()


def test_while_somebody_waits_for_a_picture_nothing_is_cut(monkeypatch):
    explorer = Explorer(small_net(), small_data())
    explorer.scan().wait()
    waits = [True]
    requests = explorer.pages._scans
    requests._someone_waits = lambda: waits[0]
    page = Page(explorer)
    checks = []
    monkeypatch.setattr(Task, "check", lambda task, check=Task.check: (checks.append(1), check(task))[1])
    assert page.ask("exemplars", layer=0, filter=0, kind="top")["status"] == "running"
    task = requests._cutting["exemplars"][1]
    while not checks:
        assert not task.wait(0.01)
    assert not task.wait(0.2)
    waits[0] = False
    assert task.wait(300) and page.cut(layer=0, filter=0, kind="top")["crops"]
    explorer.close()


def test_closed_it_cuts_no_more():
    explorer = Explorer(small_net(), small_data())
    explorer.scan().wait()
    requests = explorer.pages._scans
    requests._someone_waits = lambda: True
    Page(explorer).ask("exemplars", layer=0, filter=0, kind="top")
    task = requests._cutting["exemplars"][1]
    explorer.close()
    assert task.done


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("scans", {"layer": 2}, "layer is 2; this net has convolutions 0 … 1"),
        ("scan", {"layer": None}, "layer is None; this net has convolutions 0 … 1"),
        ("exemplars", {"layer": 1, "filter": 20, "kind": "top"}, "filter is 20; conv2 has filters 0 … 19"),
        ("exemplars", {"layer": 1, "filter": 0, "kind": "best"}, "kind is 'best'; choose 'top', 'bottom', 'typical'"),
        ("exemplars", {"layer": 1, "filter": 0, "kind": "bin"}, "bin is None; this histogram has bins 0 … 23"),
        ("exemplars", {"layer": 1, "filter": 0, "kind": "bin", "bin": 24}, "bin is 24; this histogram has bins"),
        ("exemplars", {"layer": 1, "filter": 0, "kind": "bin", "bin": 0, "label": "Cat"}, "label is 'Cat'; this scan"),
        ("exemplars", {"layer": 1, "filter": 0, "kind": "bin", "bin": 0, "label": []}, "label is []; this scan has"),
        ("distribution", {"layer": 1, "filter": -1}, "filter is -1; conv2 has filters 0 … 19"),
        ("best_crops", {"layer": 1, "filters": [30]}, "filters is 30; conv2 has filters 0 … 19"),
        ("best_crops", {"layer": 1, "filters": []}, "filters is empty"),
    ],
)
def test_a_wrong_question_is_answered_with_a_sentence(explorer, name, args, sentence):
    assert sentence in Page(explorer).ask(name, **args)["message"]


def test_no_more_filters_than_a_message_holds():
    explorer = Explorer(torch.nn.Conv2d(1, 40, 3), [(image, 0) for image in images(4, 1, 9, 9)])
    explorer.scan().wait()
    page = Page(explorer)
    assert "at most 32 at a time" in page.ask("best_crops", layer=0, filters=list(range(33)))["message"]
    assert len(page.cut("best_crops", layer=0, filters=list(range(8, 40)))["crops"]) == 32
    explorer.close()
