"""Amounts among the words of a part-of-speech tagger."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMERAL = "0-9０-９.．,，〇零一二两三四五六七八九十百千万亿半几数多余来"
_RUN = re.compile(
    rf"(?:[约近超逾共达仅])?(?P<amount>[{_NUMERAL}]*[0-9０-９零一二两三四五六七八九十百千万亿半][{_NUMERAL}]*.+)", re.S
)
# percent, multiples, dates, times and ages are no amounts by our guidelines, nor is a bare number
_OTHER = re.compile(rf"(?:[%％‰倍成年月日号天周时分秒岁]|小时|分钟|星期|周年|季度|世纪|[{_NUMERAL}])$")


def quantities(text: str, words: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of the amounts in ``text``; ``words`` are ranges of its number and measure words, in order.

    Words that touch form a run. A run that begins with a number (behind 约, 近 and the like, which stay
    outside) and ends with a unit that is not one of time, share or rank is an amount.
    """
    runs: list[list[int]] = []
    for start, end in words:
        if runs and runs[-1][1] == start:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    found = []
    for start, end in runs:
        match = _RUN.fullmatch(text[start:end])
        if match and not _OTHER.search(match["amount"]):
            found.append((start + match.start("amount"), end))
    return found
