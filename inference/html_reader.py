"""Web pages, by trafilatura, of the extra ``html``: the main text, without menus and what else surrounds it."""

from __future__ import annotations

import logging
import re
from typing import Any

from bangfu.inference.encodings import decode
from bangfu.inference.input_error import InputError, reason
from bangfu.inference.plain import Plain
from bangfu.inference.visible_text import visible_text

try:
    import trafilatura
except ImportError as error:
    raise ImportError("web pages need trafilatura: pip install 'bangfu[html]'") from error

# its remarks on odd pages would stand between our lines on standard error
logging.getLogger("trafilatura").addHandler(logging.NullHandler())

_ROW = re.compile(r"^\|(.*)\|[ ]*$", re.MULTILINE)
_RULE = re.compile(r"^\|(?:-+\|)+[ ]*\n?", re.MULTILINE)
# What trafilatura passes over where it does not know the element that holds the article.
_PASSED_OVER = ("li", "dt", "dd", "h2", "h3", "h4", "h5", "h6")
# Characters of a paragraph that is not found by chance.
_LONG = 12
_SITE = re.compile(r"\s*[_|].*", re.DOTALL)  # "headline_name of the site"


def read(raw: bytes, where: str, encoding: str | None) -> Plain:
    """The headline and main text of a page, or all visible text when there is no main text.

    Raises InputError when the encoding cannot be told.
    """
    page, encoding = decode(raw, where, encoding)
    try:
        found = _extracted(page)
        text = getattr(found, "text", None) or ""
        if not text.strip():
            note = f"{where}: no main text found; all visible text is taken"
            return Plain(visible_text(page), "visible text", encoding, note)
    except Exception as error:  # what a parser raises on an odd page is not bounded
        raise InputError(f"cannot be parsed ({reason(error)}); save the page anew", where) from error
    title = _SITE.sub("", getattr(found, "title", None) or "").strip()
    text = _without_rules(text)
    return Plain(text if title in text else f"{title}\n{text}", "trafilatura", encoding)


def _extracted(page: str) -> Any:
    """What trafilatura finds; once more, where lists and headings between its paragraphs are missing.

    It knows some names of the element that holds an article. Of others, such as the TRS_Editor of many public offices,
    it takes paragraphs and tables alone, and a list of donors would be lost. So that element is named to it.
    """
    found = _main_text(page)
    if not getattr(found, "text", None):
        return found
    tree = trafilatura.load_html(page)
    holder = _holder(tree, found.text)
    if holder is None or all(_text(part) in found.text for part in holder.iter(*_PASSED_OVER)):
        return found
    holder.tag = "article"  # a cell of a table, too
    again = _main_text(tree)
    return again if len(getattr(again, "text", None) or "") > len(found.text) else found


def _main_text(page: Any) -> Any:
    # precision keeps the menus out of pages whose text is short
    return trafilatura.bare_extraction(page, favor_precision=True, include_comments=False, with_metadata=True, url=None)


def _holder(tree: Any, text: str) -> Any:
    """The innermost element around all paragraphs that stand in a text; None where that is the page."""
    parts = list(tree.iter("p"))
    # what is around the first and the last is around all between them, so no others are looked for
    first, last = (next((part for part in some if _stands(part, text)), None) for some in (parts, parts[::-1]))
    if first is None or last is None or first is last:
        return None
    chains = ([*part.iterancestors()][::-1] for part in (first, last))
    common = [one for one, other in zip(*chains, strict=False) if one is other]
    return common[-1] if common and common[-1].tag not in ("html", "body") else None


def _stands(part: Any, text: str) -> bool:
    own = _text(part)
    return len(own) >= _LONG and own in text


def _text(element: Any) -> str:
    return " ".join(element.text_content().split())


def _without_rules(text: str) -> str:
    # trafilatura draws tables: | cell | cell |
    rows = _ROW.sub(lambda row: "\t".join(cell.strip() for cell in row[1].split("|")), _RULE.sub("", text))
    return rows.strip()
