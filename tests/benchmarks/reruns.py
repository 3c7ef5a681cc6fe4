"""What re-running a cell costs: memory of the kernel and the time of `1 + 1` after 1, 30 and 100 runs of it.

The cell makes a ResNet-18 and shows it, in a real kernel. In a page's place this script says and asks what a view does:
it is drawn, asks for its frame, and goes when the cell is run again. Run it before and after a change:

    python tests/benchmarks/reruns.py              prints, and writes reruns.md
    python tests/benchmarks/reruns.py 1 10         prints
"""

import statistics
import sys
import time
from pathlib import Path

from jupyter_client.manager import start_new_kernel
from speed_report import machine

BEGIN = """
import os, torch, torchvision
from filterscope import Explorer
images = torch.rand(16, 3, 224, 224)

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
"""
CELL = """
net = torchvision.models.resnet18()
explorer = Explorer(net, images)
explorer
"""
RUNS = (1, 30, 100)


class Notebook:
    """A kernel, and the one view that its page shows."""

    def __init__(self) -> None:
        self._manager, self._client = start_new_kernel(kernel_name="python3")
        self._view = 0
        self._model: str | None = None

    def run(self, code: str, cell: str) -> float:
        """Seconds that a cell took."""
        message = self._client.session.msg(
            "execute_request",
            {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False},
            metadata={"cellId": cell},
        )
        start = time.perf_counter()
        self._client.shell_channel.send(message)
        model = None
        while True:
            heard = self._client.get_iopub_msg(timeout=120)
            if heard["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            content = heard["content"]
            if heard["msg_type"] == "error":
                raise SystemExit("\n".join(content["traceback"]))
            if heard["msg_type"] in ("execute_result", "display_data"):
                view = content["data"].get("application/vnd.jupyter.widget-view+json")
                model = view["model_id"] if view else content["data"]["text/plain"]
            if heard["msg_type"] == "status" and content["execution_state"] == "idle":
                break
        self.said = model
        return time.perf_counter() - start

    def show(self) -> None:
        """Runs the cell as a person does: its view takes the place of the one before."""
        before, number = self._model, self._view
        self.run(CELL, "the cell")
        self._model, self._view = self.said, number + 1
        if before is not None:
            self._send(before, {"kind": "gone", "view": f"view {number}"})
        args = {"image": 0, "layer": 0, "filter": 0, "channel": None, "source": "input", "scale": "layer"}
        self._send(self._model, {"kind": "request", "id": f"view{self._view}-1", "name": "frame", "args": args})
        self._send(self._model, {"kind": "shown", "view": f"view {self._view}"})

    def _send(self, model: str, content: dict) -> None:
        data = {"method": "custom", "content": content}
        message = self._client.session.msg("comm_msg", {"comm_id": model, "data": data})
        self._client.shell_channel.send(message)

    def measure(self) -> tuple[float, float]:
        """Resident memory in MiB, and the seconds that `1 + 1` takes, the median of seven."""
        seconds = statistics.median(self.run("1 + 1", "another") for _ in range(7))
        self.run("resident()", "another")
        return float(self.said), seconds

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


def main() -> None:
    runs = [int(argument) for argument in sys.argv[1:]] or RUNS
    notebook = Notebook()
    notebook.run(BEGIN, "begin")
    first = None
    lines = ["| runs | resident, MiB | of the first | 1 + 1, ms |", "| --- | --- | --- | --- |"]
    for number in range(1, max(runs) + 1):
        notebook.show()
        if number in runs:
            memory, seconds = notebook.measure()
            first = first or memory
            lines.append(f"| {number} | {memory:.0f} | {memory / first:.2f} | {1000 * seconds:.1f} |")
            print(lines[-1], flush=True)
    notebook.close()
    if tuple(runs) == RUNS:
        head = "# One cell with a ResNet-18, run again and again"
        text = "\n\n".join([head, "\n".join(lines), f"{time.strftime('%Y-%m-%d')}. {machine()}"]) + "\n"
        Path(__file__).with_suffix(".md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
