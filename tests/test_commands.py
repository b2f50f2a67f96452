"""The command line on real files: outputs, and one clear line on bad input."""

import csv
import gzip
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import SAMPLE

from bangfu.inference import Extractor
from bangfu.inference.model_folder import SHIPPED
from bangfu.scripts.main import main

TEXT = "南京市慈善总会向洛川县捐赠3万元。\n<b>南京</b>"


def lines(path: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.parametrize("how", [("--threads", "1"), ("--threads", "2"), ("--workers", "1")])
def test_an_open_pipe_is_answered(how: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "bangfu.scripts.main", "extract", "--input", "jsonl", "-", "--device", "cpu", *how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None and running.stdout is not None
        late = threading.Timer(100, running.kill)
        late.start()
        for numbers in (range(1), range(1, 5), range(5, 6)):  # the answers come before the next lines are there
            running.stdin.write(
                b"".join(json.dumps({"id": f"{one}", "text": TEXT}).encode() + b"\n" for one in numbers)
            )
            running.stdin.flush()
            assert [json.loads(running.stdout.readline())["id"] for _ in numbers] == [f"{one}" for one in numbers]
        running.stdin.write(b'{"text": "')
        running.stdin.close()
        assert running.stdout.read() == b""
        late.cancel()
    assert running.returncode == 1


def test_extract_files(tmp_path: Path, extractor: Extractor, article: str) -> None:
    articles, out = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    articles.write_text(
        json.dumps({"id": "x", "text": TEXT}) + "\n\n" + json.dumps({"text": "\ud800 民政部"}) + "\n", encoding="utf-8"
    )
    assert main(["extract", str(SAMPLE), str(articles), "--output", str(out)]) == 0
    found = lines(out)
    assert [value["id"] for value in found] == [str(SAMPLE), "x", f"{articles}:3"]
    assert [value["text"] for value in found] == [article, TEXT, "\ud800 民政部"]
    source = {"file": str(articles), "extractor": "json", "encoding": "utf-8", "column": "text"}
    assert found[2]["source"] == source | {"characters": 5, "row": 3}
    assert found[0]["entities"] == [entity.to_json() for entity in extractor(article)]
    assert set(found[0]["entities"][0]) == {"start", "end", "label", "text", "score", "value"}
    assert list(tmp_path.glob(".*partial")) == []


def test_min_score(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    for least in ("0.0", "0.97"):
        assert main(["extract", str(SAMPLE), "--min-score", least, "-o", str(out), "--overwrite"]) == 0
        found = lines(out)[0]["entities"]
        # a name may have it elsewhere in the article
        sure = {(entity["text"], entity["label"]) for entity in found if entity["score"] >= 0.97}
        assert all((entity["text"], entity["label"]) in sure for entity in found) == (least == "0.97")
        assert len(found) > 5


def test_charts_that_cannot_be_drawn_are_said(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"id": "a", "text": TEXT, "spans": []}), encoding="utf-8")
    arguments = ["evaluate", str(gold), "--output", str(tmp_path / "out")]
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        f"from bangfu.scripts.main import main; raise SystemExit(main({arguments!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "out" / "report.html").exists()
    assert "pip install 'bangfu[train]'" in done.stderr and done.stderr.count("\n") == 1


def test_extract_standard_input_as_a_user_does() -> None:
    command = [sys.executable, "-m", "bangfu.scripts.main", "extract", "-"]
    done = subprocess.run(command, input=TEXT.encode(), capture_output=True, check=True)
    (value,) = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert (value["id"], value["text"]) == ("-", TEXT)
    assert {"3万元", "洛川县", "南京市慈善总会"} <= {entity["text"] for entity in value["entities"]}


def test_links_and_devices_are_not_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    real.touch()
    link.symlink_to(real)
    assert main(["extract", str(SAMPLE), "-o", str(link)]) == 2
    assert main(["extract", str(SAMPLE), "-o", str(link), "--overwrite"]) == 0
    assert link.is_symlink() and len(lines(real)) == 1
    assert main(["extract", str(SAMPLE), "-o", "/dev/null", "--format", "jsonl"]) == 0
    assert not Path("/dev/null").is_file()


def test_a_packed_output_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("out.jsonl.gz", "out.jsonl.XZ"):
        for given in ([], ["--format", "jsonl"]):
            assert main(["extract", str(SAMPLE), "-o", str(tmp_path / name), *given]) == 2
            assert f"{name}: no packed file is written; name it {tmp_path / 'out.jsonl'}," in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_dash_is_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["extract", str(SAMPLE), "--format", "csv", "-o", "-"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("id,start,end,label,text,score,number,upper,unit,sense\r\n") and said.err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_name_as_long_as_names_may_be(tmp_path: Path) -> None:
    out = tmp_path / f"{'省' * 83}.jsonl"
    assert len(os.fsencode(out.name)) == 255
    assert main(["extract", str(SAMPLE), "-o", str(out)]) == 0
    assert list(tmp_path.iterdir()) == [out] and len(lines(out)) == 1


def test_sigterm_leaves_nothing_half_written(tmp_path: Path) -> None:
    out = str(tmp_path / "out.jsonl")
    command = [sys.executable, "-m", "bangfu.scripts.main", "extract", "--input", "jsonl", "-", "-o", out]
    command += ["--device", "cpu", "--workers", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdin is not None and running.stderr is not None
        late = threading.Timer(100, running.kill)
        late.start()
        running.stdin.write(json.dumps({"text": TEXT * 400}).encode() + b"\n")  # more than is held back from the file
        running.stdin.flush()
        while not sum(file.stat().st_size for file in tmp_path.iterdir()) and running.poll() is None:
            time.sleep(0.05)
        running.terminate()
        assert running.stderr.read() == b""  # it ends with the worker, which holds it too
        late.cancel()
    assert running.returncode == 143 and list(tmp_path.iterdir()) == []


def test_csv_opens_in_a_spreadsheet(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert main(["extract", str(SAMPLE), "-o", str(out)]) == 0
    raw = out.read_bytes().decode("utf-8")
    assert raw.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(raw[1:], newline="")))
    article = SAMPLE.read_text(encoding="utf-8")
    assert len(rows) > 20 and all(article[int(row["start"]) : int(row["end"])] == row["text"] for row in rows)


def test_html_is_escaped(tmp_path: Path) -> None:
    source, out = tmp_path / "<i>.txt", tmp_path / "out.html"
    source.write_text(TEXT + "<script>alert(1)</script>", encoding="utf-8")
    assert main(["extract", str(source), "-o", str(out)]) == 0
    html = out.read_text(encoding="utf-8")
    assert "<script>" not in html and "<b>" not in html and "<i>" not in html
    assert '<mark class="AMOUNT" data-tag="AMOUNT"' in html and ">3万元</mark>" in html


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.txt", None, "there is no such file"),
        ("a.txt", b"\x00\xff", "neither UTF-8"),
        ("b.txt", b"", "empty"),
        ("a.jsonl", b'{"text": \n', "a.jsonl:1: not valid JSON"),
        ("a.doc", b"", "unknown kind of file"),
        ("c.txt", b" \n\t ", "empty"),
        ("c.jsonl", b'{"text": 5}', "c.jsonl:1: no string under 'text'"),
        ("d.jsonl", b'{"body": "x"}', "name the key with --column"),
        ("d.csv", b"a,b\n1,2\n", "name one with --column: it has 'a', 'b'"),
        ("d.txt.gz", gzip.compress(b"a" * 999)[:-9], "cannot be read"),
        ("a\nb.txt", b"", "empty"),
        ("", None, "an empty name"),
    ],
)
def test_bad_input_is_one_line_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, words: str
) -> None:
    path, out = tmp_path / name if name else "", tmp_path / "out.jsonl"
    out.write_text("what was there", encoding="utf-8")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert main(["extract", str(path), "-o", str(out)]) == 2
    assert capsys.readouterr().err == f"bangfu: {out}: is there already; --overwrite replaces it\n"
    assert main(["extract", str(path), "-o", str(out), "--overwrite"]) == 1
    assert out.read_text(encoding="utf-8") == "what was there"
    assert main(["extract", str(path), str(SAMPLE), "-o", str(out), "--overwrite"]) == 1
    first, second, summary = capsys.readouterr().err.splitlines()
    assert first == second and words in first and str(path).replace("\n", "\\n") in first
    assert summary.startswith("bangfu: 1 articles, ") and "; 1 skipped; " in summary
    assert [value["id"] for value in lines(out)] == [str(SAMPLE)]


def test_a_folder_and_its_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    (tmp_path / "a.csv").write_text(f'标题,正文\n甲,"{text}"\n', encoding="gb18030")
    out = tmp_path / "out.jsonl"
    for _ in range(2):  # what the first run wrote is no input of the second
        assert main(["extract", str(tmp_path), "-o", str(out), "--overwrite"]) == 0
        assert "'正文'" in capsys.readouterr().err
        assert [(value["id"], value["text"]) for value in lines(out)] == [("a.csv:2", text)]
    assert main(["extract", str(tmp_path / "*.csv"), "--column", "标题", "--encoding", "gbk"]) == 0


def test_odd_texts_are_read(tmp_path: Path) -> None:
    texts = ["", "  ", "\ud83c", "民政部\x00拨款3万元", "临江市民政局" * 40]
    articles, out = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    articles.write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    assert main(["extract", str(articles), "-o", str(out)]) == 0
    found = lines(out)
    assert [value["text"] for value in found] == texts
    assert "3万元" in {entity["text"] for entity in found[3]["entities"]}


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from bangfu.scripts.main import main
raise SystemExit(main(sys.argv[1:]))
"""


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A disk that is full, and a folder that is not to be written to: one line, and no half of a file."""
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o500)
    for program, output, words in (
        (LIMITED, tmp_path / "out.jsonl", "File too large"),
        (LIMITED, f"{tmp_path / 'parts'}/", "File too large"),
        (LIMITED.replace("2000", "-1"), closed / "out.jsonl", "Permission denied"),
        (LIMITED.replace("2000", "-1"), f"{closed / 'out'}/", "Permission denied"),
    ):
        if words == "Permission denied" and os.geteuid() == 0:
            continue  # root may write anywhere
        command = [sys.executable, "-c", program, "extract", str(SAMPLE), "-o", str(output)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert not list(tmp_path.glob("**/*part*l"))
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "bangfu.scripts.main", "extract", str(SAMPLE)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and done.stderr == (
        "bangfu: standard output: cannot be written (No space left on device); make room, or name another place\n"
    )


def test_each_line_that_is_said_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a\nb.csv").write_text("标题\n民政部\n", encoding="utf-8")
    assert main(["extract", str(tmp_path / "a\nb.csv"), "-o", str(tmp_path / "\n")]) == 2
    assert main(["extract", str(tmp_path / "a\nb.csv"), "-o", str(tmp_path / "out.csv")]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == ["bangfu"] * 3


def test_other_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        (["extract", str(SAMPLE), "--model", str(tmp_path)], "bangfu.json: missing"),
        (["extract", str(SAMPLE), "-o", str(tmp_path / "no" / "out.jsonl")], "there is no folder"),
        (["extract", str(SAMPLE), "-o", str(tmp_path / "out.docx")], "which form?"),
        (
            ["extract", str(SAMPLE), "-o", str(tmp_path / "a"), "--format", "html", "--part-size", "0", "--parts"],
            "least 1",
        ),
        (["extract", str(SAMPLE), "--parts"], "parts need a folder"),
        (["extract", str(SAMPLE), "-o", ""], "an empty name"),
        (["extract", str(SAMPLE), "--format", "parquet"], "Parquet"),
        (["extract", str(SAMPLE), "--batch-tokens", "0"], "batch_tokens 0"),
        (["evaluate", str(SAMPLE)], "unknown kind of file"),
        (["label-studio", "serve", "--port", "99999"], "--port 99999 must be 0 to 65535"),
        (["train", str(tmp_path / "a.yaml")], "cannot be read"),
    ):
        assert main(arguments) == 2
        message = capsys.readouterr().err
        assert words in message and message.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["evaluate GOLD", "benchmark accuracy GOLD --peer none", "corpus agreement GOLD GOLD"]
)
def test_a_file_in_the_place_of_a_folder_is_said_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    gold, file = tmp_path / "gold.jsonl", tmp_path / "file"
    gold.write_text(json.dumps({"id": "a", "text": TEXT, "spans": []}), encoding="utf-8")
    file.touch()
    arguments = [str(gold) if word == "GOLD" else word for word in command.split()]
    for folder in (file, file / "below"):
        assert main([*arguments, "--output", str(folder)]) == 2
        assert capsys.readouterr() == ("", f"bangfu: {file}: a file; name a folder to write to\n")


@pytest.mark.parametrize("arguments", [["train", "configs/mini.yaml"], ["extract", str(SAMPLE), "--backend", "torch"]])
def test_a_missing_extra_is_named(arguments: list[str]) -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'yaml')))\n"
        f"from bangfu.scripts.main import main; raise SystemExit(main({arguments!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2 and "pip install 'bangfu[train]'" in done.stderr and done.stderr.count("\n") == 1


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    articles = tmp_path / "a.jsonl"  # more than a pipe holds
    articles.write_text((json.dumps({"text": "民政部" * 200}) + "\n") * 200, encoding="utf-8")
    command = f"{sys.executable} -m bangfu.scripts.main extract {articles} | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, env=os.environ.copy())
    assert (done.stderr, done.returncode) == (b"", 0)


def test_files_of_other_content_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml", reason="needs the extra 'train'")
    other, gold = tmp_path / "other.json", tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"id": "a", "text": TEXT, "spans": []}), encoding="utf-8")
    model = tmp_path / "model"
    shutil.copytree(SHIPPED, model)
    card = (model / "README.md").read_bytes()
    (model / "run.json").unlink()
    (model / "run.json").symlink_to(other)
    monkeypatch.setattr(Extractor, "load", None)  # the curve is read before anything is measured
    for content, commands in (
        (b"[]", "measured run"),
        (b"{}", "measured run curve"),
        (b"{", "measured run curve"),
        (b"\xff", "measured run curve"),
        (b'{"documents": 1, "scores": {}}', "measured"),
        (b'{"points": [1]}', "curve"),
        (b'{"points": 5}', "curve"),
        (b'{"points": [{"documents": 0, "f1": {}}]}', "curve"),
    ):
        other.write_bytes(content)
        for name, arguments in (
            ("measured", ["card", str(model), "--measured", f"x={other}"]),
            ("run", ["card", str(model)]),
            ("curve", ["evaluate", str(gold), "--output", str(tmp_path / "out"), "--learning-curve", str(other)]),
        ):
            if name in commands.split():
                assert main(arguments) == 2
                message = capsys.readouterr().err
                file = model / "run.json" if name == "run" else other
                assert message.startswith(f"bangfu: {file}: ") and message.count("\n") == 1
    assert main(["card", str(model), "--measured", f"x={tmp_path / 'nowhere'}"]) == 2
    assert "nowhere: cannot be read (No such file or directory); give a metrics.json" in capsys.readouterr().err
    assert (model / "README.md").read_bytes() == card and not (tmp_path / "out").exists()


def test_standard_output_by_name() -> None:
    # a link that leads to a pipe leads to no name
    command = [
        sys.executable,
        "-m",
        "bangfu.scripts.main",
        "extract",
        str(SAMPLE),
        "-o",
        "/dev/stdout",
        "--format",
        "jsonl",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout)["entities"], done.stderr


def test_closed_streams(tmp_path: Path) -> None:
    documents = tmp_path / "a.jsonl"
    documents.write_text(json.dumps({"id": "a", "text": TEXT, "spans": []}) + "\n", encoding="utf-8")
    for command, status, words in (
        (f"extract - {SAMPLE} <&-", 1, "bangfu: skipped: -: standard input is closed"),
        (f"extract {SAMPLE} >&-", 2, "bangfu: standard output is closed; name a file"),
        (f"corpus check {documents} >&-", 0, ""),
    ):
        line = f"{sys.executable} -m bangfu.scripts.main {command}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
        assert done.returncode == status and done.stderr.startswith(words), done.stderr
        assert done.stderr.count("\n") == bool(words) and bool(done.stdout) == (status == 1)


def test_evaluate_writes_figures_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = tmp_path / "gold.jsonl"
    spans = [{"start": 0, "end": 4, "label": "ORG"}, {"start": 12, "end": 15, "label": "LOC"}]
    gold.write_text(
        json.dumps({"id": "<a>", "text": TEXT, "spans": spans})
        + "\n"
        + json.dumps({"id": "b", "text": "民政部", "spans": []}),
        encoding="utf-8",
    )
    assert main(["evaluate", str(gold), "--output", str(tmp_path / "out")]) == 0
    assert "micro" in capsys.readouterr().out
    values = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert values["documents"] == 2 and values["scores"]["AMOUNT"]["gold"] == 0
    html = (tmp_path / "out" / "errors.html").read_text(encoding="utf-8")
    assert "<a>" not in html and "<b>南" not in html and "spurious" in html
    assert values["reliability"]["curve"][0]["found"] >= values["scores"]["micro"]["found"] > 0
    assert values["confusion"]["AMOUNT"] == dict.fromkeys(values["confusion"], 0)
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Confusion" in report and "http" not in report
    drawn = {path.stem for path in (tmp_path / "out").glob("*.png")}
    if importlib.util.find_spec("matplotlib"):
        assert drawn == {"f1_by_label", "confusion", "reliability", "precision_recall"}
        assert report.count("data:image/png;base64,iVBOR") == 4
    else:
        assert not drawn
    assert main(["evaluate", str(gold), "--documents", "b"]) == 0
    assert ", 1 documents" in capsys.readouterr().out
    assert main(["evaluate", str(gold), "--documents", "c"]) == 2


def test_a_full_gpu_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra 'train'")
    from bangfu.scripts import train

    def full(_: object) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nGPU 0 has …")

    monkeypatch.setattr(train, "run", full)
    assert main(["train", "any.yaml"]) == 2
    assert capsys.readouterr().err.startswith("bangfu: CUDA out of memory; set batch_size lower")
