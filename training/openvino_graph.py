"""The graph for OpenVINO: linear layers of 8-bit integers, written as quantised and dequantised values.

OpenVINO turns such pairs into products of integers, and joins quantising with what stands before it where that leads
nowhere else. So a norm's weight and bias are applied once for the layer behind it, which wants integers, and once for
the sum behind that layer. All weights stay in the safetensors file and are quantised when the graph is loaded. Rows
may be padded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from bangfu.inference.model_folder import OPENVINO_GRAPH, WEIGHTS, ModelFolder
from bangfu.training.activation_ranges import Ranges
from bangfu.training.graph_builder import Array, GraphBuilder, activation, steps

# What is added to the attention paid to padding.
_MASKED = -10_000.0
Zero = npt.NDArray[np.int8 | np.uint8]


@dataclass(frozen=True)
class _Normed:
    """A value of mean 0 and variance 1 whose norm's weight and bias are still to be applied."""

    value: str
    weight: str
    bias: str


class _Builder(GraphBuilder):
    def normed(self, value: str, norm: str, epsilon: float) -> _Normed:
        weight, bias = self.weight(f"{norm}.weight"), self.weight(f"{norm}.bias")
        return _Normed(self.node("LayerNormalization", [value, "ones"], axis=-1, epsilon=epsilon), weight, bias)

    def scaled(self, normed: _Normed) -> str:
        return self.node("Add", [self.node("Mul", [normed.value, normed.weight]), normed.bias])

    def entering(self, normed: _Normed, layer: str) -> str:
        """What enters a layer behind a norm, rounded as by ``symmetric``."""
        step = self.constant(f"{layer}.in.step", np.array(self._step(layer), dtype=np.float32))
        weight, bias = (self.node("Div", [value, step]) for value in (normed.weight, normed.bias))
        # as steps, for what has the very weight and bias of the sum OpenVINO would compute once, and round apart
        value = self.scaled(_Normed(normed.value, weight, bias))
        return self._quantised(value, f"{layer}.in", 1.0, np.array(0, dtype=np.int8), step)

    def symmetric(self, value: str, layer: str) -> str:
        """What enters a layer, rounded to 8 bits; nought stays nought, which makes the product cheap."""
        return self._quantised(value, f"{layer}.in", self._step(layer), np.array(0, dtype=np.int8))

    def asymmetric(self, value: str, layer: str) -> str:
        """What enters a layer, rounded to 8 bits from the least to the most of it."""
        low, high = self.ranges[layer]
        scale = max((high - low) / 255, 1e-8)
        return self._quantised(value, f"{layer}.in", scale, np.array(round(-low / scale), dtype=np.uint8))

    def _step(self, layer: str) -> float:
        low, high = self.ranges[layer]
        return max(-low, high, 1e-6) / 127

    def _quantised(self, value: str, called: str, scale: float | Array, zero: Zero, step: str = "") -> str:
        """A value, or a matrix by its columns, as integers of ``scale``, or of the constant ``step`` from then on."""
        scales = self.constant(f"{called}.scale", np.asarray(scale, dtype=np.float32))
        zeros = self.constant(f"{called}.zero", zero)
        integers = self.node("QuantizeLinear", [value, scales, zeros], axis=1)
        return self.node("DequantizeLinear", [integers, step or scales, zeros], axis=1)

    def linear(self, value: str, layer: str, more: str = "") -> str:
        """A linear layer, [..., in] to [..., out], of a rounded value; ``more`` is added to its bias."""
        scales = steps(self.weights[f"{layer}.weight"].astype(np.float32).T)
        zeros = np.zeros(len(scales), dtype=np.int8)
        matrix = self._quantised(self.transposed(f"{layer}.weight"), f"{layer}.weight", scales, zeros)
        bias = self.weight(f"{layer}.bias")
        return self.node(
            "Add", [self.node("MatMul", [value, matrix]), self.node("Add", [bias, more]) if more else bias]
        )

    def residual(self, before: _Normed, value: str, layer: str) -> str:
        """A linear layer's answer and the scaled value before it, summed; OpenVINO adds a product in one step."""
        product = self.linear(value, layer, more=before.bias)
        return self.node("Add", [self.node("Mul", [before.value, before.weight]), product])


def write(folder: ModelFolder, config: Mapping[str, int | float | str], ranges: Ranges) -> None:
    """Write ``model.openvino.onnx`` of a BERT with GELU or ReLU; ``ranges`` are those of its linear layers."""
    builder = _Builder(folder.file(WEIGHTS), ranges)
    epsilon, heads = float(config["layer_norm_eps"]), int(config["num_attention_heads"])
    size = int(config["hidden_size"]) // heads
    builder.constant("ones", np.ones(int(config["hidden_size"]), dtype=np.float32))
    normed = builder.normed(builder.embeddings(), "bert.embeddings.LayerNorm", epsilon)
    numbers = {"half": 0.5, "whole": 1.0, "masked": -_MASKED, "scale": 1 / math.sqrt(size), "root": 1 / math.sqrt(2)}
    half, whole, masked, scale, root = (
        builder.constant(name, np.array(number, dtype=np.float32)) for name, number in numbers.items()
    )
    split = builder.constant("split", np.array([0, 0, heads, size]))
    whole_shape = builder.constant("whole_shape", np.array([0, 0, heads * size]))
    mask = builder.node("Sub", [builder.node("Cast", ["attention_mask"], to=TensorProto.FLOAT), whole])
    mask = builder.node("Unsqueeze", [builder.node("Mul", [mask, masked]), builder.constant("axes", np.array([1, 2]))])
    for number in range(int(config["num_hidden_layers"])):
        layer = f"bert.encoder.layer.{number}"
        names = [f"{layer}.attention.self.{name}" for name in ("query", "key", "value")]
        rounded = builder.entering(normed, names[0])
        # as three products: OpenVINO makes one kernel of attention with its transpositions, but not of a Split before
        parts = [builder.node("Reshape", [builder.linear(rounded, name), split]) for name in names]
        query, key, values = (builder.node("Transpose", [part], perm=[0, 2, 1, 3]) for part in parts)
        # a transposition of its own, for OpenVINO takes this one into the product
        key = builder.node("Transpose", [key], perm=[0, 1, 3, 2])
        attention = builder.node("Mul", [builder.node("MatMul", [query, key]), scale])
        attention = builder.node("Softmax", [builder.node("Add", [attention, mask])], axis=-1)
        dense = f"{layer}.attention.output.dense"
        # rounded before it is transposed: that the kernel of attention does in passing
        attended = builder.symmetric(builder.node("MatMul", [attention, values]), dense)
        attended = builder.node("Reshape", [builder.node("Transpose", [attended], perm=[0, 2, 1, 3]), whole_shape])
        value = builder.residual(normed, attended, dense)
        normed = builder.normed(value, f"{layer}.attention.output.LayerNorm", epsilon)
        dense = f"{layer}.intermediate.dense"
        rounded = builder.entering(normed, dense)
        inside = builder.linear(rounded, dense)
        if activation(config) == "relu":
            inside = builder.node("Relu", [inside])
        else:
            # the form of GELU that OpenVINO knows
            error = builder.node("Add", [builder.node("Erf", [builder.node("Mul", [inside, root])]), whole])
            inside = builder.node("Mul", [builder.node("Mul", [inside, error]), half])
        dense = f"{layer}.output.dense"
        # both give next to nothing below nought: half of the steps would be lost
        value = builder.residual(normed, builder.asymmetric(inside, dense), dense)
        normed = builder.normed(value, f"{layer}.output.LayerNorm", epsilon)
    builder.classifier(builder.scaled(normed))
    builder.save(folder.path / OPENVINO_GRAPH, "token classifier, int8, for OpenVINO", ["input_ids", "attention_mask"])
