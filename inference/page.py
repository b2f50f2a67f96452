"""HTML pages: text with coloured marks. Everything that comes from data is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from bangfu.labels.schema import LABELS

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.9 "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; max-width: 52rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 2.5rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; }
mark { color: #111; border-radius: 3px; padding: 1px 2px; }
mark::after { content: attr(data-tag); font-size: .62em; margin-left: 3px; opacity: .75; user-select: none; }
.ORG { background: #a9d0f5; } .LOC { background: #b8e0a8; } .AMOUNT { background: #ffd98a; }
.AID { background: #eab8e4; }
.missed { background: #ffb0a8; } .spurious { background: #d0d0d8; } .boundary { background: #ffe08a; }
.type { background: #c8b8f5; } .boundary_and_type { background: #f5b8d8; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: 2px 12px; border-bottom: 1px solid #8886; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.error { margin: .6rem 0; padding: .3rem .8rem; border-left: 3px solid #8886; } small { opacity: .75; }
"""


@dataclass(frozen=True)
class Mark:
    """A coloured range of a text: ``kind`` is its CSS class, ``tag`` stands behind it, ``hint`` on hovering."""

    start: int
    end: int
    kind: str
    tag: str
    hint: str = ""


def highlight(text: str, marks: Iterable[Mark], start: int = 0, end: int | None = None) -> str:
    """HTML of ``text[start:end]`` with its marks, which must not overlap."""
    end = len(text) if end is None else end
    parts, at = [], start
    for mark in sorted(marks, key=lambda mark: mark.start):
        if mark.start < at or mark.end > end:
            raise ValueError(f"mark [{mark.start}, {mark.end}) overlaps another or leaves [{start}, {end})")
        parts.append(escape(text[at : mark.start]))
        parts.append(
            f'<mark class="{escape(mark.kind)}" data-tag="{escape(mark.tag)}" title="{escape(mark.hint)}">'
            f"{escape(text[mark.start : mark.end])}</mark>"
        )
        at = mark.end
    return "".join([*parts, escape(text[at:end])])


def legend() -> str:
    """HTML that names the labels in their colours."""
    return " ".join(
        f'<mark class="{label.name}" data-tag="{label.name}" title="{escape(label.definition)}">{label.chinese}</mark>'
        for label in LABELS
    )


def opening(title: str) -> str:
    """The page up to its body; lone surrogates, which no file can hold, must be replaced by the writer."""
    return (
        f'<!DOCTYPE html>\n<html lang="zh"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n<body>\n'
        f"<h1>{escape(title)}</h1>\n"
    )


CLOSING = "</body></html>\n"
