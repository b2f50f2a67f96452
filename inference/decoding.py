"""Decoding: from tag scores of tokens to spans, by the best legal sequence of tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from bangfu.labels.schema import LABEL_NAMES, TAGS, tags_of

_PIECE = 1 << 15  # tokens


@dataclass(frozen=True)
class TokenSpan:
    """Tokens [start, stop) that form one entity, and the model's confidence in it.

    ``confidence`` is the mean of the probabilities of their tags and, where a token follows, of the
    entity's not going on with it.
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


def log_probabilities(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Log softmax over the last axis."""
    shifted = scores.astype(np.float64) - scores.max(axis=-1, keepdims=True)
    result: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def best_path(scores: npt.NDArray[np.float32], labels: tuple[str, ...] = LABEL_NAMES) -> npt.NDArray[np.int64]:
    """The likeliest legal sequence of the tags of ``labels``, from [tokens, tags] scores (Viterbi)."""
    forbidden, (length, tags) = _forbidden(labels), scores.shape
    if not length:
        return np.zeros(0, dtype=np.int64)
    # Where each token's own best tag is legal throughout, that sequence is the best one.
    greedy: npt.NDArray[np.int64] = np.concatenate([log_probs.argmax(axis=1) for _, log_probs in _pieces(scores)])
    before = np.concatenate([[tags], greedy[:-1]])
    if not np.isinf(forbidden[before, greedy]).any():
        return greedy
    best = forbidden[-1]
    back = np.zeros((length, tags), dtype=np.int16)
    for start, log_probs in _pieces(scores):
        for index, row in enumerate(log_probs, start):
            if index:
                paths = best[:, None] + forbidden[:-1]
                back[index] = paths.argmax(axis=0)
                best = paths.max(axis=0)
            best = best + row
    path = np.zeros(length, dtype=np.int64)
    path[-1] = best.argmax()
    for index in range(length - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return path


def _pieces(scores: npt.NDArray[np.float32]) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """The log probabilities of a sequence from each of some places on: those of a whole book would take much memory."""
    for start in range(0, len(scores), _PIECE):
        yield start, log_probabilities(scores[start : start + _PIECE])


def _chosen(scores: npt.NDArray[np.float32], path: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The probability of each token's tag."""
    return np.concatenate(
        [
            np.exp(log_probs[np.arange(len(log_probs)), path[start : start + len(log_probs)]])
            for start, log_probs in _pieces(scores)
        ]
    )


def decode(scores: npt.NDArray[np.float32], labels: tuple[str, ...] = LABEL_NAMES) -> list[TokenSpan]:
    """Entities of one sequence from its [tokens, tags] scores (logits), in order."""
    if not len(scores):
        return []
    path = best_path(scores, labels)
    chosen = _chosen(scores, path)
    # B tags have odd numbers; a span ends where a tag is not the I of its label
    starts = np.flatnonzero(path % 2 == 1)
    goes_on = np.append(path[1:] == path[:-1] + path[:-1] % 2, False)
    ends = np.flatnonzero(~goes_on)
    stops = ends[np.searchsorted(ends, starts)] + 1
    # all but a span at the very end
    followed = stops[stops < len(path)]
    inside = path[starts[: len(followed)]] + 1
    left = 1 - np.exp(log_probabilities(scores[followed])[np.arange(len(followed)), inside])
    spans = []
    for number, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        confidence = float(np.mean([*chosen[start:stop], *left[number : number + 1]]))
        spans.append(TokenSpan(start, stop, labels[int(path[start]) // 2], confidence))
    return spans


def certainty(scores: npt.NDArray[np.float32], labels: tuple[str, ...] = LABEL_NAMES) -> float:
    """Mean probability of the tags of the likeliest legal sequence, 0 to 1; 1 where there is no token."""
    return min(1.0, float(_chosen(scores, best_path(scores, labels)).mean())) if len(scores) else 1.0
