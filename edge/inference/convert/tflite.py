"""TensorFlow's converter, kept quiet."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from edge.errors import ModelError
from edge.inference.convert import libraries
from edge.inference.convert.network import Array


class Precision(StrEnum):
    """What the file computes in.

    float32: everything. weights: weights kept in int8, computed in float32. calibrated: all int8, ranges from
    crops. learned: all int8, with the ranges that the network carries.
    """

    FLOAT32 = "float32"
    WEIGHTS = "weights"
    CALIBRATED = "calibrated"
    LEARNED = "learned"


def converted(function: Any, precision: Precision = Precision.FLOAT32, calibration: Array | None = None) -> bytes:
    """The ``.tflite``: float32 in and out; of the two int8 kinds uint8 in and float32 out.

    calibration: (n, height, width, 3) float32, as the function is fed. Raises ModelError where TensorFlow refuses.
    """
    tf = libraries.tensorflow()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
    if precision is not Precision.FLOAT32:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        # Runtimes before LiteRT have no kernel for a dense layer with one scale for each channel.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if precision is Precision.CALIBRATED:
        if calibration is None:
            raise ValueError("calibration needs crops")
        converter.representative_dataset = lambda: ([crop[None]] for crop in calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if precision in {Precision.CALIBRATED, Precision.LEARNED}:
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32
    with libraries.quiet() as said:
        try:
            content: bytes = converter.convert()
        except Exception as error:  # the converter has no family of errors of its own
            reason = " ".join(str(error).split())[-300:]
            raise ModelError(
                f"TensorFlow {tf.__version__} could not convert the network: {reason} {said()}".rstrip(),
                remedy="try --weights-only, or write the network with simpler operators",
            ) from error
    return content
