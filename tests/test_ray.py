"""The same work on a Ray of this machine: two workers, one of which dies."""

import os
import signal
import threading
import time
from pathlib import Path

import kills
import pytest

pytest.importorskip("ray", reason="needs the extra 'ray'")

from bangfu.inference import ray_engine
from bangfu.inference.extractor import Extractor
from bangfu.scripts.main import main


def _kill_a_worker(out: Path, killed: list[int]) -> None:
    # when some chunks are done and others are not; /proc has what the worker calls itself
    while not killed and not (out / "run.json").exists():
        time.sleep(0.01)
    while len(list((out / ".done").glob("*.json"))) < 3:
        time.sleep(0.01)
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                name = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if name.startswith(b"ray::") and b"_Extracting" in name:
                os.kill(int(process.name), signal.SIGKILL)
                killed.append(int(process.name))
                return


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds the worker in /proc")
def test_a_worker_dies_and_every_article_is_there_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out, whole = tmp_path / "in", tmp_path / "out", tmp_path / "whole"
    kills.write_input(source, 200)
    assert main(["extract", str(source), "-o", f"{whole}/"]) == 1
    arguments = ["extract", str(source), "-o", f"{out}/", "--engine", "ray", "--workers", "2", "--part-size", "5"]
    killed: list[int] = []
    killer = threading.Thread(target=_kill_a_worker, args=(out, killed), daemon=True)
    killer.start()
    assert main(arguments) == 1
    killer.join(5)
    assert killed
    # one id that is twice in the input is so in two tables, and keeps there what it has
    ours, theirs = ({row[2]: (row[1], row[3]) for row in kills.articles(folder)} for folder in (out, whole))
    assert ours == theirs and len(list(kills.articles(out))) == len(ours)
    assert sorted(kills.errors(out)) == sorted(kills.errors(whole))
    assert sorted({file.name[:5] for file in out.iterdir()}) == [".lock", "error", "part-", "run.j"]
    capsys.readouterr()
    assert main(arguments) == 1 and "this run is finished: 217 articles" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (tmp_path / "a.txt").write_text("民政部", encoding="utf-8")
    arguments = ["extract", str(tmp_path / "a.txt"), "-o", f"{tmp_path}/out/", "--engine", "ray", "--workers", "1"]
    assert main([*arguments, "--device", "cuda"]) == 2
    assert "Ray finds no GPU here" in capsys.readouterr().err


@pytest.mark.parametrize(("device", "taken"), [("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cuda")])
def test_an_actor_takes_a_gpu_only_where_ray_gave_it_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, taken: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Extractor, "load", lambda **given: given)
    work = ray_engine.Work(tmp_path, "jsonl", 10, None, None, {"device": device, "threads": 1}, str(tmp_path))
    assert ray_engine._Extracting(work).extractor == {"device": taken, "threads": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--address", "127.0.0.1:1"], "Ray: nobody answers at 127.0.0.1:1"),
        (["--address", "auto"], "Ray: "),
        (["--batch-tokens", "0"], "batch_tokens 0 must"),
        (["--threads", "-1"], "threads -1 must be at least 0"),
        (["--min-score", "2"], "min_score 2.0 must lie between 0 and 1"),
    ],
)
def test_what_is_there_stays_when_a_run_cannot_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    source, out = tmp_path / "a.txt", tmp_path / "out"
    source.write_text("南京市慈善总会向洛川县捐赠3万元。", encoding="utf-8")
    assert main(["extract", str(source), "-o", f"{out}/"]) == 0
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    assert main(["extract", str(source), "-o", f"{out}/", "--engine", "ray", "--overwrite", *arguments]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert words in message
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
