"""The backend of the extra ``openvino``: OpenVINO on a CPU."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from bangfu.inference.backend import Device, DeviceError, Precision, Scores
from bangfu.inference.cores import cores
from bangfu.inference.input_error import reason
from bangfu.inference.model_folder import GRAPH, OPENVINO_GRAPH, ModelFolder, ModelFolderError
from bangfu.inference.origin import Origin
from bangfu.inference.pieces import joined, pieces
from bangfu.labels.user_error import UserError

try:
    from bangfu.inference.graph_cache import compiled
except ImportError as error:
    raise ImportError("the openvino backend needs OpenVINO: pip install 'bangfu[openvino]'") from error

# Tokens of a piece: what a run costs beside its tokens weighs little in so many. A batch has no more than four such
# pieces, so more threads than that take pieces of half the size, 1.05 times as dear.
_PIECE_TOKENS, _FEW_THREADS = 1024, 4
# What OpenVINO sets up in a process's first run, two threads would wait for in each other for ever.
_FIRST = threading.Lock()
# OpenVINO makes its kernels anew for each shape that it meets; rows are padded so that there are few.
_MULTIPLE = 16


class OpenVinoBackend:
    """Runs a graph of a folder on a CPU: ``model.openvino.onnx`` where there is one, else ``model.onnx``.

    The first computes linear layers in int8 and the rest in bf16, the other all in bf16, or in fp32 when ``precision``
    asks for it; a CPU without bf16 takes fp32 for it. ``precision`` int8 asks for the first, bf16 for the other. A
    batch is run in pieces, ``threads`` at a time, as many as there are cores when 0. What was compiled is kept in the
    user's folder for caches, so that the next start is faster. Raises DeviceError for another device than a CPU,
    ModelFolderError when the graph is missing or cannot be loaded.
    """

    def __init__(
        self, folder: ModelFolder, device: Device = "auto", precision: Precision = "auto", threads: int = 0
    ) -> None:
        if device == "cuda":
            raise DeviceError(
                "the openvino backend runs on the CPU alone; use device='cpu', or backend='torch' on a GPU"
            )
        if precision == "fp16":
            raise UserError("openvino runs int8, bf16 and fp32 here; for fp16 use backend='torch'")
        folder.check_weights()
        if precision == "int8" and not folder.has(OPENVINO_GRAPH):
            raise ModelFolderError(
                f"{folder.path}: has no {OPENVINO_GRAPH}; use precision='bf16', or write it with "
                "'bangfu export MODEL --texts FILE'"
            )
        fast = precision in ("auto", "int8") and folder.has(OPENVINO_GRAPH)
        graph = folder.file(OPENVINO_GRAPH if fast else GRAPH)
        self.precision: Precision = "int8" if fast else "fp32" if precision == "fp32" else "bf16"
        self.device: Device = "cpu"
        threads = threads or cores()
        self._piece = _PIECE_TOKENS if threads <= _FEW_THREADS else _PIECE_TOKENS // 2
        settings: dict[str, Any] = {
            # one stream of one thread for each piece that runs beside others
            "NUM_STREAMS": threads,
            "INFERENCE_NUM_THREADS": threads,
            # processes beside each other would be pinned to the same cores
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "f32" if self.precision == "fp32" else "bf16",
        }
        try:
            self._model = compiled(folder, graph.name, settings)
        except Exception as error:  # OpenVINO raises RuntimeError, and others from below
            raise ModelFolderError(
                f"{graph}: cannot be loaded ({reason(error)}); copy the whole folder anew"
            ) from error
        self._requests, self._begun, self._origin = threading.local(), False, Origin()
        # threads start with what is first submitted
        self._pool = ThreadPoolExecutor(threads, "openvino")

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Scores:
        """Tag logits [batch, tokens, tags], 0 at padding, which stands behind the tokens of its row."""
        return self.submit(ids, mask)()

    def submit(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Callable[[], Scores]:
        """Begin with a batch; gives a function that waits for its scores.

        Raises DeviceError in a process that was forked off.
        """
        self._origin.check("openvino")
        running = [
            (rows, self._pool.submit(self._run, *piece)) for rows, piece in pieces(ids, mask, self._piece, _MULTIPLE)
        ]
        return lambda: joined(mask, [(rows, scores.result()) for rows, scores in running])

    def _run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Scores:
        with nullcontext() if self._begun else _FIRST:
            if not hasattr(self._requests, "one"):
                self._requests.one = self._model.create_infer_request()
            self._requests.one.infer({"input_ids": ids, "attention_mask": mask})
            # the request's own memory is written again by the next piece
            result: Scores = self._requests.one.get_output_tensor(0).data.copy()
            self._begun = True
        return result
