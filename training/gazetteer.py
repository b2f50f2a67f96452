"""The gazetteer: provinces, prefectures and counties of China, to draw names of places from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("places.tsv")

# What follows the proper part of a name: 'long' names carry it, short forms leave it out.
_SUFFIXES = (
    *("特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "自治州", "自治县", "自治旗"),
    *("地区", "林区", "新区", "省", "市", "县", "区", "州", "盟", "旗"),
)

# Districts that are named by where they lie; alone, the word is no name.
_POSITIONS = re.compile("(市|城)[东西南北中关厢]|[江河][东南北]|湖滨|[新老]城")
_PEOPLES = re.compile(
    "(?:蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|拉祜|水|东乡|纳西|景颇|柯尔克孜|土|"
    "达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|普米|塔吉克|怒|鄂温克|保安|裕固|独龙|鄂伦春|各)族|蒙古$|哈萨克$|柯尔克孜$"
)


@dataclass(frozen=True)
class Gazetteer:
    """Names by level; ``counties`` are (province, prefecture or "", county)."""

    provinces: tuple[str, ...]
    prefectures: tuple[tuple[str, str], ...]
    counties: tuple[tuple[str, str, str], ...]


@cache
def gazetteer() -> Gazetteer:
    """The gazetteer that ships with the code."""
    provinces, prefectures, counties = dict[str, None](), list[tuple[str, str]](), list[tuple[str, str, str]]()
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        province, prefecture, names = line.split("\t")
        provinces[province] = None
        if prefecture:
            prefectures.append((province, prefecture))
        counties += [(province, prefecture, name) for name in names.split()]
    return Gazetteer(tuple(provinces), tuple(prefectures), tuple(counties))


def short(name: str) -> str:
    """A name without its generic ending ('凤冈' of '凤冈县'); names that would be one character stay whole."""
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and len(name) - len(suffix) >= 2:
            proper = name[: -len(suffix)]
            # '恩施土家族苗族自治州' is 恩施
            plain = _PEOPLES.sub("", proper) if suffix.startswith("自治") else proper
            # '管城回族区' and '市中区' have no short form
            return (
                name
                if len(plain) < 2 or plain.endswith("族") or (suffix == "区" and _POSITIONS.fullmatch(plain))
                else plain
            )
    return name
