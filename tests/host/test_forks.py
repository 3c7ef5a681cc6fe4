"""A fork in one thread, as of a `DataLoader` for its workers, leaves what other threads compute to end."""

import ast
import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import filterscope
from filterscope import Explorer
from filterscope.verdicts import matrices

PACKAGE = Path(filterscope.__file__).parent

# NumPy's functions that may compute in OpenBLAS's threads, which end whenever the process forks.
PRODUCTS = {
    "dot",
    "vdot",
    "inner",
    "matmul",
    "tensordot",
    "cov",
    "corrcoef",
    "convolve",
    "correlate",
    "polyfit",
}


def products_in(source):
    """The lines where a module multiplies matrices with NumPy or SciPy, or might: `@` says not whose they are."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            lines.append(node.lineno)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, name = ast.unparse(node.func.value), node.func.attr
            keywords = {keyword.arg for keyword in node.keywords}
            by_axis = name == "norm" and "axis" in keywords
            if owner.endswith("linalg") and not owner.startswith("torch") and not by_axis:
                lines.append(node.lineno)
            if name == "einsum" and "optimize" in keywords:  # without it sums in loops of its own
                lines.append(node.lineno)
            if name in PRODUCTS and not owner.startswith(("torch", "cv2")):
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_computes_in_a_pool_that_a_fork_ends(module):
    assert products_in(module.read_text()) == []


@pytest.mark.parametrize(
    "line", ["a @ b", "np.tensordot(a, b)", "a.dot(b)", "np.linalg.eigh(a)", "scipy.linalg.qr(a)", "np.linalg.norm(a)"]
)
def test_what_would_is_found(line):
    assert products_in(line) == [1]
    assert products_in("torch.linalg.eigh(a), np.linalg.norm(a, axis=1), np.outer(a, b)") == []


def test_products_and_factors_are_numpys():
    draw = np.random.default_rng(0).standard_normal
    first, second, third = draw((3, 4, 5)), draw((5, 6)), draw((6, 2)).astype(np.float32)
    np.testing.assert_allclose(matrices.product(first, second, third), first @ second @ third, atol=1e-12)
    symmetric = first @ first.transpose(0, 2, 1)
    values, vectors = matrices.eigh(symmetric)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(symmetric), atol=1e-12)
    np.testing.assert_allclose(matrices.eigenvalues(symmetric), values, atol=1e-12)
    np.testing.assert_allclose(vectors * values[:, None] @ vectors.transpose(0, 2, 1), symmetric, atol=1e-12)
    columns, triangle = matrices.qr(first[0])
    np.testing.assert_allclose(columns @ triangle, first[0], atol=1e-12)
    np.testing.assert_allclose(columns.T @ columns, np.eye(4), atol=1e-12)


def test_products_are_exact_under_autocast_and_of_arrays_that_are_read_only():
    first = np.random.default_rng(0).standard_normal((30, 30)).astype(np.float32)
    first.flags.writeable = False
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        result = matrices.product(first, first.T)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, first @ first.T, rtol=1e-5, atol=1e-5)
    result[0, 0] = 0  # the caller's own


FORKS_BESIDE = """
import os, sys, threading
import numpy as np, torch
from torch import nn
from filterscope import Explorer
from filterscope.verdicts import matrices

torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 8, 3, 4), nn.ReLU(), nn.Conv2d(8, 8, 3, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                    nn.Flatten(), nn.Linear(8, 3))
images = torch.rand(6, 3, 600, 600)
explorer = Explorer(net, (images, [0, 1, 2] * 2), layer_index=1, source="image")
numbers = np.random.default_rng(0).standard_normal((8, 96, 96))
done = threading.Semaphore(0)

def moves():  # over 600 × 600 pixels, and filters of 8 channels: the luma of the image
    for move in range(12):
        explorer.select(image=move % 6, filter=move % 8)
        assert explorer.response.shape == (600, 600)
    done.release()

def factors():
    for _ in range(12):
        matrices.eigh(matrices.product(numbers, numbers.transpose(0, 2, 1)))
        matrices.qr(numbers[0])
    done.release()

def diagnosis():
    explorer.diagnose(images=6, ablation=False).wait()
    done.release()

work = moves, factors, diagnosis
for job in work:
    threading.Thread(target=job, daemon=True).start()
forks, ended = 0, 0
while ended < len(work) or forks < 50:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    forks += 1
    ended += done.acquire(timeout=0.01)
print("all ended beside", forks >= 50)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_moves_and_a_diagnosis_end_while_the_process_forks():
    run = subprocess.run([sys.executable, "-c", FORKS_BESIDE], capture_output=True, text=True, timeout=900)
    assert run.stdout.strip() == "all ended beside True", run.stderr


CHILDREN = """
import gc, os, sys, threading
import torch
from torch import nn
from filterscope import Explorer

torch.set_num_threads(1)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
explorer, dropped = Explorer(net, torch.rand(9, 1, 14, 14)), [Explorer(net, torch.rand(3, 1, 14, 14))]
dropped.append(dropped)
diagnosis = explorer.diagnose(images=9, ablation=False)
pages, examiner = explorer.pages, explorer.session.examiner
held, end = threading.Semaphore(0), threading.Event()

def hold(lock):
    with lock:
        held.release()
        end.wait()

# What no thread of the child will ever let go of.
locks = [explorer.session.engine.lock, pages._inbox._changed, pages._prefetch_inbox._changed, examiner._lock]
for lock in locks:
    threading.Thread(target=hold, args=(lock,), daemon=True).start()
    held.acquire()

def move():
    explorer.image_index = 1

def forget():
    dropped.clear()
    gc.collect()

answers = {
    "image": lambda: explorer.image, "kernel": lambda: explorer.kernel, "layers": lambda: explorer.layers,
    "activation": lambda: explorer.activation, "refresh": lambda: explorer.refresh(), "move": move,
    "select": lambda: explorer.select(image=1, layer=0), "figure": lambda: explorer.figure(),
    "save": lambda: explorer.save_html("nothing.html"), "wait": lambda: diagnosis.wait(),
    "diagnose": lambda: explorer.diagnose(images=3),
}
harmless = {
    "repr": lambda: repr(explorer), "close": lambda: explorer.close(), "forget": forget, "cancel": diagnosis.close,
    "anew": lambda: Explorer(net, torch.rand(3, 1, 14, 14)).close(),
}
for name, action in {**answers, **harmless}.items():
    child = os.fork()
    if not child:
        try:
            action()
            said = "nothing"
        except RuntimeError as error:
            said = "why" if "lives in the process that made it" in str(error) else str(error)
        assert said == ("why" if name in answers else "nothing"), (name, said)
        if name == "forget":
            sys.exit(0)  # as a program ends: with all that is registered for its end, which takes torch seconds
        os._exit(0)
    print(name, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
end.set()
print(diagnosis.wait().images, explorer.activation.shape == (12, 12))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_child_of_the_process_is_told_that_the_explorer_is_its_parents_and_ends():
    run = subprocess.run([sys.executable, "-c", CHILDREN], capture_output=True, text=True, timeout=900)
    *children, parent = run.stdout.splitlines()
    assert [line.split()[1] for line in children] == ["0"] * 16, run.stdout + run.stderr
    assert parent == "9 True"


def test_an_explorer_is_not_pickled_as_for_a_process_that_is_spawned():
    explorer = Explorer(nn.Conv2d(1, 2, 3), torch.rand(3, 1, 8, 8))
    with pytest.raises(TypeError, match=r"an Explorer cannot be pickled: .* Explorer\(net, test_data\)"):
        pickle.dumps(explorer)
    explorer.close()


TRAINING = """
import sys, threading
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

if __name__ == "__main__":
    from filterscope import Explorer

    beside, start_method = sys.argv[1] == "beside", sys.argv[2]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    data = TensorDataset(torch.rand(24, 3, 20, 20), torch.arange(24) % 3)
    stop = threading.Event()
    explorer = Explorer(net, data, source="image")

    def look():
        while not stop.is_set():
            explorer.select(image=(explorer.image_index + 1) % 24)
            explorer.response, explorer.activation
            explorer.diagnose(images=4, ablation=False).wait()

    thread = threading.Thread(target=look, daemon=True)
    if beside:
        thread.start()
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    torch.manual_seed(1)
    for epoch in range(3 if start_method == "fork" else 1):
        for images, labels in DataLoader(data, 8, shuffle=True, num_workers=2, multiprocessing_context=start_method):
            loss = nn.functional.cross_entropy(net(images), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            print(loss.item().hex())
    stop.set()
    if beside:
        thread.join()
    explorer.close()
"""


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_training_with_workers_ends_with_the_same_losses_as_without(tmp_path, start_method):
    if start_method not in multiprocessing.get_all_start_methods():
        pytest.skip("this system has no such start of a process")
    script = tmp_path / "training.py"
    script.write_text(TRAINING)
    losses = [
        subprocess.run([sys.executable, script, beside, start_method], capture_output=True, text=True, timeout=900)
        for beside in ("alone", "beside")
    ]
    assert len(losses[0].stdout.split()) == (9 if start_method == "fork" else 3), losses[0].stderr
    assert losses[1].stdout == losses[0].stdout, losses[1].stderr
