"""Who takes part in the benchmark of speed."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from bangfu.inference.model_folder import CONFIG, TOKENIZER
from bangfu.training.contender import ContenderChoice
from bangfu.training.flops import BertSizes
from bangfu.training.passages import passages
from bangfu.training.peer import PeerChoice

# by name: backend and precision
_OURS = {"int8": ("onnx", "int8"), "fp32": ("onnx", "fp32"), "openvino": ("openvino", "int8")}
# by name: whether of base size, and pieces a batch
_PIPELINES = {"pipeline": (False, 1), "pipeline-16": (False, 16), "base": (True, 1), "base-16": (True, 16)}
CONTENDERS = (*_OURS, *_PIPELINES)
PARTS = "parts of "
OF_BASE = tuple(key for key, (base, _) in _PIPELINES.items() if base)


def ours(model: Path, keys: Sequence[str], threads: int, required: bool) -> Iterator[ContenderChoice]:
    """Our extractor on the backends and in the precisions that are among ``keys``."""
    for key, (backend, precision) in _OURS.items():
        if key in keys:
            settings = {"model": str(model), "backend": backend, "precision": precision, "threads": threads}
            yield ContenderChoice(key, "ours", settings, required=required)


def parts(
    model: Path, keys: Sequence[str], threads: int, files: Sequence[str], required: bool
) -> Iterator[ContenderChoice]:
    """The same, taken apart; reading is timed on ``files``."""
    for choice in ours(model, keys, threads, required):
        settings = {**choice.settings, "files": list(files)}
        yield ContenderChoice(PARTS + choice.key, "parts", settings, required=required)


def attention(choice: ContenderChoice) -> str:
    """The precision in which a contender of ours computes attention."""
    return "bf16" if choice.settings["backend"] == "openvino" else "fp32"


def pipelines(model: Path, base: Path, keys: Sequence[str], threads: int, required: bool) -> Iterator[ContenderChoice]:
    """The pipelines that are among ``keys``, of ``model`` and of the folder of a model of ``base`` size.

    They are given passages of as many tokens as the positions of their model admit, special ones not counted.
    """
    tokenizer = Tokenizer.from_file(str(model / TOKENIZER))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    for key, (of_base, batch_size) in _PIPELINES.items():
        if key not in keys:
            continue
        folder = base if of_base else model
        positions = int(json.loads((folder / CONFIG).read_text(encoding="utf-8"))["max_position_embeddings"])

        def cut(text: str, size: int = positions - 2) -> list[str]:
            return passages(text, tokenizer, size)

        what = "base size" if of_base else "same weights"
        settings = {
            "model": str(folder),
            "name": f"pipeline, {what}" + (f", batches of {batch_size}" if batch_size > 1 else ""),
            "batch_size": batch_size,
            "threads": threads,
        }
        yield ContenderChoice(key, "pipeline", settings, cut=cut, required=required)


def peers(choices: Sequence[PeerChoice], required: bool) -> Iterator[ContenderChoice]:
    """Other tools, text by text, and in batches, too, where their adapters have them."""
    for choice in choices:
        settings = {"adapter": str(choice.adapter)}
        yield ContenderChoice(choice.name, "peer", settings, choice.python, required=required)
        if "load_batches" in runpy.run_path(str(choice.adapter)):
            batches = {**settings, "batches": True}
            yield ContenderChoice(f"{choice.name}, in batches", "peer", batches, choice.python, required=required)


def matmul(model: Path, threads: int) -> ContenderChoice:
    """Products of matrices of the sizes of a model."""
    settings = {"matrices": BertSizes.load(model / CONFIG).matrices, "threads": threads}
    return ContenderChoice("matmul", "matmul", settings)
