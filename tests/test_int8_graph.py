"""The int8 graph: what fp32 finds, a batch that changes nothing, one line where it is not to be had."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bangfu.inference import DeviceError, Extractor, ModelFolderError
from bangfu.inference.model_folder import CONFIG, INT8_GRAPH, SHIPPED, ModelFolder
from bangfu.inference.onnx_backend import OnnxBackend
from bangfu.labels.user_error import UserError


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
    with pytest.raises(UserError, match="int8 is of the onnx backend"):
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
    assert not folder.has(INT8_GRAPH)
    config = json.loads((folder.path / CONFIG).read_text(encoding="utf-8"))
    (folder.path / CONFIG).write_text(json.dumps(config | {"hidden_act": "relu"}), encoding="utf-8")
    with pytest.raises(int8_graph.NoInt8Error, match="gelu"):
        int8_graph.write(folder, [article])


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
    assert names == [tables | small, tables]
    # what is left are the integers of the large matrices: 1,152 + 1,536 + 1,536 by 384, four times
    assert 0 < sizes[0] - 4 * (1152 + 2 * 1536) * 384 < 250_000


def test_at_most_so_many_texts_are_sampled_evenly() -> None:
    int8_graph = pytest.importorskip(
        "bangfu.training.int8_graph", reason="needs the extra 'train'", exc_type=ImportError
    )
    texts = [str(number) for number in range(100)]
    assert int8_graph.sample(texts, 4) == ["0", "25", "50", "75"] and int8_graph.sample(texts[:3], 4) == texts[:3]
