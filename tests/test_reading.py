"""Articles from files of every kind: the text, what it was read from, and what is said of files that cannot be read."""

import csv
import gzip
import io
import json
import lzma
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import SAMPLE

from bangfu.inference import InputError, csv_reader, read
from bangfu.inference.encodings import detect
from bangfu.inference.text_stream import TextStream
from bangfu.inference.visible_text import visible_text
from bangfu.labels.user_error import UserError

LONG = SAMPLE.read_text(encoding="utf-8")
SHORT = "会理市慈善会向太平镇捐赠课桌椅420套。"
TRADITIONAL = "臺中市政府社會局表示，慈濟基金會等十二個民間團體向花蓮縣災區捐贈物資三千箱，協助居民重建家園。"
LINES = LONG.split("\n\n")
PAGE = (
    '<html><head><meta charset="gb2312"><title>{0}_甬江晚报</title><script>var x = "脚本";</script></head><body>'
    '<ul><li><a href="/">首页</a></li><li><a href="/a">北京市慈善协会</a></li></ul><h1>{0}</h1><div>{1}</div>'
    "<div>版权所有 甬江晚报社</div></body></html>"
).format(LINES[0], "".join(f"<p>{line}</p>" for line in LINES[1:]))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((text, encoding) for text in (LONG, SHORT) for encoding in ("utf-8", "utf-8-sig", "utf-16", "gb18030")),
        (TRADITIONAL * 6, "big5"),
        (TRADITIONAL[:20], "big5"),
        (TRADITIONAL[-20:], "gb18030"),
        (LONG[:200] + "𠮷", "gb18030"),  # four bytes
        ("香港銅鑼灣著綠裏", "cp950"),  # plain Big5 has no 裏
        ("香港銅鑼灣著綠裏邨", "big5hkscs"),  # nor Windows 邨
        ("ASCII only", "utf-8"),
    ],
)
def test_encodings(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    (article,) = read(path)
    assert (article.text, article.source.encoding) == (text, encoding)
    assert (article.source.characters, article.source.extractor) == (len(text), "plain text")


def test_short_cuts_of_the_old_encodings() -> None:
    for text, encoding in ((LONG.replace("\n", ""), "gb18030"), (TRADITIONAL * 2, "big5")):
        cuts = [text[first : first + 12] for first in range(len(text) - 12)]
        assert [cut for cut in cuts if detect(cut.encode(encoding)) != encoding and not cut.isascii()] == []


@pytest.mark.parametrize("raw", ["déjà vu à Besançon, là-bas".encode("latin-1"), bytes(range(256)), b"\xff\xfea"])
def test_what_is_no_chinese_text_is_undecodable(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"a\.txt: neither UTF-8.*--encoding"):
        list(read(path))


def test_a_given_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("東京都は".encode("shift_jis"))
    assert [article.text for article in read(path, encoding="shift_jis")] == ["東京都は"]
    with pytest.raises(InputError, match="byte 0 is not ascii"):
        list(read(path, encoding="ascii"))
    path.write_bytes(b"xn--a")
    for form in ("txt", "jsonl"):
        with pytest.raises(InputError, match="not idna; name"):  # a codec that does not say where
            list(read(path, encoding="idna", form=form))
    for name in ("rot13", "a\x00", "undefined"):
        with pytest.raises(UserError, match="unknown encoding"):
            read(path, encoding=name)


@pytest.mark.parametrize(
    ("given", "mark", "encoding"),
    [
        *((name, "utf-8-sig", "utf-8-sig") for name in ("utf-8", "UTF8", "U8", "utf_8_sig")),
        ("UTF-16LE", "utf-16", "utf-16"),
        ("GB18030_2000", "gb18030", "gb18030"),
    ],
)
def test_a_byte_order_mark_is_no_text_whatever_the_encoding_is_called(
    tmp_path: Path, given: str, mark: str, encoding: str
) -> None:
    raw = {"a.txt": SHORT, "b.jsonl": json.dumps({"text": SHORT}), "c.csv": f"text\n{SHORT}\n"}
    for name, text in raw.items():
        (tmp_path / name).write_bytes(text.encode(mark))
    articles = list(read(tmp_path, encoding=given))
    assert [(article.text, article.source.encoding) for article in articles] == [(SHORT, encoding)] * 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("pack", [None, gzip, lzma])
def test_rows(tmp_path: Path, encoding: str, pack: object) -> None:
    packed = {None: lambda raw: raw, gzip: gzip.compress, lzma: lzma.compress}[pack]  # type: ignore[index]
    suffix = {None: "", gzip: ".gz", lzma: ".xz"}[pack]  # type: ignore[index]
    table = io.StringIO()
    csv.writer(table).writerows([["date", "正文", "ID"], ["3月1日", LONG, "x"], [], ["3月2日", f'他说"{SHORT}"', ""]])
    lines = [{"text": LONG, "id": 7}, {"text": SHORT}]
    jsonl, sheet = tmp_path / f"a.jsonl{suffix}", tmp_path / f"b.csv{suffix}"
    jsonl.write_bytes(packed("\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode(encoding)))
    sheet.write_bytes(packed(table.getvalue().encode(encoding)))
    notes: list[str] = []
    articles = list(read(tmp_path, note=notes.append))
    assert [article.text for article in articles] == [LONG, SHORT, LONG, f'他说"{SHORT}"']
    assert [article.id for article in articles] == ["7", f"{jsonl.name}:2", "x", f"{sheet.name}:4"]
    assert {article.source.encoding for article in articles} == {encoding}
    assert articles[3].source.to_json() | {"characters": 0} == {
        "file": str(sheet), "extractor": "csv", "characters": 0, "encoding": encoding, "row": 4, "column": "正文",
    }  # fmt: skip
    assert notes == [f"{sheet}: text is taken from '正文'; --column names another"]


def test_bad_rows_are_skipped_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = json.dumps({"text": SHORT}, ensure_ascii=False)
    jsonl, sheet, torn = tmp_path / "a.jsonl", tmp_path / "b.csv", tmp_path / "c.csv"
    bad = [
        b"\xff{",
        b"{",
        b'{"txt": ""}',
        b"[]",
        b'{"text": "x", "id": []}',
        b'{"text": "x", "n": ' + b"9" * 5000 + b"}",
    ]
    jsonl.write_bytes(b"\n".join([*bad, b"", good.encode(), good.encode()]))
    sheet.write_text(f"id;n;内容\n1;2;{SHORT}\n2\n3;4;{SHORT}\n", encoding="gb18030")
    torn.write_text(f'text\n{SHORT}\n"{SHORT}\n', encoding="utf-8")
    skipped: list[InputError] = []
    articles = list(read(tmp_path, skipped=skipped.append))
    assert [article.text for article in articles] == [SHORT] * 5
    assert [article.id for article in articles] == ["a.jsonl:8", "a.jsonl:9", "1", "3", "c.csv:2"]
    places = [f"{jsonl}:{row}: " for row in range(1, 7)] + [f"{sheet}:3: ", f"{torn}: broken at line 3"]
    assert all(str(error).startswith(place) for error, place in zip(skipped, places, strict=True))
    with pytest.raises(InputError, match=r"a\.jsonl:1"):
        list(read(jsonl))


def test_no_cell_of_a_table_is_lost_without_a_word(tmp_path: Path) -> None:
    """Commas that nobody quoted, as many in Chinese web pages, and bytes that are not in the encoding."""
    sheet, twice = tmp_path / "a.csv", tmp_path / "b.csv"
    rows = [
        f"1,{SHORT},,".encode(),
        f"2,{SHORT},{SHORT}".encode(),
        "3,第\xff".encode("latin-1", "replace").replace(b"?", b"\xff"),
        f'4,"{SHORT}\n'.encode() + b"\xff\n" + f'{SHORT}"'.encode(),
        f",{SHORT}".encode(),
    ]
    sheet.write_bytes(b"\n".join([b"id,text", *rows]))
    twice.write_text(f"text,text\n,{SHORT}\n", encoding="utf-8")
    skipped: list[InputError] = []
    articles = list(read(tmp_path, skipped=skipped.append))
    assert [(article.id, article.text) for article in articles] == [("1", SHORT), ("a.csv:6", SHORT)]
    told = [f"{sheet}:3: 3 cells", f"{sheet}:4: bytes that", f"{sheet}:5: bytes that", f"{twice}: two columns"]
    assert all(str(error).startswith(place) for error, place in zip(skipped, told, strict=True))
    assert not list(read(sheet, encoding="idna", skipped=list[InputError]().append))


def test_tables_that_are_read_at_a_time_lose_no_long_cell(tmp_path: Path) -> None:
    """The limit on cells is one for the whole process."""
    before, small, large, textless = csv.field_size_limit(), *(tmp_path / f"{name}.csv" for name in "abc")
    few = [SHORT] * 22
    many = [*few, SHORT * 10_000]
    small.write_text("\n".join(["text", *few]), encoding="utf-8")
    large.write_text("\n".join(["text", *many]), encoding="utf-8")
    textless.write_text("a\n1\n", encoding="utf-8")
    one, other = read(small), read(large)
    got = [next(one).text, next(other).text, *(article.text for article in one), *(article.text for article in other)]
    assert got == [SHORT, *few, *many[1:]]
    with pytest.raises(InputError) as kept:
        list(read(textless))
    assert csv.field_size_limit() == before, kept


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("sep=|\r\n题|正文\r\n甲|捐,款\r\n乙\r\n丙|市", [(3, "捐,款"), (5, "市")]),
        ("\n \n;;\n题;正文\n甲;捐,款\n", [(5, "捐,款")]),
        ('"题";"正文 (a, b, c)"\n甲;捐,款\n', [(2, "捐,款")]),
        ('题,正文\r甲,"捐\r款\n"\r\r乙,市\r', [(2, "捐\r款\n"), (4, "市")]),
        ("题,正文\r\r\n甲,市\r\r\n", [(2, "市")]),
    ],
    ids=["sep", "blank", "quoted", "return", "twice"],
)
def test_heads_of_tables(tmp_path: Path, table: str, rows: list[tuple[int, str]]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(table.encode("gb18030"))
    skipped: list[InputError] = []
    assert [(article.source.row, article.text) for article in read(path, skipped=skipped.append)] == rows
    assert [error.row for error in skipped] == [4] * ("乙\r\n" in table)


def test_a_null_is_an_empty_article_and_any_number_an_id(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"id": 1.0, "text": null}\n{"id": "", "text": "x"}\n{"id": NaN, "text": "y"}\n{"id": 0.5, "text": "z"}'
    )
    assert [(article.id, article.text) for article in read(tmp_path)] == [
        ("1", ""), ("a.jsonl:2", "x"), ("a.jsonl:3", "y"), ("0.5", "z"),
    ]  # fmt: skip


def test_utf8_that_breaks_off_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    """A title that a database cut to so many bytes."""
    text = LONG.replace("\n", "")
    for size in range(3, 90):
        raw = text.encode()[:size]
        if raw.decode("utf-8", "replace").endswith("\ufffd"):
            assert detect(raw) is None, raw
            (tmp_path / "a.txt").write_bytes(raw)
    lines = [{"id": number, "text": text[:10]} for number in range(3)]
    raw = [json.dumps(line, ensure_ascii=False).encode() for line in lines]
    raw[1] = raw[1].replace(text[9].encode(), text[9].encode()[:2])
    (tmp_path / "b.jsonl").write_bytes(b"\n".join([raw[1], raw[0], raw[1], raw[2]]))
    skipped: list[InputError] = []
    assert [article.id for article in read(tmp_path, skipped=skipped.append)] == ["0", "2"]
    assert [error.file for error in skipped] == [str(tmp_path / name) for name in ("a.txt", "b.jsonl", "b.jsonl")]
    assert "is not utf-8" in str(skipped[0])


@pytest.mark.parametrize("header", ["省,text", "摘要,text", "id,通知"])
def test_a_header_that_is_utf8_by_chance_says_nothing(tmp_path: Path, header: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{header}\n四川,{SHORT}\n云南,{SHORT}\n".encode("gb18030"))
    assert header.encode("gb18030").decode("utf-8") != header
    assert [article.text for article in read(path)] == [SHORT] * 2


def test_ids_are_unique_and_files_are_read_once(tmp_path: Path) -> None:
    for folder, name in (("one/deep", "a.txt"), ("two/deep", "a.txt"), ("two", ".hidden.txt"), ("two", "~$a.docx")):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / name).write_text(SHORT, encoding="utf-8")
    (tmp_path / "two" / "picture.png").write_bytes(b"\x89PNG")
    rows = tmp_path / "one" / "rows.jsonl"
    rows.write_text("".join(json.dumps({"id": name, "text": "x"}) + "\n" for name in ("p", "p", "deep/a.txt")))
    one, two = tmp_path / "one", tmp_path / "two"
    ids = [article.id for article in read(one, two, str(tmp_path / "**" / "*.[td]*"), one / "deep" / "a.txt")]
    deep = [str(folder / "deep" / "a.txt") for folder in (one, two)]
    assert ids == ["p", "rows.jsonl:2", "deep/a.txt", *deep]
    assert [article.id for article in read(one, leave_out=rows)] == ["deep/a.txt"]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    files = {
        "broken.txt.gz": gzip.compress(LONG.encode())[:-20], "broken.txt.xz": b"nothing", "empty.txt": b" \n",
        "nothing.jsonl": b"\n", "numbers.csv": b"a,b\n1,2\n",
    }  # fmt: skip
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    (tmp_path / "void").mkdir()
    skipped: list[InputError] = []
    others = [tmp_path / name for name in ("void", "none.txt", "*.pdf", "a.doc")]
    others[-1].touch()
    assert list(read(tmp_path, *others, skipped=skipped.append)) == []
    said = [
        *("nothing to read there", "there is no such file", "nothing to read there", "unknown kind of file"),
        *("cannot be read (Compressed", "cannot be read (Input format", "empty", "no article in it"),
        "no column of Chinese text; name one with --column: it has 'a', 'b'",
    ]
    for error, name, words in zip(skipped, [*(path.name for path in others), *files], said, strict=True):
        assert str(error).startswith(f"{tmp_path / name}: {words}"), error


@pytest.mark.parametrize("text", [LONG, f"{SHORT}[注1]*?" * 20])
def test_a_text_in_the_place_of_a_name_is_named(text: str) -> None:
    skipped: list[InputError] = []
    assert [article.text for article in read(text, SAMPLE, skipped=skipped.append)] == [LONG]
    (error,) = skipped
    assert error.file == f"{text[:40]}…" and "no such file" in str(error) and "pipe it to -" in str(error)


def test_lines_stream() -> None:
    """No more is read than the line that is asked for, whatever the file holds behind it."""

    def endless() -> Iterator[bytes]:
        while True:
            yield f'{{"text": "{SHORT}"}}\n'.encode()

    lines = iter(TextStream(endless(), "-", None, pytest.fail))  # type: ignore[arg-type]
    assert [next(lines)[0] for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(("name", "column"), [("名", "名"), ("正文", None)])
def test_rows_stream_where_no_guess_is_needed(name: str, column: str | None) -> None:
    def lines() -> Iterator[str]:
        yield from (f"id,{name}\n", f"1,{SHORT}\n")
        pytest.fail("read on")

    assert next(csv_reader.records(lines(), "-", column, pytest.fail)).text == SHORT  # type: ignore[arg-type]


@pytest.mark.parametrize(("encoding", "bad"), [("utf-8", 0), ("utf-8", 5), ("gb18030", 0), ("big5", 0)])
def test_one_broken_line_costs_one_line(encoding: str, bad: int) -> None:
    lines = [TRADITIONAL.encode(encoding) + b"\n"] * 10
    lines[bad] = lines[bad][:3] + b"\xff\x0a"
    skipped: list[InputError] = []
    stream = TextStream(io.BytesIO(b"".join(lines)), "a", None, skipped.append)
    assert [text for _, text in stream] == [f"{TRADITIONAL}\n"] * 9
    assert [str(error).partition(": ")[0] for error in skipped] == [f"a:{bad + 1}"]


def test_pages(tmp_path: Path) -> None:
    pytest.importorskip("trafilatura", reason="the extra html is not installed")
    path, menu = tmp_path / "a.html", tmp_path / "b.htm"
    path.write_bytes(PAGE.encode("gb18030"))
    bare = "<footer>会理市<b>慈善会</b><br>捐<ruby>款<rt>kuǎn</rt></ruby></footer><script>脚本</script>"
    menu.write_text(f"<html><body>{bare}</body></html>", encoding="utf-8")
    notes: list[str] = []
    article, other = read(path, menu, note=notes.append)
    assert article.text.split("\n") == [line for line in LONG.split("\n") if line]
    assert (article.source.extractor, article.source.encoding) == ("trafilatura", "gb18030")
    assert (other.text, other.source.extractor) == ("会理市慈善会\n捐款", "visible text")
    assert notes == [f"{menu}: no main text found; all visible text is taken"]


@pytest.mark.parametrize("holder", ["<div class=TRS_Editor>{}</div>", "<table><tr><td>{}</table>"])
def test_lists_between_paragraphs_of_a_page(holder: str) -> None:
    """A page whose article stands in an element that trafilatura does not know."""
    html_reader = pytest.importorskip("bangfu.inference.html_reader", exc_type=ImportError)
    lines = [
        f"第{number}批：宁海县民政局向临湖镇困难群众送去冬衣{number}00件，并安排卫生院开展义诊。"
        for number in range(1, 5)
    ]
    donors = ["甬江建材有限公司捐赠20万元", "青穗慈善基金会捐赠大米5吨"]
    menu = "<ul>" + "".join(f"<li><a href=/{number}>栏目{number}</a>" for number in range(9)) + "</ul>"
    heads = [
        f"<p>{lines[0]}</p><h3>物资</h3><p>{lines[1]}</p><ul>",
        "</ul>" + "".join(f"<p>{line}" for line in lines[2:]),
    ]
    article = heads[0] + "".join(f"<li>{donor}" for donor in donors) + heads[1]
    page = f"<body><div>{menu}</div>{holder.format(article)}<div>{menu}版权所有</div></body>"
    text = html_reader.read(page.encode(), "a", "utf-8").text
    assert [line.removeprefix("- ") for line in text.split("\n")] == [lines[0], "物资", lines[1], *donors, *lines[2:]]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<title>题</title><body>a &amp; b<br>c<td>d</td>", "a & b\nc\nd"),
        ("<noscript><body>广<i>州</i>\n市</noscript> 好", "广州 市 好"),
        ("<style>x</style><!-- y -->&lt;b&gt;<p>　　甲 \n 乙", "<b>\n甲 乙"),
        ("<p>会理<ruby>县<rp>(<rt>xiàn<rp>)</ruby>慈善会</p><p>捐<rt>x<p>款", "会理县慈善会\n捐\n款"),
        ("甲<![foo]>乙<![if !IE]>丙<![endif]-->丁<![ CDATA>戊", "甲乙丙丁戊"),
    ],
)
def test_visible_text(page: str, text: str) -> None:
    assert visible_text(page) == text


def test_word(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx", reason="the extra docx is not installed")
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    path = tmp_path / "a.docx"
    document = docx.Document()
    document.add_heading(LINES[0])
    table = document.add_table(2, 2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ("机构", "金额", "慈善会", "3万元"), strict=True
    ):
        cell.text = text
    paragraph = document.add_paragraph("宁波")
    paragraph.paragraph_format.tab_stops.add_tab_stop(99)
    for mark in (
        "<w:ins {}><w:r><w:t>市</w:t></w:r></w:ins>",
        "<w:del {}><w:r><w:delText>县</w:delText></w:r></w:del>",
        '<w:smartTag {} w:element="place"><w:r><w:t>象山</w:t><w:br/><w:t>县</w:t></w:r></w:smartTag>',
    ):
        paragraph._p.append(parse_xml(mark.format(nsdecls("w"))))
    document.save(path)
    (article,) = read(path)
    assert article.text == f"{LINES[0]}\n机构\t金额\n慈善会\t3万元\n宁波市象山\n县"
    assert (article.source.extractor, article.source.encoding) == ("python-docx", None)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"a\.docx: not a whole \.docx .*; save it"):
        list(read(path))


def pdf(pages: Iterable[str], encoding: str, encode: str) -> bytes:
    """A PDF in a font that it does not hold, as Chinese programs write them."""
    pages = list(pages)
    font = 3 + 2 * len(pages)
    kids = " ".join(f"{page} 0 R" for page in range(3, font, 2))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>",
    ]
    for number, page in enumerate(pages):
        shown = "".join(f"<{line.encode(encode).hex()}> Tj T*\n" for line in page.split("\n"))
        content = f"BT /F 12 Tf 40 800 Td 16 TL\n{shown}ET"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {4 + 2 * number} 0 R "
            f"/Resources << /Font << /F {font} 0 R >> >> >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        ]
    objects += [
        f"<< /Type /Font /Subtype /Type0 /BaseFont /SimSun /Encoding /{encoding} /DescendantFonts [{font + 1} 0 R] >>",
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /SimSun /DW 1000 "
        f"/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> /FontDescriptor {font + 2} 0 R >>",
        "<< /Type /FontDescriptor /FontName /SimSun /Flags 6 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 900 "
        "/Descent -200 /CapHeight 900 /StemV 90 >>",
    ]
    out, places = "%PDF-1.4\n", []
    for number, value in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{value}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n"
    )
    return f"{out}{end}startxref\n{len(out)}\n%%EOF\n".encode("ascii")


@pytest.mark.parametrize(("encoding", "encode"), [("UniGB-UCS2-H", "utf-16-be"), ("GBK-EUC-H", "gbk")])
def test_pdf(tmp_path: Path, encoding: str, encode: str) -> None:
    pytest.importorskip("pypdfium2", reason="the extra pdf is not installed")
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf(["会理市慈善会表示，第二批\n捐款3.6万元将于6月底前到位。", "宁波市"], encoding, encode))
    (article,) = read(path)
    assert article.text == "会理市慈善会表示，第二批\n捐款3.6万元将于6月底前到位。\n宁波市"
    assert (article.source.extractor, article.source.encoding) == ("pypdfium2", None)
    for raw, words in ((pdf([""], encoding, encode), "OCR"), (b"%PDF-1.4\n", "not a whole PDF")):
        path.write_bytes(raw)
        with pytest.raises(InputError, match=words):
            list(read(path))


def test_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    import pyarrow.parquet as pq

    path, packed = tmp_path / "a.parquet", tmp_path / "b.parquet.gz"
    rows = {"id": [5, None, 6], "title": ["一", "二", "三"], "story": [LONG, SHORT, None], "n": [1, 2, 3]}
    pq.write_table(pa.table(rows), path)
    packed.write_bytes(gzip.compress(path.read_bytes()))
    notes: list[str] = []
    articles = list(read(path, note=notes.append))
    assert [(article.id, article.text) for article in articles] == [("5", LONG), (f"{path}:2", SHORT), ("6", "")]
    assert (articles[1].source.row, articles[1].source.column, articles[1].source.extractor) == (2, "story", "pyarrow")
    assert "'story'" in notes[0] and len(notes) == 1
    assert [article.text for article in read(packed, column="title")] == ["一", "二", "三"]
    with pytest.raises(InputError, match="no column 'n' of text; it has 'id', 'title', 'story', 'n'"):
        list(read(path, column="n"))
    no_text = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe"))
    for names, words in (
        (["text"], "broken Parquet .'utf-8' codec"),
        (["text", "text"], "two columns are called 'text'"),
    ):
        pq.write_table(pa.table([no_text] * len(names), names), path)
        skipped: list[InputError] = []
        assert [article.text for article in read(path, SAMPLE, skipped=skipped.append)] == [LONG]
        assert [re.search(rf"a\.parquet: {words}", str(error)) is not None for error in skipped] == [True]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"a\.parquet: broken Parquet"):
        list(read(path))


def test_ids_of_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    for own, ids in (
        (["", "x", None], [None, "x", None]),
        ([1.0, float("nan"), 0.5], ["1", None, "0.5"]),
        ([b"k\xe7\x94\xb2", b"\xff", b""], ["k甲", None, None]),
        ([[1, 2], [], None], [None] * 3),
        ([Decimal(10**30), None, Decimal(5)], [f"{10**30}", None, "5"]),
    ):
        pq.write_table(pa.table({"id": own, "text": ["市"] * 3}), path)
        assert [article.id for article in read(path)] == [name or f"{path}:{row}" for row, name in enumerate(ids, 1)]


def test_a_missing_extra_is_named_before_anything_is_read(tmp_path: Path) -> None:
    modules = {"html": "trafilatura", "docx": "docx", "pdf": "pypdfium2", "parquet": "pyarrow"}
    for form in modules:
        (tmp_path / f"b.{form}").touch()
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({[*modules.values()]}))\n"
        "from bangfu.inference import read\n"
        f"for form in {[*modules]}:\n"
        f"    try: next(read({str(SAMPLE)!r}, {str(tmp_path)!r} + '/b.' + form))\n"
        "    except ImportError as error: print(str(error).partition(': ')[2])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"pip install 'bangfu[{form}]'" for form in modules]


def test_standard_input_is_read_as_what_it_is_said_to_be() -> None:
    program = "from bangfu.inference import read\nfor article in read('-', form='jsonl'): print(article.id, flush=True)"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None and running.stdout is not None
        for number in range(3):  # the answer comes before the next line is there
            running.stdin.write(json.dumps({"text": SHORT}, ensure_ascii=False).encode() + b"\n")
            running.stdin.flush()
            assert running.stdout.readline() == f"-:{number + 1}\n".encode()
        running.stdin.close()
    assert running.returncode == os.EX_OK


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.txt").write_text("民政局", encoding="utf-8")
    scandir = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:  # root may list any folder, so that chmod would not do
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    skipped: list[InputError] = []
    assert [article.id for article in read(tmp_path, skipped=skipped.append)] == ["a.txt"]
    assert [error.file for error in skipped] == [f"{tmp_path / 'closed'}"]
    assert not list(read(tmp_path / "closed", skipped=skipped.append)) and len(skipped) == 2
    assert "Permission denied" in skipped[1].reason
