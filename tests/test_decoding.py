"""Decoding: the best legal path, against trying all paths."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bangfu.inference import decoding
from bangfu.inference.decoding import best_path, certainty, decode, decode_all, legal_transitions, log_probabilities
from bangfu.labels import TAGS, Span
from bangfu.labels.tags import tags_to_spans


def legal(path: tuple[int, ...]) -> bool:
    try:
        tags_to_spans([TAGS[tag] for tag in path])
    except ValueError:
        return False
    return True


LEGAL = {
    length: [path for path in itertools.product(range(9), repeat=length) if legal(path)] for length in (1, 2, 3, 4)
}


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6))
def test_the_best_path_is_the_best_of_all_legal_ones(length: int, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(0, 3, (length, 9)).astype(np.float32)
    log_probs = log_probabilities(scores)
    best = max(LEGAL[length], key=lambda path: sum(log_probs[index, tag] for index, tag in enumerate(path)))
    assert tuple(best_path(scores)) == best


def viterbi(scores: npt.NDArray[np.float32]) -> list[int]:
    """The best legal path, every token of it looked at."""
    forbidden = np.where(legal_transitions(), 0.0, -np.inf)
    best, back = forbidden[-1] + scores[0], []
    for row in scores[1:]:
        paths = best[:, None] + forbidden[:-1]
        back.append(paths.argmax(axis=0))
        best = paths.max(axis=0) + row
    path = [int(best.argmax())]
    for before in reversed(back):
        path.append(int(before[path[-1]]))
    return path[::-1]


@st.composite
def some_scores(draw: st.DrawFn) -> npt.NDArray[np.float32]:
    """Scores as of a model that is more or less sure, of text with few names or many, and of which tags are I."""
    length, seed = draw(st.integers(1, 40)), draw(st.integers(0, 10**6))
    scores = np.random.default_rng(seed).normal(0, draw(st.sampled_from([0.1, 1, 3, 30])), (length, 9))
    scores[:, 0] += draw(st.sampled_from([0, 3, 8]))
    scores[:, 2::2] += draw(st.sampled_from([-2, 0, 2, 5]))
    return scores.astype(np.float32)


@settings(deadline=None)
@given(st.lists(some_scores(), min_size=1, max_size=3))
def test_viterbi_around_what_is_illegal_is_viterbi_throughout(sequences: list[npt.NDArray[np.float32]]) -> None:
    every = [viterbi(scores) for scores in sequences]
    assert [best_path(scores).tolist() for scores in sequences] == every
    firsts = np.cumsum([len(scores) for scores in sequences[:-1]], dtype=np.int64)
    assert best_path(np.concatenate(sequences), firsts=firsts).tolist() == list(itertools.chain(*every))
    sequences.insert(1, np.zeros((0, 9), np.float32))
    assert list(decode_all(sequences)) == [decode(scores) for scores in sequences]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(-2, 2), min_size=9, max_size=9), min_size=1, max_size=30))
def test_of_equally_good_paths_one_is_found(rows: list[list[int]]) -> None:
    scores = np.array(rows, np.float32)
    path = best_path(scores)
    assert legal(tuple(path))
    assert sum(scores[range(len(path)), path]) == sum(scores[range(len(path)), viterbi(scores)])


def test_entities_and_confidence() -> None:
    probabilities = np.full((5, 9), 0.01)
    for index, (tag, value) in enumerate([("B-ORG", 0.9), ("I-ORG", 0.8), ("B-ORG", 0.7), ("O", 0.9), ("I-LOC", 0.6)]):
        probabilities[index, TAGS.index(tag)] = value
    probabilities[4, TAGS.index("O")] = 0.5
    spans = decode(np.log(probabilities / probabilities.sum(1, keepdims=True)).astype(np.float32))
    # the last token's I-LOC has no B-LOC before it, and O is likelier than B-LOC
    assert [(span.start, span.stop, span.label) for span in spans] == [(0, 2, "ORG"), (2, 3, "ORG")]
    sums = probabilities.sum(1)
    # the mean over the tags of an entity and over its not going on with the next token
    ends = [1 - 0.01 / sums[2], 1 - 0.01 / sums[3]]
    assert [span.confidence for span in spans] == pytest.approx(
        [(0.9 / sums[0] + 0.8 / sums[1] + ends[0]) / 3, (0.7 / sums[2] + ends[1]) / 2], rel=1e-5
    )
    assert decode(np.array([[0.0, 9.0] + [0.0] * 7], np.float32))[0].confidence == pytest.approx(
        1 / (1 + 8 * np.exp(-9))
    )


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 10**6), st.sampled_from([0.0, 6.0]))
def test_pieces_change_nothing(length: int, piece: int, seed: int, outside: float) -> None:
    scores = np.random.default_rng(seed).normal(0, 3, (length, 9)).astype(np.float32)
    scores[:, 0] += outside  # greedy tags are legal, or hardly ever
    whole = best_path(scores).tolist(), decode(scores), certainty(scores)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_PIECE", piece)
        assert (best_path(scores).tolist(), decode(scores), certainty(scores)) == whole


def test_nothing_gives_nothing() -> None:
    assert decode(np.zeros((0, 9), np.float32)) == []
    assert tags_to_spans([]) == []
    assert tags_to_spans(["B-ORG"]) == [Span(0, 1, "ORG")]
