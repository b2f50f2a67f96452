"""The backend of the extra ``train``: torch and transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bangfu.inference.backend import Device, DeviceError
from bangfu.inference.model_folder import CONFIG, WEIGHTS, ModelFolder, ModelFolderError

try:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForTokenClassification
except ImportError as error:
    raise ImportError("the torch backend needs torch and transformers: pip install 'bangfu[train]'") from error


class TorchBackend:
    """Runs a transformers token classifier, in evaluation mode and without gradients."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @classmethod
    def load(cls, folder: ModelFolder, device: Device = "auto") -> TorchBackend:
        """Load the weights of a folder as fp32; DeviceError when ``device`` is not there."""
        folder.file(CONFIG)
        folder.file(WEIGHTS)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise DeviceError("torch finds no CUDA GPU here, only the cpu; use device='cpu'")
        try:
            model = AutoModelForTokenClassification.from_pretrained(folder.path, dtype=torch.float32)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise ModelFolderError(f"{folder.path}: cannot be loaded ({' '.join(str(error).split())})") from error
        return cls(model.to(device).eval())

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        training = self.model.training
        self.model.eval()
        with torch.inference_mode():
            logits = self.model(
                input_ids=torch.from_numpy(ids).to(self.model.device),
                attention_mask=torch.from_numpy(mask).to(self.model.device),
            ).logits
        self.model.train(training)
        result: npt.NDArray[np.float32] = logits.float().cpu().numpy()
        return result
