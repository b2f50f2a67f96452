"""Decoding: from tag scores of tokens to spans, by the best legal sequence of tags."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from bangfu.labels.schema import LABEL_NAMES, TAGS, tags_of


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


def best_path(log_probs: npt.NDArray[np.float64], labels: tuple[str, ...] = LABEL_NAMES) -> npt.NDArray[np.int64]:
    """The likeliest legal sequence of the tags of ``labels``, from [tokens, tags] log probabilities (Viterbi)."""
    forbidden, tags = _forbidden(labels), log_probs.shape[1]
    length = len(log_probs)
    if not length:
        return np.zeros(0, dtype=np.int64)
    # Where each token's own best tag is legal throughout, that sequence is the best one.
    greedy: npt.NDArray[np.int64] = log_probs.argmax(axis=1)
    before = np.concatenate([[tags], greedy[:-1]])
    if not np.isinf(forbidden[before, greedy]).any():
        return greedy
    best = log_probs[0] + forbidden[-1]
    back = np.zeros((length, tags), dtype=np.int64)
    for index in range(1, length):
        paths = best[:, None] + forbidden[:-1]
        back[index] = paths.argmax(axis=0)
        best = paths.max(axis=0) + log_probs[index]
    path = np.zeros(length, dtype=np.int64)
    path[-1] = best.argmax()
    for index in range(length - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return path


def decode(scores: npt.NDArray[np.float32], labels: tuple[str, ...] = LABEL_NAMES) -> list[TokenSpan]:
    """Entities of one sequence from its [tokens, tags] scores (logits), in order."""
    if not len(scores):
        return []
    log_probs = log_probabilities(scores)
    path = best_path(log_probs, labels)
    chosen = np.exp(log_probs[np.arange(len(path)), path])
    # B tags have odd numbers; a span ends where a tag is not the I of its label
    begins = np.flatnonzero(path % 2 == 1)
    spans = []
    for start in begins:
        inside = path[start] + 1
        stop = int(start) + 1
        while stop < len(path) and path[stop] == inside:
            stop += 1
        label = labels[int(path[start]) // 2]
        factors = [*chosen[start:stop], *(1 - np.exp(log_probs[stop : stop + 1, inside]))]
        spans.append(TokenSpan(int(start), stop, label, float(np.mean(factors))))
    return spans


def certainty(scores: npt.NDArray[np.float32], labels: tuple[str, ...] = LABEL_NAMES) -> float:
    """Mean probability of the tags of the likeliest legal sequence, 0 to 1; 1 where there is no token."""
    if not len(scores):
        return 1.0
    log_probs = log_probabilities(scores)
    path = best_path(log_probs, labels)
    return min(1.0, float(np.exp(log_probs[np.arange(len(path)), path]).mean()))
