"""Word-tagged text as one long stream of tokens, kept on disk and read through a memory map."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from bangfu.inference.cleaning import CLEANING_VERSION, clean
from bangfu.inference.tokens import Encoder
from bangfu.labels.user_error import UserError

# Tokens of a word that belongs to no tag in the list; its loss is not counted.
IGNORE = 255


@dataclass(frozen=True)
class WordStream:
    """Tokens of all sentences one after the other.

    ``ids`` (uint16), ``word_starts`` (bool: the token begins a word) and ``tags`` (uint8: twice the
    number of the word's tag, plus one inside the word) have one entry a token.
    """

    ids: npt.NDArray[np.uint16]
    word_starts: npt.NDArray[np.bool_]
    tags: npt.NDArray[np.uint8]
    tag_names: tuple[str, ...]


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _sentences(paths: list[Path]) -> Iterator[list[tuple[str, str]]]:
    """Sentences as (word, tag) pairs; pieces without a tag are passed over."""
    for path in paths:
        with _open(path) as lines:
            for line in lines:
                pairs = [piece.rpartition("/") for piece in line.rstrip("\n").split(" ")]
                sentence = [(word, tag) for word, slash, tag in pairs if slash and word]
                if sentence:
                    yield sentence


def build(paths: list[Path], encoder: Encoder, folder: Path) -> WordStream:
    """Encode tagged text once, into arrays under ``folder``; a second call reads what is there.

    The cache is known by the names and sizes of the files, the tokenizer and the version of the cleaning.
    """
    if encoder.size > np.iinfo(np.uint16).max:
        raise UserError(f"a vocabulary of {encoder.size} does not fit 16 bits; use an encoder with a smaller one")
    files = [[path.name, path.stat().st_size] for path in paths]
    key = json.dumps([files, encoder.fingerprint, CLEANING_VERSION])
    stem = folder / f"words-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    meta = stem.with_suffix(".json")
    if not meta.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _encode(paths, encoder, stem)
    return WordStream(
        np.load(f"{stem}-ids.npy", mmap_mode="r"),
        np.load(f"{stem}-starts.npy", mmap_mode="r"),
        np.load(f"{stem}-tags.npy", mmap_mode="r"),
        tuple(json.loads(meta.read_text(encoding="utf-8"))),
    )


def _encode(paths: list[Path], encoder: Encoder, stem: Path) -> None:
    names: dict[str, int] = {}
    parts: list[tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_], npt.NDArray[np.uint8]]] = []
    batch: list[list[tuple[str, str]]] = []

    def flush() -> None:
        # A space in front of the words would change nothing for Chinese but cut 'SK集团' elsewhere than
        # running text does, so sentences are encoded whole and the words found again by offset.
        texts = ["".join(word for word, _ in sentence) for sentence in batch]
        cleaned = [clean(text) for text in texts]
        for sentence, text, clear, tokens in zip(
            batch, texts, cleaned, encoder.encode([clear.text for clear in cleaned]), strict=True
        ):
            if not len(tokens):
                continue
            lengths = np.array([len(word) for word, _ in sentence])
            numbers = np.array([min(names.setdefault(tag, len(names)), IGNORE // 2) for _, tag in sentence])
            word_of_character = np.repeat(np.arange(len(sentence)), lengths)
            assert len(word_of_character) == len(text)
            word = word_of_character[clear.starts[tokens.starts]]
            starts = np.concatenate([[True], word[1:] != word[:-1]])
            tags = numbers[word] * 2 + ~starts
            parts.append((tokens.ids.astype(np.uint16), starts, np.minimum(tags, IGNORE).astype(np.uint8)))
        batch.clear()

    for sentence in tqdm(_sentences(paths), desc="encoding text", unit=" sentences"):
        batch.append(sentence)
        if len(batch) == 2000:
            flush()
    flush()
    for suffix, column in (("ids", 0), ("starts", 1), ("tags", 2)):
        np.save(f"{stem}-{suffix}.npy", np.concatenate([part[column] for part in parts]))
    stem.with_suffix(".json").write_text(json.dumps(list(names), ensure_ascii=False), encoding="utf-8")
