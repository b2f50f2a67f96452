"""Decoding: from tag scores of tokens to spans, by the best legal sequence of tags."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bangfu.labels.schema import LABEL_NAMES, TAGS


@dataclass(frozen=True)
class TokenSpan:
    """Tokens [start, stop) that form one entity, and the mean probability of their tags."""

    start: int
    stop: int
    label: str
    score: float


def legal_transitions() -> npt.NDArray[np.bool_]:
    """[tags + 1, tags]: whether a tag may follow another; the last row is the start of a sequence."""
    legal = np.ones((len(TAGS) + 1, len(TAGS)), dtype=bool)
    for number, tag in enumerate(TAGS):
        if tag.startswith("I-"):
            legal[:, number] = [before in (tag, f"B-{tag[2:]}") for before in (*TAGS, "")]
    return legal


_FORBIDDEN = np.where(legal_transitions(), 0.0, -np.inf).astype(np.float64)


def log_probabilities(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Log softmax over the last axis."""
    shifted = scores.astype(np.float64) - scores.max(axis=-1, keepdims=True)
    result: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def best_path(log_probs: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The likeliest legal tag sequence of [tokens, tags] log probabilities (Viterbi)."""
    length = len(log_probs)
    if not length:
        return np.zeros(0, dtype=np.int64)
    # Where each token's own best tag is legal throughout, that sequence is the best one.
    greedy: npt.NDArray[np.int64] = log_probs.argmax(axis=1)
    before = np.concatenate([[len(TAGS)], greedy[:-1]])
    if not np.isinf(_FORBIDDEN[before, greedy]).any():
        return greedy
    best = log_probs[0] + _FORBIDDEN[-1]
    back = np.zeros((length, len(TAGS)), dtype=np.int64)
    for index in range(1, length):
        paths = best[:, None] + _FORBIDDEN[:-1]
        back[index] = paths.argmax(axis=0)
        best = paths.max(axis=0) + log_probs[index]
    path = np.zeros(length, dtype=np.int64)
    path[-1] = best.argmax()
    for index in range(length - 1, 0, -1):
        path[index - 1] = back[index, path[index]]
    return path


def decode(scores: npt.NDArray[np.float32]) -> list[TokenSpan]:
    """Entities of one sequence from its [tokens, tags] scores (logits), in order."""
    if not len(scores):
        return []
    log_probs = log_probabilities(scores)
    path = best_path(log_probs)
    chosen = np.exp(log_probs[np.arange(len(path)), path])
    # B tags have odd numbers; a span ends where a tag is not the I of its label
    begins = np.flatnonzero(path % 2 == 1)
    spans = []
    for start in begins:
        inside = path[start] + 1
        stop = int(start) + 1
        while stop < len(path) and path[stop] == inside:
            stop += 1
        label = LABEL_NAMES[int(path[start]) // 2]
        spans.append(TokenSpan(int(start), stop, label, float(chosen[start:stop].mean())))
    return spans
