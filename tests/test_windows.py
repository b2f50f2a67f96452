"""Windows cover a sequence, and stitching takes each token from where it is seen best."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bangfu.inference.windows import stitch, windows


@given(st.integers(0, 2000), st.integers(1, 80), st.data())
def test_every_token_is_kept_once_with_context(length: int, size: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, size))
    found = windows(length, size, stride)
    kept = [index for window in found for index in range(window.keep_start, window.keep_stop)]
    assert kept == list(range(length))
    for window in found:
        assert window.start <= window.keep_start <= window.keep_stop <= window.stop <= length
        assert len(window) == min(size, length)
    for before, after in pairwise(found):
        # both sides of a cut see at least half of the overlap beyond it
        assert before.stop - before.keep_stop >= (size - stride) // 2
        assert after.keep_start - after.start >= (size - stride) // 2


@given(st.integers(0, 600), st.integers(2, 60), st.data())
def test_windows_end_where_sentences_end(length: int, size: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, size))
    ends = sorted(data.draw(st.sets(st.integers(1, max(1, length)), max_size=40)))
    found = windows(length, size, stride, ends)
    kept = [index for window in found for index in range(window.keep_start, window.keep_stop)]
    assert kept == list(range(length))
    for window in found:
        assert window.start <= window.keep_start <= window.keep_stop <= window.stop <= length
        assert 0 < len(window) <= size
    for before, after in pairwise(found):
        assert before.start < after.start <= before.stop < after.stop
        if before.stop == after.start and before.stop in ends:
            assert before.keep_stop == before.stop and len(before) > size // 4
            continue
        # an overlap, or a cut where there is no end: the one before is full, and no end would have done as well
        assert len(before) == size and before.stop - after.start >= size - stride
        assert abs(before.keep_stop * 2 - before.stop - after.start) < 2
        overlapped = -(-(length - after.start) // size)
        for end in ends:
            if before.start + size // 4 < end <= before.stop:
                assert -(-(length - end) // size) > overlapped


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 20))
def test_windows_are_no_more_than_need_be(sentences: int, tokens: int, fit: int) -> None:
    # as many sentences of so many tokens, of which so many fit into a window
    found = windows(sentences * tokens, fit * tokens, fit * tokens, range(tokens, sentences * tokens + 1, tokens))
    assert len(found) == -(-sentences // fit)
    assert max(map(len, found)) - min(map(len, found)) <= tokens


def test_windows_of_sentences() -> None:
    # sentences of 40 tokens, windows of 100 with a stride of 70
    found = windows(300, 100, 70, range(40, 301, 40))
    assert [(window.start, window.stop) for window in found] == [(0, 80), (80, 160), (160, 240), (240, 300)]
    found = windows(200, 100, 70, range(20, 201, 20))
    assert [(window.start, window.stop) for window in found] == [(0, 100), (100, 200)]
    # the second sentence is longer than a window
    found = windows(250, 100, 70, [60, 190])
    assert [(window.start, window.stop, window.keep_start) for window in found] == [
        (0, 60, 0),
        (60, 160, 60),
        (130, 190, 145),
        (190, 250, 190),
    ]
    # sentence ends that would take one window more, or a window of next to nothing
    assert [(window.start, window.stop) for window in windows(250, 158, 126, [85])] == [(0, 158), (92, 250)]
    assert [(window.start, window.stop) for window in windows(101, 100, 70, [1])] == [(0, 100), (1, 101)]


@given(st.integers(1, 300), st.integers(2, 40), st.data())
def test_each_token_has_the_scores_of_the_window_that_keeps_it(length: int, size: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, size))
    ends = sorted(data.draw(st.sets(st.integers(1, length), max_size=20)))
    found = windows(length, size, stride, ends)
    parts = [(window, np.full((len(window), 3), number, dtype=np.float32)) for number, window in enumerate(found)]
    keepers = [number for number, window in enumerate(found) for _ in range(window.keep_start, window.keep_stop)]
    assert stitch(parts, length, 3)[:, 0].tolist() == keepers


def test_a_stride_that_skips_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="stride 11"):
        windows(100, 10, 11)
