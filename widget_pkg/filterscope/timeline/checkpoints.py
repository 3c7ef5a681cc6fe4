"""The checkpoints of one net in their order: each is read when it is looked at, or was recorded in training."""

from __future__ import annotations

import glob
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from filterscope.errors import CheckpointError, kind_of
from filterscope.nets.net_state import State, find_state
from filterscope.nets.weight_files import read_file

_MAGIC = re.compile(r"[*?[]")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A net's state at one moment of its training.

    Attributes:
        name: The file's name without its ending, or the name that was given.
        epoch: The epoch, where the file or its name says it; else None.
        path: The file; None where the state was given or recorded.
        note: What else there is to know, a sentence; "" where nothing is.
    """

    name: str
    epoch: int | None
    path: Path | None
    note: str
    _read: Callable[[], Any] = field(repr=False)

    @property
    def title(self) -> str:
        """Its name, and the epoch where the name does not say it."""
        if self.epoch is None or self.epoch in map(int, re.findall(r"\d+", self.name)):
            return self.name
        return f"{self.name} · epoch {self.epoch}"

    def state(self, template: Mapping[str, torch.Tensor]) -> State:
        """The net's state, in the dtypes of the template; what was given may change afterwards.

        Raises:
            CheckpointError: If the file cannot be read any more, or does not fit.
        """
        try:
            found = find_state(self._read(), template)
        except CheckpointError as error:
            raise CheckpointError(f"checkpoint {self.name}: {error}") from error
        except OSError as error:
            raise CheckpointError(f"checkpoint {self.name}: it cannot be read: {error}") from error
        copy = self.path is None
        return {name: value.detach().to(template[name].dtype, copy=copy) for name, value in found.items()}


class Checkpoints(Sequence[Checkpoint]):
    """The checkpoints of one net; recording adds to them.

    Args:
        given: What the user gave: a path, a pattern such as `"runs/*.pt"`, or a list of paths, patterns, state
            dictionaries, nets and pairs `(name, one of these)`; None for no checkpoints.
        template: The net's names and shapes, from `template_of`.

    Attributes:
        skipped: For each that does not fit, a sentence.

    Raises:
        TypeError: If something of it is of the wrong kind.
        CheckpointError: If no file fits the pattern, or no checkpoint fits the net; the sentence says why.
    """

    def __init__(self, given: Any, template: Mapping[str, torch.Tensor]) -> None:
        self._template = template
        self._all: list[Checkpoint] = []
        self._lock = threading.Lock()
        self.skipped: list[str] = []
        if given is None:
            return
        for name, item in _items(given):
            try:
                self._all.append(_checkpoint(name, item, len(self._all), template))
            except (CheckpointError, OSError) as error:
                self.skipped.append(f"{_name_of(name, item, len(self._all))}: {error}")
        if not self._all:
            raise CheckpointError(
                "no checkpoint fits the net: " + "; ".join(self.skipped[:3])
                if self.skipped
                else "checkpoints is empty; give a pattern such as 'runs/*.pt', or a list of paths, states and nets"
            )
        for sentence in self.skipped:
            warnings.warn(f"a checkpoint is left out: {sentence}", stacklevel=5)
        shared = _sharing(self._all)
        if shared:
            warnings.warn(shared, stacklevel=5)

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: Any) -> Any:
        return self._all[index]

    @property
    def titles(self) -> list[str]:
        """What each is called in the page."""
        return [checkpoint.title for checkpoint in list(self._all)]

    def state(self, index: int) -> State:
        """The state of one of them, in the net's dtypes.

        Raises:
            CheckpointError: If it cannot be read, or does not fit.
        """
        return self._all[index].state(self._template)

    def add(self, checkpoint: Checkpoint) -> int:
        """Adds one at the end, and returns its index."""
        with self._lock:
            self._all.append(checkpoint)
            return len(self._all) - 1

    def keep(self, which: Callable[[Checkpoint], bool]) -> None:
        """Lets go of all for which it does not hold."""
        with self._lock:
            self._all = [checkpoint for checkpoint in self._all if which(checkpoint)]


def _items(given: Any) -> list[tuple[str | None, Any]]:
    """What was given, one by one with its name; patterns are resolved and sorted as people count."""
    if isinstance(given, str | os.PathLike):
        return [(None, path) for path in _paths(os.fspath(given))]
    if isinstance(given, nn.Module) or _is_state(given):
        return [(None, given)]
    if isinstance(given, Mapping):  # by name
        return [(str(name), item) for name, item in given.items()]
    if not isinstance(given, Iterable):
        raise TypeError(
            f"checkpoints is {kind_of(given)}; give a pattern such as 'runs/*.pt', or a list of paths, states and nets"
        )
    items: list[tuple[str | None, Any]] = []
    for item in given:
        name = None
        if isinstance(item, tuple) and len(item) == 2:
            name, item = str(item[0]), item[1]
        if isinstance(item, str | os.PathLike):
            paths = _paths(os.fspath(item))
            items += [(name if len(paths) == 1 else None, path) for path in paths]
        elif isinstance(item, nn.Module | Mapping):
            items.append((name, item))
        else:
            raise TypeError(
                f"checkpoints has {kind_of(item)} in it; each is a path, a state as net.state_dict() gives it, a net, "
                "or a pair of a name and one of these"
            )
    return items


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and any(torch.is_tensor(inner) for inner in value.values())


def _paths(pattern: str) -> list[Path]:
    path = Path(pattern).expanduser()
    if path.is_file() or not _MAGIC.search(pattern):
        if path.is_dir() and not any((path / name).exists() for name in ("model.safetensors", "pytorch_model.bin")):
            endings = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".tar")
            inside = sorted((file for file in path.iterdir() if file.suffix in endings), key=_as_people_count)
            if not inside:
                raise CheckpointError(f"the folder {pattern} has no file that ends in {', '.join(endings)}")
            return inside
        if not path.exists():
            raise CheckpointError(f"there is no file {pattern}{_what_is_there(path)}")
        return [path]
    paths = sorted(map(Path, glob.glob(str(path), recursive=True)), key=_as_people_count)
    if not paths:
        raise CheckpointError(f"no file fits {pattern!r}{_what_is_there(path)}")
    return paths


def _what_is_there(path: Path) -> str:
    folder = next((parent for parent in path.parents if not _MAGIC.search(str(parent))), Path("."))
    if not folder.is_dir():
        return f"; there is no folder {folder} either"
    names = sorted((entry.name for entry in folder.iterdir()), key=_as_people_count)[:3]
    return f"; the folder {folder} has {', '.join(names)} …" if names else f"; the folder {folder} is empty"


def _as_people_count(path: Path | str) -> list[Any]:
    """A key by which `epoch_2` comes before `epoch_10`."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if place % 2 else (-1, part) for place, part in enumerate(parts)]


def _name_of(name: str | None, item: Any, number: int) -> str:
    if name is not None:
        return name
    if isinstance(item, Path):
        return item.name if item.is_dir() else item.stem
    return f"{number}"


def _checkpoint(name: str | None, item: Any, number: int, template: Mapping[str, torch.Tensor]) -> Checkpoint:
    """One of them, after a look at its names and shapes.

    Raises:
        CheckpointError: If it does not fit.
    """
    if isinstance(item, Path):
        content = read_file(item, values=False)
        find_state(content, template)
        called = _name_of(name, item, number)
        return Checkpoint(called, _epoch(content, called), item, "", lambda: read_file(item))
    find_state(item, template)
    content = item if isinstance(item, Mapping) else {}
    called = _name_of(name, item, number)
    return Checkpoint(called, _epoch(content, called), None, "", lambda: item)


def _epoch(content: Any, name: str) -> int | None:
    epoch = content.get("epoch") if isinstance(content, Mapping) else None
    if isinstance(epoch, int) and not isinstance(epoch, bool):
        return epoch
    said = re.search(r"(?:^|[^a-z])e(?:p(?:och)?)?[=_\- ]?(\d+)", name, re.IGNORECASE)
    return int(said[1]) if said else None


def _sharing(checkpoints: list[Checkpoint]) -> str:
    """A sentence where two states that were given are the same tensors, as `net.state_dict()` twice gives; else ""."""
    seen: dict[int, str] = {}
    for checkpoint in checkpoints:
        if checkpoint.path is not None:
            continue
        content = checkpoint._read()
        state = content.state_dict() if isinstance(content, nn.Module) else content
        tensors = [value for value in state.values() if torch.is_tensor(value) and value.numel()]
        if not tensors:
            continue
        address = tensors[0].data_ptr()
        if address in seen:
            return (
                f"checkpoints {seen[address]} and {checkpoint.name} are the same tensors, so they are the net as it is "
                "now: state_dict() does not copy. Keep copies by copy.deepcopy(net.state_dict())"
            )
        seen[address] = checkpoint.name
    return ""
