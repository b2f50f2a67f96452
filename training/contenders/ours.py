"""Our extractor on onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal


def load(model: str, precision: Literal["int8", "fp32"], threads: int) -> tuple[dict[str, Any], Callable[..., int]]:
    """The extractor; what it gives is the number of entities."""
    from bangfu.inference import Extractor

    extractor = Extractor.load(model, device="cpu", precision=precision, threads=threads)

    def work(texts: list[str]) -> int:
        return sum(len(entities) for entities in extractor.stream(texts))

    import numpy
    import onnxruntime

    from bangfu.inference.model_folder import CONFIG, GRAPH, INT8_GRAPH, SETTINGS, TOKENIZER, WEIGHTS

    graph = INT8_GRAPH if precision == "int8" else GRAPH
    description = {
        "name": f"{extractor.settings.name} {precision}",
        "versions": {"onnxruntime": onnxruntime.__version__, "numpy": numpy.__version__},
        # int8 takes its embeddings from the file of weights
        "files": [str(Path(model) / name) for name in (graph, WEIGHTS, TOKENIZER, CONFIG, SETTINGS)],
    }
    return description, work
