"""The pipeline 'token-classification' of transformers, in fp32 on the CPU. It takes texts that fit its positions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_FILES = ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json")


def load(model: str, name: str, batch_size: int, threads: int) -> tuple[dict[str, Any], Callable[..., int]]:
    """The pipeline of a model folder; what it gives is the number of groups of tags."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    # the folder's weights are stored in fp16, in which a CPU computes slowly
    tagger = transformers.pipeline(
        "token-classification", model=model, aggregation_strategy="simple", device="cpu", dtype=torch.float32
    )

    def work(texts: list[str]) -> int:
        return sum(len(groups) for groups in tagger(texts, batch_size=batch_size))

    description = {
        "name": name,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "files": [str(Path(model) / file) for file in _FILES],
    }
    return description, work
