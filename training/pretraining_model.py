"""The model of pretraining: a masked language model with heads for word tags and names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM

from bangfu.training.pretraining_config import NAME_LABELS, ArchitectureConfig
from bangfu.training.text_source import IGNORE

OBJECTIVES = ("masked", "tags", "names")


def sinusoids(positions: int, width: int) -> torch.Tensor:
    """[positions, width]: sines and cosines of the position, wave lengths 2π to 20,000π (Vaswani et al., 2017)."""
    angles = np.arange(positions)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)[None]
    table = np.zeros((positions, width), dtype=np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles[:, : width // 2])
    return torch.from_numpy(table)


def new_encoder(architecture: ArchitectureConfig, vocabulary: int) -> BertForMaskedLM:
    """An untrained BERT; its position embeddings begin as small sinusoids, from which it learns order sooner."""
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        intermediate_size=4 * architecture.hidden_size,
        max_position_embeddings=architecture.positions,
    )
    model = BertForMaskedLM(config)
    embedding = model.bert.embeddings.position_embeddings
    with torch.no_grad():
        embedding.weight.copy_(0.05 * sinusoids(architecture.positions, architecture.hidden_size))
    return model


def load_encoder(path: Path | str) -> Any:
    """A masked language model of a folder or the hub, in fp32."""
    return AutoModelForMaskedLM.from_pretrained(path, dtype=torch.float32)


class PretrainingModel(torch.nn.Module):
    """The encoder with its masked-language head, and two linear heads that are not kept."""

    def __init__(self, encoder: Any, tag_names: int, dropout: float, compiled: bool = False) -> None:
        super().__init__()
        self.encoder = encoder
        for module in encoder.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = dropout
        # On CPU, eager attention is a tenth faster than the fused kernel at these lengths, forward and back.
        encoder.set_attn_implementation("sdpa" if torch.cuda.is_available() else "eager")
        width = encoder.config.hidden_size
        self.tag_head = torch.nn.Linear(width, max(1, 2 * tag_names))
        self.name_head = torch.nn.Linear(width, 1 + 2 * len(NAME_LABELS))
        self._body = torch.compile(encoder.base_model) if compiled else encoder.base_model

    def forward(
        self, inputs: torch.Tensor, ids: torch.Tensor, masked: torch.Tensor, tags: torch.Tensor, names: torch.Tensor
    ) -> torch.Tensor:
        """[3]: the summed losses of masked tokens, word tags and names; all arguments are [rows, tokens].

        Predictions are computed at masked places alone, for they are most of the work.
        """
        hidden = self._body(inputs).last_hidden_state
        logits = self.encoder.cls(hidden[masked])
        masked_loss = functional.cross_entropy(logits.float(), ids[masked], reduction="sum")
        losses = [masked_loss]
        for head, targets in ((self.tag_head, tags), (self.name_head, names)):
            known = targets != IGNORE
            if bool(known.any()):
                losses.append(functional.cross_entropy(head(hidden[known]).float(), targets[known], reduction="sum"))
            else:  # every parameter has a gradient in every step, as several processes need it
                losses.append(head(hidden[:1, :1]).float().sum() * 0)
        return torch.stack(losses)

    def groups(self, weight_decay: float) -> list[dict[str, Any]]:
        """Parameters for an optimiser: matrices with weight decay, vectors without."""
        values = [value for value in self.parameters() if value.requires_grad]
        return [
            {"params": [value for value in values if value.ndim > 1], "weight_decay": weight_decay},
            {"params": [value for value in values if value.ndim <= 1], "weight_decay": 0.0},
        ]

    def named_weights(self) -> dict[str, torch.Tensor]:
        """The parameters by name, each once."""
        return dict(cast(torch.nn.Module, self).named_parameters())
