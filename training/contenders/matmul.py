"""The rate at which this machine multiplies matrices: int8 by the operator of our graph, bf16 and fp32 by torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from bangfu.training import bf16

# Tokens of a full batch, and of a product large enough that nothing but multiplying counts.
_ROWS = 4096
_SQUARE = 2048
_SECONDS = 0.1
Product = Callable[[], object]
Shape = tuple[int, int, int]  # rows, in, out


def load(
    matrices: list[list[int]], threads: int, rows: int = _ROWS, square: int = _SQUARE, seconds: float = _SECONDS
) -> tuple[dict[str, Any], Callable[[list[str]], dict[str, dict[str, float]]]]:
    """Products of ``rows`` by each of ``matrices`` [in, out], and of ``square`` ones; gives operations a second.

    Of each product the fastest of the runs that fit ``seconds`` counts. There is no rate of bf16 where a CPU has none.
    """
    torch.set_num_threads(threads)
    kinds: dict[str, Callable[[Shape], Product]] = {
        "int8": lambda shape: _int8(shape, threads),
        "fp32": lambda shape: _torch(shape, torch.float32),
    }
    if bf16.of_cpu():  # a CPU without it would take minutes for each
        kinds["bf16"] = lambda shape: _torch(shape, torch.bfloat16)
    groups: dict[str, list[Shape]] = {
        "model": [(rows, inside, outside) for inside, outside in matrices],
        "square": [(square, square, square)],
    }
    products = {
        kind: {name: [(shape, make(shape)) for shape in shapes] for name, shapes in groups.items()}
        for kind, make in kinds.items()
    }

    def work(texts: list[str]) -> dict[str, dict[str, float]]:
        return {
            kind: {name: _rate(some, seconds) for name, some in by_name.items()} for kind, by_name in products.items()
        }

    return {"name": "matmul", "versions": {"torch": torch.__version__}, "files": []}, work


def _rate(products: Sequence[tuple[Shape, Product]], seconds: float) -> float:
    operations = sum(2 * rows * inside * outside for (rows, inside, outside), _ in products)
    return operations / sum(_fastest(product, seconds) for _, product in products)


def _fastest(product: Product, seconds: float) -> float:
    product()
    times: list[float] = []
    while sum(times) < seconds:
        began = time.perf_counter()
        product()
        times.append(time.perf_counter() - began)
    return min(times)


def _torch(shape: Shape, kind: torch.dtype) -> Product:
    rows, inside, outside = shape
    left, right = torch.randn(rows, inside).to(kind), torch.randn(inside, outside).to(kind)
    result = torch.empty(rows, outside, dtype=kind)
    return lambda: torch.matmul(left, right, out=result)


def _int8(shape: Shape, threads: int) -> Product:
    rows, inside, outside = shape
    random = np.random.default_rng(0)
    constants: dict[str, npt.NDArray[Any]] = {
        "weights": random.integers(-127, 128, (inside, outside)).astype(np.int8),
        "scale": np.array(0.02, dtype=np.float32),
        "scales": np.full(outside, 0.01, dtype=np.float32),
        "zero": np.array(128, dtype=np.uint8),
        "zeros": np.zeros(outside, dtype=np.int8),
        "biases": np.zeros(outside, dtype=np.float32),
    }
    node = helper.make_node(
        "MatMulIntegerToFloat",
        ["input", "weights", "scale", "scales", "zero", "zeros", "biases"],
        ["output"],
        domain="com.microsoft",
    )
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("input", TensorProto.UINT8, [rows, inside])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [rows, outside])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=versions, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    values = random.integers(0, 256, (rows, inside)).astype(np.uint8)
    # the result stays where it is, as between the layers of a model
    binding = session.io_binding()
    binding.bind_cpu_input("input", values)
    binding.bind_ortvalue_output(
        "output", onnxruntime.OrtValue.ortvalue_from_shape_and_type([rows, outside], np.float32)
    )
    return lambda: session.run_with_iobinding(binding)
