"""The backend of the base install: onnxruntime."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnxruntime

from bangfu.inference.backend import Device, DeviceError, Precision, Scores, Submit
from bangfu.inference.cores import cores
from bangfu.inference.denormals import flushed
from bangfu.inference.input_error import reason
from bangfu.inference.model_folder import GRAPH, INT8_GRAPH, ModelFolder, ModelFolderError
from bangfu.inference.pieces import joined, pieces
from bangfu.inference.thread_pool import ThreadPool
from bangfu.labels.user_error import UserError

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
# Tokens of a piece of several short rows: what a layer makes of them stays in the second-level cache of a core.
_PIECE_TOKENS = 256


class OnnxBackend:
    """Runs a graph of a folder: on a CPU ``model.int8.onnx`` where there is one, else ``model.onnx``.

    ``precision`` asks for one of them. A CPU runs a batch in pieces of rows of one length, so that nothing is spent
    on padding; ``threads`` is how many pieces run at a time, as many as there are cores when 0. Raises DeviceError
    when ``device`` is not among onnxruntime's providers, ModelFolderError when the graph is missing or cannot be
    loaded. On a GPU, and with several threads, there is ``submit``; on a GPU matrix products may be of TF32 unless
    fp32 is asked for.
    """

    def __init__(
        self, folder: ModelFolder, device: Device = "auto", precision: Precision = "auto", threads: int = 0
    ) -> None:
        if precision in ("fp16", "bf16"):
            raise UserError(f"onnxruntime runs int8 and fp32 here; for {precision} use backend='torch'")
        folder.check_weights()
        available = onnxruntime.get_available_providers()
        wanted = [_PROVIDERS[name] for name in ("cuda", "cpu") if device in (name, "auto")]
        provider = wanted[0]
        if device != "auto" and provider not in available:
            raise DeviceError(
                f"onnxruntime has no {provider} here, only {', '.join(available)}; "
                "use device='cpu', or install onnxruntime-gpu on a machine with a CUDA GPU"
            )
        providers = [name for name in wanted if name in available]
        if precision == "int8" and providers[0] != _PROVIDERS["cpu"]:
            raise DeviceError("int8 runs on the CPU alone; use device='cpu', or precision='fp32' on a GPU")
        if precision == "int8" and not folder.has(INT8_GRAPH):
            raise ModelFolderError(
                f"{folder.path}: has no {INT8_GRAPH}; use precision='fp32', or write it with "
                "'bangfu export MODEL --texts FILE'"
            )
        options = onnxruntime.SessionOptions()
        # pieces beside each other keep cores busier than one piece shared out among them
        options.intra_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong is raised, too, and said in one line
        why = ""
        for name in providers:
            cuda = name == _PROVIDERS["cuda"]
            if cuda:
                _find_cuda()
            fast = precision != "fp32" and not cuda and folder.has(INT8_GRAPH)
            graph = folder.file(INT8_GRAPH if fast else GRAPH)
            settings = {"use_tf32": "0"} if cuda and precision == "fp32" else {}
            try:
                # its own way back to the CPU would take the graph of the GPU, and tell of it on standard output
                self._session = onnxruntime.InferenceSession(str(graph), options, [(name, settings)], enable_fallback=0)
            except Exception as error:  # onnxruntime has a family of errors with no common public base
                if cuda and isinstance(error, (RuntimeError, ValueError)):  # of the driver, not of the graph
                    why = f" ({reason(error)})"
                    continue
                raise ModelFolderError(
                    f"{graph}: cannot be loaded ({reason(error)}); copy the whole folder anew"
                ) from error
            # where CUDA's libraries are missing, onnxruntime goes on without it and does no more than warn
            if name in self._session.get_providers():
                break
        else:
            raise DeviceError(f"{provider} could not start{why}; use device='cpu'")
        self.precision: Precision = "int8" if fast else "fp32"
        self.device: Device = "cuda" if cuda else "cpu"
        self._inputs = [value.name for value in self._session.get_inputs()]
        threads = threads or cores()
        self._pool = ThreadPool(1 if self.device == "cuda" else threads, "onnxruntime")
        self.submit: Submit | None = None
        if self.device == "cuda":
            self.submit = self._submit
        elif threads > 1:
            self.submit = self._submit_pieces

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Scores:
        """Tag logits [batch, tokens, tags], 0 at padding on a CPU; padding stands behind the tokens of its row."""
        if self.device == "cuda":
            return self._run(ids, mask)
        if self.submit is not None:
            return self.submit(ids, mask)()
        return joined(mask, [(rows, self._run(*piece)) for rows, piece in pieces(ids, mask, _PIECE_TOKENS)])

    def _submit(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Callable[[], Scores]:
        # a session waits for the GPU, without Python's lock
        return self._pool.submit(self._run, ids, mask).result

    def _submit_pieces(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Callable[[], Scores]:
        running = [(rows, self._pool.submit(self._run, *piece)) for rows, piece in pieces(ids, mask, _PIECE_TOKENS)]
        return lambda: joined(mask, [(rows, scores.result()) for rows, scores in running])

    def _run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Scores:
        # a graph for rows of one length has no mask
        feeds = {name: {"input_ids": ids, "attention_mask": mask}[name] for name in self._inputs}
        with flushed():
            result: Scores = self._session.run(["logits"], feeds)[0]
        return result


def _find_cuda() -> None:
    # onnxruntime does not look where NVIDIA's packages put CUDA; what this prints would stand among the results
    if hasattr(onnxruntime, "preload_dlls"):  # since 1.21
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()
