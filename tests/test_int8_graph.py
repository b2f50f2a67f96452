"""The int8 graph: what fp32 finds, a batch that changes nothing, one line where it is not to be had."""

import json
import platform
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bangfu.inference import DeviceError, Extractor, ModelFolderError, denormals, pieces
from bangfu.inference.backend import Precision
from bangfu.inference.model_folder import CONFIG, GRAPH, INT8_GRAPH, OPENVINO_GRAPH, SHIPPED, ModelFolder
from bangfu.inference.onnx_backend import OnnxBackend
from bangfu.labels.user_error import UserError
from bangfu.scripts.main import main


def test_the_shipped_model_runs_int8_on_a_cpu(extractor: Extractor, article: str) -> None:
    assert isinstance(extractor.backend, OnnxBackend) and extractor.backend.precision == "int8"
    exact = Extractor.load(device="cpu", precision="fp32")
    assert isinstance(exact.backend, OnnxBackend) and exact.backend.precision == "fp32"
    ours, theirs = ({(one.start, one.end, one.label) for one in either(article)} for either in (extractor, exact))
    assert len(ours & theirs) >= 0.95 * len(ours | theirs)


def test_scores_do_not_depend_on_the_batch(extractor: Extractor) -> None:
    random = np.random.default_rng(1)
    ids = random.integers(5, extractor.encoder.size, (6, 40))
    mask = np.ones_like(ids)
    mask[1:, 20:] = 0
    alone = np.concatenate([extractor.backend.scores(ids[row : row + 1], mask[row : row + 1]) for row in range(6)])
    together = extractor.backend.scores(ids, mask)
    assert np.abs((together - alone)[mask > 0]).max() < 1e-4


@given(st.lists(st.integers(0, 300), max_size=60))
def test_pieces_are_rows_of_one_length(lengths: list[int]) -> None:
    mask = (np.arange(300) < np.array(lengths, dtype=np.int64)[:, None]).astype(np.int64)
    ids = (np.arange(len(lengths))[:, None] + 1) * mask
    cut = list(pieces.pieces(ids, mask, 256))
    assert sorted(row for rows, _ in cut for row in rows) == [row for row, length in enumerate(lengths) if length]
    for rows, (some, whole) in cut:
        assert whole.all() and len(rows) in (1, len(whole)) and (len(rows) == 1 or whole.size <= 256)
        assert np.array_equal(some, np.broadcast_to(rows[:, None] + 1, (len(rows), lengths[rows[0]])))
    sizes = [lengths[rows[0]] for rows, _ in cut]
    assert sizes == sorted(sizes, reverse=True)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30))
def test_pieces_of_padded_rows(lengths: list[int]) -> None:
    mask = (np.arange(100) < np.array(lengths)[:, None]).astype(np.int64)
    ids = (np.arange(mask.size).reshape(mask.shape) + 1) * mask
    cut = list(pieces.pieces(ids, mask, 256, 32))
    for rows, (some, whole) in cut:
        assert {-(-lengths[row] // 32) * 32 for row in rows} == {some.shape[1]} and some.shape == whole.shape
        assert np.array_equal(whole.sum(axis=1), mask[rows].sum(axis=1)) and np.array_equal(some > 0, whole > 0)
    # a backend that gives each token its id, and rubbish at padding
    back = pieces.joined(mask, [(rows, np.repeat(some[..., None] + 7 * (1 - whole[..., None]), 9, -1))
                                for rows, (some, whole) in cut])  # fmt: skip
    assert np.array_equal(back, np.repeat(ids[..., None], 9, -1))


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_threads_change_nothing(precision: Precision) -> None:
    folder = ModelFolder.load(SHIPPED)
    random = np.random.default_rng(3)
    lengths = np.array([7, 90, 0, 7, 254, 31, 90, 7])
    mask = (np.arange(254) < lengths[:, None]).astype(np.int64)
    ids = random.integers(5, 6000, mask.shape) * mask
    one, three = (OnnxBackend(folder, "cpu", precision, threads).scores(ids, mask) for threads in (1, 3))
    assert np.array_equal(one, three)
    assert (one[mask > 0] != 0).all() and not one[mask == 0].any()


@pytest.mark.skipif((platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="others do not need it")
def test_denormals_are_flushed_only_where_the_graph_runs() -> None:
    """Products with denormals made the model a tenth slower; a caller's own arithmetic is not to be changed."""
    assert denormals.LIBRARY is not None
    small = np.full(8, 1e-38, dtype=np.float32)
    seen: list[bool] = []

    class Session:
        def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:  # type: ignore[type-arg]
            seen.append(bool((small * np.float32(0.1)).any()))
            return [np.zeros((*feeds["input_ids"].shape, 9), dtype=np.float32)]

    ids = np.ones((4, 200), dtype=np.int64)
    for threads in (1, 2):
        backend = OnnxBackend(ModelFolder.load(SHIPPED), "cpu", "int8", threads)
        backend._session = Session()
        backend.scores(ids, ids)
    assert seen == [False] * 8
    assert (small * np.float32(0.1)).all()


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    """The shipped model without its int8 graph."""
    shutil.copytree(SHIPPED, tmp_path / "model")
    (tmp_path / "model" / INT8_GRAPH).unlink()
    return ModelFolder.load(tmp_path / "model")


def test_a_model_without_the_graph(folder: ModelFolder) -> None:
    assert Extractor.load(folder.path, device="cpu")("中国红十字会捐款")
    with pytest.raises(ModelFolderError, match="bangfu export"):
        Extractor.load(folder.path, device="cpu", precision="int8")
    with pytest.raises(UserError, match="int8 is of the onnx and openvino backends"):
        Extractor.load(folder.path, precision="int8", backend="torch")


def test_int8_is_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    with pytest.raises(DeviceError, match="int8 runs on the CPU alone"):
        Extractor.load(device="cuda", precision="int8")


def test_the_graph_is_written_anew(folder: ModelFolder, article: str) -> None:
    int8_graph = pytest.importorskip(
        "bangfu.training.int8_graph", reason="needs the extra 'train'", exc_type=ImportError
    )
    assert int8_graph.write(folder, [article, "另一篇：民政局捐赠80万元。"]) > 0.995
    assert Extractor.load(folder.path, device="cpu", precision="int8")(article)
    # ranges of other text are not those of the model: far too narrow ones change the tags, and leave no graph
    ranges = dict.fromkeys(int8_graph.activation_ranges(folder, Extractor.load(folder.path).encoder, [article]), (0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8_graph, "activation_ranges", lambda *_: ranges)
        with pytest.raises(int8_graph.NoInt8Error, match="use fp32"):
            int8_graph.write(folder, [article])
    assert not folder.has(INT8_GRAPH) and not folder.has(OPENVINO_GRAPH)
    config = json.loads((folder.path / CONFIG).read_text(encoding="utf-8"))
    (folder.path / CONFIG).write_text(json.dumps(config | {"hidden_act": "silu"}), encoding="utf-8")
    with pytest.raises(int8_graph.NoInt8Error, match="gelu"):
        int8_graph.write(folder, [article])


@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_both_activations_are_those_of_fp32(tmp_path: Path, article: str, activation: str) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
    models = pytest.importorskip("models", reason="needs the extra 'train'", exc_type=ImportError)
    # weights of the other activation tag differently, but in either precision alike
    folder, agreement = models.with_activation(tmp_path / "model", activation, [article])
    assert agreement > 0.99
    for name, of_gelu, of_relu in ((INT8_GRAPH, "Gelu", ""), (OPENVINO_GRAPH, "Erf", "Relu")):
        graph = onnx.load(folder.path / name, load_external_data=False).graph
        kinds = {node.op_type for node in graph.node}
        assert (of_gelu in kinds, of_relu in kinds) == (activation == "gelu", activation == "relu" and bool(of_relu))
    ids = np.array([Extractor.load(folder.path).encoder.encode([article])[0].ids[:100]])
    fast, exact = (
        OnnxBackend(folder, "cpu", precision).scores(ids, np.ones_like(ids)) for precision in ("int8", "fp32")
    )
    assert np.abs(fast - exact).mean() < 0.03 * exact.std()


def test_a_graph_that_was_not_found_right_is_not_left(folder: ModelFolder, article: str) -> None:
    int8_graph = pytest.importorskip(
        "bangfu.training.int8_graph", reason="needs the extra 'train'", exc_type=ImportError
    )
    from bangfu.training import export

    def stopped(*_: object) -> float:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(int8_graph, "_agreement", stopped)
        with pytest.raises(KeyboardInterrupt):
            int8_graph.write(folder, [article])
        assert not folder.has(INT8_GRAPH) and not folder.has(OPENVINO_GRAPH)
        patch.setattr(export, "TOLERANCE", -1.0)
        with pytest.raises(RuntimeError, match="logits differ from torch"):
            export.export(folder)
    assert not folder.has(GRAPH)


def test_no_documents_are_not_the_same_as_no_texts(folder: ModelFolder, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx", reason="needs the extra 'train'")
    empty = folder.path.parent / "empty.jsonl"
    empty.touch()
    before = {file.name: file.stat().st_mtime_ns for file in folder.path.iterdir()}
    assert main(["export", str(folder.path), "--texts", str(empty)]) == 2
    assert capsys.readouterr().err.startswith(f"bangfu: {empty}: holds no documents; ")
    assert {file.name: file.stat().st_mtime_ns for file in folder.path.iterdir()} == before


def test_a_graph_that_is_taken_away_is_not_told_of(folder: ModelFolder) -> None:
    pytest.importorskip("onnx", reason="needs the extra 'train'")
    run_file = pytest.importorskip("bangfu.training.run_file", reason="needs the extra 'train'", exc_type=ImportError)
    (folder.path / run_file.RUN_FILE).write_text('{"name": "a", "int8_agreement": 1.0}')
    assert main(["export", str(folder.path)]) == 0
    assert not folder.has(INT8_GRAPH)
    assert json.loads((folder.path / run_file.RUN_FILE).read_text()) == {"name": "a", "int8_agreement": None}


def test_what_the_weights_file_holds_is_not_held_twice(
    folder: ModelFolder, article: str, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
    int8_graph = pytest.importorskip(
        "bangfu.training.int8_graph", reason="needs the extra 'train'", exc_type=ImportError
    )
    ranges = int8_graph.activation_ranges(folder, extractor.encoder, [article])
    monkeypatch.setattr(int8_graph, "activation_ranges", lambda *_: ranges)
    ids = np.random.default_rng(2).integers(5, extractor.encoder.size, (2, 50))
    logits, names, sizes = [], [], []
    for most in (int8_graph._QUANTISED_AT_LOAD, 0):
        monkeypatch.setattr(int8_graph, "_QUANTISED_AT_LOAD", most)
        int8_graph.write(folder, [article])
        graph = onnx.load(folder.path / INT8_GRAPH, load_external_data=False).graph
        names.append({tensor.name for tensor in graph.initializer if tensor.external_data})
        sizes.append((folder.path / INT8_GRAPH).stat().st_size)
        logits.append(OnnxBackend(folder, "cpu", "int8").scores(ids, np.ones_like(ids)))
    assert np.array_equal(*logits)
    tables = {f"bert.embeddings.{name}_embeddings.weight" for name in ("word", "position")}
    small = {f"bert.encoder.layer.{number}.attention.output.dense.weight" for number in range(4)}
    layers = [f"encoder.layer.{number}.{part}" for number in range(4) for part in ("attention.output", "output")]
    norms = [f"bert.{name}.LayerNorm.{part}" for name in ("embeddings", *layers) for part in ("weight", "bias")]
    norms.append("classifier.bias")
    assert names == [tables | small | set(norms), tables | set(norms)] and len(norms) == 19
    # what is left are the integers of the large matrices: 1,152 + 1,536 + 1,536 by 384, four times
    assert 0 < sizes[0] - 4 * (1152 + 2 * 1536) * 384 < 250_000


def test_no_norm_is_fused_with_the_sum_before_it(tmp_path: Path) -> None:
    """What onnxruntime would fuse them to made the model a fifth slower."""
    onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(str(SHIPPED / INT8_GRAPH), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(options.optimized_model_filepath, load_external_data=False).graph.node]
    assert kinds.count("LayerNormalization") == 9 and kinds.count("MatMulIntegerToFloat") == 16


def test_no_product_is_cut_off_on_any_cpu() -> None:
    """A CPU without VNNI adds two neighbours in 16 bits: 255 times 63 and 66 fits, 255 times 64 and 65 does not."""
    onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
    builder = pytest.importorskip(
        "bangfu.training.graph_builder", reason="needs the extra 'train'", exc_type=ImportError
    )
    matrix = np.random.default_rng(5).normal(size=(385, 7)).astype(np.float32)
    matrix[:3] = [[9], [9], [-9]]  # two large ones of one sign, and one of the other
    integers = np.round(matrix / builder.steps(matrix))
    assert 110 < np.abs(integers[:2].sum(axis=0)).min() <= np.abs(integers[:2].sum(axis=0)).max() <= 128
    pairs = np.pad(integers, ((0, 1), (0, 0))).reshape(-1, 2, 7)
    assert max(np.maximum(sign * pairs, 0).sum(axis=1).max() for sign in (1, -1)) <= 128
    # and so it is in the model that ships, whose weights have inputs in rows
    for tensor in onnx.load(SHIPPED / INT8_GRAPH, load_external_data=False).graph.initializer:
        if tensor.name.endswith(".int8"):
            weights = onnx.numpy_helper.to_array(tensor).astype(int)
            pairs = weights.reshape(-1, 2, weights.shape[1])
            assert max(np.maximum(sign * pairs, 0).sum(axis=1).max() for sign in (1, -1)) <= 128


def test_at_most_so_many_texts_are_sampled_evenly() -> None:
    int8_graph = pytest.importorskip(
        "bangfu.training.int8_graph", reason="needs the extra 'train'", exc_type=ImportError
    )
    texts = [str(number) for number in range(100)]
    assert int8_graph.sample(texts, 4) == ["0", "25", "50", "75"] and int8_graph.sample(texts[:3], 4) == texts[:3]
