"""The articles that a benchmark of speed reads: short ones as they are, long ones made of them, shares of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bangfu.labels.user_error import UserError


def joined(texts: Sequence[str], length: int) -> list[str]:
    """Half of the characters in articles of about ``length`` characters, made of neighbours; the others as they are."""
    if length < 1:
        raise UserError(f"--join {length} must be at least 1; give the characters of a long article")
    short: list[str] = []
    long: list[str] = []
    held: list[str] = []
    balance = 0  # characters that stay as they are, less those that are joined
    for text in texts:
        if balance <= 0:
            short.append(text)
            balance += len(text)
            continue
        held.append(text)
        balance -= len(text)
        if sum(map(len, held)) >= length:
            long.append("\n\n".join(held))
            held = []
    return short + long + (["\n\n".join(held)] if held else [])


def share(texts: Sequence[str], characters: float, least: int) -> list[str]:
    """About so many characters, in at least ``least`` articles: every n-th by length, so that the lengths are alike.

    They keep their order. All where there are no more.
    """
    total = sum(map(len, texts))
    number = max(least, round(len(texts) * characters / max(1, total)))
    if number >= len(texts):
        return list(texts)
    by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    chosen = sorted(by_length[(2 * step + 1) * len(texts) // (2 * number)] for step in range(number))
    return [texts[index] for index in chosen]


def lengths(texts: Sequence[str]) -> dict[str, Any]:
    """Number, characters, and the mean and range of lengths."""
    sizes = [len(text) for text in texts]
    return {
        "articles": len(sizes),
        "characters": sum(sizes),
        "mean": sum(sizes) / max(1, len(sizes)),
        "shortest": min(sizes, default=0),
        "longest": max(sizes, default=0),
    }
