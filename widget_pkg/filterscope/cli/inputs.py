"""From words on a command line to a net, its weights, and what is done to a picture."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from filterscope.errors import describe_exception, kind_of

# Where training scripts put the state dict beside other things.
_STATE_KEYS = ("state_dict", "model_state_dict", "model", "net")
_LONGEST_REASON = 1000


class UsageError(ValueError):
    """Arguments that make no sense; the text says what was given, and what was expected."""


def load_object(text: str, option: str) -> Any:
    """What `module:name` or `file.py:name` stands for; the name may have dots.

    Raises:
        UsageError: If there is no such module or name.
    """
    module_name, colon, name = text.rpartition(":")
    if not colon or not module_name or not name:
        raise UsageError(f"{option} is {text!r}; expected MODULE:NAME, as in my_nets:make_net")
    target: Any = _module(module_name, option)
    for part in name.split("."):
        if not hasattr(target, part):
            names = [name for name in dir(target) if not name.startswith("_")]
            listed = ", ".join(names[:12]) + ("…" if len(names) > 12 else "")
            raise UsageError(f"{option} is {text!r}; {module_name} has no {part}. It has {listed or 'no public name'}")
        target = getattr(target, part)
    return target


def _module(name: str, option: str) -> ModuleType:
    file = Path(name)
    here = str(file.parent.resolve()) if file.suffix == ".py" else str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # as `python file.py` and `python -m` do
    if file.suffix == ".py" and not file.is_file():
        raise UsageError(f"{option} names the file {name}, and there is none")
    module = file.stem if file.suffix == ".py" else name
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
            raise UsageError(f"{option}: there is no module {module}; it is looked for in {here} too") from None
        raise UsageError(f"{option}: {module} cannot be imported: {describe_exception(error)}") from error
    except Exception as error:  # whatever a user's module raises
        raise UsageError(f"{option}: {module} cannot be imported: {describe_exception(error)}") from error


def load_net(text: str) -> nn.Module:
    """The net of `module:name`: a net, or what a function or class without arguments makes.

    Raises:
        UsageError: If it is none.
    """
    maker = load_object(text, "--net")
    if isinstance(maker, nn.Module):
        return maker
    if not callable(maker):
        raise UsageError(f"--net {text} is {kind_of(maker)}; expected a net, or a function that makes it")
    try:
        net = maker()
    except Exception as error:  # whatever a user's function raises
        raise UsageError(f"--net: {text}() raises {describe_exception(error)}") from error
    if not isinstance(net, nn.Module):
        raise UsageError(f"--net: {text}() gives {kind_of(net)}; expected a torch.nn.Module")
    return net


def load_weights(net: nn.Module, path: Path) -> None:
    """Loads a state dict into a net, as numbers alone: nothing in the file is run.

    Raises:
        UsageError: If the file is none, or of another net.
    """
    if not path.is_file():
        raise UsageError(f"--weights is {str(path)!r}, and there is no such file")
    _refuse_programs(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a damaged file the error says enough
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of a damaged file it may be any
        raise UsageError(
            f"--weights {path} holds no plain weights ({_why_not_loaded(error)}); save net.state_dict(), not the net"
        ) from error
    for key in _STATE_KEYS:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise UsageError(f"--weights {path} holds {kind_of(state)}, and no state dict; save net.state_dict()")
    own = set(net.state_dict())
    for prefix in ("module.", "_orig_mod."):  # of DataParallel and torch.compile
        if not own & set(state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    try:
        net.load_state_dict(state)
    except Exception as error:  # as above
        lines = [line.strip() for line in str(error).splitlines()]
        reason = " ".join(lines[1:4]) or describe_exception(error)
        shortened = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]}…"
        raise UsageError(f"--weights {path} are not this net's: {shortened}") from error


def _refuse_programs(path: Path) -> None:
    """Raises UsageError for an archive that is no plain state dict, TorchScript say, before torch reads anything of it.

    Such an archive holds code, and torch has loaders that run it.
    """
    with open(path, "rb") as file:
        if file.read(4) != b"PK\x03\x04":  # what torch takes for a zip archive
            return
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
    except Exception as error:  # of a damaged archive it may be any
        raise UsageError(f"--weights {path} is a damaged archive ({describe_exception(error)})") from error
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        raise UsageError(
            f"--weights {path} is a TorchScript archive, which holds code, and no state dict; "
            "save net.state_dict() with torch.save"
        )
    if "data.pkl" not in names:
        raise UsageError(f"--weights {path} is an archive, and none of torch.save; save net.state_dict()")


def _why_not_loaded(error: Exception) -> str:
    """Why torch refused a file, without its advice to run what is in there."""
    code = re.search(r"GLOBAL (\S+) (?:was not an allowed|whose module)", str(error))
    if code is not None:
        return f"it needs {code[1]}, which is no tensor"
    if isinstance(error, RuntimeError | OSError | MemoryError):
        return describe_exception(error)
    return "it is damaged, or of another kind"


def resizing(size: str | None, mean: str | None, std: str | None) -> Callable[[Any], Any] | None:
    """A transform that resizes and normalises a picture; None where neither is asked for.

    Raises:
        UsageError: If the numbers are none, or one of mean and std is missing.
    """
    if size is None and mean is None and std is None:
        return None
    if (mean is None) != (std is None):
        raise UsageError("--mean and --std belong together; give both, or neither")
    from torchvision import transforms  # here, since importing it takes a second

    steps: list[Any] = []
    if size is not None:
        sides = [int(side) for side in size.lower().split("x") if side.isdigit()]
        if len(sides) != len(size.lower().split("x")) or len(sides) > 2 or 0 in sides:
            raise UsageError(f"--size is {size!r}; expected one number, 224, or height x width, 224x160")
        steps.append(transforms.Resize((sides[0], sides[-1])))
    steps.append(transforms.ToTensor())
    if mean is not None and std is not None:
        steps.append(transforms.Normalize(_numbers(mean, "--mean"), _numbers(std, "--std")))
    transform: Callable[[Any], Any] = transforms.Compose(steps)
    return transform


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} is {text!r}; expected numbers with commas, 0.485,0.456,0.406") from None


def classes_from(text: str | None) -> list[str] | None:
    """Class names: the lines of a file, or words with commas.

    Raises:
        UsageError: If a file has none.
    """
    if text is None:
        return None
    path = Path(text)
    if not path.is_file():
        if "," not in text:
            raise UsageError(f"--classes is {text!r}, and there is no such file; names go with commas, cat,dog")
        return [name.strip() for name in text.split(",") if name.strip()]
    try:
        names = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise UsageError(f"--classes {path} is no text; expected class names, one a line") from None
    if not names:
        raise UsageError(f"--classes {path} is empty; expected class names, one a line")
    return names


def layers_from(text: str | None) -> list[int | str] | None:
    """Layers by name or index."""
    return None if text is None else [int(layer) if layer.isdigit() else layer for layer in text.split(",")]
