"""The int8 graph: a BERT token classifier whose linear layers multiply 8-bit integers, for CPUs.

Weights are quantised by output channel, activations by one fixed range a layer, so that an answer does not
depend on what else is in the batch. All else computes in fp32. The rows of a batch have one length: there is no mask.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from bangfu.inference.decoding import best_path
from bangfu.inference.encoder import Encoder
from bangfu.inference.extractor import Extractor
from bangfu.inference.model_folder import CONFIG, INT8_GRAPH, OPENVINO_GRAPH, TOKENIZER, WEIGHTS, ModelFolder
from bangfu.inference.onnx_backend import OnnxBackend
from bangfu.labels.user_error import UserError
from bangfu.training import openvino_graph
from bangfu.training.activation_ranges import Ranges, activation_ranges
from bangfu.training.graph_builder import FUSED, GraphBuilder, activation, steps

# The least share of tags that must be those of fp32.
MINIMUM = 0.99
# Texts that show the range of activations; more of them change little.
SAMPLE = 64
# A single matrix of no more weights is quantised when the graph is loaded: a few milliseconds, and a smaller package.
# Of all matrices of bangfu-mini it would cost 0.1 s and 85 MB at each start.
_QUANTISED_AT_LOAD = 1 << 18


class NoInt8Error(UserError):
    """The model has no int8 graph: its encoder is no BERT with ReLU or the exact GELU, or int8 changes too much."""


def sample(texts: Sequence[str], number: int = SAMPLE) -> list[str]:
    """At most ``number`` of the texts, taken evenly."""
    return [texts[index * len(texts) // number] for index in range(number)] if len(texts) > number else list(texts)


class _Builder(GraphBuilder):
    """Linear layers of 8-bit integers, and sums that onnxruntime leaves as they are."""

    def __init__(self, file: Path, ranges: Ranges) -> None:
        super().__init__(file, ranges)
        self._quantised: dict[str, tuple[str, str, str]] = {}

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
        scales = steps(matrix)
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
        return self.node("MatMulIntegerToFloat", inputs, domain=FUSED)

    def _quantised_at_load(self, layer: str, scales: str) -> str:
        """The integers that numpy would give, bit for bit; onnxruntime folds these nodes into one constant."""
        matrix = self.transposed(f"{layer}.weight")
        rounded = self.node("Round", [self.node("Div", [matrix, scales])])
        return self.node("Cast", [rounded], to=TensorProto.INT8)

    def residual(self, value: str, before: str, norm: str, epsilon: float) -> str:
        # onnxruntime would fuse Add with the norm, Sum it does not; what it fuses them to takes five times as long
        return self.norm(self.node("Sum", [value, before]), norm, epsilon)


def write(folder: ModelFolder, texts: Sequence[str]) -> float:
    """Write ``model.int8.onnx``, and ``model.openvino.onnx`` of the same ranges.

    Gives the share of tokens of ``texts`` whose tag by the first is that of the fp32 graph; ``texts`` show
    which values the layers see. The tables of embeddings and small matrices stay in the safetensors file. Raises
    NoInt8Error for another kind of encoder, and where fewer than MINIMUM of the tags agree: then neither graph is left.
    """
    config = json.loads(folder.file(CONFIG).read_text(encoding="utf-8"))
    if config.get("model_type") != "bert" or activation(config) not in ("gelu", "relu"):
        raise NoInt8Error(f"{folder.path}: an int8 graph is made of a BERT with gelu or relu only; use fp32")
    encoder = Encoder.from_file(folder.file(TOKENIZER))
    ranges = activation_ranges(folder, encoder, texts)
    builder = _Builder(folder.file(WEIGHTS), ranges)
    _build(builder, config)
    remove(folder)
    builder.save(folder.path / INT8_GRAPH, "token classifier, int8", ["input_ids"])
    try:
        share = _agreement(folder, encoder, texts)
        if share < MINIMUM:
            raise NoInt8Error(f"{folder.path}: int8 gives only {share:.2%} of the tokens the tag of fp32; use fp32")
    except BaseException:
        remove(folder)
        raise
    openvino_graph.write(folder, config, ranges)
    return share


def remove(folder: ModelFolder) -> list[str]:
    """Remove the graphs of integers, which may be of other weights; gives the names of those that were there."""
    names = [name for name in (INT8_GRAPH, OPENVINO_GRAPH) if folder.has(name)]
    for name in names:
        (folder.path / name).unlink()
    return names


def _build(builder: _Builder, config: dict[str, int | float | str]) -> None:
    epsilon, hidden = float(config["layer_norm_eps"]), int(config["hidden_size"])
    value = builder.norm(builder.embeddings(), "bert.embeddings.LayerNorm", epsilon)
    thirds = builder.constant("thirds", np.array([hidden] * 3))
    for number in range(int(config["num_hidden_layers"])):
        layer = f"bert.encoder.layer.{number}"
        names = [f"{layer}.attention.self.{name}" for name in ("query", "key", "value")]
        parts = [f"{name}.output" for name in names]
        builder.node("Split", [builder.linear(value, names), thirds], parts, axis=-1)
        # rows of one length need no mask, and without one onnxruntime takes its flash attention
        attended = builder.node("MultiHeadAttention", parts, domain=FUSED, num_heads=int(config["num_attention_heads"]))
        output = f"{layer}.attention.output"
        value = builder.residual(builder.linear(attended, [f"{output}.dense"]), value, f"{output}.LayerNorm", epsilon)
        dense = f"{layer}.intermediate.dense"
        inside = builder.linear(value, [dense])
        # ReLU is done when its answer is quantised: the range begins at nought, so what is below becomes nought
        if activation(config) == "gelu":
            # the product adds the bias in passing; BiasGelu would read everything once more
            inside = builder.node("Gelu", [inside], domain=FUSED)
        output = f"{layer}.output"
        value = builder.residual(builder.linear(inside, [f"{output}.dense"]), value, f"{output}.LayerNorm", epsilon)
    builder.classifier(value)


class _Both:
    """A backend that answers by fp32 and counts where int8 has the same tag in the likeliest legal sequence."""

    def __init__(self, folder: ModelFolder) -> None:
        self._exact, self._fast = OnnxBackend(folder, "cpu", "fp32"), OnnxBackend(folder, "cpu", "int8")
        self.same = self.tokens = 0

    def scores(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        exact, fast = self._exact.scores(ids, mask), self._fast.scores(ids, mask)
        for one, other, length in zip(exact, fast, mask.sum(axis=1).tolist(), strict=True):
            # [CLS] and [SEP] have no tag
            self.same += int((best_path(one[1 : length - 1]) == best_path(other[1 : length - 1])).sum())
            self.tokens += length - 2
        return exact


def _agreement(folder: ModelFolder, encoder: Encoder, texts: Sequence[str]) -> float:
    both = _Both(folder)
    Extractor(both, encoder, folder.settings)(texts)
    return both.same / max(1, both.tokens)
