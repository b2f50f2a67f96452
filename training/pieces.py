"""Tensors in safetensors files below 16 MiB each, so that any means of transfer takes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from bangfu.labels.user_error import UserError

LIMIT = 15 * 2**20
_INDEX = "index.json"
_BESIDE = ".before"


def save(tensors: dict[str, torch.Tensor], values: dict[str, Any], folder: Path, limit: int = LIMIT) -> None:
    """Write tensors, and plain values beside them, in the place of what the folder held: all or nothing.

    A tensor above ``limit`` bytes is cut along its flattened length.
    """
    partial, before = folder.with_name(f"{folder.name}.partial"), folder.with_name(folder.name + _BESIDE)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    piece: dict[str, torch.Tensor] = {}
    size = files = 0

    def flush() -> None:
        nonlocal piece, size, files
        if piece:
            save_file(piece, partial / f"piece-{files:03d}.safetensors")
            files += 1
        piece, size = {}, 0

    for name, tensor in tensors.items():
        flat = tensor.detach().cpu().contiguous().flatten()
        step = max(1, limit // flat.element_size())
        for number, first in enumerate(range(0, max(1, len(flat)), step)):
            part = flat[first : first + step].clone()
            if size + part.nbytes > limit:
                flush()
            piece[f"{name}|{number:04d}"] = part
            size += part.nbytes
    flush()
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    (partial / _INDEX).write_text(json.dumps({"shapes": shapes, "files": files, "values": values}), encoding="utf-8")
    # at every moment one of the two folders is whole
    if folder.exists():
        shutil.rmtree(before, ignore_errors=True)
        folder.rename(before)
    partial.rename(folder)
    shutil.rmtree(before, ignore_errors=True)


def find(folder: Path) -> Path | None:
    """The folder with the last whole tensors of :func:`save`, or None where there are none."""
    for place in (folder, folder.with_name(folder.name + _BESIDE)):
        if (place / _INDEX).exists():
            return place
    return None


def load(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what :func:`save` wrote; UserError for a piece that is missing or broken."""
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        parts: dict[str, torch.Tensor] = {}
        for number in range(index["files"]):
            parts |= load_file(folder / f"piece-{number:03d}.safetensors")
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(f"{folder}: not a whole checkpoint ({error}); copy all of its pieces") from error
    found: dict[str, list[torch.Tensor]] = {}
    for name in sorted(parts):
        found.setdefault(name.rpartition("|")[0], []).append(parts[name])
    return {name: torch.cat(found[name]).view(shape) for name, shape in index["shapes"].items()}, index["values"]
