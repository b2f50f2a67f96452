"""Weights that an ONNX graph does not hold but finds in a safetensors file beside it (ONNX external data)."""

from __future__ import annotations

import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

from onnx import TensorProto

_TYPES = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16, "BF16": TensorProto.BFLOAT16}


@cache
def _head(file: Path, _changed: int) -> tuple[int, dict[str, Any]]:
    """Where the data begin, in bytes, and the entries of the file's head."""
    with file.open("rb") as stream:
        (size,) = struct.unpack("<Q", stream.read(8))
        return 8 + size, json.loads(stream.read(size))


def shape(file: Path, name: str) -> list[int] | None:
    """The shape of a weight, None where the file has none of this name."""
    entry = _head(file, file.stat().st_mtime_ns)[1].get(name)
    return None if entry is None else list(entry["shape"])


def reference(file: Path, name: str, called: str) -> TensorProto:
    """A tensor ``called`` so in the graph, whose data are those of a weight of the file; KeyError without it."""
    begin, entries = _head(file, file.stat().st_mtime_ns)
    entry = entries[name]
    first, last = entry["data_offsets"]
    result = TensorProto(name=called, data_type=_TYPES[entry["dtype"]], dims=entry["shape"])
    result.data_location = TensorProto.EXTERNAL
    for key, value in (("location", file.name), ("offset", begin + first), ("length", last - first)):
        result.external_data.add(key=key, value=str(value))
    return result
