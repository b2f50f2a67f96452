"""Workers: the same answers as without them, whatever ends when."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import kills
import pytest

from bangfu.inference import Extractor, workers
from bangfu.labels.user_error import UserError
from bangfu.scripts.main import main


@pytest.fixture(scope="module")
def two() -> Extractor:
    return Extractor.load(device="cpu", workers=2)


def test_workers_change_nothing(
    two: Extractor, extractor: Extractor, article: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_PIECE", 700)
    texts = ["", article * 3, *article.split("。"), "", "\ud800临江市民政局", article, article]
    for look_ahead in (1, 3000, 1 << 20):
        expected = list(extractor.stream(texts, look_ahead))
        assert list(two.stream(iter(texts), look_ahead)) == expected
    assert two(article, min_score=0) == extractor(article, min_score=0)
    stopped = two.stream(texts, 500)
    assert next(stopped) == []
    stopped.close()
    with pytest.raises(TypeError, match="text 1 is int"):
        two(["省", 3])  # type: ignore[list-item]
    assert two(texts) == extractor(texts) and two([]) == []


def test_a_run_with_workers_is_the_same_and_survives_kills(tmp_path: Path) -> None:
    source = tmp_path / "in"
    kills.write_input(source, 120)
    for name, count in (("without", "0"), ("with", "2")):
        given = ["extract", str(source), "-o", f"{tmp_path / name}/", "--part-size", "7", "--workers", count]
        assert main([*given, "--device", "cpu"]) == 1
    files = sorted(file.name for file in (tmp_path / "without").iterdir())
    assert len(files) > 20 and files == sorted(file.name for file in (tmp_path / "with").iterdir())
    for name in files:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
    assert kills.run(source, tmp_path / "killed", 3, random.Random(3), workers=2) > 0
    assert kills.compare(tmp_path / "killed", tmp_path / "without") == (0, 0)


def test_a_worker_that_is_killed_is_said() -> None:
    extractor = Extractor.load(device="cpu", workers=1)
    before = set(multiprocessing.active_children())
    assert extractor("临江市民政局")
    (worker,) = set(multiprocessing.active_children()) - before
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(UserError, match="a worker process ended"):
        for _ in range(100):
            extractor("临江市民政局")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the worker in /proc")
def test_workers_end_with_a_parent_that_is_killed() -> None:
    program = (
        "import multiprocessing, sys; from bangfu.inference import Extractor\n"
        "extractor = Extractor.load(device='cpu', workers=1); extractor('民政部')\n"
        "print(multiprocessing.active_children()[0].pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker = Path("/proc", parent.stdout.readline().decode().strip())
        assert "spawn_main" in (worker / "cmdline").read_text()
        parent.kill()
    for _ in range(200):
        if not _runs(worker):
            return
        time.sleep(0.1)
    raise AssertionError(f"{worker} still runs")


def _runs(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


FORKED = """
import multiprocessing, sys
from bangfu.inference import Extractor
extractor = Extractor.load(device="cpu", backend=sys.argv[1], threads=2)
text = "中国红十字基金会向会泽县捐赠冬衣。"
def found(text):
    try:
        return [entity.text for entity in extractor(text)]
    except Exception as error:
        return str(error)
here = found(text)
with multiprocessing.get_context("fork").Pool(1) as pool:
    there = pool.map_async(found, [text]).get(50)
assert here == ["中国红十字基金会", "会泽县"]
assert there == [here] or "does not run in a process that was forked off" in there[0]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not fork by themselves")
@pytest.mark.parametrize(("backend", "module"), [("onnx", "onnxruntime"), ("openvino", "openvino"), ("torch", "torch")])
def test_a_process_that_was_forked_off_does_not_hang(backend: str, module: str) -> None:
    pytest.importorskip(module, reason=f"{module} is not installed", exc_type=ImportError)
    if backend == "torch":
        pytest.importorskip("transformers", reason="needs the extra 'train'", exc_type=ImportError)
    subprocess.run([sys.executable, "-c", FORKED, backend], check=True, timeout=120)
