"""The backend of the extra ``openvino``: what fp32 finds, a batch and threads that change nothing."""

import shutil
import sys
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bangfu.inference import DeviceError, Extractor, ModelFolderError
from bangfu.inference.backend import Precision
from bangfu.inference.model_folder import OPENVINO_GRAPH, SHIPPED, WEIGHTS, ModelFolder
from bangfu.labels.user_error import UserError


def test_without_openvino_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    for module in ("openvino_backend", "graph_cache"):
        monkeypatch.delitem(sys.modules, f"bangfu.inference.{module}", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'bangfu\[openvino\]'"):
        Extractor.load(device="cpu", backend="openvino")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for compiled graphs that each test begins with empty."""
    if find_spec("openvino"):
        from bangfu.inference import graph_cache

        monkeypatch.setattr(graph_cache, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "bangfu" / "openvino"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, article: str) -> ModelFolder:
    """The shipped model with an integer graph for OpenVINO, made of its weights here."""
    pytest.importorskip("openvino", reason="needs the extra 'openvino'")
    int8_graph = pytest.importorskip(
        "bangfu.training.int8_graph", reason="needs the extra 'train'", exc_type=ImportError
    )
    path = tmp_path_factory.mktemp("openvino") / "model"
    shutil.copytree(SHIPPED, path)
    folder = ModelFolder.load(path)
    int8_graph.write(folder, [article, "另一篇：民政局捐赠80万元。"])
    return folder


@pytest.mark.parametrize(
    ("precision", "running", "most"), [("auto", "int8", 1.5), ("bf16", "bf16", 0.5), ("fp32", "fp32", 1e-3)]
)
def test_openvino_finds_what_fp32_finds(
    folder: ModelFolder, article: str, precision: Precision, running: str, most: float
) -> None:
    ours = Extractor.load(folder.path, backend="openvino", precision=precision, threads=2)
    exact = Extractor.load(device="cpu", precision="fp32")
    assert ours.backend.precision == running  # type: ignore[attr-defined]
    texts = [article, article[40:90], "民政部", "", article * 4]
    tokens = exact.encoder.encode(texts)
    for one, two in zip(ours.scores(tokens), exact.scores(tokens), strict=True):
        assert one.shape == two.shape and np.abs(one - two).max(initial=0) < most
    found, wanted = (
        {(number, one.start, one.end, one.label) for number, some in enumerate(either(texts)) for one in some}
        for either in (ours, exact)
    )
    assert len(found & wanted) >= 0.95 * len(found | wanted)


def test_the_graph_is_of_the_shapes_that_openvino_joins(folder: ModelFolder) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
    nodes = onnx.load(str(folder.file(OPENVINO_GRAPH)), load_external_data=False).graph.node
    taken: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        for name in node.input:
            taken[name].append(node.op_type)
    # a norm's weight is applied once for the integers of the next layer, once for the sum; behind the last is none
    norms = [taken[node.output[0]] for node in nodes if node.op_type == "LayerNormalization"]
    assert norms == [*[["Mul", "Mul"]] * (len(norms) - 1), ["Mul"]]
    rounded = [
        node.output[0] for node in nodes if node.op_type == "DequantizeLinear" and "attention.output" in node.input[2]
    ]
    attended = [taken[name] for name in rounded if taken[name] != ["MatMul"]]
    assert len(attended) == (len(norms) - 1) // 2 and all(takers == ["Transpose"] for takers in attended)


@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_both_activations_are_those_of_fp32(tmp_path: Path, article: str, activation: str) -> None:
    pytest.importorskip("openvino", reason="needs the extra 'openvino'")
    models = pytest.importorskip("models", reason="needs the extra 'train'", exc_type=ImportError)
    from bangfu.inference.onnx_backend import OnnxBackend
    from bangfu.inference.openvino_backend import OpenVinoBackend

    folder, _ = models.with_activation(tmp_path / "model", activation, [article])
    ids = np.array([Extractor.load(folder.path).encoder.encode([article])[0].ids[:96]])
    fast, exact = (
        backend(folder, "cpu", precision).scores(ids, np.ones_like(ids))
        for backend, precision in ((OpenVinoBackend, "int8"), (OnnxBackend, "fp32"))
    )
    assert np.abs(fast - exact).mean() < 0.03 * exact.std()


def test_scores_depend_on_neither_batch_nor_threads(folder: ModelFolder) -> None:
    from bangfu.inference.openvino_backend import OpenVinoBackend

    random = np.random.default_rng(3)
    lengths = np.array([7, 90, 0, 7, 254, 31, 90, 250, 33])
    mask = (np.arange(254) < lengths[:, None]).astype(np.int64)
    ids = random.integers(5, 6000, mask.shape) * mask
    one, three = (OpenVinoBackend(folder, "cpu", "int8", threads) for threads in (1, 3))
    together = one.scores(ids, mask)
    assert np.array_equal(together, three.scores(ids, mask))
    alone = np.concatenate([one.scores(ids[row : row + 1], mask[row : row + 1]) for row in range(len(ids))])
    assert np.abs(together - alone).max() < 1e-4
    assert (together[mask > 0] != 0).all() and not together[mask == 0].any()


def test_the_first_run_is_alone(folder: ModelFolder) -> None:
    from bangfu.inference.openvino_backend import OpenVinoBackend

    running: list[int] = []
    seen: list[int] = []

    class Request:
        def infer(self, feeds: dict[str, npt.NDArray[np.int64]]) -> None:
            running.append(1)
            seen.append(len(running))
            self.data = np.zeros((*feeds["input_ids"].shape, 9), dtype=np.float32)
            time.sleep(0.05)
            running.pop()

        def get_output_tensor(self, number: int) -> "Request":
            return self

    class Model:
        create_infer_request = Request

    backend = OpenVinoBackend(folder, "cpu", "int8", 2)
    backend._model = Model()
    mask = np.ones((8, 600), dtype=np.int64)
    backend.scores(mask, mask)
    # both threads have begun by then; the first run and the one that waited for it were alone, the others were not
    assert len(seen) == 8 and seen[0] == 1 and seen[1] == 1 and max(seen) == 2


def test_what_openvino_does_not_do_is_refused(folder: ModelFolder, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="on the CPU alone"):
        Extractor.load(folder.path, backend="openvino", device="cuda")
    with pytest.raises(UserError, match="for fp16 use backend='torch'"):
        Extractor.load(folder.path, backend="openvino", precision="fp16")
    shutil.copytree(folder.path, tmp_path / "model")
    graph = tmp_path / "model" / OPENVINO_GRAPH
    graph.write_bytes(graph.read_bytes()[:5000])
    with pytest.raises(
        ModelFolderError, match=r"openvino.onnx: cannot be loaded.*copy the whole folder anew"
    ) as caught:
        Extractor.load(graph.parent, backend="openvino")
    assert "\n" not in str(caught.value)
    graph.unlink()
    with pytest.raises(ModelFolderError, match="bangfu export"):
        Extractor.load(graph.parent, backend="openvino", precision="int8")
    # a model of before has no graph for OpenVINO
    older = Extractor.load(graph.parent, backend="openvino")
    assert older.backend.precision == "bf16" and older("中国红十字会捐款")  # type: ignore[attr-defined]


def test_a_compiled_graph_is_kept_and_never_another_ones(
    folder: ModelFolder, cache: Path, article: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openvino

    compile_model, compiled = openvino.Core.compile_model, []

    def counted(*arguments: object) -> object:
        compiled.append(arguments)
        return compile_model(*arguments)

    def load(path: Path = folder.path, threads: int = 1) -> list[list[np.ndarray]]:
        extractor = Extractor.load(path, backend="openvino", threads=threads)
        return extractor.scores(extractor.encoder.encode([article]))

    def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
        return all(np.array_equal(first, second) for first, second in zip(one, other, strict=True))

    monkeypatch.setattr(openvino.Core, "compile_model", counted)
    first = load()
    (kept,) = cache.iterdir()
    assert same(load(), first) and len(compiled) == 1
    # a broken one is made anew, and one that cannot be written is done without
    kept.write_bytes(kept.read_bytes()[:100_000])
    assert same(load(), first) and len(compiled) == 2
    assert same(load(), first) and len(compiled) == 2
    kept.unlink()
    kept.mkdir()
    assert same(load(), first) and len(compiled) == 3
    # other settings, and other weights of the same size, are others
    load(threads=2)
    shutil.copytree(folder.path, tmp_path / "model")
    weights = bytearray((tmp_path / "model" / WEIGHTS).read_bytes())
    weights[-400_000:-200_000] = weights[-200_000:]
    (tmp_path / "model" / WEIGHTS).write_bytes(weights)
    assert not same(load(tmp_path / "model"), first) and len(compiled) == 5
    # no more than a few are kept
    for threads in (3, 4, 5):
        load(threads=threads)
    assert len([file for file in cache.iterdir() if file.is_file()]) == 4
