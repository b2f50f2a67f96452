"""A token classifier of the size of bert-base-chinese with random weights: how fast it is does not depend on them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from bangfu.inference.model_folder import CONFIG, TOKENIZER

_VOCABULARY = 21128


def write(model: Path, target: Path) -> None:
    """Write its weights into ``target``, with the tokenizer and the tags of ``model``; some 400 MB."""
    from transformers import BertConfig, BertForTokenClassification
    from transformers.utils import logging

    tags = json.loads((model / CONFIG).read_text(encoding="utf-8"))["id2label"]
    config = BertConfig(
        vocab_size=_VOCABULARY,
        id2label={int(number): tag for number, tag in tags.items()},
        label2id={tag: int(number) for number, tag in tags.items()},
    )  # whose other sizes are those of base: 12 layers of 768, 12 heads
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    BertForTokenClassification(config).save_pretrained(target)
    logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    for name in (TOKENIZER, "tokenizer_config.json"):
        shutil.copyfile(model / name, target / name)
