"""Our extractor on onnxruntime or OpenVINO."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal


def load(
    model: str, precision: Literal["int8", "fp32"], threads: int, backend: Literal["onnx", "openvino"] = "onnx"
) -> tuple[dict[str, Any], Callable[..., int]]:
    """The extractor; what it gives is the number of entities."""
    from bangfu.inference import Extractor

    extractor = Extractor.load(model, device="cpu", backend=backend, precision=precision, threads=threads)

    def work(texts: list[str]) -> int:
        return sum(len(entities) for entities in extractor.stream(texts))

    import numpy

    from bangfu.inference.model_folder import CONFIG, GRAPH, INT8_GRAPH, OPENVINO_GRAPH, SETTINGS, TOKENIZER, WEIGHTS

    runtime = "openvino" if backend == "openvino" else "onnxruntime"
    graph = GRAPH if precision == "fp32" else OPENVINO_GRAPH if backend == "openvino" else INT8_GRAPH
    description = {
        "name": f"{extractor.settings.name} {precision}" + (", OpenVINO" if backend == "openvino" else ""),
        "versions": {runtime: importlib.import_module(runtime).__version__, "numpy": numpy.__version__},
        # int8 takes its embeddings from the file of weights
        "files": [str(Path(model) / name) for name in (graph, WEIGHTS, TOKENIZER, CONFIG, SETTINGS)],
    }
    return description, work
