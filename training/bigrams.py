"""Counting of the pairs of characters that :mod:`bangfu.inference.bigrams` reads.

``write(paragraphs, path)`` made the shipped file, from the texts that :func:`sources` lists. Only counts are kept.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bangfu.inference.bigrams import CHARACTER_STEP, KINDS, PAIR_STEP, kind, normalised
from bangfu.labels import text_lines

# A paragraph in so many of public text is left out, for measuring on.
HELD_OUT = 50
_CHARACTERS, _PAIRS = 4000, 165_000

# file name, how much one of its characters counts
_PUBLIC = (
    ("text/cctv.txt.xz", 1.0),
    ("text/laws.txt.xz", 0.25),
    ("msra.train.jsonl.gz", 2.0),
    ("pd1998.jsonl.gz", 1.0),
)
_OWN = 10.0


def paragraphs(path: Path) -> Iterator[str]:
    """The paragraphs of a text file, or of the texts of a .jsonl file, packed or not."""
    for text in text_lines.texts(path):
        yield from filter(None, map(str.strip, text.split("\n")))


def sources(corpus: Path, public: Path, *, held_out: bool = False) -> Iterator[tuple[str, float]]:
    """The paragraphs to count and their weights, or the public ones that are held out."""
    if not held_out:
        yield from ((paragraph, _OWN) for paragraph in paragraphs(corpus))
    for name, weight in _PUBLIC:
        for number, paragraph in enumerate(paragraphs(public / name)):
            if (number % HELD_OUT == 0) == held_out:
                yield paragraph, weight


def write(texts: Iterable[tuple[str, float]], path: Path) -> None:
    """Count paragraphs with their weights and write the model: below 300 kB, some minutes for 30 M characters."""
    gathered: dict[float, list[str]] = {}
    for text, weight in texts:
        gathered.setdefault(weight, []).append(normalised(text))
    codes = {weight: _codes("\n".join(["", *lines, ""])) for weight, lines in gathered.items()}
    seen = sum(np.bincount(array, minlength=0x110000) * weight for weight, array in codes.items())
    assert isinstance(seen, np.ndarray)
    # digits, letters, white space, kana, Greek and Cyrillic are told by kind alone
    seen[[code for code in np.flatnonzero(seen) if kind(chr(code)) < len(KINDS) - 2]] = 0
    commonest = np.sort(np.argsort(seen, kind="stable")[::-1][:_CHARACTERS])
    size = len(KINDS) + len(commonest)
    numbers = np.full(0x110000, len(KINDS) - 1, dtype=np.int64)
    for code in np.unique(np.concatenate([*codes.values()])):
        numbers[code] = kind(chr(code))
    numbers[commonest] = np.arange(len(KINDS), size)

    counts = np.zeros(size * size)
    for weight, array in codes.items():
        number = numbers[array]
        counts += np.bincount(number[:-1] * size + number[1:], minlength=size * size) * weight
    table = counts.reshape(size, size)
    firsts, seconds = table.sum(1) + 1, table.sum(0) + 1
    # a kind that is seldom met still goes on as it began: わたし, Россия
    for own in range(len(KINDS)):
        table[own, own] += firsts[own] + 100
        firsts[own] += firsts[own] + 100
    likely = seconds / seconds.sum()
    expected = 0.1 * likely  # behind any character, of what its known pairs leave
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = table * np.log(np.maximum(table - 0.5, 1e-9) / firsts[:, None] / expected)
    worth[table < 1] = 0
    best = np.sort(np.argsort(np.nan_to_num(worth).ravel(), kind="stable")[::-1][:_PAIRS])
    first = best // size
    gaps = np.diff(best, prepend=0)
    pairs = -np.log((table.ravel()[best] - 0.5) / firsts[first])
    arrays = {
        "chars": np.frombuffer("".join(map(chr, commonest)).encode(), dtype=np.uint8),
        "singles": _bytes(-np.log(likely), CHARACTER_STEP),
        "gaps": np.stack([gaps >> 8 * place & 0xFF for place in range(3)]).astype(np.uint8),
        "pairs": _bytes(pairs, PAIR_STEP),
    }
    # as np.savez does, but packed a tenth tighter
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, values)  # type: ignore[no-untyped-call]


def _codes(text: str) -> npt.NDArray[np.int32]:
    return np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.int32)


def _bytes(values: npt.NDArray[np.float64], step: float) -> npt.NDArray[np.uint8]:
    return np.clip(np.round(values / step), 0, 255).astype(np.uint8)
