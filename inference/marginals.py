"""Marginals: how likely spans and tags are among all legal sequences of tags, by sums forward and backward.

A token's own softmax counts sequences that cannot be, too, such as an I behind an O, and a model that was taught whole
sequences does not heed them. On the corpus dev split, such a model's right spans had the chance of 0.94 to stand above
a wrong one by these sums, and of 0.82 by the mean softmax of their tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]
# Tags stand as in :func:`bangfu.labels.schema.tags_of`. An I follows the B or I of its label, the others anything.
_O, _B, _I = 0, slice(1, None, 2), slice(2, None, 2)
# Behind an O so many nats above any other tag a part begins, for what is before it says nothing of what follows.
_SURE = 8.0
# Longer parts are cut at the surest O of the second half of so many tokens, too, for sums take as many steps. On the
# corpus that changes a probability by 0.006 at most and by 0.00001 in the mean, and takes a third of the time.
_LONGEST = 48
_PIECE = 1 << 15  # tokens
# Nats that a score may lie below the best of its token; what is less likely is nothing beside it.
_DEEPEST = 60.0


def spans(
    scores: npt.NDArray[np.float32], path: Numbers, firsts: npt.ArrayLike, starts: Numbers, stops: Numbers
) -> Floats:
    """Of each span [start, stop) of ``path`` the probability that it is one, of its label, and goes no further.

    ``scores`` [tokens, tags] are logits of sequences that stand one behind the other and begin at ``firsts``, ``path``
    [tokens] is their likeliest legal sequence of tags, ``starts`` rise. Parts between sure Os are taken each for
    itself.
    """
    found: list[Floats] = [np.zeros(0)]
    for first, last, begins in _pieces(scores, path, firsts):
        lower, upper = np.searchsorted(starts, [first, last])
        if lower == upper:
            continue
        begin, stop = starts[lower:upper] - first, np.minimum(stops[lower:upper], last) - first
        tokens = _tokens(begin, stop)
        parts = np.unique(np.searchsorted(np.flatnonzero(begins), tokens, side="right") - 1)
        found.append(_marginals(scores[first:last], begins, parts).spans(path[first:last], begin, stop, tokens))
    return np.concatenate(found)


def tags(scores: npt.NDArray[np.float32], path: Numbers) -> Floats:
    """[tokens]: the probability of each tag of ``path``, the likeliest legal sequence of one sequence's ``scores``."""
    found: list[Floats] = [np.zeros(0)]
    pieces = _pieces(scores, path, ())
    found += [_marginals(scores[first:last], begins).tags(path[first:last]) for first, last, begins in pieces]
    return np.concatenate(found)


@dataclass(frozen=True)
class _Marginals:
    """Of some tokens [tags, some] what their tags owe to what is before, to their own scores and to what is behind.

    The product of the three is the probability of a tag. ``columns`` [tokens] says where each of them stands.
    ``begins`` [tokens + 1] says where sequences, and parts of them, begin; at the end one begins.
    """

    ahead: Floats
    shares: Floats
    behind: Floats
    columns: Numbers
    begins: Truths

    def tags(self, path: Numbers) -> Floats:
        place = path, self.columns
        return _chance(self.ahead[place] * self.shares[place] * self.behind[place])

    def spans(self, path: Numbers, starts: Numbers, stops: Numbers, tokens: Numbers) -> Floats:
        sizes = stops - starts
        closed = self.begins[stops]
        ends = self.columns[np.where(closed, starts, stops)]
        onward = self.shares[:, ends] * self.behind[:, ends]
        closing = np.where(closed, 1.0, _sum([onward[_O], *onward[_B]]))
        first = self.ahead[path[starts], self.columns[starts]]
        with np.errstate(divide="ignore", invalid="ignore"):  # what cannot be has the logarithm of nought
            # a product over a span of thousands of tokens would overflow
            own = np.add.reduceat(np.log(self.shares[path[tokens], self.columns[tokens]]), np.cumsum(sizes) - sizes)
            return _chance(np.exp(np.minimum(np.log(first) + own + np.log(closing), 0.0)))


def _pieces(scores: npt.NDArray[np.float32], path: Numbers, firsts: npt.ArrayLike) -> Iterator[tuple[int, int, Truths]]:
    """Tokens [first, last) of consecutive parts, as many as memory is spared by, and where in them parts begin."""
    begins = _parts(scores, path, firsts)
    edges = np.flatnonzero(begins)
    first = 0
    while first < len(scores):
        last = int(edges[np.searchsorted(edges, first + max(_PIECE, _LONGEST), side="right") - 1])
        yield first, last, begins[first : last + 1]
        first = last


def _parts(scores: npt.NDArray[np.float32], path: Numbers, firsts: npt.ArrayLike) -> Truths:
    """[tokens + 1]: where sequences and their parts begin; a span is parted only where there is nothing else."""
    columns = np.ascontiguousarray(scores.T)  # of which the largest is found several times as fast
    surer = np.where(path == 0, columns[_O] - columns[1:].max(axis=0), -np.inf)
    begins = np.append(True, surer > _SURE)
    begins[-1] = begins[np.asarray(firsts, dtype=np.int64)] = True
    edges = np.flatnonzero(begins)
    for place in np.flatnonzero(np.diff(edges) > _LONGEST).tolist():
        start, stop = int(edges[place]), int(edges[place + 1])
        while stop - start > _LONGEST:
            start += _LONGEST // 2
            start += int(surer[start : start + _LONGEST // 2].argmax()) + 1
            begins[start] = True
    return begins


def _marginals(scores: npt.NDArray[np.float32], begins: Truths, parts: Numbers | None = None) -> _Marginals:
    """Of all parts, or of some of them by number; the other tokens have none."""
    starts = np.flatnonzero(begins)
    sizes = np.diff(starts)
    chosen = np.arange(len(sizes)) if parts is None else parts
    starts, sizes = starts[chosen], sizes[chosen]
    order = np.argsort(-sizes, kind="stable")  # the longest first: those that go on stand in front
    starts, sizes = starts[order], sizes[order]
    going = np.searchsorted(-sizes, -np.arange(sizes[0])).tolist()
    # the first tokens of all, then the second ones of those that have one, and so on: what a step takes lies together
    rows = np.concatenate([starts[:some] + step for step, some in enumerate(going)])
    own = scores[rows].T.astype(np.float64)
    own = np.exp(np.maximum(own - own.max(axis=0), -_DEEPEST))
    ahead, behind = np.ones_like(own), np.ones_like(own)
    ahead[_I, : going[0]] = 0.0
    edges = np.cumsum([0, *going]).tolist()
    for first, last, some in zip(edges, edges[1:], [*going[1:], 0], strict=False):
        so_far = ahead[:, first:last] * own[:, first:last]
        total = _sum(so_far)
        own[:, first:last] /= total
        ahead[_I, last : last + some] = (so_far[_B, :some] + so_far[_I, :some]) / total[:some]
    for first, last, some in reversed(list(zip(edges, edges[1:], going[1:], strict=False))):
        onward = own[:, last : last + some] * behind[:, last : last + some]
        behind[:, first : first + some] = _sum([onward[_O], *onward[_B]])
        behind[_B, first : first + some] += onward[_I]
        behind[_I, first : first + some] += onward[_I]
    columns = np.zeros(len(scores), dtype=np.int64)
    columns[rows] = np.arange(len(rows))
    return _Marginals(ahead, own, behind, columns, begins)


def _tokens(starts: Numbers, stops: Numbers) -> Numbers:
    """All tokens of some spans, one span behind the other."""
    sizes = stops - starts
    behind = np.cumsum(sizes)
    tokens: Numbers = np.arange(behind[-1]) + np.repeat(starts - behind + sizes, sizes)
    return tokens


def _sum(rows: Iterable[Floats]) -> Floats:
    # of the same order whatever the number of columns, so that what is decoded together changes no digit
    return reduce(np.add, rows)


def _chance(product: Floats) -> Floats:
    return np.clip(np.nan_to_num(product), 0.0, 1.0)
