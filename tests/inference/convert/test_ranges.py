"""Networks that were trained with quantization keep their ranges and compute the same."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import ModelError
from edge.inference.convert import compare
from edge.inference.convert.network import FAKE_QUANTIZE, Network, network_from
from edge.inference.convert.ranges import check_ranges
from edge.inference.convert.rebuild import rebuild
from edge.inference.convert.tflite import Precision, converted
from edge.inference.runtime import Interpreter, find_runtime
from tests.inference.convert.graphs import (
    SIDE,
    Graph,
    model,
    random,
    run_onnx,
    skip_module_without_converter,
    whole,
)

skip_module_without_converter()


def tflite_outputs(content: bytes, pictures: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(content, find_runtime(), threads=1, name="made.tflite")
    outputs = []
    for picture in pictures:
        interpreter.input_view(interpreter.inputs[0])[0] = picture
        interpreter.invoke()
        outputs.append(interpreter.output(interpreter.outputs[0]))
    return np.concatenate(outputs)


def smooth_pictures(count: int) -> np.ndarray:
    rng = np.random.default_rng(11)
    coarse = rng.integers(0, 256, (count, SIDE // 4, SIDE // 4, 3))
    return coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)


def noisy_pictures(count: int) -> np.ndarray:
    return np.random.default_rng(12).integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.uint8)


def learned(network: Network) -> bytes:
    check_ranges(network)
    return converted(rebuild(network), Precision.LEARNED)


@pytest.fixture(scope="module")
def source() -> bytes:
    return whole().content()


@pytest.fixture(scope="module")
def made(source) -> bytes:
    return learned(network_from(source, "whole.onnx"))


def test_every_scale_of_the_onnx_file_is_in_the_tflite_file(source, made):
    network = network_from(source, "whole.onnx")
    ranges = sum(n.op == FAKE_QUANTIZE for n in network.nodes)
    assert ranges == 16
    assert compare.check_learned(network, made, find_runtime()) == ranges + 7


def test_a_lost_scale_is_noticed(source, made):
    other = Graph().range("picture", "p", 0, 1).range("p", "result", 0, 0.7).content()
    with pytest.raises(ModelError, match="lost the ranges of p"):
        compare.check_learned(network_from(other, "other.onnx"), made, find_runtime())


def test_pixels_go_in_as_they_are(made):
    given = Interpreter(made, find_runtime(), threads=1, name="made.tflite").inputs[0]
    assert given.dtype == np.uint8
    assert given.quantization is not None
    assert (given.quantization.scale, given.quantization.zero_point) == (pytest.approx(1 / 255), 0)


@pytest.mark.parametrize("pictures", [smooth_pictures(40), noisy_pictures(40)], ids=["smooth", "noisy"])
def test_the_file_computes_what_onnxruntime_computes(source, made, pictures):
    fed = (pictures / np.float32(255)).astype(np.float32).transpose(0, 3, 1, 2)
    wanted = np.concatenate([run_onnx(source, one[None]) for one in fed])
    steps = np.abs(tflite_outputs(made, pictures) - wanted) / (12.7 / 255)
    assert steps.max() < 2.5
    assert steps.mean() < 0.5
    assert wanted.std() > 0.2  # else it would show nothing


def test_learned_weight_scales_are_kept_where_they_cut_off(source):
    g = Graph().range("picture", "p", 0, 1).layer("c", "p", random(4, 3, 3, 3))
    g.constants["c.w.scale"] = g.constants["c.w.scale"] * np.float32(0.5)
    g.range("c", "result", -9, 9)
    network = network_from(g.content(), "cut.onnx")
    assert compare.check_learned(network, learned(network), find_runtime()) == 3


def test_ranges_in_int8_are_the_same_as_in_uint8():
    g = Graph().range("picture", "p", 0, 1).layer("c", "p", random(4, 3, 3, 3)).range("c", "result", -9, 9)
    wanted = learned(network_from(g.content(), "uint8.onnx"))
    for name in ("p", "result"):
        g.constants[f"{name}.zero"] = np.int8(int(g.constants[f"{name}.zero"]) - 128)
    assert learned(network_from(g.content(), "int8.onnx")) == wanted


def test_weights_quantized_by_nodes_are_read_like_stored_ones():
    """torch.onnx writes float weights with QuantizeLinear behind them, and works their scale out in the graph."""
    weights = random(4, 3, 3, 3)
    g = Graph().range("picture", "p", 0, 1)
    g.constants |= {"w": weights, "most": np.float32(127), "z": np.zeros(4, np.int8)}
    g.add("Abs", ["w"], "abs").add("ReduceMax", ["abs"], "peak", axes=[1, 2, 3], keepdims=0)
    g.add("Div", ["peak", "most"], "s")
    g.add("QuantizeLinear", ["w", "s", "z"], "stored", axis=0).add(
        "DequantizeLinear", ["stored", "s", "z"], "v", axis=0
    )
    g.add("Conv", ["p", "v"], "c").range("c", "result", -9, 9)
    network = network_from(g.content(), "nodes.onnx")
    (steps,) = network.quantized.values()
    np.testing.assert_allclose(steps.scale, np.abs(weights).max(axis=(1, 2, 3)) / 127, rtol=1e-6)
    assert compare.check_learned(network, learned(network), find_runtime()) == 3


def without(graph: Graph, name: str) -> bytes:
    """The graph without the range that gives ``name``."""
    gone = {f"{name}.stored", name}
    source = next(n.input[0] for n in graph.nodes if n.output[0] == f"{name}.stored")
    left = [n for n in graph.nodes if n.output[0] not in gone]
    for n in left:
        n.input[:] = [source if given == name else given for given in n.input]
    return model(left, graph.constants)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("p", "for the picture, before Conv Conv_c1"),
        ("q1", "no range behind Conv Conv_c1"),
        ("q2", "no range behind Mul Mul_m1"),
        ("q4", "no range behind Add Add_s1"),
        ("q6", "no range before LeakyRelu LeakyRelu_l1"),
        ("q9", "no range behind GlobalAveragePool"),
    ],
)
def test_a_missing_range_is_named(name, place):
    with pytest.raises(ModelError, match=place):
        check_ranges(network_from(without(whole(), name), "part.onnx"))


def test_a_sigmoid_needs_no_range_of_its_own():
    network = network_from(without(whole(), "q12"), "sigmoid.onnx")
    assert compare.check_learned(network, learned(network), find_runtime()) == 22


def test_weights_without_scales_and_dense_layers_with_many_are_named():
    g = Graph().range("picture", "p", 0, 1).add("GlobalAveragePool", ["p"], "g").range("g", "q", 0, 1)
    g.add("Flatten", ["q"], "f").weights("w", random(2, 3))
    many = g.add("Gemm", ["f", "w"], "d", transB=1).range("d", "result", -1, 1).content()
    with pytest.raises(ModelError, match="the weights of Gemm Gemm_d have several scales"):
        check_ranges(network_from(many, "many.onnx"))
    g = Graph().range("picture", "p", 0, 1)
    g.constants["w"] = random(4, 3, 1, 1)
    bare = g.add("Conv", ["p", "w"], "c").range("c", "result", -9, 9).content()
    with pytest.raises(ModelError, match="the weights of Conv Conv_c are not quantized"):
        check_ranges(network_from(bare, "bare.onnx"))


def test_a_factor_between_the_picture_and_the_first_layer_is_refused():
    """TFLite would fold it into weights whose scale was learned without it."""
    g = Graph().range("picture", "p", 0, 255)
    g.constants["k"] = np.float32(1 / 255)
    g.add("Mul", ["p", "k"], "x").layer("c", "x", random(4, 3, 3, 3)).range("c", "result", -9, 9)
    with pytest.raises(ModelError, match="no range behind Mul Mul_x"):
        check_ranges(network_from(g.content(), "factor.onnx"))


def test_normalization_behind_quantized_weights_is_refused():
    g = Graph().range("picture", "p", 0, 1).layer("c", "p", random(4, 3, 3, 3))
    g.constants |= {k: np.abs(random(4, seed=9)) + np.float32(1) for k in "gsmv"}
    g.add("BatchNormalization", ["c", "g", "s", "m", "v"], "n").range("n", "result", -9, 9)
    with pytest.raises(ModelError, match="fold it into the convolution"):
        network_from(g.content(), "unfolded.onnx")


@pytest.mark.parametrize("damage", [0.0, -1.0, np.nan, np.inf])
def test_a_scale_that_is_none_is_refused(damage):
    g = Graph().range("picture", "p", 0, 1).layer("c", "p", random(4, 3, 3, 3)).range("c", "result", -9, 9)
    g.constants["result.scale"] = np.float32(damage)
    with pytest.raises(ModelError, match="with scale"):
        network_from(g.content(), "damaged.onnx")


def test_a_hard_swish_keeps_the_ranges_around_it():
    g = Graph().range("picture", "p", 0, 1).layer("c", "p", random(4, 3, 3, 3, scale=0.5)).range("c", "q", -3, 3)
    g.add("HardSwish", ["q"], "h").range("h", "result", -0.375, 3)
    network = network_from(model(g.nodes, g.constants, opset=14), "swish.onnx")
    assert compare.check_learned(network, learned(network), find_runtime()) == 4
