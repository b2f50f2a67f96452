"""The lexicon: names of places and bodies that are seldom anything else get better chances where they stand.

A small model knows few of the 3,000 counties by heart, and a bare 织金 in a list has nothing around it that tells.
``training/lexicon.py`` wrote the list of those names that are often something else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bangfu.inference.characters import codes
from bangfu.inference.gazetteer import gazetteer, short
from bangfu.inference.known_names import bodies, regions
from bangfu.inference.raising import lengths, raise_span
from bangfu.inference.tokens import Tokens
from bangfu.labels.schema import TAGS

FILE = Path(__file__).with_name("ambiguous.txt")
# What is added to the scores (logits) of the tags of such a name, a token.
BONUS = 5.0
# A name whose first token is further from the best tag than this is not looked at.
_REACH = 12.0

_BITS = 18
_O, _FIRST = TAGS.index("O"), {label: TAGS.index(f"B-{label}") for label in ("LOC", "ORG")}


@dataclass(frozen=True)
class Lexicon:
    """Names with their labels, and how long those are that begin with a pair of characters, the longest first.

    ``pairs`` [2 ** 18] says of a hash of two characters whether a name may begin so.
    """

    labels: dict[str, str]
    lengths: dict[str, list[int]]
    pairs: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, labels: dict[str, str]) -> Lexicon:
        """A lexicon of names of two characters or more."""
        pairs = np.zeros(1 << _BITS, dtype=bool)
        pairs[_hashes("".join(name[:2] for name in labels))[::2]] = True
        return cls(labels, lengths(labels), pairs)

    def begins(self, text: str) -> npt.NDArray[np.bool_]:
        """[characters], or [1] without any: where a name may begin."""
        return np.append(self.pairs[_hashes(text)], False)

    def raised(self, text: str, tokens: Tokens, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
        """The [tokens, tags] scores of an article with those of its doubtful names raised; None where it has none.

        A name is raised where that is enough to find it or it is found anyhow, the longest of several, and only
        where its likeliest tags are O or its own and its first token does not rather go on with a span: it parts no
        chain of places and no body.
        """
        if len(text) < 2 or not len(tokens):
            return None
        places = np.flatnonzero(self.begins(text)[tokens.starts])
        some = scores[places]
        near = some.max(axis=1) - np.maximum(some[:, _FIRST["LOC"]], some[:, _FIRST["ORG"]]) < _REACH
        result, done = None, 0
        for place in places[near].tolist():
            found = self._longest(text, tokens, place) if place >= done else None
            if found is None:
                continue
            stop, label = found
            begin, own = _FIRST[label], scores[place:stop]
            lack = own.max(axis=1).sum() - own[0, begin] - own[1:, begin + 1].sum()
            first, *rest = own.argmax(axis=1).tolist()
            if (
                lack < BONUS * len(own)
                and first in (_O, begin)
                and own[0, begin] >= own[0, begin + 1]
                and {_O, begin, begin + 1}.issuperset(rest)
            ):
                result = scores.copy() if result is None else result
                raise_span(result, place, stop, label, BONUS)
                done = stop
        return result

    def _longest(self, text: str, tokens: Tokens, place: int) -> tuple[int, str] | None:
        # the token behind the longest name that begins with one, and the name's label
        start = int(tokens.starts[place])
        for length in self.lengths.get(text[start : start + 2], ()):
            end = start + length
            label = self.labels.get(text[start:end])
            if label is not None and end <= len(text) and not (_joined(text, start) or _joined(text, end)):
                # of the array's own type: any other would have the array converted
                stop = int(np.searchsorted(tokens.starts, tokens.starts.dtype.type(end)))
                if tokens.ends[stop - 1] == end:
                    return stop, label
        return None


def names() -> dict[str, frozenset[str]]:
    """All known names of two characters or more by label; one may bear both."""
    places = gazetteer()
    long = {*places.provinces, *(name for _, name in places.prefectures), *(name for *_, name in places.counties)}
    found = {"LOC": {*long, *map(short, long), *regions()}, "ORG": {*bodies()}}
    return {label: frozenset(name for name in some if len(name) > 1) for label, some in found.items()}


@cache
def lexicon() -> Lexicon:
    """The lexicon that ships with the code: the known names but those that are often something else."""
    lines = (line.split(" ") for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    ambiguous = {label: frozenset(some) for label, *some in lines}
    return Lexicon.of({name: label for label, some in names().items() for name in some - ambiguous[label]})


def fingerprint() -> str:
    """A hash of the lexicon that ships with the code."""
    labels = "\n".join(f"{name} {label}" for name, label in sorted(lexicon().labels.items()))
    return hashlib.blake2b(labels.encode(), digest_size=16).hexdigest()


def _joined(text: str, place: int) -> bool:
    # whether a word of letters or digits goes on there: SMG is not in SMGroup
    return 0 < place < len(text) and all(char.isascii() and char.isalnum() for char in text[place - 1 : place + 1])


def _hashes(text: str) -> npt.NDArray[np.uint32]:
    # of each character and the one behind it
    points = codes(text)
    return (points[:-1] * np.uint32(0x9E3779B1) ^ points[1:] * np.uint32(0x85EBCA6B)) >> np.uint32(32 - _BITS)
