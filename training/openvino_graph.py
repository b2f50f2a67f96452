"""The graph for OpenVINO: linear layers of 8-bit integers, written as quantised and dequantised values.

OpenVINO turns such pairs into products of integers, and joins quantising with GELU or ReLU and sums. All weights
stay in the safetensors file and are quantised when the graph is loaded. Rows may be padded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from bangfu.inference.model_folder import OPENVINO_GRAPH, WEIGHTS, ModelFolder
from bangfu.training.activation_ranges import Ranges
from bangfu.training.graph_builder import Array, GraphBuilder, activation, steps

# What is added to the attention paid to padding.
_MASKED = -10_000.0
Zero = npt.NDArray[np.int8 | np.uint8]


class _Builder(GraphBuilder):
    def _quantised(self, value: str, called: str, scale: float | Array, zero: Zero, axis: int = 1) -> str:
        names = [
            self.constant(f"{called}.scale", np.asarray(scale, dtype=np.float32)),
            self.constant(f"{called}.zero", zero),
        ]
        integers = self.node("QuantizeLinear", [value, *names], axis=axis)
        return self.node("DequantizeLinear", [integers, *names], axis=axis)

    def activation(self, value: str, layer: str, symmetric: bool = True) -> str:
        """What enters a layer, rounded to what 8 bits hold; ``symmetric`` products are cheaper: nought stays nought."""
        low, high = self.ranges[layer]
        if symmetric:
            return self._quantised(value, f"{layer}.in", max(-low, high, 1e-6) / 127, np.array(0, dtype=np.int8))
        scale = max((high - low) / 255, 1e-8)
        return self._quantised(value, f"{layer}.in", scale, np.array(round(-low / scale), dtype=np.uint8))

    def linear(self, value: str, layer: str) -> str:
        """A linear layer, [..., in] to [..., out], of a value that ``activation`` gave."""
        weights = self.weights[f"{layer}.weight"].astype(np.float32)
        scales = steps(weights.T)
        zeros = np.zeros(len(scales), dtype=np.int8)
        matrix = self._quantised(self.transposed(f"{layer}.weight"), f"{layer}.weight", scales, zeros)
        return self.node("Add", [self.node("MatMul", [value, matrix]), self.weight(f"{layer}.bias")])


def write(folder: ModelFolder, config: Mapping[str, int | float | str], ranges: Ranges) -> None:
    """Write ``model.openvino.onnx`` of a BERT with GELU or ReLU; ``ranges`` are those of its linear layers."""
    builder = _Builder(folder.file(WEIGHTS), ranges)
    epsilon, heads = float(config["layer_norm_eps"]), int(config["num_attention_heads"])
    size = int(config["hidden_size"]) // heads
    value = builder.embeddings(epsilon)
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
        rounded = builder.activation(value, names[0])
        # as three products: OpenVINO makes one kernel of attention with its transpositions, but not of a Split before
        query, key, values = (
            builder.node("Transpose", [builder.node("Reshape", [builder.linear(rounded, name), split])], perm=order)
            for name, order in zip(names, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True)
        )
        attention = builder.node("Mul", [builder.node("MatMul", [query, key]), scale])
        attention = builder.node("Softmax", [builder.node("Add", [attention, mask])], axis=-1)
        attended = builder.node("Transpose", [builder.node("MatMul", [attention, values])], perm=[0, 2, 1, 3])
        attended = builder.node("Reshape", [attended, whole_shape])
        dense, norm = f"{layer}.attention.output.dense", f"{layer}.attention.output.LayerNorm"
        attended = builder.linear(builder.activation(attended, dense), dense)
        value = builder.norm(builder.node("Add", [attended, value]), norm, epsilon)
        dense = f"{layer}.intermediate.dense"
        inside = builder.linear(builder.activation(value, dense), dense)
        if activation(config) == "relu":
            inside = builder.node("Relu", [inside])
        else:
            # the form of GELU that OpenVINO knows
            error = builder.node("Add", [builder.node("Erf", [builder.node("Mul", [inside, root])]), whole])
            inside = builder.node("Mul", [builder.node("Mul", [inside, error]), half])
        dense, norm = f"{layer}.output.dense", f"{layer}.output.LayerNorm"
        # both give next to nothing below nought: half of the steps would be lost
        inside = builder.linear(builder.activation(inside, dense, symmetric=False), dense)
        value = builder.norm(builder.node("Add", [inside, value]), norm, epsilon)
    builder.classifier(value)
    builder.save(folder.path / OPENVINO_GRAPH, "token classifier, int8, for OpenVINO", ["input_ids", "attention_mask"])
