"""All visible text of a page, menus and all."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_READINGS = {"rb", "rp", "rt", "rtc"}
_HIDDEN = {"script", "style", "template", "title", "noscript", "rp", "rt"}
_INLINE = {
    *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins"),
    *("kbd", "label", "mark", "q", "rb", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup"),
    *("time", "tt", "u", "var", "wbr", "img"),
}
_SPACES = re.compile(r"[ \t\r\n\f]+")  # what HTML takes for a space; an ideographic space stays


def visible_text(page: str) -> str:
    """The text of an HTML page, a line a block; scripts, styles and readings above characters left out."""
    parser = _Parser()
    parser.feed(page)
    parser.close()
    lines = (_SPACES.sub(" ", line).strip() for line in "".join(parser.parts).split("\0"))
    return "\n".join(line for line in lines if line)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _READINGS or tag not in _INLINE:
            self._end_readings()
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag == "body":
            self._hidden.clear()  # what the head left open hides nothing here
        self._part(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif tag == "ruby" or tag not in _INLINE:
            self._end_readings()
        self._part(tag)

    def _end_readings(self) -> None:
        # their end tags may be left out
        self._hidden = [tag for tag in self._hidden if tag not in _READINGS]

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data.replace("\0", ""))

    def parse_html_declaration(self, i: int) -> int:
        # <![foo]> is a comment to browsers; the parser of Python 3.13 and older raises an AssertionError
        odd = self.rawdata.startswith("<![", i) and not self.rawdata.startswith("<![CDATA[", i)
        return self.parse_bogus_comment(i) if odd else super().parse_html_declaration(i)

    def _part(self, tag: str) -> None:
        if tag not in _INLINE and tag not in _HIDDEN:
            self.parts.append("\0")
