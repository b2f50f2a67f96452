"""Repair of text whose GBK bytes were read one byte late.

Where a page lost the first byte of a character, what follows was read in pairs of a second byte and the next
character's first one, up to a byte that cannot begin a pair: 。活動通過 (A1A3 BBEE 84D3 CDA8 DF5E) came to be
'?；顒油ㄟ^' (A3BB EE84 D3CD A8DF 5E). Full-width forms may have been folded since. Bad conversions also set readings
in brackets between the bytes, which loses the byte before and the bracket: 因為貧 became 因?yàn)樨, for F29E, the
end of 因 and the beginning of 為, is 驗, which is read yàn.

The text is read as the likeliest one by :mod:`bangfu.inference.bigrams` that could have come to look so; that bytes
were lost costs so much that text is only changed where what stands there is far less likely than what it becomes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bangfu.inference import characters, readings
from bangfu.inference.bigrams import KINDS, Bigrams, Floats, Numbers

# What a loss costs, in nats. A lost first byte leaves a question mark or nothing; so does a lost second byte, with
# which the pairs fall into step again. A question mark before half a bracket hardly comes about otherwise.
_LOST_FIRST, _LOST_FIRST_MARKED, _LOST_FIRST_READ = 16.0, 11.0, 6.0
_LOST_SECOND, _LOST_SECOND_MARKED, _LOST_SECOND_READ = 14.0, 3.0, 1.0
# A reading behind a character of the rubbish that is none of it.
_OTHER_READING = 6.0
# A pair that stands for no character left a question mark, too.
_LOST_BOTH = 1.0
# An unknown character is likelier than the character '\ufffd', which the model takes it for.
_UNKNOWN = -9.0
# A guess is made where the second best one is so much less likely, in nats; else the character is unknown.
_SURE = 2.0
UNKNOWN = "\ufffd"
# More bytes than may stand before one reading: any byte.
_READ_ALIKE = 20
# The quick look: what two bytes cost that are no character, and how much likelier a run has to be.
_NO_CHARACTER, _LIKELIER = 20.0, 5.0
# Long stretches are Japanese or the like more often than not.
_LONG, _LIKELIER_LONG = 100, 25.0
# More than what sums of a stretch's costs are rounded by.
_ROUNDING = 0.1
# How many paths that end alike are followed.
_BEAM = 3

_SYLLABLE = "[a-zü\u00e0-\u01dcńňǹḿ]{1,6}"
_TONE = "(?=[a-z]*[^\\x00-\\x7f])"
_BRACKET = re.compile(f"[(（]({_SYLLABLE})[)）]")
_BRACKET_BEFORE = re.compile(_BRACKET.pattern + "$")
_LOST = "?？\ufffd"
_HALF_BRACKET = re.compile(f"[{_LOST}]{_TONE}({_SYLLABLE})[)）]")

# A stretch is looked at that has two odd characters so near to each other, or one telling sign.
_NEAR, _BEFORE, _AFTER = 8, 10, 16


class Repair(NamedTuple):
    """Characters ``text``, and the ranges [start, end) of the garbled text that each stands for.

    The ranges rise strictly, and are not empty; what lies between two of them is dropped.
    """

    start: int
    end: int
    text: str
    ranges: tuple[tuple[int, int], ...]


def repairs(text: str) -> list[Repair]:
    """The runs of a text (half-width, NFC, readings in brackets still there) to repair, in order and apart."""
    return [
        repair
        for start, end in _windows(text)
        if not _stands(text, start, end)
        for repair in _Stretch(text, start, end).repairs()
    ]


def suspicious(text: str) -> bool:
    """Whether there is anything in a text that :func:`repairs` would look at closely."""
    return next(_stretches(text), None) is not None


def _common() -> str:
    """The characters that are not odd: those of GB2312's first plane in use, their traditional forms, punctuation."""
    simple = "".join(
        bytes((lead, trail)).decode("gb2312", "ignore") for lead in range(0xB0, 0xD8) for trail in range(0xA1, 0xFF)
    )
    traditional = "".join(chr(code) for code, char in characters.simplified().items() if char in simple)
    return simple + traditional


_PLAIN = "\\s!-')->A-Za-z0-9、。·—～…‘’“”〈-】〔〕！（），－．／：；％￥°×①-⑳\u00e0-\u01dcńňǹḿ"
# A letter that ends a character whose reading stands behind it.
_LETTER_READ = re.compile(f"(?<=[A-Za-z])[(]{_TONE}{_SYLLABLE}[)]")
_BESIDE_HAN = re.compile("(?<=[\u3400-\u9fff])[\\^}`{\\\\]|[\\^}`{\\\\](?=[\u3400-\u9fff])")
_LETTER_BETWEEN = re.compile("(?<=[\u3400-\u9fff])[A-Za-z](?=[\u3400-\u9fff])")


@cache
def odd() -> re.Pattern[str]:
    """Finds the first character in a text that is rare in good text."""
    # one set of characters, which is what the engine scans for fastest
    return re.compile(f"[^{_PLAIN}{_common()}]")


def _weight(text: str, place: int) -> int:
    """How much an odd character tells: 2 is enough for a stretch to be looked at, 3 is a sign."""
    char = text[place]
    if char == "(":
        return 3 if _LETTER_READ.match(text, place) else 0
    if char in _LOST and _HALF_BRACKET.match(text, place):
        return 3
    return 3 if _BESIDE_HAN.match(text, place) else 2 if _LETTER_BETWEEN.search(text, place + 1, place + 6) else 1


def _stretches(text: str) -> Iterator[tuple[int, int, list[int]]]:
    """The ranges of a text worth looking at, and the places of the signs in them."""
    first, last, weight = 0, -_NEAR, 0
    signs: list[int] = []
    for match in odd().finditer(text):
        place = match.start()
        gain = _weight(text, place)
        if not gain:
            continue
        if place - last >= _NEAR:
            if weight > 1:
                yield first, last + 1, signs
            first, weight, signs = place, 0, []
        last, weight = place, weight + gain
        if gain > 2:
            signs.append(place)
    if weight > 1:
        yield first, last + 1, signs


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """The ranges of a text to read anew, in order and apart."""
    start = end = 0
    for first, last, signs in _stretches(text):
        first = max(0, first - _BEFORE)
        likely = [first + place for place in _gainful(text[first : last + _AFTER])]
        for place in sorted({*signs, *likely}):
            if place - _BEFORE > end:
                if end:
                    yield start, end
                start = max(0, place - _BEFORE)
            end = min(len(text), place + _AFTER)
    if end:
        yield start, end


# The first bytes that may be pending where the pairs are out of step; () where they are in step.
_Bytes = tuple[int, ...]
_IN_STEP: _Bytes = ()
_FIRSTS = tuple(range(0x81, 0xFF))
_SECONDS = tuple(second for second in range(0x40, 0xFF) if second != 0x7F)
# The first bytes of pairs that stand for no character.
_UNDEFINED = (*range(0xAA, 0xB0), *range(0xF8, 0xFF))


@cache
def _table() -> tuple[Numbers, Numbers]:
    """The code points of all pairs of bytes and their numbers, [first - 0x81, second - 0x40]; 0 where there is none."""
    pairs = bytes(byte for first in _FIRSTS for second in _SECONDS for byte in (first, second)).decode("gb18030")
    # as the steps of the cleaning before this one would leave them
    pairs = unicodedata.normalize("NFC", pairs.translate(characters.TABLE))
    codes, numbers = np.zeros((2, len(_FIRSTS), 0xBF), dtype=np.intp)
    columns = np.array(_SECONDS) - 0x40
    codes[:, columns] = np.array([0 if "\ue000" <= char <= "\uf8ff" else ord(char) for char in pairs]).reshape(
        len(_FIRSTS), -1
    )
    numbers[:, columns] = Bigrams.shipped().numbers(pairs).reshape(len(_FIRSTS), -1)
    return codes, numbers


@lru_cache(4096)
def _characters(firsts: _Bytes, seconds: _Bytes) -> tuple[Numbers, Numbers]:
    """The code points that pairs of bytes may stand for, and their numbers; guesses are of the commonest characters."""
    rows, columns = np.array(firsts, dtype=np.intp)[:, None] - 0x81, np.array(seconds, dtype=np.intp) - 0x40
    codes, numbers = (table[rows, columns].ravel() for table in _table())
    guess = len(codes) > _READ_ALIKE
    good = numbers >= len(KINDS) if guess else codes > 0
    return codes[good], numbers[good]


def _character(first: int, second: int) -> str:
    """The character of two bytes, '' for none."""
    good = 0x81 <= first < 0xFF and 0x40 <= second < 0xFF
    code = int(_table()[0][first - 0x81, second - 0x40]) if good else 0
    return chr(code) if code else ""


@lru_cache(0x10000)
def _pair(char: str) -> bytes:
    """The two GBK bytes of a character, of its full-width form if it is ASCII; b'' where it has none."""
    wide = "\u3000" if char == " " else chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char
    try:
        coded = wide.encode("gb18030")
    except UnicodeEncodeError:
        return b""
    return coded if len(coded) == 2 else b""


def _simple(char: str) -> str:
    return char.translate(characters.simplified())


def _reads(char: str, syllable: str) -> bool:
    return char != "" and readings.is_reading(_simple(char), syllable)


def _numbers(text: str) -> Numbers:
    return Bigrams.shipped().numbers(text)


def _gainful(text: str) -> list[int]:
    """The places in a text where it is likelier one byte on: a quick look, blind to brackets and to lost bytes."""
    pairs = [_pair(char) or b"\0\0" for char in text]
    seconds = [ord(char) if "@" <= char <= "~" else pair[0] for char, pair in zip(text, pairs, strict=True)]
    between = [_character(pair[1], second) for pair, second in zip(pairs, seconds[1:], strict=False)]
    here, there = _numbers(text), _numbers("".join(char or UNKNOWN for char in between))
    cost = Bigrams.shipped().cost
    gains = cost(here[1:-1], here[2:]) - cost(there[:-1], there[1:])
    least = _LIKELIER if len(text) < _LONG else _LIKELIER_LONG
    places, gained = [], 0.0
    for place, (gain, (one, other)) in enumerate(zip(gains.tolist(), pairwise(between), strict=True), 2):
        gained = max(0.0, gained + (gain if one and other else -_NO_CHARACTER))
        if gained > least:
            places.append(place)
    return places


@cache
def _least_unknown() -> float:
    """The least that a character costs that is unknown, for both its bytes are lost, and its pair."""
    model = Bigrams.shipped()
    unknown = float(model.cost(np.arange(model.size), model.numbers(UNKNOWN)).min())
    return min(_LOST_BOTH, _LOST_BOTH + _UNKNOWN + unknown)


def _stands(text: str, start: int, end: int) -> bool:
    """Whether a stretch surely has nothing to repair, by a bound that takes a twentieth of the time of the search.

    What the ways of :class:`_Stretch` cost is bounded from below, less what the text costs as it stands up to the
    same place: known are the characters between two others, all but the first two of a run. Where every way back
    into step costs more, the text as it stands is the likeliest way to every place, and to the end.
    """
    if _BRACKET.search(text, start, end) or _HALF_BRACKET.search(text, start, end):
        return False
    chars = text[start:end]
    here = _numbers((text[start - 1] if start else "\n") + chars + (text[end] if end < len(text) else "\n"))
    pairs = [b"" if char in _LOST else _pair(char) for char in chars]
    between = [""] + [_character(one[1], other[0]) if one and other else "" for one, other in pairwise(pairs)]
    there = _numbers("".join(char or UNKNOWN for char in between))
    cost = Bigrams.shipped().cost
    stands = cost(here[:-1], here[1:]).tolist()
    runs = [0.0, *cost(there[:-1], there[1:]).tolist()]
    returns = cost(there, here[2:]).tolist()
    # least costs of the ways out of step: by what byte is pending and whether the last character is known
    any_byte = known_byte = known_character = np.inf
    for place, char in enumerate(chars):
        lost, here_costs, next_costs = char in _LOST, stands[place], stands[place + 1]
        if not lost and not char.isspace():
            any_byte = min(any_byte, _LOST_FIRST)
        least = min(any_byte, known_byte, known_character) - here_costs
        known = min(known_byte, known_character + runs[place]) - here_costs if between[place] else np.inf
        back = known + _LOST_SECOND
        if min(back, back + returns[place] - next_costs) < _ROUNDING:
            return False
        if lost:
            back = least + _LOST_SECOND_MARKED
        elif "@" <= char <= "~":
            back = least
        else:
            back = any_byte - here_costs + _LOST_SECOND if pairs[place] else np.inf
        if min(back, back - next_costs) < _ROUNDING:
            return False
        any_byte, known_byte, known_character = (
            min(least + _least_unknown(), _LOST_FIRST_MARKED - here_costs) if lost else np.inf,
            any_byte - here_costs if pairs[place] else np.inf,
            known,
        )
    return True


@dataclass(frozen=True, eq=False)
class _Node:
    """Ways to read a text up to ``place``, by the same steps, that differ in their characters.

    ``codes`` and ``numbers`` are the last characters, ``costs`` in nats, ``parents`` their places in ``parent``.
    The last step made a character of ``text[place - 1]``, or none (``made``), in garbled text or not.
    """

    place: int
    codes: Numbers
    numbers: Numbers
    costs: Floats
    parents: Numbers
    parent: _Node | None
    made: bool
    garbled: bool
    least: float

    def read(self, place: int, codes: Numbers, numbers: Numbers, cost: float = 0.0, *, garbled: bool = True) -> _Node:
        """The step to one of the characters ``codes``."""
        costs = self.costs[:, None] + Bigrams.shipped().cost(self.numbers[:, None], numbers[None, :])
        if len(self.costs) == 1:
            parents, costs = np.zeros(len(numbers), dtype=np.intp), costs[0] + cost
        else:
            parents = costs.argmin(axis=0)
            costs = costs.min(axis=0) + cost
        least = float(costs.min(initial=np.inf))
        return _Node(place, codes, numbers, costs, parents, self, True, garbled, least)

    def skip(self, place: int, cost: float, kept: npt.ArrayLike | None = None, *, garbled: bool = True) -> _Node:
        """The step over what makes no character, for the ways ``kept``."""
        index = np.arange(len(self.codes)) if kept is None else np.array(kept, dtype=np.intp)
        costs = self.costs[index] + cost
        least = float(costs.min(initial=np.inf))
        return _Node(place, self.codes[index], self.numbers[index], costs, index, self, False, garbled, least)

    def ahead(self, costs: Floats) -> Floats:
        """What is yet to come behind each character of the parent, by what comes behind each of this node."""
        assert self.parent
        if self.made:
            model = Bigrams.shipped()
            every = model.cost(self.parent.numbers[:, None], self.numbers[None, :]) + costs
            return np.asarray(every.min(axis=1), dtype=np.float32)
        ahead = np.full(len(self.parent.codes), np.inf, dtype=np.float32)
        ahead[self.parents] = costs
        return ahead


class _Stretch:
    """The likeliest reading of a stretch of text. Places are those of the whole text."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._start, self._end = text, start, end
        self._nodes: dict[int, dict[_Bytes, list[_Node]]] = {place: {} for place in range(start, end + 1)}

    def repairs(self) -> list[Repair]:
        """The runs that are to be read otherwise than they stand."""
        number = _numbers(self._text[self._start - 1] if self._start else "\n")
        zero = np.zeros(1, dtype=np.intp)
        first = _Node(self._start, zero, number, zero.astype(np.float32), zero, None, False, False, 0.0)
        self._add(_IN_STEP, first)
        for place in range(self._start, self._end):
            here = self._nodes[place]
            for node in here.get(_IN_STEP, []):
                self._in_step(node)
            for pending in list(here):
                for node in here[pending] if pending else ():
                    self._out_of_step(pending, node)
        after = _numbers(self._text[self._end] if self._end < len(self._text) else "\n")
        ends = [node.read(self._end, zero, after, garbled=False) for node in self._nodes[self._end][_IN_STEP]]
        return _runs(min(ends, key=lambda node: node.least))

    def _add(self, pending: _Bytes, node: _Node) -> None:
        if node.place <= self._end and len(node.costs):
            nodes = self._nodes[node.place].setdefault(pending, [])
            nodes.append(node)
            if len(nodes) > 1:
                nodes.sort(key=lambda one: one.least)
                del nodes[_BEAM:]

    def _in_step(self, node: _Node) -> None:
        text, place = self._text, node.place
        char = text[place]
        self._add(_IN_STEP, node.read(place + 1, np.array([ord(char)]), _numbers(char), garbled=False))
        if bracket := _BRACKET.match(text, place):
            readers = [index for index, code in enumerate(node.codes) if _reads(chr(code), bracket[1])]
            self._add(_IN_STEP, node.skip(bracket.end(), 0.0, readers, garbled=False))
        if half := _HALF_BRACKET.match(text, place):
            # the byte before and the lost one were taken for the character that is read so
            before = _second_before(text, place)
            firsts = tuple(first for first in _FIRSTS if _reads(_character(before, first), half[1]))
            self._add(firsts or _FIRSTS, node.skip(half.end(), _LOST_FIRST_READ if firsts else _LOST_FIRST_MARKED))
        if text[max(0, place - 1) : place + 4].isascii():
            return
        if char in _LOST:
            self._add(_FIRSTS, node.skip(place + 1, _LOST_FIRST_MARKED))
        elif not char.isspace():
            self._add(_FIRSTS, node.skip(place, _LOST_FIRST))

    def _out_of_step(self, pending: _Bytes, node: _Node) -> None:
        text, place = self._text, node.place
        char = text[place]
        guessable = len(pending) <= _READ_ALIKE
        if "@" <= char <= "~":
            self._add(_IN_STEP, node.read(place + 1, *_characters(pending, (ord(char),))))
        if char not in _LOST and (pair := _pair(char)):
            after = node.read(place + 1, *_characters(pending, (pair[0],)))
            if pair[1] in _FIRSTS:
                self._add((pair[1],), after)
            if guessable:
                # of two characters that both lost a byte, one byte alone would tell nothing
                self._add(_IN_STEP, after.skip(place + 1, _LOST_SECOND))
        if char in _LOST:
            unknown = node.read(place + 1, np.array([ord(UNKNOWN)]), _numbers(UNKNOWN), _LOST_BOTH + _UNKNOWN)
            self._add(_FIRSTS, unknown)
            if guessable:
                self._add(_FIRSTS, node.read(place + 1, *_characters(pending, _UNDEFINED), _LOST_BOTH))
                self._add(_IN_STEP, node.read(place + 1, *_characters(pending, _SECONDS), _LOST_SECOND_MARKED))
        half = _HALF_BRACKET.match(text, place)
        if half and len(pending) == 1:
            seconds = tuple(second for second in _SECONDS if _reads(_character(pending[0], second), half[1]))
            after = node.read(place + 1, *_characters(pending, seconds), _LOST_SECOND_READ)
            self._add(_IN_STEP, after.skip(half.end(), 0.0))
        bracket = _BRACKET.match(text, place)
        if bracket and len(pending) == 1 and not text[place - 1].isascii() and _pair(text[place - 1]):
            # the readings of rare characters are not known
            known = _reads(text[place - 1], bracket[1])
            self._add(pending, node.skip(bracket.end(), 0.0 if known else _OTHER_READING))


def _second_before(text: str, place: int) -> int:
    """The last byte of the character before a place and the bracket behind it; 0 where it ends no character."""
    if bracket := _BRACKET_BEFORE.search(text, max(0, place - 8), place):
        place = bracket.start()
    char = text[place - 1] if place else ""
    return ord(char) if "@" <= char <= "~" else (_pair(char) or b"\0")[-1] if char else 0


def _runs(last: _Node) -> list[Repair]:
    """The garbled runs on the cheapest way to a node that is read in step."""
    path: list[tuple[_Node, _Node, str]] = []
    node, index = last, 0
    ahead: npt.NDArray[np.float32] = np.zeros(1, dtype=np.float32)
    while parent := node.parent:
        rivals = np.sort(node.costs + ahead)
        sure = len(rivals) == 1 or rivals[1] - rivals[0] > _SURE
        path.append((node, parent, chr(node.codes[index]) if sure else UNKNOWN))
        node, index, ahead = parent, int(node.parents[index]), node.ahead(ahead)
    runs = []
    for garbled, steps in groupby(reversed(path), key=lambda step: step[0].garbled):
        run = list(steps)
        if garbled:
            start, end = run[0][1].place, run[-1][0].place
            places = [node.place for node, _, _ in run if node.made]
            text = "".join(char for node, _, char in run if node.made)
            # the mark of a lost byte belongs to the character that lost it
            ranges = ((start, places[0]), *((place - 1, place) for place in places[1:]))
            if 2 * text.count(UNKNOWN) < len(text):
                runs.append(Repair(start, end, text, ranges))
    return runs
