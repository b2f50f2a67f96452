"""The backend of the extra ``train``: torch and transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from bangfu.inference.backend import Device, DeviceError, Scores, Submit, TorchPrecision
from bangfu.inference.model_folder import CONFIG, WEIGHTS, ModelFolder, ModelFolderError
from bangfu.inference.origin import Origin
from bangfu.labels.user_error import UserError

try:
    import torch
    from safetensors import SafetensorError
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from transformers import AutoModelForTokenClassification
except ImportError as error:
    raise ImportError("the torch backend needs torch and transformers: pip install 'bangfu[train]'") from error

_TYPES: dict[TorchPrecision, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
# All but cuDNN, which torch takes first on Hopper and Blackwell: it builds a plan for each new shape of a batch, which
# takes longer than a batch.
_ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


class TorchBackend:
    """Runs a transformers token classifier, in evaluation mode and without gradients; logits are given as fp32.

    One that was loaded onto a GPU has ``submit``. Raises DeviceError in a process that was forked off.
    """

    def __init__(self, model: Any) -> None:
        self.model, self._origin = model, Origin()
        self.submit: Submit | None = None

    @classmethod
    def load(cls, folder: ModelFolder, device: Device = "auto", precision: TorchPrecision = "auto") -> TorchBackend:
        """Load the weights of a folder, on a CPU as fp32 or bf16, on a GPU as fp16 where nothing else is asked for.

        Raises DeviceError when ``device`` is not there or does not run ``precision``.
        """
        folder.file(CONFIG)
        folder.file(WEIGHTS)
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise DeviceError("torch finds no CUDA GPU here, only the cpu; use device='cpu'")
        dtype = _TYPES[_precision(device, precision)]
        try:
            model = AutoModelForTokenClassification.from_pretrained(folder.path, dtype=dtype)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise ModelFolderError(f"{folder.path}: cannot be loaded ({' '.join(str(error).split())})") from error
        backend = cls(model.to(device).eval())
        if device == "cuda":
            backend.submit = backend._submit
        return backend

    @property
    def device(self) -> Device:
        """Where the model lies."""
        return "cuda" if self.model.device.type == "cuda" else "cpu"

    @property
    def precision(self) -> TorchPrecision:
        """What the weights are."""
        return next(name for name, dtype in _TYPES.items() if dtype == self.model.dtype)

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Scores:
        return self._submit(ids, mask)()

    def _submit(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Callable[[], Scores]:
        self._origin.check("torch")
        training = self.model.training
        self.model.eval()
        with torch.inference_mode(), sdpa_kernel(_ATTENTION):
            try:
                given = self._there(torch.from_numpy(ids))
                logits = self.model(input_ids=given, attention_mask=self._mask(mask)).logits
            except torch.OutOfMemoryError as error:
                raise UserError(
                    f"a batch of {ids.size:,} tokens does not fit into the memory of the GPU; "
                    "use smaller batches (batch_tokens=…, --batch-tokens)"
                ) from error
            # copied back behind the batch, while the next one is made ready here
            back = torch.empty(logits.shape, dtype=torch.float32, pin_memory=self.device == "cuda")
            back.copy_(logits, non_blocking=True)
        self.model.train(training)
        copied = torch.cuda.current_stream(self.model.device).record_event() if self.device == "cuda" else None

        def result() -> Scores:
            if copied is not None:
                copied.synchronize()
            scores: Scores = back.numpy()
            if self.model.dtype == torch.float16 and not np.isfinite(scores.sum()):
                raise UserError("the model's numbers are too large for fp16; use precision='bf16' or 'fp32'")
            return scores

        return result

    def _there(self, tensor: torch.Tensor) -> torch.Tensor:
        # a copy from pinned memory does not wait for the GPU
        return tensor.pin_memory().to(self.model.device, non_blocking=True) if self.device == "cuda" else tensor

    def _mask(self, mask: npt.NDArray[np.int64]) -> torch.Tensor | None:
        if self.model.config._attn_implementation != "sdpa":
            return self._there(torch.from_numpy(mask))
        # given [batch, tokens], transformers asks the GPU whether anything is padding, and waits for all it has to do
        padded = torch.from_numpy(mask == 0)
        return self._there(~padded[:, None, None, :]) if padded.any() else None


def _precision(device: Device, precision: TorchPrecision) -> TorchPrecision:
    if precision == "auto":
        return "fp16" if device == "cuda" else "fp32"
    if precision == "fp16" and device == "cpu":
        raise DeviceError("fp16 is for GPUs, a CPU gains nothing by it; use precision='bf16', 'fp32' or 'auto'")
    if precision == "bf16" and device == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise DeviceError("this GPU has no bf16; use precision='fp16', 'fp32' or 'auto'")
    return precision
