"""Other amounts: an augmented document's numbers drawn anew, in other forms."""

from __future__ import annotations

import re

import numpy as np

_DIGITS = "零一二三四五六七八九"
_AMOUNT = re.compile(
    r"^(?P<number>\d{1,3}(?:[,，]\d{3})+|\d+(?:\.\d+)?)(?P<scale>[十百千万亿]{0,2})(?P<more>[余多来]?)(?P<unit>\D*)$"
)
_CHINESE = re.compile(
    r"^(?P<number>[一二三四五六七八九十百千万两零]+)(?P<more>[余多来]?)(?P<unit>[^一二三四五六七八九十百千万两零]+)$"
)


def chinese(number: int) -> str:
    """A whole number below 10^8 in Chinese numerals: 105,000 is 十万五千."""
    if not 0 <= number < 10**8:
        raise ValueError(f"{number} is not between 0 and 10^8")
    if number >= 10_000:
        high, low = divmod(number, 10_000)
        rest = ("零" if low < 1000 else "") + ("一" if 10 <= low < 20 else "") + chinese(low) if low else ""
        return f"{chinese(high)}万{rest}"
    if number == 0:
        return _DIGITS[0]
    result, gap = "", False
    for power, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // power % 10
        if digit:
            result += ("零" if gap and result else "") + _DIGITS[digit] + name
            gap = False
        elif result:
            gap = True
    return result[1:] if result.startswith("一十") else result


def reroll(old: str, random: np.random.Generator) -> str | None:
    """Another amount of the same unit, at times in another form; None where the old one is not understood.

    Digits are drawn anew with as many places; 万元 may become 元 in full, with or without commas, or
    Chinese numerals, and the other way round.
    """
    match = _AMOUNT.match(old)
    if match is None:
        words = _CHINESE.match(old)
        if words is None or "两" in words["number"] or len(words["number"]) < 2:
            return None
        if words["unit"][0] == "几":
            return None
        count = int(10 ** random.uniform(1, 5))
        # behind a round number alone there may be more: 二十余名, not 三十五余名
        places = len(str(count)) - (1 if words["more"] else 2)
        return chinese(max(10, count - count % 10 ** max(0, places))) + words["more"] + words["unit"]
    number, scale, more, unit = match["number"], match["scale"], match["more"], match["unit"]
    if not unit and not scale:
        return None
    digits = _draw(number, random)
    if scale == "万" and unit == "元" and not more:
        value = round(float(digits.replace(",", "").replace("，", "")) * 10_000)
        form = random.random()
        if form < 0.15:
            return f"{value}元"
        if form < 0.3:
            return f"{value:,}元"
        if form < 0.45 and value < 10**8:
            return chinese(value) + "元"
    elif scale == "" and unit == "元" and not more and "." not in digits:
        value = int(digits.replace(",", "").replace("，", ""))
        if value >= 10_000 and value % 1000 == 0 and random.random() < 0.5:
            return f"{value / 10_000:.10g}万元"
        if value < 10**8 and random.random() < 0.15:
            return chinese(value) + "元"
    return digits + scale + more + unit


def _draw(number: str, random: np.random.Generator) -> str:
    """Other digits in the same places; no leading nought, and round numbers stay round."""
    kept = len(number) - len(number.rstrip("0")) if "." not in number else 0
    result = []
    for index, char in enumerate(number):
        if not char.isdigit() or index >= len(number) - kept:
            result.append(char)
        else:
            low = 1 if index == 0 and not (number.startswith("0.")) else 0
            result.append(str(int(random.integers(low, 10))) if not (index == 0 and low == 0) else "0")
    # 0.00 is no amount
    return "".join(result) if any(char in "123456789" for char in result) else number
