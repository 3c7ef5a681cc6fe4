"""The table of requests: one row a name, and the order in which what waits is answered."""

import pytest

from filterscope import Explorer
from filterscope.widget.requests import Request, Requests, Urgency
from nets import TwoConvs, images, seeded


def row(name, urgency=Urgency.REST):
    return Request(name, urgency, lambda args: {"name": name})


def test_a_second_row_of_a_name_is_refused():
    with pytest.raises(ValueError, match="two rows answer the request 'frame'"):
        Requests([row("frame"), row("strip"), row("frame", Urgency.PICTURE)])


def test_the_more_urgent_goes_first_and_of_one_urgency_the_row_that_stands_first():
    requests = Requests(
        [row("b", Urgency.VERDICT), row("c", Urgency.PICTURE), row("d", Urgency.VERDICT), row("a", Urgency.PICTURE)]
    )
    assert sorted("abcd", key=requests.rank) == ["c", "a", "b", "d"]
    assert requests.handlers["b"]({}) == {"name": "b"}


def test_an_unknown_name_is_answered_at_once():
    requests = Requests([row("frame", Urgency.PICTURE), row("strip", Urgency.NEXT_MOVE)])
    assert requests.rank("nonsense") == 0 and requests.waited_for("nonsense")
    assert requests.waited_for("frame") and not requests.waited_for("strip")


def test_a_page_s_requests_in_the_order_in_which_they_are_answered():
    explorer = Explorer(seeded(TwoConvs), list(images(1, 1, 14, 14)))
    requests = explorer.pages.requests
    assert sorted(requests.handlers, key=requests.rank) == [
        *("describe", "frame", "edit_kernel", "lab_image"),
        *("panels", "module"),
        *("lab", "lab_history", "lab_changes", "lab_stages", "lab_spectrum", "lab_geometry", "lab_quiz"),
        *("arithmetic", "input", "effective"),
        *("comparison", "comparison_pair"),
        *("prediction", "filters"),
        *("fields", "prefetch", "strip", "timeline_strip"),
        *("lab_occlusion", "lab_effect"),
        *("diagnose", "cancel_diagnosis", "without", "verdicts", "verdict", "effect", "filter_effects"),
        *("scan", "cancel_scan", "scans", "distribution", "exemplars", "best_crops"),
        *("tray", "tray_order", "tray_plan", "tray_widths", "tray_compare"),
        *("timeline", "judge_timeline", "cancel_timeline", "comparison_swaps"),
    ]
    waited_for = {name for name in requests.handlers if requests.waited_for(name)}
    assert waited_for == {"describe", "frame", "edit_kernel", "lab_image"}
    explorer.close()
