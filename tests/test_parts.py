"""Runs in parts: stopped and resumed, killed, refused, and in every format."""

import json
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import kills
import pytest
from conftest import SAMPLE

from bangfu.inference.entity import Entity
from bangfu.inference.extraction import Summary
from bangfu.inference.ids import Ids
from bangfu.inference.run_folder import RunFolder
from bangfu.scripts.main import main


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts") / "in"
    kills.write_input(folder, 60)
    return folder


@pytest.fixture(scope="module")
def whole(source: Path) -> Path:
    """The folder of a run that nothing stopped."""
    out = source.parent / "whole"
    assert main(["extract", str(source), "-o", f"{out}/", "--part-size", str(kills.PART_SIZE)]) == 1
    return out


def test_a_run_in_parts(source: Path, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = list(kills.articles(whole))
    ids = Counter(name for name, *_ in found)
    assert set(ids.values()) == {1} and len(found) == 60 + 16 + 1
    sizes = [len(part.read_text(encoding="utf-8").splitlines()) for part in sorted(whole.glob("part-*"))]
    assert sizes == [7] * 11
    assert all(spans for _, text, _, spans in found if "慈善会" in text)
    errors = [json.loads(line) for line in kills.errors(whole)]
    assert errors[0] == {"file": str(source / "a.jsonl"), "row": 7, "reason": errors[0]["reason"]}
    assert Counter(Path(error["file"]).name for error in errors) == {
        "a.jsonl": 2, "c.jsonl.gz": 3, "d.csv": 1, "b01.txt": 1, "b07.txt": 1, "b13.txt": 1, "b19.txt": 1,
    }  # fmt: skip
    # a second time says that there is nothing to do, and does nothing
    before = {file.name: file.stat().st_mtime_ns for file in whole.iterdir() if file.name != ".lock"}
    assert main(["extract", str(source), "-o", str(whole), "--part-size", str(kills.PART_SIZE)]) == 1
    assert "this run is finished: 77 articles" in capsys.readouterr().err
    assert before == {file.name: file.stat().st_mtime_ns for file in whole.iterdir() if file.name != ".lock"}


def test_killed_runs_go_on_without_loss(source: Path, whole: Path, tmp_path: Path) -> None:

    assert kills.run(source, tmp_path / "out", 4, random.Random(1)) > 0
    assert kills.compare(tmp_path / "out", whole) == (0, 0)


def test_nothing_is_extracted_twice(source: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bangfu.inference import Extractor, parts

    arguments = ["extract", str(source), "-o", str(tmp_path / "out"), "--parts", "--part-size", str(kills.PART_SIZE)]
    real = parts.writer
    written: list[str] = []

    def breaks(target: Path, form: str) -> object:
        if target.name == "part-00006.jsonl" and not written:
            written.append(target.name)
            raise OSError(28, "No space left on device")
        return real(target, form)  # type: ignore[arg-type]

    monkeypatch.setattr(parts, "writer", breaks)
    assert main(arguments) == 2
    texts: list[str] = []

    def counted(self: Extractor, given: Iterable[str], **_: object) -> Iterator[list[Entity]]:
        for text in given:
            texts.append(text)
            yield []

    monkeypatch.setattr(Extractor, "stream", counted)
    assert main(arguments) == 1
    assert texts == [text for _, text, *_ in kills.articles(whole)][6 * kills.PART_SIZE :]
    assert [row[:3] for row in kills.articles(tmp_path / "out")] == [row[:3] for row in kills.articles(whole)]
    assert kills.errors(tmp_path / "out") == kills.errors(whole)


def test_a_folder_of_another_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out, other = tmp_path / "a.txt", tmp_path / "out", tmp_path / "other"
    source.write_text(SAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    arguments = ["extract", str(source), "-o", f"{out}/"]
    assert main(arguments) == 0
    other.mkdir()
    (other / "mine.txt").touch()
    capsys.readouterr()
    for given, words in (
        ([*arguments, "--part-size", "5"], "part_size 10000, not 5"),
        ([*arguments, "--format", "csv"], 'format "jsonl", not "csv"'),
        ([*arguments, "--device", "cpu"], 'device "auto", not "cpu"'),
        (["extract", str(source), "-o", f"{other}/"], "holds other files"),
    ):
        assert main(given) == 2
        message = capsys.readouterr().err
        assert words in message and message.count("\n") == 1
    source.write_text("临江市民政局", encoding="utf-8")
    assert main(arguments) == 2 and "bytes " in capsys.readouterr().err
    assert main([*arguments, "--overwrite", "--format", "csv"]) == 0
    assert sorted(file.name for file in out.iterdir()) == [".lock", "part-00000.csv", "run.json"]
    (out / "run.json").write_text("{", encoding="utf-8")
    assert main([*arguments, "--format", "csv"]) == 2 and "run.json: broken" in capsys.readouterr().err
    assert (other / "mine.txt").exists()


def test_overwrite_spares_what_no_run_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, source = tmp_path / "out", tmp_path / "a.txt"
    source.write_text("临江市民政局", encoding="utf-8")
    arguments = ["extract", str(source), "-o", f"{out}/", "--overwrite"]
    out.mkdir()
    mine = ["part-00000.txt", "part-0.jsonl", "part-00000.jsonl.bak", ".part-1.partial", "part-00001.jsonl"]
    for name in mine:
        (out / name).write_text("mine", encoding="utf-8")
    for run in (None, '{"dev": {}}', "[1]"):  # none, and those of a trained model and of another program
        if run is not None:
            (out / "run.json").write_text(run, encoding="utf-8")
        before = sorted(file.name for file in out.iterdir())
        assert main(arguments) == 2 and "name an empty or a new folder" in capsys.readouterr().err
        assert sorted(file.name for file in out.iterdir()) == before
    # a broken run may be begun anew
    (out / "run.json").write_text("{", encoding="utf-8")
    assert main(arguments) == 0
    assert sorted(file.name for file in out.iterdir()) == sorted([".lock", "part-00000.jsonl", "run.json", *mine[:4]])


def test_what_a_killed_worker_left_is_gone_when_a_run_is_finished(tmp_path: Path) -> None:
    with RunFolder.open(tmp_path, {}) as folder:
        (tmp_path / ".part-00001-00002.jsonl.4711.partial").touch()
        folder.finish(Summary())
    assert sorted(file.name for file in tmp_path.iterdir()) == [".lock", "run.json"]


def test_the_output_is_no_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, source = tmp_path / "out", tmp_path / "a.txt"
    source.write_text("临江市民政局", encoding="utf-8")
    assert main(["extract", str(source), "-o", f"{out}/"]) == 0
    (tmp_path / "link").symlink_to(out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    part = out / "part-00000.jsonl"
    capsys.readouterr()
    for given in (part, out, tmp_path / "link" / part.name, out / "*.jsonl"):
        assert main(["extract", str(source), str(given), "-o", f"{out}/", "--overwrite"]) == 2
        message = capsys.readouterr().err
        assert f"is or holds the input {given}" in message and message.count("\n") == 1
    assert main(["extract", str(part), "-o", str(part), "--overwrite"]) == 2
    assert "is or holds the input" in capsys.readouterr().err
    assert before == {file.name: file.read_bytes() for file in out.iterdir()}


@pytest.mark.parametrize(
    ("settings", "progress"),
    [
        ({}, {"parts": "x", "mark": {}, "summary": {}}),
        ({}, {"mark": {}, "summary": {"entities": []}}),
        ([], {"parts": 1, "mark": {}, "summary": {}}),
    ],
)
def test_a_broken_run_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: object, progress: object
) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"settings": settings, "progress": progress}), encoding="utf-8")
    assert main(["extract", str(SAMPLE), "-o", f"{tmp_path}/"]) == 2
    message = capsys.readouterr().err
    assert "run.json: broken" in message and "--overwrite starts anew" in message and message.count("\n") == 1


def test_overwrite_keeps_what_nothing_can_replace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, empty = tmp_path / "out", tmp_path / "empty.txt"
    empty.touch()
    assert main(["extract", str(SAMPLE), "-o", f"{out}/"]) == 0
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    for given, status, words in (
        ([str(SAMPLE), "--threads", "-3"], 2, "threads -3"),
        ([str(SAMPLE), "--model", str(tmp_path)], 2, "missing"),
        ([str(SAMPLE), "--device", "cpu", "--precision", "fp16"], 2, "fp16"),
        ([str(tmp_path / "none.txt")], 1, "no such file"),
        ([str(empty)], 1, "empty"),
    ):
        capsys.readouterr()
        assert main(["extract", *given, "-o", f"{out}/", "--overwrite"]) == status
        assert words in capsys.readouterr().err
        assert before == {file.name: file.read_bytes() for file in out.iterdir()}


def test_a_run_that_did_not_begin_holds_nobody_to_its_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "a.txt", tmp_path / "out"
    source.write_text(SAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    arguments = ["extract", str(source), "-o", f"{out}/"]
    assert main([*arguments, "--precision", "fp16", "--device", "cpu"]) == 2
    assert "fp16" in capsys.readouterr().err
    assert main(arguments) == 0 and (out / "part-00000.jsonl").exists()
    assert main([*arguments, "--precision", "fp32"]) == 2 and "other settings" in capsys.readouterr().err


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "in\udcff").mkdir()
    (tmp_path / "in\udcff" / "a.txt").write_text("临江市民政局", encoding="utf-8")
    arguments = ["extract", str(tmp_path / "in\udcff" / "a.txt"), "-o", f"{tmp_path / 'out'}/"]
    assert [main(arguments), main(arguments)] == [0, 0]
    ((name, *_),) = kills.articles(tmp_path / "out")
    assert name == str(tmp_path / "in\udcff" / "a.txt")


def test_a_stream_in_parts_and_one_run_at_a_time(tmp_path: Path) -> None:
    line = json.dumps({"text": "临江市民政局"}, ensure_ascii=False).encode() + b"\n"
    out = tmp_path / "out"
    command = [sys.executable, "-m", "bangfu.scripts.main", "extract", "--input", "jsonl", "-", "-o", f"{out}/"]
    with subprocess.Popen([*command, "--part-size", "3"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as first:
        assert first.stdin is not None
        first.stdin.write(line * 6)
        first.stdin.flush()
        waited = threading.Event()
        for _ in range(600):
            if (out / "part-00001.jsonl").exists() or waited.wait(0.1):
                break
        second = subprocess.run([*command, "--part-size", "3"], input=line, capture_output=True)
        assert second.returncode == 2 and b"another run is writing there" in second.stderr
        first.kill()
    third = subprocess.run([*command, "--part-size", "3"], input=line * 6, capture_output=True)
    assert third.returncode == 2 and b"a stream cannot be read from its beginning again" in third.stderr


def test_parquet_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    import pyarrow.parquet as pq

    from bangfu.inference import parquet_writer

    monkeypatch.setattr(parquet_writer, "_ROWS", 4)
    source, out = tmp_path / "a.jsonl", tmp_path / "out.parquet"
    texts = ["\ud800临江市民政局向青山镇捐赠3万元", "", "好\x00"] * 2
    source.write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    assert main(["extract", str(source), "-o", str(out)]) == 0
    file = pq.ParquetFile(out)
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [4, 2]
    rows = file.read().to_pylist()
    assert [row["text"] for row in rows] == [text.replace("\ud800", "\ufffd") for text in texts]
    assert rows[2]["source"] == {
        "file": str(source), "extractor": "json", "characters": 2, "encoding": "utf-8", "row": 3, "column": "text",
    }  # fmt: skip
    for row in rows:
        assert all(row["text"][one["start"] : one["end"]] == one["text"] for one in row["entities"])
    assert {"青山镇", "3万元"} <= {entity["text"] for entity in rows[0]["entities"]}


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_memory_is_flat(form: str) -> None:
    """A smaller run of tests/memory.py, in a process of its own."""
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    command = [sys.executable, str(Path(kills.__file__).with_name("memory.py"))]
    done = subprocess.run(
        [*command, "--lines", "15000", "--part-size", "2000", "--format", form], capture_output=True, check=True
    )
    sizes = [json.loads(line) for line in done.stdout.splitlines()]
    assert sizes[-1][0] >= 10_000 and sizes[-1][1] <= 1.1 * sizes[2][1], sizes


def test_ids_are_those_of_any_process() -> None:
    ids = Ids()
    assert ids.add("a") and ids.add("\ud800") and not ids.add("a") and not ids.add("\ud800") and ids.add("")
    ids.close()
