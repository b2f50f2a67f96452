"""Web pages, by trafilatura, of the extra ``html``: the main text, without menus and what else surrounds it."""

from __future__ import annotations

import logging
import re

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
_SITE = re.compile(r"\s*[_|].*", re.DOTALL)  # "headline_name of the site"


def read(raw: bytes, where: str, encoding: str | None) -> Plain:
    """The headline and main text of a page, or all visible text when there is no main text.

    Raises InputError when the encoding cannot be told.
    """
    page, encoding = decode(raw, where, encoding)
    try:
        # precision keeps the menus out of pages whose text is short
        found = trafilatura.bare_extraction(
            page, favor_precision=True, include_comments=False, with_metadata=True, url=None
        )
        text = getattr(found, "text", None) or ""
        if not text.strip():
            note = f"{where}: no main text found; all visible text is taken"
            return Plain(visible_text(page), "visible text", encoding, note)
    except Exception as error:  # what a parser raises on an odd page is not bounded
        raise InputError(f"cannot be parsed ({reason(error)}); save the page anew", where) from error
    title = _SITE.sub("", getattr(found, "title", None) or "").strip()
    text = _without_rules(text)
    return Plain(text if title in text else f"{title}\n{text}", "trafilatura", encoding)


def _without_rules(text: str) -> str:
    # trafilatura draws tables: | cell | cell |
    rows = _ROW.sub(lambda row: "\t".join(cell.strip() for cell in row[1].split("|")), _RULE.sub("", text))
    return rows.strip()
