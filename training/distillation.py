"""Distillation: learning the tags that other models give, with their doubts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.nn.functional import log_softmax
from transformers import AutoModelForTokenClassification, AutoTokenizer

from bangfu.labels.schema import TAGS
from bangfu.training.loss import marginals
from bangfu.training.yaml_file import ConfigError


class Teachers:
    """Models that say together how likely each tag of a token is: the mean of what each says.

    Raises ConfigError for a folder that holds no model of ours, or one that has other tokens than the student, which
    are ``vocabulary``, or cannot read windows of ``window`` tokens.
    """

    def __init__(self, folders: Sequence[str], vocabulary: Mapping[str, int], window: int) -> None:
        self._models = [_load(folder, vocabulary, window) for folder in folders]

    def probabilities(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """[rows, tokens, tags] in fp32: among all legal sequences of tags."""
        with torch.no_grad():
            for model in self._models:
                model.to(inputs["input_ids"].device)
            logits = [model(**inputs).logits for model in self._models]
        return torch.stack([marginals(some, inputs["attention_mask"] != 0) for some in logits]).mean(0)


def check_teacher(folder: str) -> None:
    """Raise ConfigError for a folder that is missing, which transformers would take for a model of the hub."""
    if not Path(folder).is_dir():
        raise ConfigError(f"teacher {folder}: no such folder; give folders of models under teachers")


def _load(folder: str, vocabulary: Mapping[str, int], window: int) -> Any:
    check_teacher(folder)
    try:
        model = AutoModelForTokenClassification.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
        same = AutoTokenizer.from_pretrained(folder).get_vocab() == vocabulary
    except (OSError, ValueError, SafetensorError) as error:
        raise ConfigError(f"teacher {folder}: cannot be loaded: {' '.join(str(error).split())}") from error
    if not same:
        raise ConfigError(f"teacher {folder}: has other tokens than the encoder; give teachers made from the same one")
    if model.config.max_position_embeddings < window + 2:
        raise ConfigError(
            f"teacher {folder}: cannot read windows of {window} tokens; give another, or a smaller window"
        )
    if [model.config.id2label.get(number) for number in range(model.config.num_labels)] != list(TAGS):
        raise ConfigError(f"teacher {folder}: does not give our tags {', '.join(TAGS)}; give a model of ours")
    return model.eval().requires_grad_(False)


def distilled_loss(logits: torch.Tensor, probabilities: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the teachers' ``probabilities`` and ``logits``, both [rows, tokens, tags].

    Padding, of which ``tags`` [rows, tokens] are 0, is passed over (Hinton et al., 2015, at temperature 1).
    """
    read = tags != 0
    return -(probabilities[read] * log_softmax(logits.float()[read], dim=-1)).sum(-1).mean()
