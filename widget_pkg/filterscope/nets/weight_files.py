"""Reads files of weights without running anything that stands in them.

A pickle can call any function when it is read. Here torch's own restricted reader is used, which builds tensors and
plain containers only. Some harmless classes that training code leaves beside the weights, such as an
`argparse.Namespace` of options, are read as an empty placeholder; whatever else a file wants to call, it is refused.
"""

from __future__ import annotations

import json
import math
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from filterscope.errors import CheckpointError, describe_exception

SAFETENSORS = ".safetensors"
_IN_FOLDERS = ("model.safetensors", "pytorch_model.bin")  # as Hugging Face's trainer calls them
_MOST_HEADER_BYTES = 100 * 2**20
_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
# Classes of data that do nothing; they are not even imported, a placeholder stands for them.
_INERT = re.compile(
    r"argparse\.Namespace|types\.SimpleNamespace|pathlib\.\w*Path|pathlib\._local\.\w*Path|datetime\.\w+|_codecs\.encode"
    r"|numpy\.(dtype|ndarray|dtypes\.\w+)|numpy\.(core|_core)\.(multiarray\.(scalar|_reconstruct)|numeric\.\w+)"
    r"|omegaconf\.[\w.]+|typing\.Any|collections\.(defaultdict|OrderedDict)|builtins\.(dict|list|set|int|float|str)"
    r"|(pytorch_lightning|lightning|lightning_fabric)\.[\w.]*\.(AttributeDict|RunningStage|TrainerFn|TrainerStatus)"
)


class _Placeholder:
    """Stands for an object of a class that is not imported; whatever is done to it does nothing."""

    def __new__(cls, *args: Any, **keywords: Any) -> _Placeholder:
        return object.__new__(cls)

    def __init__(self, *args: Any, **keywords: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def read_file(path: Path, values: bool = True) -> Any:
    """What a file of weights holds: nested dictionaries and lists of tensors and plain values.

    Args:
        path: Of a file by `torch.save`, of one in safetensors' format, or of a folder with one of these as Hugging
            Face's trainer makes it.
        values: Whether the tensors' values are wanted; else they may lie in the file still, and are not to be kept.

    Raises:
        CheckpointError: If it is no such file, is damaged, or would run code when it is read; it is never run.
        OSError: If it cannot be read.
    """
    if path.is_dir():
        inside = [path / name for name in _IN_FOLDERS if (path / name).is_file()]
        if not inside:
            raise CheckpointError(f"it is a folder without {' or '.join(_IN_FOLDERS)}")
        path = inside[0]
    if path.suffix == SAFETENSORS:
        return _read_safetensors(path, values)
    return _read_torch(path, values)


def _read_torch(path: Path, values: bool) -> Any:
    archive = zipfile.is_zipfile(path)
    placeholders: list[Any] = []
    if archive:
        try:
            asked_for = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        except Exception as error:
            raise CheckpointError(_unreadable(error)) from error
        refuse([name for name in asked_for if not _INERT.fullmatch(name)])
        placeholders = [(_Placeholder, name) for name in asked_for]
    elif path.stat().st_size == 0:
        raise CheckpointError("the file is empty")
    try:
        with torch.serialization.safe_globals(placeholders):
            # Of a file that is only looked at, the tensors stay on the disk; what is kept must not lie in a file that
            # somebody may write to.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=archive and not values)
    except pickle.UnpicklingError as error:
        names = re.findall(r"(?:GLOBAL|Unsupported (?:class|global):?|function:?) ([\w.]+\.\w+)", str(error))
        refuse(names)
        raise CheckpointError(_unreadable(error)) from error
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # also OSError: torch seeks to where a damaged file says
        raise CheckpointError(_unreadable(error)) from error


def refuse(names: list[str]) -> None:
    """Raises for a file that wants to have these functions or classes called.

    Raises:
        CheckpointError: If there are any.
    """
    if names:
        listed = ", ".join(dict.fromkeys(names[:3]))
        raise CheckpointError(
            f"reading it would call {listed}, code that a file of weights does not need; it was refused, and nothing "
            "of it was run. Where you trust the file, save its weights alone by torch.save(net.state_dict(), path)"
        )


def _unreadable(error: Exception) -> str:
    text = describe_exception(error)
    return f"it is damaged, or no file of weights ({text if len(text) < 160 else text[:160] + ' …'})"


def _read_safetensors(path: Path, values: bool) -> dict[str, torch.Tensor]:
    """The tensors of a file in safetensors' format: the length of a JSON header, the header, the bytes."""
    with path.open("rb") as file:
        size = path.stat().st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _MOST_HEADER_BYTES):
            raise CheckpointError("it is damaged: its header is longer than the file")
        try:
            header = json.loads(file.read(length))
            entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
            places = {name: _place(entry, size - 8 - length) for name, entry in entries.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"it is damaged: its header cannot be read ({describe_exception(error)})") from error
        tensors = {}
        for name, (dtype, shape, start, end) in places.items():
            if not values:
                tensors[name] = torch.empty(shape, dtype=dtype, device="meta")
                continue
            file.seek(8 + length + start)
            data = bytearray(file.read(end - start))
            empty = torch.empty(shape, dtype=dtype)
            tensors[name] = torch.frombuffer(data, dtype=dtype).reshape(shape) if data else empty
        return tensors


def _place(entry: dict[str, Any], bytes_there: int) -> tuple[torch.dtype, list[int], int, int]:
    dtype, shape = _DTYPES[entry["dtype"]], [int(length) for length in entry["shape"]]
    start, end = map(int, entry["data_offsets"])
    if not 0 <= start <= end <= bytes_there or end - start != math.prod(shape) * dtype.itemsize:
        raise ValueError("a tensor's bytes lie outside of the file, or are not as many as its shape needs")
    return dtype, shape, start, end
