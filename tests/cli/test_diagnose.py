"""`filterscope diagnose`: its report, its JSON, its exit codes."""

import json

import pytest

from filterscope import demo, diagnose
from filterscope.cli import main as cli
from filterscope.verdicts.result.report import FAULTS

DEMO = ("--net", "filterscope.demo:fashion_net", "--data", "filterscope.demo:fashion_test_data", "--count", "60")


def call(capsys, *arguments):
    code = cli.main(["diagnose", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_a_net_within_its_limits_is_reported_and_kept_as_json(tmp_path, capsys):
    report = tmp_path / "report.json"
    code, out, _ = call(capsys, *DEMO, "--json", report, "--max-dead", 0.1, "--max-unused", 1)
    assert code == 0 and out.startswith("# 30 filters in 2 layers\n")
    assert "- **dead filters: 1** (conv2: 11)" in out and "126 of 126 planted" in out
    told = json.loads(report.read_text("utf-8"))
    direct = diagnose(demo.fashion_net(), demo.fashion_test_data(), images=60, progress=False)
    assert told["fingerprint"] == direct.fingerprint and told["ablated"] == 60
    assert [row["state"] for row in told["filters"]] == [verdict.state for verdict in direct.filters]
    assert {(each["fault"], each["layer"]): each["filters"] for each in told["limits"]}["dead", "conv2"] == 1
    assert all(each["within"] for each in told["limits"])
    assert out == direct.report()


def test_a_net_over_a_limit_ends_with_code_3_and_its_json_is_there(tmp_path, capsys):
    report = tmp_path / "report.json"
    code, out, err = call(capsys, *DEMO, "--no-ablation", "--quiet", "--json", report, "--max-dead", 0.01)
    assert (code, out) == (3, "")
    assert err == "filterscope: conv2: 1 of 20 are dead filters, and --max-dead allows 0.01 of them\n"
    assert [each["within"] for each in json.loads(report.read_text("utf-8"))["limits"]] == [True, False]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--max-dead", "2"), "--max-dead is 2; give a share from 0 to 1"),
        (("--max-unused", "0.5", "--no-ablation"), "--max-unused needs what the net loses"),
        (("--count", "0"), "--count is 0; give 1 or more"),
        (("--json", "nowhere/report.json"), "nowhere"),
    ],
)
def test_bad_options_are_code_2(tmp_path, monkeypatch, capsys, more, sentence):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *DEMO, *more)
    assert (code, out) == (2, "") and sentence in err
    assert not list(tmp_path.iterdir())


def test_every_fault_says_its_evidence_error_and_advice():
    for fault in FAULTS.values():
        assert all(len(words) > 20 for words in (fault.evidence, fault.error, fault.advice))
