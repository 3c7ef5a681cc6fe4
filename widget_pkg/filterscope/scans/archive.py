"""A scan in a file: a NumPy archive without pickle, equal scans to the byte."""

from __future__ import annotations

import json
import os
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from filterscope.errors import kind_of
from filterscope.scans.exact_sum import ExactSum
from filterscope.scans.extremes import Extremes
from filterscope.scans.identity import ScanIdentity
from filterscope.scans.piece import LayerScores, OmittedImages, Piece
from filterscope.scans.state import LayerSums, ScanState

_FORMAT = "filterscope scan 1"
_SCORES = ("maximum", "position", "size")
_ROWS = ("images", "labels", "predicted", "attributes")
_OMITTED = ("unreadable", "refused")


def path_to_write(path: Any, name: str) -> Path:
    """The path of a file that can be written, as far as that is known before.

    Args:
        path: What the user gave.
        name: Of the argument.

    Raises:
        TypeError: If it is no path.
        OSError: If it is a folder, or in one that is not there.
    """
    file = _path_of_file(path, name)
    folder = file.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{name} is {str(file)!r}, and there is no folder {folder}; make it first")
    return file


def _path_of_file(path: Any, name: str) -> Path:
    try:
        file = Path(path)
    except TypeError:
        raise TypeError(f"{name} is {kind_of(path)}; give the path of a file, as {name}='fashion.npz'") from None
    if file.is_dir():
        raise IsADirectoryError(f"{name} is {str(file)!r}, a folder; give a file in it: {str(file / 'fashion.npz')!r}")
    return file


def write_scan(path: str | PathLike[str], identity: ScanIdentity, state: ScanState) -> None:
    """Writes a scan; a file that is there is replaced in one go, so that it is whole at any moment.

    Args:
        path: The file, as it is named: no ending is added.
        identity: What the scan is of.
        state: What was seen.

    Raises:
        TypeError: If the path is none.
        OSError: If the file cannot be written.
    """
    target = path_to_write(path, "path")
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            np.savez(file, allow_pickle=False, **_arrays(identity, state))
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def read_scan(path: str | PathLike[str]) -> tuple[ScanIdentity, ScanState]:
    """What `write_scan` wrote.

    Raises:
        TypeError: If the path is none.
        OSError: If there is no such file, or it is a folder.
        ValueError: If it is no scan, or broken off.
    """
    file = _path_of_file(path, "path")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            about = json.loads(bytes(arrays["about"]).decode())
            if about.get("format") != _FORMAT:
                raise ValueError(f"its format is {about.get('format')!r}, and this version reads {_FORMAT!r}")
            return ScanIdentity.from_json(about["identity"]), _state(about, arrays)
    except (zipfile.BadZipFile, EOFError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{file} is no file that scan(resume=) or Scan.save() wrote, or it is broken ({error}); "
            "give another path, or delete it and scan again"
        ) from error


def _arrays(identity: ScanIdentity, state: ScanState) -> dict[str, np.ndarray]:
    about: dict[str, Any] = {"format": _FORMAT, "identity": identity.to_json(), "pieces": [], "sums": {}}
    about["not_seen"] = {str(layer): list(reason) for layer, reason in state.not_seen.items()}
    arrays: dict[str, np.ndarray] = {}
    for number, piece in enumerate(state.pieces):
        causes = {name: getattr(piece, name).cause for name in _OMITTED}
        about["pieces"].append({"classes": list(piece.classes), "layers": list(piece.layers), **causes})
        for name in _ROWS:
            arrays[f"piece {number}/{name}"] = getattr(piece, name)
        for name in _OMITTED:
            arrays[f"piece {number}/{name}"] = getattr(piece, name).images
        for layer, scores in piece.layers.items():
            for name in _SCORES:
                arrays[f"piece {number}/layer {layer}/{name}"] = getattr(scores, name)
    for layer, sums in state.sums.items():
        limbs = None if sums.maps is None else sorted(sums.maps.limbs)
        about["sums"][str(layer)] = {"sizes": sorted(map(list, sums.sizes)), "limbs": limbs}
        arrays[f"layer {layer}/counted"] = sums.counted
        for name in ("greatest", "least"):
            arrays[f"layer {layer}/{name} images"] = getattr(sums, name).images
            arrays[f"layer {layer}/{name} values"] = getattr(sums, name).values
        for number in limbs or ():
            assert sums.maps is not None
            arrays[f"layer {layer}/maps {number}"] = sums.maps.limbs[number]
    text = json.dumps(about, ensure_ascii=True, sort_keys=True).encode()
    return {"about": np.frombuffer(text, np.uint8), **arrays}


def _state(about: dict[str, Any], arrays: Any) -> ScanState:
    def read(name: str) -> np.ndarray:
        array: np.ndarray = arrays[name]
        array.setflags(write=False)
        return array

    pieces = []
    for number, of_piece in enumerate(about["pieces"]):
        rows = [read(f"piece {number}/{name}") for name in _ROWS]
        layers = {
            layer: LayerScores(*(read(f"piece {number}/layer {layer}/{name}") for name in _SCORES))
            for layer in of_piece["layers"]
        }
        unreadable, refused = (OmittedImages(read(f"piece {number}/{name}"), of_piece[name]) for name in _OMITTED)
        images, labels, predicted, attributes = rows
        pieces.append(
            Piece(images, labels, tuple(of_piece["classes"]), predicted, attributes, layers, unreadable, refused)
        )
    sums = {int(layer): _sums(int(layer), of_layer, read) for layer, of_layer in about["sums"].items()}
    not_seen = {int(layer): (index, reason) for layer, (index, reason) in about["not_seen"].items()}
    return ScanState(tuple(pieces), dict(sorted(sums.items())), dict(sorted(not_seen.items())))


def _sums(layer: int, about: dict[str, Any], read: Any) -> LayerSums:
    greatest, least = (
        Extremes(name == "greatest", read(f"layer {layer}/{name} images"), read(f"layer {layer}/{name} values"))
        for name in ("greatest", "least")
    )
    counted = read(f"layer {layer}/counted")
    sizes = frozenset(map(tuple, about["sizes"]))
    maps = None
    if about["limbs"] is not None:
        (size,) = sizes
        limbs = {number: read(f"layer {layer}/maps {number}") for number in about["limbs"]}
        maps = ExactSum((len(counted), *size), limbs)
    return LayerSums(greatest, least, sizes, maps, counted)
