"""The second module reaches a page whole, by the request that the page makes."""

import os
import subprocess
import sys
from pathlib import Path

import filterscope
from filterscope.assets import asset, panels_module

STATIC = Path(filterscope.__file__).parent / "static"


def test_the_second_module_is_the_one_that_was_built():
    assert panels_module() == (STATIC / "panels.js").read_text("utf-8")
    assert asset("widget.js") == (STATIC / "widget.js").read_text("utf-8")


def test_where_the_frontend_is_worked_on_it_is_read_from_disk_each_time(tmp_path):
    code = """
import sys
from pathlib import Path
from filterscope import assets
assets._STATIC = Path(sys.argv[1])
copy = assets._STATIC / "panels.js"
copy.write_text("one")
assert assets.panels_module() == "one", assets.panels_module()[:50]
copy.write_text("two")
assert assets.panels_module() == "two"
"""
    env = {**os.environ, "ANYWIDGET_HMR": "1"}
    done = subprocess.run([sys.executable, "-c", code, tmp_path], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
