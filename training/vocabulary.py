"""The vocabulary of a new encoder: one character a token, in BERT's own form."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers import BertTokenizer

from bangfu.labels.atomic_file import replaced

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
VOCABULARY_FILE = "vocab.txt"


def gb2312() -> list[str]:
    """The 6,763 characters of GB2312, levels 1 and 2, in its order."""
    cells = (bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    return [char for char in (cell.decode("gb2312", "ignore") for cell in cells) if char]


def count(texts: Iterable[str]) -> Counter[str]:
    """How often each character stands in clean texts, letters in lower case as BERT reads them."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text.lower())
    return counts


def build(counts: Counter[str], minimum_count: int) -> list[str]:
    """The tokens of a vocabulary, in order of their ids.

    Specials, ASCII, a ``##`` piece of each letter and digit (so that '1998' is four tokens), GB2312, and
    of the rest the characters that stand in the text at least ``minimum_count`` times, the commonest first.
    """
    ascii_tokens = [char for char in map(chr, range(33, 127)) if not char.isupper()]
    pieces = [f"##{char}" for char in string.digits + string.ascii_lowercase]
    tokens = dict.fromkeys((*SPECIALS, *ascii_tokens, *pieces, *gb2312()))
    others = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    tokens |= dict.fromkeys(
        char for char, number in others if number >= minimum_count and char.isprintable() and not char.isspace()
    )
    return list(tokens)


def write_list(tokens: Iterable[str], folder: Path) -> None:
    """Write ``vocab.txt``, a token a line."""
    with replaced(folder / VOCABULARY_FILE) as partial:
        partial.write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")


def write(tokens: Iterable[str], folder: Path) -> Any:
    """Write ``vocab.txt`` and the tokenizer that reads it into a folder; gives the tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    write_list(tokens, folder)
    tokenizer = BertTokenizer(vocab=str(folder / VOCABULARY_FILE))
    tokenizer.save_pretrained(folder)
    return tokenizer
