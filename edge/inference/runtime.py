"""The TFLite interpreter, from whichever runtime is installed.

LiteRT (``ai_edge_litert``) comes first: tflite-runtime 2.14, the last of its line, has no XNNPACK delegate
for int8 graphs and runs them an order of magnitude slower. It stays for 32-bit and older boards.
"""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.config.choices import RuntimeChoice
from edge.errors import ModelError


@dataclass(frozen=True, slots=True)
class Runtime:
    """An installed runtime. ``distribution`` and ``version`` are the Python package's."""

    choice: RuntimeChoice
    distribution: str
    version: str
    interpreter_class: Any

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class Quantization:
    """real = (stored - zero_point) * scale."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor as the file declares it. ``quantization`` is None for float tensors."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    quantization: Quantization | None


class WrongThreadError(RuntimeError):
    """An interpreter was used outside the thread that made it: a programmer's error."""


_MODULES = {
    RuntimeChoice.LITERT: ("ai_edge_litert.interpreter", "ai-edge-litert"),
    RuntimeChoice.TFLITE_RUNTIME: ("tflite_runtime.interpreter", "tflite-runtime"),
}


def find_runtime(choice: RuntimeChoice = RuntimeChoice.AUTO) -> Runtime:
    """Raises ModelError when the runtime asked for, or for ``auto`` any at all, is not usable."""
    if choice is not RuntimeChoice.AUTO:
        return _import_runtime(choice)
    try:
        return _import_runtime(RuntimeChoice.LITERT)
    except ModelError as litert:
        try:
            return _import_runtime(RuntimeChoice.TFLITE_RUNTIME)
        except ModelError as tflite:
            raise ModelError(
                f"no TFLite runtime is usable: {litert.what}; {tflite.what}",
                remedy="pip install ai-edge-litert, or on 32-bit boards 'livegate[tflite-runtime]'",
            ) from tflite


def _import_runtime(choice: RuntimeChoice) -> Runtime:
    module, distribution = _MODULES[choice]
    if choice is RuntimeChoice.TFLITE_RUNTIME and _numpy_major() > 1:
        # It imports with numpy 2 and dies only when the first interpreter is made.
        raise ModelError(
            f"tflite-runtime does not work with numpy {np.__version__}",
            remedy="pip install 'numpy<2', or use LiteRT",
        )
    try:
        interpreter_class = importlib.import_module(module).Interpreter
    except ModuleNotFoundError as error:
        raise ModelError(f"{distribution} is not installed", remedy=f"pip install {distribution}") from error
    except (ImportError, AttributeError, OSError) as error:
        raise ModelError(
            f"{distribution} is installed and does not load: {error}", remedy=f"reinstall {distribution}"
        ) from error
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        version = "unknown"
    return Runtime(choice, distribution, version, interpreter_class)


def _numpy_major() -> int:
    return int(np.__version__.split(".", 1)[0])


class Interpreter:
    """One model in memory, used by the thread that made it and no other.

    content: the whole ``.tflite``; held, so that what was verified is what runs.
    Raises ModelError when the runtime refuses the file.
    """

    def __init__(self, content: bytes, runtime: Runtime, *, threads: int, name: str) -> None:
        self._owner = threading.get_ident()
        self._name = name
        try:
            self._interpreter = runtime.interpreter_class(model_content=content, num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{name}: {runtime} cannot load the file: {' '.join(str(error).split())}",
                remedy="the file is damaged or needs operators that this runtime does not have",
            ) from error
        self.inputs = tuple(_spec(d) for d in self._interpreter.get_input_details())
        self.outputs = tuple(_spec(d) for d in self._interpreter.get_output_details())

    def input_view(self, spec: TensorSpec) -> NDArray[Any]:
        """The input's own memory. Let go of it before ``invoke``."""
        self._check_thread()
        view: NDArray[Any] = self._interpreter.tensor(spec.index)()
        return view

    def invoke(self) -> None:
        """Raises ModelError when the runtime fails."""
        self._check_thread()
        try:
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"{self._name} failed while running: {' '.join(str(error).split())}",
                remedy="verify the models, or try the other runtime",
            ) from error

    def output(self, spec: TensorSpec) -> NDArray[Any]:
        """A copy, as stored: still quantized where the file is."""
        self._check_thread()
        copy: NDArray[Any] = self._interpreter.get_tensor(spec.index)
        return copy

    def _check_thread(self) -> None:
        if threading.get_ident() != self._owner:
            raise WrongThreadError(f"{self._name} belongs to the thread that loaded it; load another in this one")


def _spec(details: dict[str, Any]) -> TensorSpec:
    scale, zero_point = details["quantization"]
    return TensorSpec(
        index=int(details["index"]),
        name=str(details["name"]),
        shape=tuple(int(n) for n in details["shape"]),
        dtype=np.dtype(details["dtype"]),
        quantization=Quantization(float(scale), int(zero_point)) if scale else None,
    )
