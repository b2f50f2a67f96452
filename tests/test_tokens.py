"""Tokens: line breaks are one token, and sentences end where they end."""

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
