"""The backend of the base install: onnxruntime."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnxruntime

from bangfu.inference.backend import Device, DeviceError
from bangfu.inference.model_folder import GRAPH, WEIGHTS, ModelFolder, ModelFolderError

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxBackend:
    """Runs ``model.onnx`` of a folder.

    Raises DeviceError when ``device`` is not among onnxruntime's providers, ModelFolderError when the
    graph cannot be loaded.
    """

    def __init__(self, folder: ModelFolder, device: Device = "auto") -> None:
        graph = folder.file(GRAPH)
        folder.file(WEIGHTS)
        available = onnxruntime.get_available_providers()
        wanted = [_PROVIDERS[name] for name in ("cuda", "cpu") if device in (name, "auto")]
        provider = wanted[0]
        if device != "auto" and provider not in available:
            raise DeviceError(
                f"onnxruntime has no {provider} here, only {', '.join(available)}; "
                "use device='cpu', or install onnxruntime-gpu on a machine with a CUDA GPU"
            )
        try:
            self._session = onnxruntime.InferenceSession(
                str(graph), providers=[name for name in wanted if name in available]
            )
        except Exception as error:  # onnxruntime has a family of errors with no common public base
            raise ModelFolderError(f"{graph}: cannot be loaded ({' '.join(str(error).split())})") from error
        # onnxruntime falls back to the CPU with no more than a warning when CUDA cannot start
        running = self._session.get_providers()
        if device == "cuda" and provider not in running:
            raise DeviceError(f"{provider} could not start, only {', '.join(running)}; use device='cpu'")
        self.device: Device = "cuda" if _PROVIDERS["cuda"] in running else "cpu"

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        result: npt.NDArray[np.float32] = self._session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
        return result
