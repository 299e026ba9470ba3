"""ONNX networks to TFLite files: read, equalize, rebuild with the channels last, quantize, check.

Needs the extra ``convert``; nothing of it runs on a terminal. ``network`` reads an ONNX file, ``equalize`` and
``quantized`` prepare one for int8, ``rebuild`` writes it in TensorFlow, ``tflite`` converts that.
"""
