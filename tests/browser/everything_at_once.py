"""What a person does in a day, all of it at once: moves, re-runs, training with forked workers, reloads, interrupts.

`Soak` does it to a notebook in a real JupyterLab, round after round in random order, while a diagnosis runs in the
background, and holds what came of it against what PyTorch alone computes. `tests/benchmarks/soak.py` lasts half an
hour; `test_soak.py` is its quick form.
"""

import json
import random
import subprocess
import sys
import time
from collections import Counter

import numpy as np

from expected import colours
from lab import Lab
from patience import wait_until
from random_moves import kernel_bytes, move_at_random, page_bytes

# The same with and without us, in the notebook and in a process of its own.
TRAINING = """
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset
from filterscope import demo

data, net, losses = demo.fashion_test_data(), demo.fashion_net(), []
torch.manual_seed(0)
optimizer = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.9)

def train():
    net.train()
    for images, labels in DataLoader(Subset(data, range(2048)), 64, shuffle=True, num_workers=2):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item().hex())
"""
EXPLORER = """
from filterscope import Explorer
explorer = Explorer(net, Subset(data, range(600)))
explorer
"""
EPOCH = "train()"
ENDLESS = """
open({begun!r}, "w").close()
while True:
    for image in range(600):
        explorer.select(image=image, layer=image % 2, filter=0)
        explorer.activation
"""
SETUP_CELL, EXPLORER_CELL, EPOCH_CELL, ENDLESS_CELL = range(4)

# Of a net that stays as it is.
BEGIN_DIAGNOSIS = """
still = Explorer(demo.fashion_net(), data)
diagnosis = still.diagnose(images={images})
None
"""
WORDS = "[[row[word] for word in ('structure', 'state', 'use', 'name', 'sentence')] for row in {}.rows()]"
END_DIAGNOSIS = f"found = {WORDS.format('diagnosis.wait()')}; still.close(); found"
DIAGNOSED_ALONE = f"""
import json, sys, filterscope
from filterscope import demo
diagnosis = filterscope.diagnose(demo.fashion_net(), demo.fashion_test_data(), images=int(sys.argv[1]))
print(json.dumps({WORDS.format("diagnosis")}))
"""

# What the selected layer gives without us.
ORACLE = """
import copy
plain, kept = copy.deepcopy(net).eval(), []
plain.get_submodule(explorer.layer.name).register_forward_hook(lambda module, inputs, output: kept.append(output))
with torch.no_grad():
    plain(data[explorer.image_index][0][None])
kept[0][0].relu()
"""
THREADS = "len([t for t in __import__('threading').enumerate() if 'filterscope' in t.name])"


class Soak:
    """A notebook that lives through everything, and the account of it.

    Args:
        lab: JupyterLab in a browser.
        seed: Decides the order of things, and their times.
        images: How many the diagnosis in the background looks at.
        moves: How many moves are made at a time.

    Attributes:
        tried: How often each thing was done.
        failures: What went wrong, in words.
    """

    def __init__(self, lab: Lab, seed: int = 0, images: int = 1000, moves: int = 60) -> None:
        self.tried: Counter[str] = Counter()
        self.failures: list[str] = []
        self._random = random.Random(seed)
        self._images, self._moves = images, moves
        self._lab = lab
        lab.allow("Comm not found for comm id")  # a page that was reloaded hears of widgets that only the last one knew
        self._begun = lab.server.root / "begun"
        endless = ENDLESS.format(begun=str(self._begun))
        self._notebook = lab.open([TRAINING, EXPLORER, EPOCH, endless], run=False)
        for cell in (SETUP_CELL, EXPLORER_CELL):
            self._notebook.run_cell(cell)
        self._notebook.ready(image=0)
        self._alone = json.loads(_run(DIAGNOSED_ALONE, str(images)))

    def round(self) -> None:
        """Everything once, in another order each time, beside a diagnosis."""
        self._notebook.python(BEGIN_DIAGNOSIS.format(images=self._images))
        things = [self.move, self.run_again, self.train, self.interrupt, self.reload]
        self._random.shuffle(things)
        for thing in things:
            self._try(thing)
            self._try(self.compare)
        self._try(self.diagnose)

    def _try(self, thing) -> None:
        self.tried[thing.__name__] += 1
        try:
            thing()
        except Exception as error:
            alerts = self._notebook.widget().get_by_role("alert").all_inner_texts()
            self.failures.append(f"{thing.__name__} {self.tried[thing.__name__]}: {error} {alerts}")
            print(self.failures[-1], flush=True)

    def move(self) -> None:
        """Moves all sliders at random: each picture stands under its own label."""
        self._notebook.page.evaluate("window.picturesKnown?.clear()")  # other weights, other maps
        wrong = move_at_random(self._notebook, self._moves, seed=self._random.randrange(2**31))
        assert not wrong, f"a label stood over another's pictures: {wrong}"

    def run_again(self) -> None:
        """Runs the explorer's cell again: its view takes the place of the last one."""
        self._notebook.run_cell(EXPLORER_CELL)
        self._notebook.ready(image=0)

    def train(self) -> None:
        """An epoch of training with forked workers, while the sliders move."""
        self._notebook.run_cell(EPOCH_CELL, wait=False)
        wrong = move_at_random(self._notebook, self._moves, seed=self._random.randrange(2**31), weights_stay=False)
        assert not wrong, f"a label stood over another's image: {wrong}"
        self._notebook.wait_for_cell(EPOCH_CELL)

    def interrupt(self) -> None:
        """Interrupts a cell that would never end, wherever it is."""
        self._begun.unlink(missing_ok=True)
        self._notebook.run_cell(ENDLESS_CELL, wait=False)
        wait_until(self._begun.exists, lambda: "the endless cell did not begin")
        time.sleep(self._random.random())  # at any place
        self._lab.server.interrupt(self._notebook.kernel)
        self._notebook.wait_for_cell(ENDLESS_CELL)
        wait_until(lambda: self._raised() == ["KeyboardInterrupt"], lambda: f"it raised {self._raised()}")

    def _raised(self) -> list[str]:
        outputs = self._notebook.outputs(ENDLESS_CELL)
        return [output["ename"] for output in outputs if output["output_type"] == "error"]

    def reload(self) -> None:
        """Reloads the browser's page."""
        self._notebook.reload()
        self._notebook.ready()

    def compare(self) -> None:
        """The page is in step with Python, and its activation the one that the net gives without us, to rounding."""
        self._notebook.ready()
        self._notebook.expect_in_step()
        maps = np.array(self._notebook.python(ORACLE))
        found, of, at = self._notebook.python(
            "moment = explorer.session.engine.moment(explorer.image_index, explorer.layer_index)\n"
            "[explorer.activation, moment.activations, explorer.filter_index]"
        )
        np.testing.assert_allclose(found, maps[at], rtol=1e-4, atol=1e-5)
        shown = self._notebook.canvas_pixels("activation")[..., :3]
        assert np.array_equal(shown, colours(np.array(found), of=np.array(of))), "the page shows other pixels"

    def diagnose(self) -> None:
        """The diagnosis that began with the round ends, with the verdicts of one that ran alone."""
        assert self._notebook.python(END_DIAGNOSIS) == self._alone, "other verdicts than alone"

    def end(self) -> None:
        """After the last round: the training's losses are those of one without us, and nothing stood on the console."""
        self._try(self.losses)
        self.failures += self._lab.problems()

    def losses(self) -> None:
        """Bit by bit."""
        alone = _run(f"{TRAINING}\nfor _ in range({self.tried['train']}): train()\nprint(*losses)")
        assert self._notebook.python("losses") == alone.split(), "other losses than without us"

    def memory(self) -> tuple[int, int]:
        """Bytes of the kernel and of the page."""
        return kernel_bytes(self._notebook), page_bytes(self._notebook)

    def give_back(self) -> None:
        """Has the kernel's allocator give free memory back to the system, which else it keeps for later."""
        self._notebook.python("__import__('ctypes').CDLL(None).malloc_trim(0)")

    def threads(self) -> int:
        """How many threads of ours the kernel has."""
        return self._notebook.python(THREADS)

    def one_and_one(self) -> float:
        """Seconds that `1 + 1` takes, asked of the kernel itself."""
        start = time.perf_counter()
        self._notebook.python("1 + 1")
        return time.perf_counter() - start


def _run(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return done.stdout[:-1]
