"""Export of a token classifier to ONNX, whose weights stay in the safetensors file beside it."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from bangfu.inference.model_folder import GRAPH, WEIGHTS, ModelFolder
from bangfu.inference.onnx_backend import OnnxBackend
from bangfu.inference.torch_backend import TorchBackend
from bangfu.labels.atomic_file import replaced
from bangfu.training import stored_weights

OPSET = 18
TOLERANCE = 1e-3


class _Logits(torch.nn.Module):
    """Inputs by position and logits alone, which is what the exporter wants."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def export(folder: ModelFolder) -> float:
    """Write ``model.onnx`` of a folder from its safetensors, check it, and return the largest difference.

    The graph computes in fp32. Its weights are references into the safetensors file (ONNX external
    data), so a folder holds them once. Raises RuntimeError when logits differ by more than TOLERANCE.
    """
    backend = TorchBackend.load(folder, "cpu")
    backend.model.set_attn_implementation("eager")
    ids = torch.ones(2, 16, dtype=torch.int64)
    # transformers leaves the mask out of the graph when the example has no padding
    mask = ids.clone()
    mask[1, 10:] = 0
    axes = {
        0: torch.export.Dim("batch"),
        1: torch.export.Dim("tokens", max=backend.model.config.max_position_embeddings),
    }
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.inference_mode():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                _Logits(backend.model),
                (ids, mask),
                input_names=["input_ids", "attention_mask"],
                output_names=["logits"],
                dynamic_shapes={"input_ids": axes, "attention_mask": axes},
                opset_version=OPSET,
                dynamo=True,
                # folding would make transposed copies of weights that could not refer to the file
                optimize=False,
                verbose=False,
            )
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    assert program is not None
    graph = program.model_proto
    _refer(graph, folder.file(WEIGHTS), prefix="model.")
    with replaced(folder.path / GRAPH) as partial:
        onnx.save_model(graph, str(partial))
    try:
        return _check(folder, backend)
    except BaseException:
        # a graph that is not known to be right must not be run
        (folder.path / GRAPH).unlink()
        raise


def _refer(graph: onnx.ModelProto, weights: Path, prefix: str) -> None:
    """Replace the graph's weights by references into a safetensors file, and a cast to fp32 after each."""
    kept = []
    casts = []
    for tensor in graph.graph.initializer:
        name = tensor.name.removeprefix(prefix)
        if stored_weights.shape(weights, name) != list(tensor.dims):
            kept.append(tensor)
            continue
        reference = stored_weights.reference(weights, name, f"{tensor.name}.stored")
        kept.append(reference)
        casts.append(helper.make_node("Cast", [reference.name], [tensor.name], to=TensorProto.FLOAT))
    large = [tensor.name for tensor in kept if len(tensor.raw_data) > 1 << 20]
    if large:
        raise RuntimeError(f"the graph holds weights that {weights.name} does not: {', '.join(large)}")
    nodes = list(graph.graph.node)
    for node in nodes:
        # where in Python each node came from: half a megabyte, with paths of the machine that exported
        del node.metadata_props[:]
        node.doc_string = ""
    del graph.graph.initializer[:]
    del graph.graph.node[:]
    graph.graph.initializer.extend(kept)
    graph.graph.node.extend([*casts, *nodes])


def _check(folder: ModelFolder, backend: TorchBackend) -> float:
    """The largest difference of the two backends' logits on random batches of several shapes."""
    random = np.random.default_rng(0)
    runner = OnnxBackend(folder, "cpu", "fp32")
    size = backend.model.config.vocab_size
    worst = 0.0
    for rows, length in ((1, 3), (3, 50), (2, min(folder.settings.window + 2, 256))):
        ids = random.integers(0, size, (rows, length))
        mask = np.ones_like(ids)
        mask[-1, length // 2 + 1 :] = 0
        difference = np.abs(runner.scores(ids, mask) - backend.scores(ids, mask))
        worst = max(worst, float((difference * mask[..., None]).max()))
    if worst > TOLERANCE:
        raise RuntimeError(f"{folder.path / GRAPH}: logits differ from torch by {worst:.2g}, more than {TOLERANCE}")
    return worst
