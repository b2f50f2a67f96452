"""Numerals: what a number is worth that is written in digits, in Chinese characters or in both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_DIGITS = {char: value for chars in ("一二三四五六七八九", "壹贰叁肆伍陆柒捌玖") for value, char in enumerate(chars, 1)}
_PAIRS = {"两": 2, "俩": 2, "仨": 3}
_WORTH = _DIGITS | _PAIRS
_NOUGHTS = "零〇○单"
# the largest first: what stands in front of it is counted by it, what stands behind is added
_SCALES = ("亿", 10**8), ("万", 10**4), ("千仟", 1000), ("百佰", 100), ("十拾", 10)
# with noughts in front it is the end of a number that was torn
_ARABIC = r"(?!0[\d,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_NOUGHT = f"(?:[零〇○]|单(?=[{''.join(_DIGITS)}]))"
# of 500千瓦 and 千米 the 千 is the unit's
_SCALE = "(?:[十百佰仟拾万亿](?!帕)|千(?![瓦克米卡伏安赫焦帕])|(?:(?<=[几数])|^)千)"
# 两 of 3万两 is the unit, too
_DIGIT = rf"(?:[{''.join(_DIGITS)}]|(?:^|(?<=[百千万亿]))两(?={_SCALE})|^[{''.join(_PAIRS)}])"
_POINT = rf"点(?:{_DIGIT}|{_NOUGHT})+"
_NUMERAL = re.compile(
    rf"(?P<several>[几数])?"
    rf"(?P<body>(?:{_ARABIC}|{_DIGIT}|{_NOUGHT}|{_SCALE}|{_POINT}|个(?=[余多]?[万亿])|[余多来几](?={_SCALE}))*)"
    r"(?P<end>[余多来几]?)"
)
# 一万三 ends a number; of 10万一次性口罩 the 一 is of what is counted
_SPOKEN = re.compile(rf"[1-9{''.join(_DIGITS)}]")
_SPOKEN_END = re.compile(rf"[百佰千仟万亿]{_SPOKEN.pattern}")
_BEHIND_SPOKEN = tuple("元圆块斤里亩米多余以左上出至到、") + tuple("~～〜—–－―-")
# longer ones are no numbers, and 万万万… would be read ever deeper
LONGEST = 60
_MARKS = str.maketrans("", "", "个余多来几")


@dataclass(frozen=True)
class Numeral:
    """A number at the beginning of a text: what it is worth, and where it ends.

    ``several`` is the 几 or 数 of 几十 and 数万, which are worth 10 and 10,000 here; ``over`` the 余, 多 or 几 behind
    a number (十几); ``some`` what is round by itself (十来, or 百 alone for a hundred or so). ``mantissa`` is the
    number without the scales that it ends with (3 of 3万, 30 of 30), ``scale`` these together.
    """

    number: Decimal
    stop: int
    mantissa: Decimal
    scale: int
    several: bool
    over: bool
    some: bool


def numeral(text: str) -> Numeral | None:
    """The number that ``text``, of simplified characters without spaces, begins with; None where there is none.

    A single digit behind 百, 千, 万 or 亿 counts the next smaller scale, as it is spoken: 一万三 is 13,000.
    """
    match = _NUMERAL.match(text)
    if match is None or not 0 < match.end() <= LONGEST:
        return None
    marks, several = match["body"] + match["end"], match["several"] is not None
    body = match["body"].translate(_MARKS)
    behind = text[match.end() :]
    if behind and _SPOKEN_END.fullmatch(body[-2:]) and not match["end"] and not behind.startswith(_BEHIND_SPOKEN):
        return None
    number = Decimal(1) if several and not body else _worth(body)
    if number is None:
        return None
    mantissa = body.rstrip("百佰千仟万亿")
    front = Decimal(1) if several and not mantissa else _worth(mantissa)
    if not mantissa or mantissa == body or front is None or not number or not front:
        front = number
    return Numeral(
        number,
        match.end(),
        front,
        int(number / front) if front else 1,
        several,
        over=any(char in marks for char in "余多几"),
        some="来" in marks or (not several and body[:1] in tuple("百佰千仟万亿")),
    )


def _worth(text: str, behind_another: bool = False) -> Decimal | None:
    # None for what is no number, such as digits in a row, or 万千
    for chars, scale in _SCALES:
        at = max(map(text.rfind, chars))
        if at < 0:
            continue
        before, behind = text[:at], text[at + 1 :]
        if not before and behind_another and scale > 10:
            return None
        count = _worth(before, behind_another) if before else Decimal(1)
        rest = _worth(behind, True) if behind else Decimal(0)
        if count is None or rest is None or rest >= scale:
            return None
        if scale >= 100 and _SPOKEN.fullmatch(behind):
            rest *= scale // 10
        return count * scale + rest
    whole, point, decimals = text.partition("点")
    if point:
        front = _worth(whole) if whole else Decimal(0)
        after = [Decimal(0) if char in _NOUGHTS else _worth(char) for char in decimals]
        if front is None or not after or None in after:
            return None
        return front + Decimal("0." + "".join(map(str, after)))
    if re.fullmatch(_ARABIC, text, re.ASCII):
        return Decimal(text.replace(",", ""))
    digit = text.lstrip(_NOUGHTS)
    return Decimal(_WORTH.get(digit, 0)) if digit in _WORTH or (text and not digit) else None
