"""A kernel that was restarted or killed: the view says so, keeps its last picture, and waits for nothing."""

import pytest
from playwright.sync_api import expect

from lab import FIND_PANEL

pytestmark = pytest.mark.browser

DEMO = """
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer
"""
RESTART = f"path => ({FIND_PANEL})(path).sessionContext.session.kernel.restart()"
KILL = f"""path => {{
    ({FIND_PANEL})(path).sessionContext.session.kernel.requestExecute({{code: 'import os; os._exit(1)'}});
}}"""
WHAT_TO_DO = "Run this cell again to go on."


def stays_with_its_picture(notebook, root):
    """At a move to what the page does not hold."""
    notebook.slider("image").press("End")
    expect(root.get_by_role("alert")).to_contain_text(WHAT_TO_DO)
    notebook.ready(image=0)
    assert notebook.slider("image").input_value() == "0"
    expect(root).not_to_have_attribute("data-busy", "true")


def test_after_a_restart_the_view_says_what_to_do_and_the_cell_makes_it_new(lab):
    notebook = lab.open([DEMO])
    root = notebook.ready(image=0)
    notebook.page.evaluate(RESTART, notebook.path)
    expect(root.get_by_role("alert")).to_contain_text(WHAT_TO_DO)
    stays_with_its_picture(notebook, root)
    notebook.connect()
    notebook.run_cell(0)
    notebook.ready(image=0)
    notebook.slider("image").press("End")
    notebook.ready(image=9999)


def test_a_restart_from_one_tab_leaves_the_other_tabs_new_view_its_answers(lab):
    lab.allow("Comm not found for comm id")  # JupyterLab's own: one tab hears of the other's widgets
    notebook = lab.open([DEMO])
    notebook.ready(image=0)
    tab = notebook.another_tab()
    tab.ready(image=0)
    notebook.page.evaluate(RESTART, notebook.path)
    notebook.connect()
    tab.connect()
    tab.run_cell(0)
    tab.ready(image=0)
    tab.slider("image").press("End")
    tab.ready(image=9999)


def test_after_the_kernel_was_killed_a_move_says_what_to_do(lab):
    lab.allow("Canceled future")
    notebook = lab.open([DEMO])
    root = notebook.ready(image=0)
    notebook.page.evaluate(KILL, notebook.path)
    notebook.page.get_by_role("dialog").get_by_role("button", name="Ok").click()  # "It will restart automatically."
    stays_with_its_picture(notebook, root)
