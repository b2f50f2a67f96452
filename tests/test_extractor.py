"""Extraction with the shipped model: exact offsets, any length, any batch, any input."""

import dataclasses
import importlib.util
import itertools
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import SAMPLE
from hypothesis import given, settings
from hypothesis import strategies as st

from bangfu.inference import DeviceError, Entity, Extractor, ModelFolderError
from bangfu.inference.backend import Precision, Scores
from bangfu.inference.encoder import Encoder
from bangfu.inference.extractor import BATCH_TOKENS, CUDA_BATCH_TOKENS
from bangfu.inference.model_folder import GRAPH, INT8_GRAPH, SETTINGS, SHIPPED, TOKENIZER, WEIGHTS, ModelFolder
from bangfu.labels import TAGS
from bangfu.labels.user_error import UserError

Places = list[tuple[int, int, str]]


def places(entities: Sequence[Entity]) -> Places:
    return [(entity.start, entity.end, entity.label) for entity in entities]


def narrow(extractor: Extractor, window: int, stride: int, batch_tokens: int = 4096) -> Extractor:
    settings = dataclasses.replace(extractor.settings, window=window, stride=stride)
    return Extractor(extractor.backend, extractor.encoder, settings, batch_tokens)


def test_the_sample_article(extractor: Extractor, article: str) -> None:
    entities = extractor(article)
    assert all(entity.text == article[entity.start : entity.end] and 0 <= entity.score <= 1 for entity in entities)
    assert entities == sorted(entities, key=lambda entity: entity.start)
    found = {(entity.text, entity.label) for entity in entities}
    assert {
        ("宁波市民政局", "ORG"),
        ("宁波大学附属第一医院", "ORG"),
        ("凉山", "LOC"),
        ("太平镇", "LOC"),
        ("80万元", "AMOUNT"),
        ("1260余万元", "AMOUNT"),
        ("420套", "AMOUNT"),
        ("消费帮扶", "AID"),
        ("医疗救助", "AID"),
    } <= found
    assert not {text for text, _ in found} & {"3月18日", "2021年", "第二批", "结对帮扶"}


@pytest.mark.parametrize("raw", ["", " ", "\n\n", "\u200b\ufeff", "　"])
def test_empty_text_gives_an_empty_list(extractor: Extractor, raw: str) -> None:
    assert extractor(raw) == []
    assert extractor([raw, "浙江省民政厅", raw])[::2] == [[], []]
    assert extractor([]) == []


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.text(st.characters(codec=None) | st.sampled_from("捐１２万元省\ud800𠮷\x00\r\n "), max_size=60), max_size=4
    )
)
def test_any_text_is_read(extractor: Extractor, texts: list[str]) -> None:
    for raw, entities in zip(texts, extractor(texts), strict=True):
        for entity in entities:
            assert entity.text == raw[entity.start : entity.end] != ""


def test_offsets_are_those_of_the_raw_text(extractor: Extractor, article: str) -> None:
    plain = {entity.text for entity in extractor(article)}
    raw = "👨‍👩‍👧\u200b\ufeff𠮷\r\n" + article.replace("捐赠80万元", "捐赠８０\u200b万元")
    entities = extractor(raw)
    assert all(entity.text == raw[entity.start : entity.end] for entity in entities)
    assert "８０\u200b万元" in {entity.text for entity in entities}
    assert len(plain - {entity.text for entity in entities}) <= 3


def test_tokens_written_in_a_text_are_text(extractor: Extractor) -> None:
    (tokens,) = extractor.encoder.encode(["捐[SEP]款[PAD]"])
    assert not {extractor.encoder.sep_id, extractor.encoder.pad_id} & set(tokens.ids.tolist())


def test_symbols_do_not_swallow_what_stands_beside_them(extractor: Extractor) -> None:
    raw = "●86吨→1.5吨👍3万元㎡"
    (tokens,) = extractor.encoder.encode([raw])
    assert [raw[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)] == list("●86吨→1.5吨3万元㎡")


def test_auto_takes_the_cpu_where_cuda_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    running = Extractor.load(device="auto")
    assert running("中国红十字会捐款") and running.backend.precision == "int8"  # type: ignore[attr-defined]
    with pytest.raises(DeviceError, match="could not start"):
        Extractor.load(device="cuda")


def test_a_gpu_without_a_driver_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_inference_collection as collection

    plain = collection.C.InferenceSession.initialize_session

    class Session(collection.C.InferenceSession):  # type: ignore[misc]
        def initialize_session(self, providers: list[str], *others: object) -> None:
            if "CUDAExecutionProvider" in providers:
                raise RuntimeError("CUDA failure 35: CUDA driver version is insufficient")
            plain(self, providers, *others)

    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(collection.C, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    running = Extractor.load(device="auto")
    assert running("中国红十字会捐款") and running.backend.precision == "int8"  # type: ignore[attr-defined]
    with pytest.raises(DeviceError, match=r"could not start \(CUDA failure 35"):
        Extractor.load(device="cuda")
    assert capsys.readouterr().out == ""  # where results go


def test_the_batch_changes_nothing(extractor: Extractor, article: str) -> None:
    sentences = article.replace("。", "。\n").split("\n")
    texts = [*sentences, article, article * 3, *reversed(sentences)]
    window, stride = extractor.settings.window, extractor.settings.stride
    one_by_one = [places(entities) for text in texts for entities in narrow(extractor, window, stride, 1)([text])]
    for tokens in (300, 2000, 20_000):
        assert [places(entities) for entities in narrow(extractor, window, stride, tokens)(texts)] == one_by_one
    assert [places(entities) for entities in extractor.stream(iter(texts), look_ahead=5)] == one_by_one


class ByHeart:
    """A backend that knows by heart which tokens are a name: what windows lose or double shows at once."""

    def __init__(self, encoder: Encoder, name: str) -> None:
        (tokens,) = encoder.encode([name])
        self.name = [int(number) for number in tokens.ids]

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        scores = np.zeros((*ids.shape, len(TAGS)), dtype=np.float32)
        scores[..., 0] = 5
        size = len(self.name)
        for row, numbers in enumerate(ids):
            for start in range(len(numbers) - size + 1):
                if list(numbers[start : start + size]) == self.name:
                    scores[row, start, TAGS.index("B-ORG")] = 9
                    scores[row, start + 1 : start + size, TAGS.index("I-ORG")] = 9
        return scores


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_a_name_across_a_window_edge_is_found_once_and_whole(extractor: Extractor, before: int, after: int) -> None:
    name = "滨海县残疾人联合会"
    backend = ByHeart(extractor.encoder, name)
    model = Extractor(backend, extractor.encoder, dataclasses.replace(extractor.settings, window=40, stride=20))
    raw = "的" * before + name + "了" * after
    assert places(model(raw)) == [(before, before + len(name), "ORG")]


def test_a_long_text_is_read_to_its_end(extractor: Extractor, article: str) -> None:
    entities = extractor(article * 12)
    assert entities[-1].start > 11 * len(article)
    # each copy is read as the first is, but for the windows' context
    count = [
        sum(start <= entity.start < start + len(article) for entity in entities)
        for start in range(0, 12 * len(article), len(article))
    ]
    assert max(count) - min(count) <= 2


def test_what_is_not_text_is_refused(extractor: Extractor) -> None:
    with pytest.raises(TypeError, match="pass a list of strings"):
        next(extractor.stream("会理市慈善会"))
    with pytest.raises(TypeError, match="text 1 is int, not str"):
        extractor(["省", 3])  # type: ignore[list-item]


def test_a_device_that_is_absent_is_refused() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this machine has CUDA")
    with pytest.raises(DeviceError, match=r"no CUDAExecutionProvider here, only .*CPUExecutionProvider"):
        Extractor.load(device="cuda")
    with pytest.raises(ValueError, match="unknown device 'tpu'"):
        Extractor.load(device="tpu")  # type: ignore[arg-type]


def test_torch_and_onnx_agree(extractor: Extractor, article: str) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra 'train'")
    ours = Extractor.load(precision="fp32", device="cpu")
    other = Extractor.load(backend="torch", device="cpu")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="only the cpu"):
            Extractor.load(backend="torch", device="cuda")
    texts = [article, article[40:90], "民政部", article * 4]
    tokens = extractor.encoder.encode(texts)
    for one, two in zip(ours.scores(tokens), other.scores(tokens), strict=True):
        assert np.abs(one - two).max() < 1e-3
    assert [places(one) for one in ours(texts)] == [places(one) for one in other(texts)]


def test_bf16_finds_what_fp32_finds(article: str) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    exact, short = (Extractor.load(backend="torch", device="cpu", precision=name) for name in ("fp32", "bf16"))
    one, two = set(places(exact(article))), set(places(short(article)))
    assert len(one & two) >= 0.95 * len(one | two)
    tokens = exact.encoder.encode([article])
    (ours,), (theirs,) = short.scores(tokens), exact.scores(tokens)
    assert ours.dtype == np.float32 and 1e-3 < np.abs(ours - theirs).max() < 0.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backend": "torch", "precision": "fp16"}, "fp16 is for GPUs"),
        ({"backend": "torch", "precision": "int8"}, "int8 is of the onnx and openvino backends"),
        ({"precision": "fp16"}, "for fp16 use backend='torch'"),
        ({"precision": "bf16"}, "for bf16 use backend='torch'"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"workers": -1}, "workers -1"),
        ({"threads": -1}, "threads -1"),
    ],
)
def test_what_does_not_go_together_is_refused(
    options: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if options.get("precision") == "int8":  # refused where torch is missing, too
        monkeypatch.setitem(sys.modules, "bangfu.inference.torch_backend", None)
    elif options.get("backend") == "torch":
        pytest.importorskip("torch", reason="needs the extra 'train'")
    with pytest.raises(UserError, match=words) as caught:
        Extractor.load(**{"device": "cpu"} | options)
    assert "\n" not in str(caught.value)


def test_cudnn_which_plans_for_each_shape_takes_no_part() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra 'train'")
    from bangfu.inference.torch_backend import TorchBackend

    backend, flags = TorchBackend.load(ModelFolder.load(SHIPPED), "cpu"), torch.backends.cuda
    seen: list[bool] = []
    backend.model.register_forward_pre_hook(lambda *_: seen.append(flags.cudnn_sdp_enabled()))
    before = flags.cudnn_sdp_enabled()
    try:
        flags.enable_cudnn_sdp(True)
        backend.scores(np.ones((1, 4), dtype=np.int64), np.ones((1, 4), dtype=np.int64))
        assert seen == [False] and flags.cudnn_sdp_enabled()
    finally:
        flags.enable_cudnn_sdp(before)


def test_numbers_too_large_for_fp16_are_said(extractor: Extractor) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra 'train'")
    from bangfu.inference.torch_backend import TorchBackend

    backend = TorchBackend.load(ModelFolder.load(SHIPPED), "cpu")
    backend.model.half().classifier.bias.data += 60_000
    with torch.no_grad():
        backend.model.classifier.weight *= 1e4
    assert backend.precision == "fp16"
    with pytest.raises(UserError, match="too large for fp16"):
        Extractor(backend, extractor.encoder, extractor.settings)("民政部")


def test_a_batch_too_large_for_a_gpu_is_one_line(extractor: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra 'train'")
    from bangfu.inference.torch_backend import TorchBackend

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has …")

    backend = TorchBackend.load(ModelFolder.load(SHIPPED), "cpu")
    monkeypatch.setattr(backend, "model", full)
    monkeypatch.setattr(full, "training", False, raising=False)
    monkeypatch.setattr(full, "eval", lambda: None, raising=False)
    monkeypatch.setattr(TorchBackend, "device", "cpu")
    monkeypatch.setattr(TorchBackend, "_mask", lambda *_: None)
    with pytest.raises(UserError, match=r"5 tokens does not fit .* --batch-tokens"):
        Extractor(backend, extractor.encoder, extractor.settings)("民政部")


class Submitting(ByHeart):
    """As a GPU: a batch runs when its scores are asked for, and not before; it notes what was done when."""

    def __init__(self, encoder: Encoder, name: str) -> None:
        super().__init__(encoder, name)
        self.done: list[tuple[str, int]] = []

    def submit(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Callable[[], Scores]:
        number = sum(what == "submitted" for what, _ in self.done)
        self.done.append(("submitted", number))

        def result() -> Scores:
            self.done.append(("read", number))
            return self.scores(ids, mask)

        return result


def test_a_batch_is_submitted_before_the_last_is_read(extractor: Extractor) -> None:
    texts = [text for n in range(30) for text in ("的" * n + "滨海县残联" + "了" * (40 - n), "", "滨海县残联、" * n)]
    backend = Submitting(extractor.encoder, "滨海县残联")
    one = Extractor(backend, extractor.encoder, extractor.settings, 300)
    two = Extractor(ByHeart(extractor.encoder, "滨海县残联"), extractor.encoder, extractor.settings, 300)
    assert list(one.stream(texts, look_ahead=9000)) == list(two.stream(texts, look_ahead=9000))
    batches = len(backend.done) // 2
    assert batches > 10
    ahead = itertools.chain([("submitted", 0)], *([("submitted", n + 1), ("read", n)] for n in range(batches - 1)))
    assert backend.done == [*ahead, ("read", batches - 1)]
    assert next(one.stream(["", ""])) == []


def test_torch_answers_what_was_submitted(extractor: Extractor) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    from bangfu.inference.torch_backend import TorchBackend

    backend = TorchBackend.load(ModelFolder.load(SHIPPED), "cpu")
    assert backend.submit is None
    ids = np.random.default_rng(0).integers(5, extractor.encoder.size, (3, 2, 30))
    masks = np.ones_like(ids)
    masks[1, 1, 20:] = 0
    waiting = [backend._submit(*batch) for batch in zip(ids, masks, strict=True)]
    for result, *batch in reversed(list(zip(waiting, ids, masks, strict=True))):
        assert np.array_equal(result(), backend.scores(*batch))


def test_onnx_on_a_gpu(monkeypatch: pytest.MonkeyPatch, extractor: Extractor, article: str) -> None:
    """All but the GPU: a session on the CPU that says that it runs on CUDA."""
    import onnxruntime

    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    given: list[tuple[str, dict[str, str]]] = []
    real = onnxruntime.InferenceSession

    class Session:
        def __init__(
            self, graph: str, options: Any, providers: list[tuple[str, dict[str, str]]], enable_fallback: int
        ) -> None:
            given[:] = providers
            session = real(graph, options, both[1:])
            self.run, self.get_inputs = session.run, session.get_inputs

        def get_providers(self) -> list[str]:
            return both

    exact = Extractor.load(device="cpu", precision="fp32")
    assert exact.batch_tokens == BATCH_TOKENS and exact.workers is None
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    model = Extractor.load(precision="fp32")
    assert given == [(both[0], {"use_tf32": "0"})]
    assert model.batch_tokens == CUDA_BATCH_TOKENS and model.backend.submit is not None  # type: ignore[attr-defined]
    texts = [article, *article.split("。"), article * 3]
    ours = Extractor(model.backend, model.encoder, model.settings, 500)(texts)
    assert [places(one) for one in ours] == [places(one) for one in exact(texts)]
    Extractor.load(batch_tokens=100, workers=None)
    assert given == [(both[0], {})]


def test_the_base_path_is_light() -> None:
    """Modules and memory of a process of its own, which extracts one article and then loads the command line."""
    program = f"""
import sys
from pathlib import Path
from bangfu.inference import Extractor
assert Extractor.load()(Path({str(SAMPLE)!r}).read_text(encoding="utf-8") * 4)
heavy = {{"torch", "transformers", "tqdm", "sqlite3", "bangfu.inference.reading"}} & set(sys.modules)
assert not heavy, heavy
status = Path("/proc/self/status")  # resource's peak is no use: a child process begins with that of its parent
peaks = [line.split()[1] for line in status.read_text().splitlines() if "VmHWM" in line] if status.exists() else []
assert all(int(peak) < 250 * 1024 for peak in peaks), f"{{peaks}} kB"
from bangfu.scripts.main import main
heavy = {{"torch", "transformers", "datasets", "yaml", "onnx", "pyarrow", "trafilatura", "docx", "pypdfium2"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_long_text_takes_little_memory() -> None:
    """400,000 characters without a line break, read by a model that finds nothing."""
    program = """
import sys
from pathlib import Path
import numpy as np
from bangfu.inference import Extractor
status = Path("/proc/self/status")
if not status.exists():
    raise SystemExit(0)
def peak():
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) // 1024
class Nothing:
    def scores(self, ids, mask):
        return np.tile(np.eye(9, dtype=np.float32)[0] * 9, (*ids.shape, 1))
extractor = Extractor.load()
extractor = Extractor(Nothing(), extractor.encoder, extractor.settings)
extractor("县")
before = peak()
assert extractor("民政局向会泽县拨付三万元，" * 30_000 + "café​(中文)" * 1000) == []
assert peak() - before < 130, peak() - before
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def copy(tmp_path: Path, **changes: object) -> Path:
    """A model folder like the shipped one, with other settings."""
    import json

    for file in SHIPPED.iterdir():
        (tmp_path / file.name).symlink_to(file)
    values = json.loads((SHIPPED / SETTINGS).read_text(encoding="utf-8"))
    (tmp_path / SETTINGS).unlink()
    (tmp_path / SETTINGS).write_text(json.dumps(values | changes), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 99}, "schema version is 99"),
        ({"cleaning_version": 0}, "cleaning version is 0"),
        ({"calibration": {"scale": 0, "shift": 1}}, "scale must be above 0"),
        ({"tags": ["O"]}, "the model.s tags"),
        ({"colour": "red"}, "its keys should be"),
        ({"window": "254"}, "whole numbers"),
        ({"stride": 0}, "stride 0 must lie"),
        ({"window": 4000, "stride": 9}, "exceed the model's 512 positions"),
    ],
)
def test_a_model_of_another_version_is_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ModelFolderError, match=words):
        Extractor.load(copy(tmp_path, **changes))


@pytest.mark.parametrize("name", [SETTINGS, TOKENIZER, WEIGHTS, GRAPH, INT8_GRAPH])
def test_an_incomplete_or_broken_model_is_refused(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    folder = copy(tmp_path)
    precision: Precision = "fp32" if name == GRAPH else "int8"
    (folder / name).unlink()
    with pytest.raises(ModelFolderError, match=re.escape(name)):
        Extractor.load(folder, device="cpu", precision=precision)
    whole = (SHIPPED / name).read_bytes()
    for content in (b"\x00rubbish", whole[: len(whole) * 3 // 4], whole[:20], b""):
        (folder / name).write_bytes(content)
        with pytest.raises(ModelFolderError, match=f"{re.escape(name)}: .*copy the whole folder"):
            Extractor.load(folder, device="cpu", precision=precision)
        if importlib.util.find_spec("torch") and name == WEIGHTS:
            with pytest.raises(ModelFolderError, match="cannot be loaded"):
                Extractor.load(folder, backend="torch")
    assert capfd.readouterr().err == ""  # onnxruntime has a log of its own


def test_no_model_folder() -> None:
    with pytest.raises(ModelFolderError, match="no such model folder"):
        ModelFolder.load("nowhere")


def test_real_articles(extractor: Extractor, gold: list) -> None:  # type: ignore[type-arg]
    """The floor that the first shipped model was asked to reach; what it reaches stands in the README."""
    from bangfu.training import evaluation

    comparisons = evaluation.measure(extractor, gold)
    assert evaluation.total(comparisons[:2])["micro"].f1 >= 0.80
