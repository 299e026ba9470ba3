"""ONNX files that are damaged, hostile, or hold what cannot be converted."""

from __future__ import annotations

import numpy as np
import pytest

from edge.errors import ModelError
from edge.inference.convert import libraries
from edge.inference.convert.network import network_from, read_network
from edge.inference.convert.rebuild import rebuild
from tests.inference.convert.graphs import model, network, node, random, skip_module_without_converter

skip_module_without_converter()

SOUND = [("Relu", ["picture"], "x"), ("Relu", ["x"], "result")]


def sound() -> bytes:
    return model([node(*n) for n in SOUND], {})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx cannot be read"):
        read_network(tmp_path / "gone.onnx")


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x08\x08\x12", bytes(range(256))])
def test_bytes_that_are_no_network_are_refused(content):
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        network_from(content, "bad.onnx")


def test_a_file_cut_or_changed_anywhere_is_read_or_refused_and_never_a_fault():
    whole = model([node("Conv", ["picture", "w"], "x"), node("Flatten", ["x"], "result")], {"w": random(2, 3, 1, 1)})
    rng = np.random.default_rng(5)
    refused = 0
    for trial in range(300):
        content = bytearray(whole)
        if trial % 3:
            for place in rng.integers(0, len(whole), 3):
                content[place] = rng.integers(0, 256)
        else:
            del content[rng.integers(1, len(whole)) :]
        try:
            network_from(bytes(content), "changed.onnx")
        except ModelError:
            refused += 1
    assert refused > 100


def test_unsupported_operators_are_named_with_their_number():
    nodes = [
        node("Relu", ["picture"], "x"),
        node("Erf", ["x"], "y"),
        node("Erf", ["y"], "z"),
        node("Einsum", ["z"], "result", equation="abcd->abcd"),
    ]
    with pytest.raises(ModelError, match=r"Einsum \(1\), Erf \(2\)") as caught:
        network(nodes, {})
    assert "HardSwish" in caught.value.remedy


def test_operators_of_another_domain_are_named():
    nodes = [node("Relu", ["picture"], "x"), node("Relu", ["x"], "result")]
    nodes[1].domain = "com.example"
    onnx = libraries.onnx()
    made = onnx.load_model_from_string(sound())
    made.graph.node[1].domain = "com.example"
    made.opset_import.append(onnx.helper.make_opsetid("com.example", 1))
    with pytest.raises(ModelError, match=r"com\.example\.Relu \(1\)"):
        network_from(made.SerializeToString(), "foreign.onnx")


def test_a_network_in_integer_operators_is_told_to_come_in_pairs():
    onnx = libraries.onnx()
    made = onnx.load_model_from_string(sound())
    made.graph.node[0].op_type = "QLinearMatMul"
    for name in ("a", "b", "c", "d", "e", "f", "g"):
        made.graph.node[0].input.append(name)
        made.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1), name))
    with pytest.raises(ModelError) as caught:
        network_from(made.SerializeToString(), "integers.onnx")
    assert caught.value.what


def test_branches_and_loops_are_refused():
    onnx = libraries.onnx()
    branch = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["picture"], ["y"])],
        "branch",
        [],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 3, 16, 16])],
    )
    nodes = [node("If", ["yes"], "x", then_branch=branch, else_branch=branch), node("Relu", ["x"], "result")]
    with pytest.raises(ModelError, match=r"If \(1\)"):
        network(nodes, {"yes": np.array(True)})


@pytest.mark.parametrize(
    "shape", [[1, 1, 16, 16], [4, 3, 16, 16], [1, 3, "height", "width"], [1, 16, 16, 3], [1, 3, 16]]
)
def test_another_input_than_one_picture_is_refused(shape):
    onnx = libraries.onnx()
    made = onnx.load_model_from_string(sound())
    made.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, shape))
    del made.graph.output[0].type.tensor_type.shape.dim[:]
    with pytest.raises(ModelError, match="takes "):
        network_from(made.SerializeToString(), "other.onnx")


def test_two_outputs_are_refused():
    onnx = libraries.onnx()
    made = onnx.load_model_from_string(sound())
    made.graph.output.append(onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 16, 16]))
    with pytest.raises(ModelError, match="1 inputs and 2 outputs"):
        network_from(made.SerializeToString(), "two.onnx")


def test_weights_in_another_file_are_refused_and_that_file_is_not_opened():
    onnx = libraries.onnx()
    made = onnx.load_model_from_string(model([node("Conv", ["picture", "w"], "result")], {"w": random(2, 3, 1, 1)}))
    onnx.external_data_helper.set_external_data(made.graph.initializer[0], "/etc/passwd")
    made.graph.initializer[0].ClearField("raw_data")
    with pytest.raises(ModelError, match="another file"):
        network_from(made.SerializeToString(), "outside.onnx")


def test_a_network_that_would_need_all_memory_is_refused_before_it_takes_any():
    vast = np.array([0, 0, 100_000, 100_000, 0, 0, 100_000, 100_000], np.int64)
    with pytest.raises(ModelError, match="would hold"):
        network([node("Pad", ["picture", "pads"], "result")], {"pads": vast})


def test_constants_that_double_and_double_are_refused_before_they_are_worked_out():
    nodes = [node("Concat", [f"c{n}", f"c{n}"], f"c{n + 1}", axis=0) for n in range(40)]
    nodes.append(node("ReduceMean", ["c40"], "mean", keepdims=0))
    nodes.append(node("Add", ["picture", "mean"], "result"))
    with pytest.raises(ModelError, match="would hold"):
        network(nodes, {"c0": random(1000)})


def test_an_output_that_the_picture_does_not_reach_is_refused():
    nodes = [node("Relu", ["picture"], "x"), node("Neg", ["c"], "result")]
    with pytest.raises(ModelError, match="does not depend on its input"):
        network(nodes, {"c": random(1, 3)})


def test_what_cannot_be_written_is_named_with_its_node():
    with pytest.raises(ModelError, match="Softmax Softmax_result does not go over the classes"):
        rebuild(network([node("Softmax", ["picture"], "result", axis=2)], {}))
    with pytest.raises(ModelError, match="MatMul MatMul_result"):
        rebuild(network([node("MatMul", ["picture", "picture"], "result")], {}))
