"""What the graphs that are written node by node have in common: a BERT's embeddings, norms and last layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from bangfu.labels.atomic_file import replaced
from bangfu.training import stored_weights
from bangfu.training.activation_ranges import Ranges

_OPSET, _IR = 17, 9
FUSED = "com.microsoft"
Array = npt.NDArray[np.float32]


def steps(matrix: Array) -> Array:
    """The scales of 8-bit integers for a matrix [in, out], one for each output.

    No two neighbours of one sign come to more than 128: a CPU without VNNI adds the products of two neighbours in 16
    bits, and 255 times more than 128 is cut off there, so that answers would depend on the CPU (onnxruntime, "Quantize
    ONNX Models": saturation of U8S8). Scales are rounded up to seven bits: the integers hardly change, and such scales
    pack to a third.
    """
    pairs = np.pad(matrix, ((0, len(matrix) % 2), (0, 0))).reshape(-1, 2, matrix.shape[1])
    most = np.maximum(np.maximum(pairs, 0).sum(axis=1), np.maximum(-pairs, 0).sum(axis=1)).max(axis=0)
    # each of two is rounded by half a step at most
    fractions, exponents = np.frexp(np.maximum(most / 127, 1e-8))
    scales: Array = np.ldexp(np.ceil(fractions * 128) / 128, exponents).astype(np.float32)
    return scales


def activation(config: Mapping[str, int | float | str]) -> str:
    """The activation that a BERT's config.json names, or its default."""
    return str(config.get("hidden_act", "gelu"))


class GraphBuilder:
    """Collects the nodes and weights of a graph; each method gives the name of a value.

    ``ranges`` tell what enters each linear layer, ``file`` is the safetensors file of the weights.
    """

    def __init__(self, file: Path, ranges: Ranges) -> None:
        self._file, self.ranges = file, ranges
        self.weights: dict[str, Array] = load_file(file)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], outputs: Sequence[str] = (), domain: str = "", **more: Any) -> str:
        outputs = outputs or [f"value{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **more))
        return outputs[0]

    def weight(self, name: str) -> str:
        """A vector of the safetensors file as fp32."""
        return self.node("Cast", [self.stored(name)], to=TensorProto.FLOAT)

    def stored(self, name: str) -> str:
        """A weight that stays in the safetensors file, in the type it has there."""
        self.initializers.append(stored_weights.reference(self._file, name, name))
        return name

    def transposed(self, name: str) -> str:
        """A matrix of the safetensors file as fp32 [in, out]."""
        return self.node("Transpose", [self.node("Cast", [self.stored(name)], to=TensorProto.FLOAT)], perm=[1, 0])

    def embeddings(self) -> str:
        """Words, positions and the first kind of token of ``input_ids`` [batch, tokens], summed."""
        positions = self.stored("bert.embeddings.position_embeddings.weight")
        positions = self.node("Cast", [positions], to=TensorProto.FLOAT)
        # the kinds of token are not used: all are of the first
        kinds = self.weights["bert.embeddings.token_type_embeddings.weight"]
        positions = self.node("Add", [positions, self.constant("kind", kinds[0].astype(np.float32))])
        shape = self.node("Shape", ["input_ids"])
        one, two = (self.constant(name, np.array([value])) for name, value in (("one", 1), ("two", 2)))
        length = self.node("Slice", [shape, one, two])
        zero = self.constant("zero", np.array([0]))
        place = self.node("Slice", [positions, zero, length, zero])
        words = self.stored("bert.embeddings.word_embeddings.weight")
        word = self.node("Cast", [self.node("Gather", [words, "input_ids"])], to=TensorProto.FLOAT)
        return self.node("Add", [word, place])

    def norm(self, value: str, norm: str, epsilon: float) -> str:
        inputs = [value, self.weight(f"{norm}.weight"), self.weight(f"{norm}.bias")]
        return self.node("LayerNormalization", inputs, axis=-1, epsilon=epsilon)

    def classifier(self, value: str) -> None:
        # the last layer is small and decides: it is not quantised
        matrix = self.constant("classifier.matrix", self.weights["classifier.weight"].T.astype(np.float32))
        self.node("Add", [self.node("MatMul", [value, matrix]), self.weight("classifier.bias")], ["logits"])

    def save(self, file: Path, called: str, inputs: Sequence[str]) -> None:
        """Write the graph of ``inputs`` [batch, tokens] to ``logits`` [batch, tokens, tags]."""
        shape, tags = ["batch", "tokens"], len(self.weights["classifier.bias"])
        graph = helper.make_graph(
            self.nodes,
            called,
            [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in inputs],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [*shape, tags])],
            self.initializers,
        )
        versions = [helper.make_opsetid("", _OPSET), helper.make_opsetid(FUSED, 1)]
        with replaced(file) as partial:
            onnx.save_model(helper.make_model(graph, opset_imports=versions, ir_version=_IR), str(partial))
