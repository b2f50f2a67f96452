"""Decoding: the best legal path, against trying all paths."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bangfu.inference import decoding, marginals
from bangfu.inference.decoding import best_path, certainty, decode, decode_all, legal_transitions
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
    log_probs = scores.astype(np.float64) - np.logaddexp.reduce(scores.astype(np.float64), axis=1, keepdims=True)
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


def log_sum(scores: npt.NDArray[np.float64], follows: npt.NDArray[np.bool_]) -> float:
    """The logarithm of the sum over all legal sequences, token by token; -inf rules a tag out."""
    sums = np.where(follows[-1], scores[0], -np.inf)
    for row in scores[1:]:
        sums = np.array([np.logaddexp.reduce(sums[follows[:-1, tag]]) for tag in range(len(row))]) + row
    return float(np.logaddexp.reduce(sums))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 300), st.integers(0, 10**6), st.sampled_from([0.0, 4.0, 9.0]))
def test_confidence_is_the_share_of_the_sequences_with_the_span(length: int, seed: int, outside: float) -> None:
    scores = np.random.default_rng(seed).normal(0, 3 if outside else 1, (length, 9)).astype(np.float32)
    scores[:, 0] += outside
    follows, plain = legal_transitions(), scores.astype(np.float64)
    every, spans = log_sum(plain, follows), decode(scores)
    for span in spans[:3] + spans[-3:]:
        only, begin = plain.copy(), TAGS.index(f"B-{span.label}")
        only[span.start : span.stop] = -np.inf
        only[span.start, begin] = plain[span.start, begin]
        only[span.start + 1 : span.stop, begin + 1] = plain[span.start + 1 : span.stop, begin + 1]
        only[span.stop : span.stop + 1, begin + 1] = -np.inf
        # in parts, which a long sequence is cut into, hardly anything is lost where there are sure Os
        near = 1e-9 if length <= 48 and not outside else 0.02 if outside else 0.1
        assert span.confidence == pytest.approx(np.exp(log_sum(only, follows) - every), abs=near)
    path, told = best_path(scores), certainty(scores)
    held = np.where(np.arange(9) == path[:, None], plain, -np.inf)
    chances = [np.exp(log_sum(np.where(np.arange(length)[:, None] == place, held, plain), follows) - every)
               for place in range(min(length, 8))]  # fmt: skip
    assert length > 8 or told == pytest.approx(np.mean(chances), abs=2e-3 if outside else 1e-9)


def test_an_i_that_cannot_be_says_nothing() -> None:
    """A model that was taught whole sequences may give the first token of a name the I of its label, too."""
    scores = np.full((3, 9), -5, np.float32)
    place = TAGS.index("B-LOC")
    scores[[0, 2], 0], scores[1, place], scores[1, place + 1] = 8, 8, 11
    (span,) = decode(scores)
    assert (span.start, span.stop, span.label) == (1, 2, "LOC") and span.confidence > 0.999


@pytest.mark.filterwarnings("error")
def test_a_span_of_thousands_of_tokens_has_a_probability() -> None:
    scores = np.full((12000, 9), -5, np.float32)
    place = TAGS.index("B-LOC")
    scores[0, place], scores[1:, place + 1] = 8, 3
    (span,) = decode(scores)
    assert (span.start, span.stop) == (0, 12000) and 0 < span.confidence <= 1


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 10**6), st.sampled_from([0.0, 6.0]))
def test_pieces_change_nothing(length: int, piece: int, seed: int, outside: float) -> None:
    scores = np.random.default_rng(seed).normal(0, 3, (length, 9)).astype(np.float32)
    scores[:, 0] += outside  # greedy tags are legal, or hardly ever
    whole = best_path(scores).tolist(), decode(scores), certainty(scores)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_PIECE", piece)
        patch.setattr(marginals, "_PIECE", piece)
        assert (best_path(scores).tolist(), decode(scores), certainty(scores)) == whole


def test_nothing_gives_nothing() -> None:
    assert decode(np.zeros((0, 9), np.float32)) == []
    assert tags_to_spans([]) == []
    assert tags_to_spans(["B-ORG"]) == [Span(0, 1, "ORG")]
