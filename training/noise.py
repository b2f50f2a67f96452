"""Noise as scrapes and bad conversions make it, each kind a function of a document that carries spans and links."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from bangfu.labels.document import Document
from bangfu.training.rewriting import Cell, cells, owners, rewrite

_FURNITURE_BEFORE = (
    "首页 > 新闻中心 > 正文\n",
    "当前位置：首页 >> 工作动态 >> 详细内容\n字号：大 中 小\n",
    "设为首页 | 加入收藏 | 无障碍浏览\n站内搜索\n",
    "欢迎光临本站！\n网站首页　公示公告　政策法规　联系方式\n",
    "【打印】【关闭】\n",
    "手机版 | 登录 | 注册\n\n",
)
_FURNITURE_AFTER = (
    "\n分享到：微信 微博 QQ空间\n上一篇：没有了\n下一篇：没有了",
    "\n（责任编辑：小编）\n版权所有 未经许可不得转载",
    "\n阅读原文　点赞　在看",
    "\n【关闭窗口】　【返回顶部】\n浏览次数：3127",
    "\n扫一扫在手机打开当前页\n相关附件下载",
    "\n热门推荐\n换一批\n网友评论仅供参考，查看全部评论>>",
)


@cache
def _traditional() -> Any:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise ImportError("augmentation.traditional needs opencc: pip install 'bangfu[train]'") from error
    return OpenCC("s2t")


@cache
def _traditional_char(char: str) -> str:
    if "\ud800" <= char <= "\udfff":  # a lone surrogate, which opencc does not take
        return char
    converted = str(_traditional().convert(char))
    return converted if len(converted) == 1 else char


@cache
def _reading(char: str) -> str:
    """The commonest reading of a Chinese character with its tone mark, '' for others."""
    try:
        from pypinyin import Style, pinyin
    except ImportError as error:
        raise ImportError("augmentation.pinyin needs pypinyin: pip install 'bangfu[train]'") from error
    if not "\u4e00" <= char <= "\u9fff":
        return ""
    return str(pinyin(char, style=Style.TONE)[0][0])


def traditional(document: Document, _: np.random.Generator) -> Document:
    """Simplified characters become traditional ones, one for one."""
    return rewrite(document, [Cell(_traditional_char(char)) for char in document.text])


def pinyin_brackets(document: Document, random: np.random.Generator) -> Document:
    """The reading in brackets behind one in six characters that have another traditional form: 发(fā)展."""
    changed = []
    for char, draw in zip(document.text, random.random(len(document.text)), strict=True):
        reading = _reading(char) if draw < 1 / 6 and _traditional_char(char) != char else ""
        changed.append(Cell(char, f"({reading})" if reading else ""))
    return rewrite(document, changed)


def full_width(document: Document, _: np.random.Generator) -> Document:
    """Digits, Latin letters and % become full-width."""

    def wide(char: str) -> str:
        return chr(ord(char) + 0xFEE0) if char.isascii() and (char.isalnum() or char == "%") else char

    return rewrite(document, [Cell(wide(char)) for char in document.text])


def lost_stops(document: Document, random: np.random.Generator) -> Document:
    """A third of the full stops are gone, or a space; never one that alone keeps two spans apart."""
    inside = owners(document)
    changed = cells(document.text)
    for index, char in enumerate(document.text):
        if char != "。" or inside[index] >= 0:
            continue
        between = 0 < index < len(inside) - 1 and min(inside[index - 1], inside[index + 1]) >= 0
        if not between and random.random() < 1 / 3:
            changed[index] = Cell("" if random.random() < 0.5 else " ")
    return rewrite(document, changed)


def line_breaks(document: Document, random: np.random.Generator) -> Document:
    """A line break behind one character in sixty, inside words and sentences but never inside a span."""
    inside = owners(document)
    changed = cells(document.text)
    for index in range(len(document.text) - 1):
        free = inside[index] < 0 or inside[index] != inside[index + 1]
        if free and random.random() < 1 / 60 and "\n" not in document.text[index : index + 2]:
            changed[index] = Cell(document.text[index], "\n")
    return rewrite(document, changed)


def garbled(document: Document, random: np.random.Generator) -> Document:
    """One or two runs of three to eight characters read as GBK from their second byte; never at a span's edge."""
    inside = owners(document)
    changed = cells(document.text)
    for _ in range(int(random.integers(1, 3))):
        length = int(random.integers(3, 9))
        if len(document.text) <= length:
            break
        start = int(random.integers(len(document.text) - length))
        run = range(start, start + length)
        if len({inside[index] for index in run}) > 1 or any(len(changed[index].main) != 1 for index in run):
            continue
        if inside[start] >= 0:
            # the first and last character of a name are its own: what is left of them could be a '?'
            span = document.spans[inside[start]]
            if start == span.start or start + length == span.end:
                continue
        text = shifted(document.text[start : start + length])
        if text:
            changed[start : start + length] = [Cell(text), *[Cell("")] * (length - 1)]
    return rewrite(document, changed)


def shifted(text: str) -> str:
    """What is read where the first byte of a GBK run was lost; '' for text that GBK lacks."""
    try:
        raw = text.encode("gbk")
    except UnicodeEncodeError:
        return ""
    read = raw[1:].decode("gbk", "replace").replace("\ufffd", "?")
    return "".join(char if char.isprintable() else "?" for char in read)


def furniture(document: Document, random: np.random.Generator) -> Document:
    """What stands around an article on its page: menus in front, buttons and links behind."""
    draw = random.random()
    before = str(random.choice(_FURNITURE_BEFORE)) if draw < 2 / 3 else ""
    after = str(random.choice(_FURNITURE_AFTER)) if draw > 1 / 3 else ""
    return rewrite(document, cells(document.text), before, after)
