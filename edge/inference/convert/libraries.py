"""The converter's libraries, imported where they are used: a terminal does without them."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from edge.errors import ModelError


def tensorflow() -> Any:
    """Raises ModelError where it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    return _module("tensorflow")


def onnx() -> Any:
    """Raises ModelError where it is not installed."""
    _module("onnx.reference")
    return _module("onnx")


def onnxruntime() -> Any:
    """Raises ModelError where it is not installed."""
    return _module("onnxruntime")


def inference_session(content: bytes) -> Any:
    """onnxruntime on an ONNX file, the same on every processor. Raises ModelError where it is not installed.

    Left to itself it makes integer kernels of learned ranges, and those saturate between two products on processors
    with AVX2 and no VNNI: some outputs are whole steps off there. Without them it computes the ranges as they are
    written, in float32.
    """
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _module(name: str) -> Any:
    try:
        if name in sys.modules:
            return sys.modules[name]
        with quiet():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"converting a network needs {error.name}, which is not installed",
            remedy="pip install 'livegate[convert]'",
        ) from error
    except (ImportError, AttributeError, OSError, TypeError) as error:
        raise ModelError(
            f"{name} is installed and does not load: {' '.join(str(error).split())}",
            remedy="pip install 'livegate[convert]' into an environment of its own",
        ) from error


@contextmanager
def quiet() -> Iterator[Callable[[], str]]:
    """The converter's libraries write pages to the process's stderr; what they wrote last can be asked for."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as noise, warnings.catch_warnings():
        warnings.simplefilter("ignore")

        def said() -> str:
            noise.seek(0)
            return " ".join(noise.read().decode(errors="replace").split())[-300:]

        try:
            os.dup2(noise.fileno(), 2)
            yield said
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
