"""Real models that a test makes for itself: an encoder of a few thousand weights, the shipped model changed."""

import json
import shutil
from pathlib import Path

import torch
from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

from bangfu.inference.model_folder import CONFIG, SHIPPED, ModelFolder
from bangfu.training import export, int8_graph

CHARACTERS = "一二三四五六七八九十百千万元捐赠向了的在县省市会慈善总局民政南北东西海河山川江苏宁安，。助学义诊"


def tiny_encoder(folder: Path, pieces: tuple[str, ...] = ()) -> Path:
    """Write an untrained encoder, two layers of 32; ``pieces`` are further entries of its vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    digits = [f"{prefix}{digit}" for prefix in ("", "##") for digit in range(10)]
    vocabulary = [*specials, *dict.fromkeys([*CHARACTERS, *digits, *pieces])]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertForMaskedLM(config).save_pretrained(folder)
    return folder


def with_activation(folder: Path, activation: str, texts: list[str]) -> tuple[ModelFolder, float]:
    """Write the shipped weights under an activation, and their graphs anew; gives the int8 graph's agreement, too."""
    shutil.copytree(SHIPPED, folder)
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    (folder / CONFIG).write_text(json.dumps(config | {"hidden_act": activation}), encoding="utf-8")
    model = ModelFolder.load(folder)
    export.export(model)
    return model, int8_graph.write(model, texts)
