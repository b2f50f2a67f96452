"""Decoding: from tag scores of tokens to spans, by the best legal sequence of tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bangfu.inference import marginals
from bangfu.labels.schema import LABEL_NAMES, TAGS, tags_of

_PIECE = 1 << 15  # tokens


@dataclass(frozen=True)
class TokenSpan:
    """Tokens [start, stop) that form one entity, and the model's confidence in it.

    ``confidence`` is the probability among all legal sequences of tags that they do, and no further token.
    """

    start: int
    stop: int
    label: str
    confidence: float


def legal_transitions(tags: tuple[str, ...] = TAGS) -> npt.NDArray[np.bool_]:
    """[tags + 1, tags]: whether a tag may follow another; the last row is the start of a sequence."""
    legal = np.ones((len(tags) + 1, len(tags)), dtype=bool)
    for number, tag in enumerate(tags):
        if tag.startswith("I-"):
            legal[:, number] = [before in (tag, f"B-{tag[2:]}") for before in (*tags, "")]
    return legal


@cache
def _forbidden(labels: tuple[str, ...]) -> npt.NDArray[np.float64]:
    return np.where(legal_transitions(tags_of(labels)), 0.0, -np.inf).astype(np.float64)


def best_path(
    scores: npt.NDArray[np.float32],
    labels: tuple[str, ...] = LABEL_NAMES,
    firsts: npt.ArrayLike = (),
) -> npt.NDArray[np.int64]:
    """The likeliest legal sequence of the tags of ``labels``, from [tokens, tags] scores (Viterbi).

    Several sequences may stand one behind the other: ``firsts`` are the places where further ones begin, rising.
    Of sequences that are equally likely it is any one.
    """
    forbidden, (length, tags) = _forbidden(labels), scores.shape
    if not length:
        return np.zeros(0, dtype=np.int64)
    path: npt.NDArray[np.int64] = scores.argmax(axis=1)
    begins = np.zeros(length + 1, dtype=bool)
    begins[[0, length]] = begins[np.asarray(firsts, dtype=np.int64)] = True
    before = np.where(begins[:-1], tags, np.roll(path, 1))
    wrong = np.isinf(forbidden[before, path])
    # Where each token's own best tag is legal throughout, that sequence is the best one.
    if wrong.any():
        doubtful = np.concatenate([[False], _doubtful(scores, path, wrong), [False]])
        edges = doubtful[1:] != doubtful[:-1]
        starts = np.flatnonzero(doubtful[1:] & (edges | begins))
        stops = np.flatnonzero(doubtful[:-1] & (edges | begins))
        _mend(scores, path, forbidden, starts, stops, before[starts], begins[stops])
    return path


def _doubtful(
    scores: npt.NDArray[np.float32], path: npt.NDArray[np.int64], wrong: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Whether a token may have another tag in the best legal sequence than in ``path``, the best one of each token.

    ``wrong`` tokens are those whose tag, an I, may not stand behind the one before. The B of its label may stand
    wherever an I may not, and whatever may follow the I may follow the B: that mends ``path`` at the price of the
    difference of their scores. A run of tokens that all have another tag in the best sequence loses at least the
    distance of the best and the second best score of each, and saves no more than the prices of the wrong tokens
    in it and next behind it. So a token is doubtful only in a run that may save as much as it loses.
    """
    losses = np.concatenate([_distances(scores[start : start + _PIECE]) for start in range(0, len(scores), _PIECE)])
    prices = np.zeros(len(scores) + 1)
    places = np.flatnonzero(wrong)
    prices[places] = scores[places, path[places]].astype(np.float64) - scores[places, path[places] - 1]
    sums = np.concatenate([[0.0], np.cumsum(prices[:-1] - losses)])
    # the run that saves most from any place up to the token to any behind it
    most = np.maximum.accumulate((sums[1:] + prices[1:])[::-1])[::-1] - np.minimum.accumulate(sums[:-1])
    rounding = 2 * len(sums) * np.finfo(np.float64).eps * np.abs(sums).max()
    return np.asarray(~(most < -rounding))  # also where a score is not finite


def _distances(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """How far each token's best score is above its second best."""
    best, *others = np.ascontiguousarray(scores.T)
    second = np.full_like(best, -np.inf)
    for other in others:
        second = np.maximum(second, np.minimum(best, other))
        best = np.maximum(best, other)
    return np.asarray(best.astype(np.float64) - second)


def _mend(
    scores: npt.NDArray[np.float32],
    path: npt.NDArray[np.int64],
    forbidden: npt.NDArray[np.float64],
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
    before: npt.NDArray[np.int64],
    last: npt.NDArray[np.bool_],
) -> None:
    """Viterbi in the stretches [start, stop) of ``path``, all at once; the tags around them stay.

    ``before`` are the tags in front of them, ``last`` says that a sequence ends with them.
    """
    order = np.argsort(starts - stops, kind="stable")  # the longest first: those that go on stand in front
    starts, sizes, before, last = starts[order], (stops - starts)[order], before[order], last[order]
    going = [int(number) for number in np.searchsorted(-sizes, -np.arange(sizes[0]))]
    rows = np.cumsum(sizes) - sizes
    back = np.zeros((int(sizes.sum()), scores.shape[1]), dtype=np.int8)
    best = forbidden[before] + scores[starts]
    for step, some in enumerate(going[1:], 1):
        paths = best[:some, :, None] + forbidden[:-1]
        back[rows[:some] + step] = paths.argmax(axis=1)
        best[:some] = paths.max(axis=1) + scores[starts[:some] + step]
    follows = forbidden[:-1, path[np.minimum(starts + sizes, len(path) - 1)]].T
    tags = (best + np.where(last[:, None], 0.0, follows)).argmax(axis=1)
    for step, some in reversed(list(enumerate(going))):
        path[starts[:some] + step] = tags[:some]
        tags[:some] = back[rows[:some] + step, tags[:some]]


def decode(scores: npt.NDArray[np.float32], labels: tuple[str, ...] = LABEL_NAMES) -> list[TokenSpan]:
    """Entities of one sequence from its [tokens, tags] scores (logits), in order."""
    return next(decode_all([scores], labels))


def decode_all(
    sequences: Iterable[npt.NDArray[np.float32]], labels: tuple[str, ...] = LABEL_NAMES
) -> Iterator[list[TokenSpan]]:
    """As :func:`decode` of each sequence, in order; short ones are decoded many at a time."""
    some: list[npt.NDArray[np.float32]] = []
    held = 0
    for scores in sequences:
        if held + len(scores) > _PIECE:
            yield from _decoded(some, labels)
            some, held = [], 0
        some.append(scores)
        held += len(scores)
    yield from _decoded(some, labels)


def _decoded(sequences: Sequence[npt.NDArray[np.float32]], labels: tuple[str, ...]) -> Iterator[list[TokenSpan]]:
    """The entities of each of some sequences, which are decoded as one."""
    offsets = np.cumsum([0, *map(len, sequences)])
    if not offsets[-1]:
        yield from ([] for _ in sequences)
        return
    scores = sequences[0] if len(sequences) == 1 else np.concatenate(sequences)
    path = best_path(scores, labels, offsets)
    # B tags have odd numbers; a span ends where a tag is not the I of its label
    starts = np.flatnonzero(path % 2 == 1)
    ends = np.append(path[1:] != path[:-1] + path[:-1] % 2, True)
    last = np.zeros(len(path) + 1, dtype=bool)
    last[offsets] = True
    ends |= last[1:]
    places = np.flatnonzero(ends)
    stops = places[np.searchsorted(places, starts)] + 1
    confidences = marginals.spans(scores, path, offsets, starts, stops).tolist()
    names = [labels[tag // 2] for tag in path[starts].tolist()]
    firsts = np.searchsorted(starts, offsets)
    shift = np.repeat(offsets[:-1], np.diff(firsts))
    spans = list(map(TokenSpan, (starts - shift).tolist(), (stops - shift).tolist(), names, confidences))
    for first, stop in pairwise(firsts.tolist()):
        yield spans[first:stop]


def certainty(scores: npt.NDArray[np.float32], labels: tuple[str, ...] = LABEL_NAMES) -> float:
    """Mean probability of the tags of the likeliest legal sequence, 0 to 1; 1 where there is no token."""
    return float(marginals.tags(scores, best_path(scores, labels)).mean()) if len(scores) else 1.0
