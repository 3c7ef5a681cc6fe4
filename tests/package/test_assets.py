"""The later modules reach a page whole, by the request that the page makes."""

import os
import subprocess
import sys
from pathlib import Path

import filterscope
from filterscope.assets import asset, later_modules, module_asked_for

STATIC = Path(filterscope.__file__).parent / "static"


def test_the_later_modules_are_those_that_were_built():
    assert later_modules() == [(STATIC / name).read_text("utf-8") for name in ("panels.js", "exemplars.js")]
    assert asset("widget.js") == (STATIC / "widget.js").read_text("utf-8")


def test_where_the_frontend_is_worked_on_it_is_read_from_disk_each_time(tmp_path):
    code = """
import sys
from pathlib import Path
from filterscope import assets
assets._STATIC = Path(sys.argv[1])
copies = [assets._STATIC / name for name in ("panels.js", "exemplars.js")]
for text in ("one", "two"):
    for copy in copies:
        copy.write_text(copy.stem + text)
    assert assets.later_modules() == ["panels" + text, "exemplars" + text]
"""
    env = {**os.environ, "ANYWIDGET_HMR": "1"}
    done = subprocess.run([sys.executable, "-c", code, tmp_path], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_rooms_module_is_the_one_that_was_built():
    assert module_asked_for("lab") == (STATIC / "lab.js").read_text("utf-8")
