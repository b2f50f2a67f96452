"""The backend of the extra ``openvino``: what fp32 finds, a batch and threads that change nothing."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from bangfu.inference import DeviceError, Extractor, ModelFolderError
from bangfu.inference.backend import Precision
from bangfu.inference.model_folder import OPENVINO_GRAPH, SHIPPED, ModelFolder
from bangfu.labels.user_error import UserError


def test_without_openvino_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "bangfu.inference.openvino_backend", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'bangfu\[openvino\]'"):
        Extractor.load(device="cpu", backend="openvino")


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
