"""The lab in a real JupyterLab: the tasks of the course's notebooks on kernels, Fourier transforms, convolution and
pooling, each done without code (the checklist in docs/how-to/lab.md); what is painted is what Python has."""

import base64

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from axe import AXE, WCAG
from demo_page import THEMES, open_demo
from expected import colours, gray

pytestmark = pytest.mark.browser

INTACT = """bool(all((a == b).all() for a, b in zip(
    explorer.session.engine.net.state_dict().values(), demo.fashion_net().state_dict().values())))"""

# A file that comes with an event, as a browser makes it of what a person pastes or drops.
BRING = """(node, [name, holder, text]) => {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const data = new DataTransfer();
    data.items.add(new File([bytes], 'picture.png', {type: 'image/png'}));
    const event = new Event(name, {bubbles: true, cancelable: true});
    Object.defineProperty(event, holder, {value: data});
    node.dispatchEvent(event);
}"""


def open_lab(lab, tab="kernel", **selection):
    notebook, root = open_demo(lab, **selection)
    expect(root.locator("section[data-panel=lab]")).to_have_count(0)
    root.locator("button[name=lab]").click()
    section = root.locator("section[data-panel=lab]")
    section.locator(".fs-outcome[data-revision]").wait_for()
    if tab != "kernel":
        section.locator(f"button[name=lab-tab-{tab}]").click()
    return notebook, root, section


def expect_kernel(notebook, values):
    notebook.expect_python("explorer.kernel[0].tolist()", np.float32(values).tolist())
    notebook.ready()


def test_a_kernel_is_typed_stepped_dragged_and_undone_and_all_pictures_follow(lab):
    notebook, _, section = open_lab(lab, image=2, layer=0, filter=1)
    own = notebook.python("explorer.kernel[0].tolist()")
    cells = section.locator(".fs-cells input")
    expect(cells).to_have_count(9)
    before = notebook.python("explorer.prediction")
    # "Feel free to modify the numbers here": a Sobel kernel by hand, cell by cell.
    for place, value in enumerate([-1, 0, 1, -2, 0, 2, -1, 0, 1]):
        cells.nth(place).fill(str(value))
        cells.nth(place).press("Enter")
    sobel = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    expect_kernel(notebook, sobel)
    response = notebook.python("explorer.response.tolist()")
    every = notebook.python("[explorer.session.engine.response(2, 0, k, None, 'input').tolist() for k in range(10)]")
    notebook.expect_pixels("response", colours(np.float32(response), of=np.float32(every)))
    assert notebook.python("len(explorer.edited)") == 1
    assert notebook.python("explorer.prediction") != before
    expect(section.locator(".fs-outcome-layers .fs-outcome-row")).to_have_count(2)
    # By keys, and by dragging: each is one step.
    cells.nth(4).focus()
    cells.nth(4).press("ArrowUp")
    cells.nth(4).press("ArrowUp")
    notebook.expect_python("float(explorer.kernel[0, 1, 1])", float(np.float32(0.2)))
    stepped = notebook.python("explorer.kernel[0].tolist()")
    mouse = notebook.page.mouse
    cells.nth(0).hover(position={"x": 20, "y": 20})  # where it rests
    box = cells.nth(0).bounding_box()
    mouse.down()
    mouse.move(box["x"] + 20, box["y"] - 40, steps=10)
    mouse.up()
    notebook.expect_python("float(explorer.kernel[0, 0, 0]) > -1", True)
    section.locator("button[name=lab-undo]").click()
    expect_kernel(notebook, stepped)
    # What is no number changes nothing, and is said.
    cells.nth(0).fill("one")
    expect(section.locator(".fs-complaint").first).to_contain_text('"one" is no number')
    cells.nth(0).press("Escape")
    expect_kernel(notebook, stepped)
    # Begin with another, turn it, and come back.
    section.locator("select[name=lab-preset]").select_option(label="Prewitt, bright right")
    expect_kernel(notebook, [[-1, 0, 1]] * 3)
    section.locator("button[name=lab-turn]").click()
    expect_kernel(notebook, [[1, 1, 1], [0, 0, 0], [-1, -1, -1]])
    section.locator("button[name=lab-undo]").click()
    expect_kernel(notebook, [[-1, 0, 1]] * 3)
    expect(cells.nth(1)).to_have_value("0.0")
    expect(cells.nth(5)).to_have_value("1.0")
    section.locator("button[name=lab-redo]").click()
    expect_kernel(notebook, [[1, 1, 1], [0, 0, 0], [-1, -1, -1]])
    # Blur, sharpen, edges: each a kernel of the textbooks.
    for name, corner in (("Gaussian", 1 / 16), ("sharpen", 0), ("Sobel, bright above", 1)):
        section.locator("select[name=lab-preset]").select_option(label=name)
        notebook.expect_python("float(explorer.kernel[0, 0, 0])", corner)
    section.locator("button[name=lab-measure]").click()
    expect(section.locator(".fs-outcome-effect")).to_contain_text("1,000 images")
    section.locator("button[name=lab-reset]").click()
    expect_kernel(notebook, own)
    assert notebook.python(INTACT) and notebook.python("explorer.edited") == []


def test_an_image_is_painted_dropped_and_covered_and_the_data_sets_comes_back(lab, tmp_path):
    notebook, root, section = open_lab(lab, "image", image=2, layer=0, filter=1)
    own = np.float32(notebook.python("explorer.image.tolist()"))
    pad = section.locator(".fs-pad canvas").first
    pad.focus()
    section.locator("input[name=lab-brush]").fill("0")
    pad.focus()
    pad.press("ArrowRight")
    pad.press("ArrowDown")
    pad.press("Space")
    notebook.expect_python("explorer.lab.tried_image", 2)
    expected = own.copy()
    expected[0, 1, 1] = 1
    notebook.expect_python("explorer.image.tolist()", expected.tolist())
    notebook.expect_pixels("image", gray(expected[0]))
    # A picture of another size and kind goes through the data's way.
    picture = np.random.default_rng(0).integers(0, 255, (56, 56, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    section.locator("input[name=lab-file]").set_input_files(tmp_path / "picture.png")
    notebook.expect_python("'Scaled from 56×56' in explorer.session.engine.sample(2).note", True)
    # A picture that is pasted, or dropped, takes the same way.
    text = base64.b64encode((tmp_path / "picture.png").read_bytes()).decode()
    for event, holder in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        section.locator("button[name=lab-own-image]").click()
        notebook.expect_python("explorer.lab.tried_image", None)
        section.locator(".fs-pad").first.evaluate(BRING, [event, holder, text])
        notebook.expect_python("'Scaled from 56×56' in explorer.session.engine.sample(2).note", True)
    (tmp_path / "text.png").write_text("no picture")
    section.locator("input[name=lab-file]").set_input_files(tmp_path / "text.png")
    expect(section.locator(".fs-complaint:visible")).to_contain_text("is no picture that this browser can read")
    section.locator("button[name=lab-camera]").click()
    expect(section.locator(".fs-complaint:visible")).to_contain_text("camera that this page may use")
    root.locator("button[name=lab]").click()  # closed, and the page still says it
    expect(root.locator(".fs-trial")).to_contain_text("Image 2 is a trial, not the data set's.")
    root.locator("button[name=lab-back-to-data]").click()
    notebook.expect_python("explorer.image.tolist()", own.tolist())
    expect(root.locator(".fs-trial")).to_be_hidden()
    root.locator("button[name=lab]").click()
    notebook.ready()
    section.locator("button[name=lab-occlude]").click()
    section.locator("[data-occlusion=class]").wait_for()
    canvas = section.locator("[data-occlusion=class] canvas")
    shape = notebook.python("list(explorer.lab.occlusion().probability.shape)")
    assert canvas.evaluate("e => [e.height, e.width]") == shape


def test_stages_spectrum_geometry_and_slide_need_no_code(lab):
    notebook, root, section = open_lab(lab, "stages", image=2, layer=0, filter=1)
    pool = section.locator("[data-stage=pool]")
    root.evaluate("e => { e.style.maxWidth = '668px'; }")
    expect(pool).to_contain_text("13×13", use_inner_text=True)  # in sight, in a narrow page too
    expect(pool.get_by_text("13×13")).to_be_visible()
    root.evaluate("e => { e.style.maxWidth = ''; }")
    kinds = section.locator("[data-stage]").evaluate_all("all => all.map(e => e.dataset.stage)")
    assert kinds == ["input", "response", "bias", "nonlinearity", "pool"]
    section.locator("button[name=lab-tab-spectrum]").click()
    expect(section.get_by_text("image after: amplitudes")).to_be_visible()
    section.locator("button[name=lab-tab-geometry]").click()
    stride = section.locator("input[name=lab-stride]")
    expect(stride).to_have_value("1")
    stride.fill("2")
    expect(section.locator(".fs-formula-line").first).to_have_text(
        notebook.python("explorer.lab.geometry(stride=2).formula[0]")
    )
    stride.fill("0")
    expect(section.locator(".fs-complaint:visible")).to_contain_text("give a whole number from 1")
    section.locator("button[name=lab-tab-slide]").click()
    section.locator("[data-at='0']").wait_for()
    section.locator("button[name=lab-step]").click()
    section.locator("button[name=lab-step]").click()
    section.locator("button[name=lab-back]").click()
    section.locator("[data-at='1']").wait_for()
    position = section.locator("input[name=lab-position]")
    position.fill("300")
    value = notebook.python("float(explorer.response.ravel()[300])")
    words = section.locator(".fs-slide-sum").inner_text().replace("−", "-")
    assert float(words.split("= ")[1].split(",")[0]) == pytest.approx(value, rel=5e-3)
    section.locator("button[name=lab-pin]").click()
    root.locator(".fs-arithmetic[aria-busy=false] .fs-steps").wait_for()
    notebook.page.emulate_media(reduced_motion="reduce")
    position.fill("3")
    section.locator("button[name=lab-tab-stages]").click()
    section.locator("button[name=lab-tab-slide]").click()
    notebook.python("explorer.select(filter=2); None")
    notebook.ready(filter=2)
    expect(section.locator(".fs-slide-sum")).to_contain_text("Position")
    expect(section.locator("button[name=lab-play]")).to_be_disabled()
    notebook.page.emulate_media(reduced_motion="no-preference")


def test_the_quiz_asks_and_grades_in_the_page(lab):
    notebook, _, section = open_lab(lab, "quiz", image=2, layer=0, filter=1)
    section.locator("button[name=lab-quiz-begin]").click()
    expect(section.locator(".fs-quiz")).to_contain_text("the quiz is made of a scan's evidence, and there is none yet")
    notebook.python("explorer.scan(images=300).wait(); None")
    section.locator("button[name=lab-quiz-begin]").click()
    for number in range(3):
        section.locator(f"[data-round='{number}']").wait_for()
        drives = notebook.python(f"explorer.pages._lab._quiz.rounds[{number}].drives")
        notebook.expect_python(f"explorer.layer.name == explorer.pages._lab._quiz.rounds[{number}].layer", True)
        section.locator(f"button[name=lab-quiz-{drives}]").click()
        section.locator(f"[data-round='{number} answered']").wait_for()
        section.locator("button[name=lab-quiz-next]").click()
    expect(section.locator(".fs-quiz .fs-note")).to_contain_text("3 of 3 right: 100 %")


def test_the_lab_is_for_keys_and_screen_readers_too(lab):
    notebook, _, section = open_lab(lab, image=2, layer=0, filter=1)
    notebook.page.evaluate(AXE.read_text())
    section.locator("button[name=lab-tab-kernel]").focus()
    for theme in THEMES:
        notebook.theme(theme)
        for _ in range(7):
            found = notebook.page.evaluate(
                "() => axe.run('section[data-panel=lab]', {runOnly: " + WCAG + "}).then(r => r.violations.map(v => "
                "v.id + ': ' + v.nodes.map(n => n.html).join(' ')))"
            )
            assert found == [], section.get_attribute("data-tab")
            notebook.page.keyboard.press("ArrowRight")
        expect(section).to_have_attribute("data-tab", "kernel")
