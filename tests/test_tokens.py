"""Tokens: line breaks are one token, and sentences end where they end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bangfu.inference import tokens as tokens_module
from bangfu.inference.model_folder import SHIPPED, TOKENIZER
from bangfu.inference.tokens import Encoder


def test_line_breaks_and_sentence_ends() -> None:
    encoder = Encoder.from_file(SHIPPED / TOKENIZER)
    text = "\n标题 \n\n 正文。“好！”又一句\n☃\n尾\n"
    (tokens,) = encoder.encode([text])
    breaks = tokens.ids == encoder.sep_id
    places = list(zip(tokens.starts, tokens.ends, strict=True))
    shown = ["|" if is_break else text[start:end] for is_break, (start, end) in zip(breaks, places, strict=True)]
    assert shown == list("标题|正文。“好！”又一句|尾")
    assert {text[start:end] for is_break, (start, end) in zip(breaks, places, strict=True) if is_break} == {"\n"}
    assert [shown[end - 1] for end in encoder.sentence_ends(tokens)] == ["|", "。", "”", "|"]
    assert (tokens.starts[1:] >= tokens.ends[:-1]).all()
    assert len(encoder.encode(["", "\n"])[1]) == 0


ODD = "县，。 \n\ta1(Ａé\u0301\u200d\uac00\u1100\u1161\uf900\U00020000😀☃[SEP]##"


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from(ODD) | st.characters(codec="utf-8"), max_size=80), st.integers(1, 20))
def test_a_long_text_has_the_tokens_of_the_whole(text: str, piece: int) -> None:
    encoder = Encoder.from_file(SHIPPED / TOKENIZER)
    (whole,) = encoder.encode([text])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens_module, "_PIECE", piece)
        some, other = encoder.encode([text, text[::-1]])
    assert (some.ids.tolist(), some.starts.tolist(), some.ends.tolist()) == (
        whole.ids.tolist(),
        whole.starts.tolist(),
        whole.ends.tolist(),
    )
    assert other.ids.tolist() == encoder.encode([text[::-1]])[0].ids.tolist()
