"""Tokens: line breaks are one token, and sentences end where they end."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from bangfu.inference import character_tokens
from bangfu.inference.character_tokens import CharacterTokens
from bangfu.inference.encoder import Encoder
from bangfu.inference.model_folder import SHIPPED, TOKENIZER


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
@given(st.lists(st.text(st.sampled_from(ODD) | st.characters(codec="utf-8"), max_size=80), max_size=4))
def test_a_table_gives_the_tokens_of_the_tokenizer(texts: list[str]) -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / TOKENIZER))
    tokenizer.encode_special_tokens = True
    symbols = {"Sm", "Sc", "Sk", "So", "No", "Nl"}
    known = tokenizer.get_vocab()
    ours = CharacterTokens(tokenizer)
    for _ in range(2):  # asked of the tokenizer, and remembered
        for text, tokens in zip(texts, ours.encode(texts), strict=True):
            seen = "".join(
                " " if unicodedata.category(char) in symbols and char not in known else char for char in text
            )
            exact = tokenizer.encode(seen, add_special_tokens=False)
            places = list(zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True))
            assert (tokens.ids.tolist(), places) == (exact.ids, exact.offsets)


def test_every_character_beside_others() -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / TOKENIZER))
    ours = CharacterTokens(tokenizer)
    known = tokenizer.get_vocab()
    chars = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]
    chars = [char for char in chars if char in known or unicodedata.category(char)[0] not in "SN"]
    texts = [text for char in chars for text in (f"县{char}镇", f"8{char}a", f"{char}{char}")]
    for tokens, exact in zip(ours.encode(texts), tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
        assert tokens.ids.tolist() == exact.ids and tokens.starts.tolist() == [start for start, _ in exact.offsets]


def test_words_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(character_tokens, "_WORDS", 3)
    ours = CharacterTokens(Tokenizer.from_file(str(SHIPPED / TOKENIZER)))
    texts = ["省10县", "200x30", "x" * 50, "10，200，3"]
    assert [tokens.ids.tolist() for tokens in ours.encode(texts)] == [
        tokens.ids.tolist() for text in texts for tokens in ours.encode([text])
    ]
    assert len(ours._words) <= 3 and not any(len(word) > 40 for word in ours._words)
