"""Values: the number and the unit that an AMOUNT says."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from bangfu.inference.numeral import LONGEST, numeral

Sense = Literal["exact", "about", "more", "less", "several"]

_YUAN = "元"
# as it is written: as it is put out
_CURRENCIES = {
    **dict.fromkeys(("人民币", "RMB", "CNY", "¥", "￥"), _YUAN),
    **dict.fromkeys(("美元", "美金", "US$", "USD"), "美元"),
    **dict.fromkeys(("港元", "港币", "港纸", "HK$", "HKD"), "港元"),
    **dict.fromkeys(("新台币", "台币", "NT$"), "新台币"),
    **dict.fromkeys(("澳门元", "澳门币", "葡币", "MOP$", "MOP"), "澳门元"),
    **dict.fromkeys(("欧元", "欧", "€", "EUR"), "欧元"),
    **dict.fromkeys(("英镑", "镑", "£", "GBP"), "英镑"),
    **dict.fromkeys(("日元", "日圆", "日币", "円"), "日元"),
    **dict.fromkeys(("新加坡元", "新元", "新币", "坡币", "S$"), "新加坡元"),
    **dict.fromkeys(("林吉特", "令吉", "马币", "RM"), "林吉特"),
    **dict.fromkeys(("泰铢", "铢"), "泰铢"),
    **dict.fromkeys(("加元", "加币"), "加元"),
    **dict.fromkeys(("澳元", "澳币", "AU$", "A$"), "澳元"),
    **dict.fromkeys(("菲律宾比索", "菲币", "₱"), "菲律宾比索"),
    **dict.fromkeys(("韩元", "韩币"), "韩元"),
    **dict.fromkeys(("瑞士法郎", "瑞郎"), "瑞士法郎"),
    "卢布": "卢布",
    "卢比": "卢比",
    "比索": "比索",
    "兰特": "兰特",
    "$": "$",
}
_CURRENCY = re.compile("|".join(sorted(map(re.escape, _CURRENCIES), key=len, reverse=True)))
# 美元, 元美金
_SUFFIX = re.compile(rf"[元圆块]?(?P<currency>{_CURRENCY.pattern})")
_DIGIT = "[1-9一二三四五六七八九两]"
# what stands behind the number: 元6角, 块八, 毛七, 分钱; 米六; 吨半
_CHANGE = re.compile(
    rf"(?:[元圆块](?:(?P<jiao>{_DIGIT})[角毛]?)?(?:零?(?P<fen>{_DIGIT})分?)?[整正]?"
    rf"|(?P<coin>[角毛])(?P<more>{_DIGIT})?分?|(?P<cent>分(?=钱)))钱?"
)
_TENTH = re.compile(rf"(?P<unit>米)(?P<tenth>{_DIGIT})")
_HALF = re.compile("(?P<unit>.+)半")
# no unit has these in it: what is behind it is another number, or no amount
_NO_UNIT = re.compile(
    r"[\d一二三四五六七八九万亿几或至到多,，.．×*+]|分之|^半|^[块里斤]?来|^[十百数以余]|^[两把].|^上[十百千]"
)
_TO = re.compile("至|到|[~～〜－-]|[—–―]+|、|以上(?=[^起])")
_NEIGHBOURS = re.compile("(?P<one>[一二三四五六七八九两])(?P<other>[二三四五六七八九两])(?![一二三四五六七八九点])")
_BEHIND: tuple[tuple[re.Pattern[str], Sense], ...] = (
    (re.compile("(?:[及或]?以上|(?<=元)起|出头|有余|余|多)$"), "more"),
    (re.compile("(?:[及或]?以下|以内|之内|不到)$"), "less"),
    (re.compile("(?:左右|上下|前后)$"), "about"),
)
_BEFORE: tuple[tuple[re.Pattern[str], Sense], ...] = (
    (
        re.compile(
            "(?:不少于|不低于|不下|至少|最少|起码|(?<!不)多于|(?<!不)高于|(?<!不)大于|逾|突破|超出|(?<![不未有])超过|(?<![反高不中英西])超)$"
        ),
        "more",
    ),
    (
        re.compile(
            "(?:[不未]超过?|没有超过|不多于|不高于|不大于|小于|不足|不到|不满|未满|至多|最多|低于|少于|接近|(?<![最附邻临靠新远亲就走相])近)$"
        ),
        "less",
    ),
    (re.compile("(?:大约|大概|约为|约合|(?<![签条公合节履预契特违毁邀立纽相制赴失守誓])约)$"), "about"),
)
# the last characters of these words
_LAST = frozenset("于下少码逾破出过超足到满多近约概为合有达了")
_BETWEEN = re.compile("[有达了]$")  # 约有, 超过了
# four of five amounts are of this form, which needs a tenth of the time
_USUAL = re.compile(
    r"(?!0\d)(\d{1,7}(?:\.\d{1,4})?)([余多]?[万亿]?|[万亿][余多])"
    "([元个名人家户吨亩台位件米所条只例套斤座辆张处份间支项箱头口顶架床艘笔]|人次|公里|公斤|美元|平方米)",
    re.ASCII,
)
_SCALES = {"": 1, "万": 10**4, "亿": 10**8}
# how many characters in front of an amount are looked at
BEFORE = 8
# beyond it a float does not hold every whole number
_MOST = Decimal(2**53)
_SPACE = re.compile(r"\s+")
_GROUPS = re.compile(r"(?<!\d)\d{1,3}(?:\s\d{3})+(?!\d)")
_APART = re.compile(r"\d\s+\d")
_POINT = re.compile(r"(?<=\d)[．·・](?=\d)")
_COMMA = re.compile(r"(?<=\d)，(?=\d{3})")


# 二、三十 is 二三十
_LIST = re.compile("(?<=[一二三四五六七八九两])、(?=[一二三四五六七八九两])")
_WRITTEN = (
    (re.compile(r"(?<=[\d万亿])\+"), "余"),
    (re.compile(r"(?<=[元户人])\+$"), "以上"),
    (re.compile("廿"), "二十"),
    (re.compile("卅"), "三十"),
    (re.compile("(?<=[a-z])2$"), "²"),
    (re.compile("(?<=[a-z])3$"), "³"),
    (re.compile("(?:不等|（含）|\\(含\\))(?=(?:以[上下])?$)"), ""),
    (re.compile("^好(?=[几多])"), ""),
)
_FRONT = re.compile(
    "(?:不[足到满]|不[超少低高大][过于]|未满|超过?|逾|将近|接近|近|大约|约|至少|最[多少]|[高大多低少小]于)(?=.)"
)


@dataclass(frozen=True)
class Value:
    """What an AMOUNT says: ``number`` times ``unit``, or from ``number`` to ``upper``.

    ``number`` has 万 and 亿 multiplied out. ``unit`` is what stands behind it; sums in yuan have 元, and other
    currencies one name each. ``sense`` is ``exact`` for a number as it is; ``more`` and ``less`` for 200余人 and
    不足200人; ``about`` for 200人左右 and 千亩 (1,000); ``several`` for some times the number, as 几十 (10) and
    数百万 (1,000,000) are. Words in front of the amount count, too (近, 约, 逾).
    """

    number: int | float
    upper: int | float | None
    unit: str
    sense: Sense

    def to_json(self) -> dict[str, Any]:
        """The value as a JSON object."""
        return vars(self).copy()


@dataclass(frozen=True)
class _Part:
    # one number with its unit; mantissa and scale as of a Numeral
    number: Decimal
    unit: str
    sense: Sense
    mantissa: Decimal
    scale: int


def value(text: str, before: str = "") -> Value | None:
    """What an amount of cleaned ``text`` says, None where that is not understood; ``before`` stands in front of it."""
    if (usual := _USUAL.fullmatch(text)) is not None:
        digits, scale, unit = usual.groups()
        number = (Decimal(digits) if "." in digits else int(digits)) * _SCALES[scale.strip("余多")]
        return Value(_plain(number), None, unit, _said(before) or "exact" if scale in _SCALES else "more")
    if len(text) > LONGEST:
        return None
    if (front := _FRONT.match(text)) is not None:
        before, text = front[0], text[front.end() :]
    found = _read(text)
    if found is None or found.sense not in ("exact", "about"):
        return found
    said = _said(before)
    # near a range both ends are
    return replace(found, sense=said) if said == "about" or (said and found.upper is None) else found


@lru_cache(4096)
def _read(text: str) -> Value | None:
    text = _GROUPS.sub(lambda match: _SPACE.sub("", match[0]), text)
    if _APART.search(text):
        return None
    text = _COMMA.sub(",", _POINT.sub(".", _SPACE.sub("", text)))
    for pattern, instead in _WRITTEN:
        text = pattern.sub(instead, text)
    part = _part(text)
    return _range(text) if part is None else _value(part.number, None, part.unit, part.sense)


def _said(before: str) -> Sense | None:
    before = before[-BEFORE:].rstrip()
    if before[-1:] not in _LAST:  # nearly always
        return None
    before = _BETWEEN.sub("", before)
    return next((sense for pattern, sense in _BEFORE if pattern.search(before)), None)


def _range(text: str) -> Value | None:
    text = _LIST.sub("", text)
    splits = list(_TO.finditer(text))
    if len(splits) == 1:
        low, high = _part(text[: splits[0].start()]), _part(text[splits[0].end() :])
    elif not splits and (pair := _NEIGHBOURS.search(text)):  # 两三百名
        low, high = (_part(text[: pair.start(drop)] + text[pair.end(drop) :]) for drop in ("other", "one"))
    else:
        return None
    if low is None or high is None:
        return None
    # 3至5万元 is 30,000 to 50,000, but 500至2万元 begins at 500
    if not low.unit and low.scale == 1 and low.mantissa <= high.mantissa:
        low = replace(low, number=low.number * high.scale)
    unit = high.unit or low.unit
    if unit == _YUAN and low.unit in _CURRENCIES.values():  # 港币5000元至8000元
        unit = low.unit
    if low.unit not in ("", unit) or low.number >= high.number:
        return None
    return _value(low.number, high.number, unit, "exact" if low.sense == high.sense == "exact" else "about")


def _value(number: Decimal, upper: Decimal | None, unit: str, sense: Sense) -> Value | None:
    if max(number, upper or number) > _MOST:
        return None
    return Value(_plain(number), None if upper is None else _plain(upper), unit, sense)


def _plain(number: Decimal | int) -> int | float:
    if isinstance(number, int):
        return number
    return int(number) if number == number.to_integral_value() else float(number)


def _part(text: str) -> _Part | None:
    currency = ""
    if (front := _CURRENCY.match(text)) is not None:
        currency, text = _CURRENCIES[front[0]], text[front.end() :]
    sense: Sense = "exact"
    if text[:1] == "上" and text[1:2] in tuple("十百千万亿"):  # 上百名
        text, sense = text[1:], "more"
    if text[:1] == "半":
        number = mantissa = Decimal("0.5")
        scale, rest = 1, text[1:]
    elif (read := numeral(text)) is not None:
        number, mantissa, scale, rest = read.number, read.mantissa, read.scale, text[read.stop :]
        if sense == "exact":
            sense = "several" if read.several else "more" if read.over else "about" if read.some else "exact"
    else:
        return None
    for pattern, said in _BEHIND:
        if (tail := pattern.search(rest)) is not None:
            rest = rest[: tail.start()]
            sense = "several" if sense == "several" else said
            break
    if (found := _unit(number, rest)) is None:
        return None
    number, unit = found
    if currency and unit not in ("", _YUAN, currency):
        return None
    return _Part(number, currency or unit, sense, mantissa, scale)


def _unit(number: Decimal, rest: str) -> tuple[Decimal, str] | None:
    # the number, with what the unit adds to it (9元6角, 三吨半), and the unit
    if rest and (change := _CHANGE.fullmatch(rest)) is not None:
        if change["cent"]:
            return number / 100, _YUAN
        if change["coin"]:
            return number / 10 + _digit(change["more"]) / 100, _YUAN
        return number + _digit(change["jiao"]) / 10 + _digit(change["fen"]) / 100, _YUAN
    if (tenth := _TENTH.fullmatch(rest)) is not None:
        return number + _digit(tenth["tenth"]) / 10, tenth["unit"]
    if (half := _HALF.fullmatch(rest)) is not None:
        number, rest = number + Decimal("0.5"), half["unit"]
    money = _SUFFIX.fullmatch(rest)
    unit = _CURRENCIES[money["currency"]] if money else rest
    if unit in ("块", "圆"):
        unit = _YUAN
    return None if _NO_UNIT.search(unit) else (number, unit)


def _digit(text: str | None) -> Decimal:
    read = numeral(text) if text else None
    return read.number if read else Decimal(0)
