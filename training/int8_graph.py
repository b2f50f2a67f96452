"""The int8 graph: a BERT token classifier whose linear layers multiply 8-bit integers, for CPUs.

Weights are quantised by output channel, activations by one fixed range a layer, so that an answer does not
depend on what else is in the batch. All else computes in fp32. The rows of a batch have one length: there is no mask.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from bangfu.inference.extractor import Extractor
from bangfu.inference.model_folder import CONFIG, INT8_GRAPH, TOKENIZER, WEIGHTS, ModelFolder
from bangfu.inference.onnx_backend import OnnxBackend
from bangfu.inference.tokens import Encoder
from bangfu.labels.atomic_file import replaced
from bangfu.labels.user_error import UserError
from bangfu.training import stored_weights
from bangfu.training.activation_ranges import Ranges, activation_ranges

_OPSET, _IR = 17, 9
_FUSED = "com.microsoft"
# The least share of tags that must be those of fp32.
MINIMUM = 0.99
# Texts that show the range of activations; more of them change little.
SAMPLE = 64
# A single matrix of no more weights is quantised when the graph is loaded: a few milliseconds, and a smaller package.
# Of all matrices of bangfu-mini it would cost 0.1 s and 85 MB at each start.
_QUANTISED_AT_LOAD = 1 << 18
Array = npt.NDArray[np.float32]


class NoInt8Error(UserError):
    """The model has no int8 graph: its encoder is no BERT with the exact GELU, or int8 changes too much."""


def sample(texts: Sequence[str], number: int = SAMPLE) -> list[str]:
    """At most ``number`` of the texts, taken evenly."""
    return [texts[index * len(texts) // number] for index in range(number)] if len(texts) > number else list(texts)


class _Builder:
    """Collects the nodes and weights of a graph; each method gives the name of a value."""

    def __init__(self, file: Path, ranges: Ranges) -> None:
        self._file, self.ranges = file, ranges
        self.weights: dict[str, Array] = load_file(file)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._quantised: dict[str, tuple[str, str, str]] = {}

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], outputs: Sequence[str] = (), domain: str = "", **more: Any) -> str:
        outputs = outputs or [f"value{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **more))
        return outputs[0]

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name].astype(np.float32))

    def stored(self, name: str) -> str:
        """A weight that stays in the safetensors file, in the type it has there."""
        self.initializers.append(stored_weights.reference(self._file, name, name))
        return name

    def _activation(self, value: str, layer: str) -> tuple[str, str, str]:
        """A value as unsigned 8-bit integers, with scale and zero point."""
        if value not in self._quantised:
            low, high = self.ranges[layer]
            scale = max((high - low) / 255, 1e-8)
            names = (
                self.constant(f"{value}.scale", np.array(scale, dtype=np.float32)),
                self.constant(f"{value}.zero", np.array(round(-low / scale), dtype=np.uint8)),
            )
            self._quantised[value] = (self.node("QuantizeLinear", [value, *names]), *names)
        return self._quantised[value]

    def linear(self, value: str, layers: Sequence[str]) -> str:
        """Linear layers of one input side by side, [..., in] to [..., sum of out]."""
        matrix = np.concatenate([self.weights[f"{layer}.weight"] for layer in layers]).T.astype(np.float32)
        scales = np.maximum(np.abs(matrix).max(axis=0) / 127, 1e-8).astype(np.float32)
        first = layers[0]
        integers, scale, zero = self._activation(value, first)
        scales_name = self.constant(f"{first}.scales", scales)
        if len(layers) == 1 and matrix.size <= _QUANTISED_AT_LOAD:
            weights = self._quantised_at_load(first, scales_name)
        else:
            weights = self.constant(f"{first}.int8", np.round(matrix / scales).astype(np.int8))
        biases = np.concatenate([self.weights[f"{layer}.bias"] for layer in layers])
        inputs = [
            integers,
            weights,
            scale,
            scales_name,
            zero,
            self.constant(f"{first}.zeros", np.zeros(len(scales), dtype=np.int8)),
            self.constant(f"{first}.biases", biases.astype(np.float32)),
        ]
        return self.node("MatMulIntegerToFloat", inputs, domain=_FUSED)

    def _quantised_at_load(self, layer: str, scales: str) -> str:
        """The integers that numpy would give, bit for bit; onnxruntime folds these nodes into one constant."""
        exact = self.node("Cast", [self.stored(f"{layer}.weight")], to=TensorProto.FLOAT)
        matrix = self.node("Transpose", [exact], perm=[1, 0])
        rounded = self.node("Round", [self.node("Div", [matrix, scales])])
        return self.node("Cast", [rounded], to=TensorProto.INT8)

    def residual(self, value: str, before: str, norm: str, epsilon: float) -> str:
        # onnxruntime would fuse Add with the norm, Sum it does not; what it fuses them to takes five times as long
        return self.norm(self.node("Sum", [value, before]), norm, epsilon)

    def norm(self, value: str, norm: str, epsilon: float) -> str:
        inputs = [value, self.weight(f"{norm}.weight"), self.weight(f"{norm}.bias")]
        return self.node("LayerNormalization", inputs, axis=-1, epsilon=epsilon)


def write(folder: ModelFolder, texts: Sequence[str]) -> float:
    """Write ``model.int8.onnx``; gives the share of tokens of ``texts`` whose best tag is that of the fp32 graph.

    ``texts`` show which values the layers see. The tables of embeddings and small matrices stay in the
    safetensors file. Raises NoInt8Error for another kind of encoder, and where fewer than MINIMUM of the tags agree:
    then no graph is left.
    """
    config = json.loads(folder.file(CONFIG).read_text(encoding="utf-8"))
    if config.get("model_type") != "bert" or config.get("hidden_act", "gelu") != "gelu":
        raise NoInt8Error(f"{folder.path}: an int8 graph is made of a BERT with gelu only; use fp32")
    encoder = Encoder.from_file(folder.file(TOKENIZER))
    builder = _Builder(folder.file(WEIGHTS), activation_ranges(folder, encoder, texts))
    _build(builder, config)
    shape = ["batch", "tokens"]
    graph = helper.make_graph(
        builder.nodes,
        "token classifier, int8",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [*shape, len(folder.settings.tags)])],
        builder.initializers,
    )
    versions = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
    with replaced(folder.path / INT8_GRAPH) as partial:
        onnx.save_model(helper.make_model(graph, opset_imports=versions, ir_version=_IR), str(partial))
    share = _agreement(folder, encoder, texts)
    if share < MINIMUM:
        (folder.path / INT8_GRAPH).unlink()
        raise NoInt8Error(f"{folder.path}: int8 gives only {share:.2%} of the tokens the tag of fp32; use fp32")
    return share


def _build(builder: _Builder, config: dict[str, int | float | str]) -> None:
    weights, epsilon = builder.weights, float(config["layer_norm_eps"])
    hidden = int(config["hidden_size"])
    positions = builder.stored("bert.embeddings.position_embeddings.weight")
    positions = builder.node("Cast", [positions], to=TensorProto.FLOAT)
    # the kinds of token are not used: all are of the first
    kind = builder.constant("kind", weights["bert.embeddings.token_type_embeddings.weight"][0].astype(np.float32))
    positions = builder.node("Add", [positions, kind])
    shape = builder.node("Shape", ["input_ids"])
    one, two = (builder.constant(name, np.array([value])) for name, value in (("one", 1), ("two", 2)))
    length = builder.node("Slice", [shape, one, two])
    zero = builder.constant("zero", np.array([0]))
    place = builder.node("Slice", [positions, zero, length, zero])
    words = builder.stored("bert.embeddings.word_embeddings.weight")
    word = builder.node("Cast", [builder.node("Gather", [words, "input_ids"])], to=TensorProto.FLOAT)
    value = builder.norm(builder.node("Add", [word, place]), "bert.embeddings.LayerNorm", epsilon)
    thirds = builder.constant("thirds", np.array([hidden] * 3))
    for number in range(int(config["num_hidden_layers"])):
        layer = f"bert.encoder.layer.{number}"
        names = [f"{layer}.attention.self.{name}" for name in ("query", "key", "value")]
        parts = [f"{name}.output" for name in names]
        builder.node("Split", [builder.linear(value, names), thirds], parts, axis=-1)
        # rows of one length need no mask, and without one onnxruntime takes its flash attention
        attended = builder.node(
            "MultiHeadAttention", parts, domain=_FUSED, num_heads=int(config["num_attention_heads"])
        )
        output = f"{layer}.attention.output"
        value = builder.residual(builder.linear(attended, [f"{output}.dense"]), value, f"{output}.LayerNorm", epsilon)
        dense = f"{layer}.intermediate.dense"
        # the product adds the bias in passing; BiasGelu would read everything once more
        inside = builder.node("Gelu", [builder.linear(value, [dense])], domain=_FUSED)
        output = f"{layer}.output"
        value = builder.residual(builder.linear(inside, [f"{output}.dense"]), value, f"{output}.LayerNorm", epsilon)
    # the last layer is small and decides: it stays as it is
    matrix = builder.constant("classifier.matrix", weights["classifier.weight"].T.astype(np.float32))
    builder.node("Add", [builder.node("MatMul", [value, matrix]), builder.weight("classifier.bias")], ["logits"])


class _Both:
    """A backend that answers by fp32 and counts how often int8 has the same best tag."""

    def __init__(self, folder: ModelFolder) -> None:
        self._exact, self._fast = OnnxBackend(folder, "cpu", "fp32"), OnnxBackend(folder, "cpu", "int8")
        self.same = self.tokens = 0

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        exact, fast = self._exact.scores(ids, mask), self._fast.scores(ids, mask)
        self.same += int((exact.argmax(-1) == fast.argmax(-1))[mask > 0].sum())
        self.tokens += int(mask.sum())
        return exact


def _agreement(folder: ModelFolder, encoder: Encoder, texts: Sequence[str]) -> float:
    both = _Both(folder)
    Extractor(both, encoder, folder.settings)(texts)
    return both.same / max(1, both.tokens)
