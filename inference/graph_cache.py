"""Graphs that OpenVINO has compiled, kept from one start to the next in the user's folder for caches.

Compiling takes four times as long as reading what was compiled, and more memory. A kept graph counts only for the same
files, settings, version of OpenVINO and kind of CPU.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import openvino
from platformdirs import user_cache_path

from bangfu.inference.model_folder import WEIGHTS, ModelFolder
from bangfu.labels.atomic_file import replaced
from bangfu.labels.user_error import UserError

# Each holds the weights of a model; those of older models are of no use any more.
_KEPT = 4


def compiled(folder: ModelFolder, graph: str, settings: Mapping[str, Any]) -> openvino.CompiledModel:
    """A graph of a folder, by its name, compiled for this CPU, from the cache where it is there.

    A cache that cannot be read or written costs time and is no error. Raises what OpenVINO raises for a graph that
    cannot be compiled, OSError for a file that cannot be read.
    """
    core = openvino.Core()
    cpu = [core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    # a graph refers to the weights
    key = json.dumps([openvino.__version__, cpu, dict(settings), graph, folder.digest((graph, WEIGHTS))])
    name = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    kept = user_cache_path("bangfu") / "openvino" / f"{name}.blob"
    # numpy maps no empty file; an OpenVINO that takes no tensor compiles anew
    with suppress(OSError, ValueError, TypeError, RuntimeError):
        # read as bytes it would leave a hole of its size in the memory of the process
        content = openvino.Tensor(np.asarray(np.memmap(kept, np.uint8, "r")))
        return core.import_model(content, "CPU", dict(settings))
    model = core.compile_model(str(folder.path / graph), "CPU", dict(settings))
    with suppress(OSError, RuntimeError, UserError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replaced(kept) as partial:
            partial.write_bytes(model.export_model().getbuffer())
        for older in sorted(kept.parent.glob("*.blob"), key=lambda file: -file.stat().st_mtime_ns)[_KEPT:]:
            older.unlink()
    return model
