"""Tokens: line breaks and gaps are one token, and sentences end where they end."""

import itertools
import json
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Encoding, Tokenizer
from tokenizers.pre_tokenizers import Whitespace

from bangfu.inference import character_tokens
from bangfu.inference.character_tokens import CharacterTokens
from bangfu.inference.encoder import Encoder
from bangfu.inference.model_folder import SHIPPED, TOKENIZER
from bangfu.inference.tokens import Tokens


def test_line_breaks_and_sentence_ends() -> None:
    encoder = Encoder.from_file(SHIPPED / TOKENIZER)
    text = "\n标题 \n\n 正文。“好！”又一句\n☃\n尾\u3000列\t三  四 五\n"
    (tokens,) = encoder.encode([text])
    breaks = tokens.ids == encoder.sep_id
    places = list(zip(tokens.starts, tokens.ends, strict=True))
    shown = ["|" if is_break else text[start:end] for is_break, (start, end) in zip(breaks, places, strict=True)]
    assert shown == list("标题|正文。“好！”又一句|尾|列|三|四五")
    gaps = {text[start:end] for is_break, (start, end) in zip(breaks, places, strict=True) if is_break}
    assert gaps == {"\n", " ", "\u3000", "\t"}
    assert [shown[end - 1] for end in encoder.sentence_ends(tokens)] == ["|", "。", "”", *"||||"]
    assert (tokens.starts[1:] >= tokens.ends[:-1]).all()
    assert len(encoder.encode(["", "\n"])[1]) == 0


KNOWN = Tokenizer.from_file(str(SHIPPED / TOKENIZER)).get_vocab()
READ_AS = "".join(char for char in character_tokens._READ_AS if char not in KNOWN)
SYMBOLS = ("Sm", "Sc", "Sk", "So", "No", "Nl")
ODD = "县，。 \n\ta1(Ａé\u0301\u200d\uac00\u1100\u1161\uf900\U00020000😀☃●×℃+Ⅱ[SEP]##"


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.text(st.sampled_from(ODD) | st.characters(codec="utf-8", exclude_characters=READ_AS), max_size=80),
        max_size=4,
    )
)
def test_a_table_gives_the_tokens_of_the_tokenizer(texts: list[str]) -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / TOKENIZER))
    tokenizer.encode_special_tokens = True
    ours = CharacterTokens(tokenizer)
    for _ in range(2):  # asked of the tokenizer, and remembered
        for text, tokens in zip(texts, ours.encode(texts), strict=True):
            exact: list[tuple[int, tuple[int, int]]] = []
            for symbol, run in itertools.groupby(enumerate(text), lambda at: unicodedata.category(at[1]) in SYMBOLS):
                (start, first), *others = run
                chars = first + "".join(char for _, char in others)
                # a symbol is a token by itself, or none
                for at, part in enumerate(chars) if symbol else [(0, chars)]:
                    if not symbol or not {part, part.lower()}.isdisjoint(KNOWN):
                        found = tokenizer.encode(part, add_special_tokens=False)
                        exact += [
                            (number, (start + at + one, start + at + end))
                            for number, (one, end) in zip(found.ids, found.offsets, strict=True)
                        ]
            assert _plain(tokens) == exact


def test_symbols_are_tokens_by_themselves() -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / TOKENIZER))
    text = "20℃3×5米●100元××县①3户Ⅱ5+"
    (tokens,) = CharacterTokens(tokenizer).encode([text])
    names = [tokenizer.id_to_token(number) for number in tokens.ids.tolist()]
    assert names == ["2", "##0", *"℃3×5米●1", "##0", "##0", *"元××县①3户ⅱ5+"]
    assert (tokens.starts.tolist(), (tokens.ends - tokens.starts).tolist()) == ([*range(len(text))], [1] * len(text))


def test_symbols_that_the_vocabulary_lacks_are_read_as_others() -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / TOKENIZER))
    text = "￥8元｜9吨，48㎡、5km²；◆甲→乙④丙😀丁▲"
    (tokens,) = CharacterTokens(tokenizer).encode([text])
    names = [tokenizer.id_to_token(number) for number in tokens.ids.tolist()]
    assert names == [*"$8元|9吨，4", "##8", *"m、5", "##k", "##m", *"2；●甲—乙③丙丁▲"]
    assert [text[place] for place in tokens.starts.tolist()] == [char for char in text if char != "😀"]
    assert all(character_tokens._READ_AS[char] in KNOWN for char in READ_AS)
    # a vocabulary that has neither
    words = json.loads((SHIPPED / TOKENIZER).read_text(encoding="utf-8"))
    words["model"]["vocab"] = {word: number for word, number in words["model"]["vocab"].items() if word not in "$|●"}
    text = "￥8元｜9吨◆甲"
    (few,) = CharacterTokens(Tokenizer.from_str(json.dumps(words))).encode([text])
    assert [text[place] for place in few.starts.tolist()] == list("8元9吨甲")


def _plain(tokens: Tokens) -> list[tuple[int, tuple[int, int]]]:
    places = zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True)
    return list(zip(tokens.ids.tolist(), places, strict=True))


def _same(tokens: Tokens, exact: Encoding) -> bool:
    return _plain(tokens) == list(zip(exact.ids, exact.offsets, strict=True))


def test_every_character_beside_others() -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / TOKENIZER))
    ours = CharacterTokens(tokenizer)
    chars = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x10000), *range(0x1F000, 0x20000), 0x20BB7)]
    chars = [char for char in chars if unicodedata.category(char) not in SYMBOLS]
    texts = [text for char in chars for text in (f"县{char}镇", f"8{char}a", f"{char}{char}")]
    exact = tokenizer.encode_batch(texts, add_special_tokens=False)
    assert all(map(_same, ours.encode(texts), exact))


def test_words_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(character_tokens, "_WORDS", 3)
    tokenizer = Tokenizer.from_file(str(SHIPPED / TOKENIZER))
    ours = CharacterTokens(tokenizer)
    for texts in (["省10县", "200x30"], ["x" * 50, "10，200，3，10，4，5", ""], ["a b c d e f 10"]):
        exact = tokenizer.encode_batch(texts, add_special_tokens=False)
        assert all(map(_same, ours.encode(texts), exact))
        assert len(ours._words) <= 3 and not any(len(word) > 40 for word in ours._words)


def test_threads_share_an_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(character_tokens, "_WORDS", 20)
    ours = CharacterTokens(Tokenizer.from_file(str(SHIPPED / TOKENIZER)))
    texts = [f"第{number}批{number * 7}万元" for number in range(400)]
    alone = [tokens.ids.tolist() for tokens in ours.encode(texts)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert [tokens.ids.tolist() for (tokens,) in pool.map(lambda text: ours.encode([text]), texts)] == alone


def test_only_tokenizers_that_part_words_as_bert_does(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(SHIPPED / TOKENIZER))
    tokenizer.add_tokens(["乡村振兴"])
    tokenizer.save(str(tmp_path / "added.json"))
    other = Tokenizer.from_file(str(SHIPPED / TOKENIZER))
    other.pre_tokenizer = Whitespace()
    other.save(str(tmp_path / "other.json"))
    for name in ("added.json", "other.json"):
        with pytest.raises(ValueError, match="BERT family"):
            Encoder.from_file(tmp_path / name)


def test_spaces_take_no_quadratic_time() -> None:
    encoder = Encoder.from_file(SHIPPED / TOKENIZER)
    began = time.perf_counter()
    (tokens,) = encoder.encode(["会理市" + " " * 100_000 + "\n 慈善会"])
    # it took a minute and a half
    assert time.perf_counter() - began < 5 and len(tokens) == 7
