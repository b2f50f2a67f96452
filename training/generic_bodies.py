"""Generic bodies set behind names of places: the place stays one, and no body of that name begins."""

from __future__ import annotations

import re

import numpy as np

from bangfu.labels.document import Document
from bangfu.training.rewriting import Cell, cells, rewrite


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.split())


# A place in front of such words is a place that acts, not part of a body's name (guidelines, 4.1).
_FIELDS = _words("民政 教育 卫健 残联 工会 税务 农业农村 扶贫 乡村振兴 共青团 妇联 医疗卫生 应急 财政 统战 公安 交通")
_COLLECTIVES = _words("系统 部门 干部 战线 干部职工 口 系统干部 各部门 部门负责同志 系统工作人员")
_ACTORS = _words(
    "社会组织 爱心企业 爱心人士 社会各界 各界人士 志愿者 企业家 民营企业 医疗专家 党员干部 各级部门 有关部门 "
    "各级各部门 各慈善组织 各县区 商界 侨胞 在外乡贤 爱心商家 青年 群众 驻村干部"
)
# Where one may stand: the place acts or is acted upon, and the clause does not go on with a word of its own.
_FREE = re.compile("[向给为与和及对把将、，。；]")
_WHOLE = re.compile("[省市县区州旗盟]$")
_SHARE = 1 / 6


def generic_bodies(document: Document, random: np.random.Generator) -> Document:
    """One in six places that are free to take one get a generic body behind them, outside of the span."""
    changed = cells(document.text)
    for span in document.spans:
        if span.label != "LOC" or not _WHOLE.search(document.span_text(span)):
            continue
        if _FREE.match(document.text, span.end) and random.random() < _SHARE:
            changed[span.end - 1] = Cell(document.text[span.end - 1], _body(random))
    return rewrite(document, changed)


def _body(random: np.random.Generator) -> str:
    if random.random() < 0.6:
        return _one(random, _FIELDS) + _one(random, _COLLECTIVES)
    return _one(random, _ACTORS)


def _one(random: np.random.Generator, items: tuple[str, ...]) -> str:
    return items[int(random.integers(len(items)))]
