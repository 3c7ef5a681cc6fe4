"""However the sliders are moved: every picture under its own label, the last one right, memory within its limits."""

import numpy as np
import pytest

from expected import colours
from random_moves import kernel_bytes, kernel_caches, move_at_random, page_bytes

pytestmark = pytest.mark.browser

DEMO = """
from filterscope import Explorer, demo
explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
explorer
"""
INDICES = "[explorer.image_index, explorer.layer_index, explorer.filter_index]"


def test_many_random_moves(lab):
    notebook = lab.open([DEMO])
    notebook.ready(image=0)
    assert move_at_random(notebook, 250, seed=1) == []
    page, kernel = page_bytes(notebook), kernel_bytes(notebook)
    assert move_at_random(notebook, 250, seed=2) == []
    # The page's frames may take 32 MiB, the kernel's caches what they state.
    assert page_bytes(notebook) - page < 40 * 2**20
    assert kernel_bytes(notebook) - kernel < 100 * 2**20
    assert all(held <= allowed for held, allowed in kernel_caches(notebook))
    image, layer, filter = (int(notebook.slider(name).input_value()) for name in ("image", "layer", "filter"))
    notebook.ready(image=image, layer=layer, filter=filter)
    notebook.expect_python(INDICES, [image, layer, filter])
    activation, of = notebook.python(
        f"[explorer.activation, explorer.session.engine.moment({image}, {layer}).activations]"
    )
    assert np.array_equal(notebook.canvas_pixels("activation")[..., :3], colours(np.array(activation), of=np.array(of)))


def test_close_lets_go_of_all_that_was_held(lab):
    notebook = lab.open([DEMO])
    notebook.ready(image=0)
    assert move_at_random(notebook, 30, seed=3) == []
    notebook.python("engine = explorer.session.engine; maps = engine.map_store; explorer.close()")
    notebook.expect_python("[t.name for t in __import__('threading').enumerate() if 'filterscope' in t.name]", [])
    assert notebook.python("[len(maps), len(engine.samples), len(engine.response_store)]") == [0, 0, 0]
