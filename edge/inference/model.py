"""One verified model: pixels in, numbers out."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.inference.manifest import InstalledModel, Manifest
from edge.inference.runtime import Interpreter, Runtime, TensorSpec

_IDENTIFIER = slice(4, 8)
_REINSTALL = "reinstall the models; for a model of your own correct its manifest (docs/models.md)"


class LoadedModel:
    """A model whose file, shapes and golden outputs are as its manifest says. Belongs to one thread."""

    def __init__(self, installed: InstalledModel, runtime: Runtime, *, threads: int = 1, verify: bool = True) -> None:
        """Read, check and load.

        verify: False leaves out the golden vectors; hash and shapes are always checked.
        Raises ModelError when anything is not as the manifest says.
        """
        self.manifest: Manifest = installed.manifest
        content = _read(installed)
        self._interpreter = Interpreter(content, runtime, threads=threads, name=str(installed.model_path))
        self._input = self._check_input(installed)
        self._outputs = self._check_outputs(installed)
        self._table = self._pixel_table()
        self._scale = np.asarray(self.manifest.input.scale, np.float32)
        self._offset = np.asarray(self.manifest.input.offset, np.float32)
        self._has_seen = False
        if verify:
            self._check_golden(installed)

    @property
    def id(self) -> str:
        """The manifest's."""
        return self.manifest.id

    @property
    def sha256(self) -> str:
        """Of the file that runs, hex."""
        return self.manifest.sha256

    def run(self, image_hwc: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        """One inference.

        image_hwc: (height, width, 3) uint8 of the manifest's input size, in the colour order
        ``manifest.input.colour``; cropped by ``manifest.crop``. Need not be contiguous.
        Returns copies of the outputs in the manifest's order and shapes, float32, dequantized.
        Raises ValueError for another shape or dtype, WrongThreadError in another thread, ModelError when the
        runtime fails.
        """
        expected = self.manifest.input.shape[1:]
        if image_hwc.shape != expected or image_hwc.dtype != np.uint8:
            raise ValueError(f"{self.id} takes {expected} uint8, not {image_hwc.shape} {image_hwc.dtype}")
        self._has_seen = True
        self._fill(image_hwc)
        self._interpreter.invoke()
        return tuple(_dequantized(self._interpreter.output(spec), spec) for spec in self._outputs)

    def forget(self) -> None:
        """Overwrites the picture of the last ``run``, and what the network made of it, by a run on an even one, which
        costs as much. Does nothing where there was no run since. Raises as ``run`` does.
        """
        if self._has_seen:
            self._interpreter.input_view(self._input).fill(0)
            self._interpreter.invoke()
            self._has_seen = False

    def invoke_raw(self) -> None:
        """The bare interpreter on the input of the last ``run``, for benchmarks."""
        self._interpreter.invoke()

    def _fill(self, image: NDArray[np.uint8]) -> None:
        # Straight into the input: numpy makes a copy on the way where it looks up, and where it converts to multiply.
        target = self._interpreter.input_view(self._input)[0]
        if self._table is not None:
            cv2.LUT(image, self._table, dst=target)
            return
        target[:] = image
        if self._input.quantization is None:
            target *= self._scale
            if self._offset.any():
                target += self._offset

    def _pixel_table(self) -> NDArray[Any] | None:
        """(1, 256, 3) of input values by pixel, for quantized inputs that do not store the pixels themselves."""
        quantization = self._input.quantization
        if quantization is None:
            return None
        pixels = np.arange(256, dtype=np.float64)
        scale = np.broadcast_to(np.asarray(self.manifest.input.scale, np.float64), 3)
        offset = np.broadcast_to(np.asarray(self.manifest.input.offset, np.float64), 3)
        real = pixels[None, :] * scale[:, None] + offset[:, None]
        info = np.iinfo(self._input.dtype)
        stored = np.clip(np.rint(real / quantization.scale) + quantization.zero_point, info.min, info.max)
        if self._input.dtype == np.uint8 and np.array_equal(stored, np.broadcast_to(pixels, stored.shape)):
            return None
        table: NDArray[Any] = np.ascontiguousarray(stored.T[None].astype(self._input.dtype))
        return table

    def _check_input(self, installed: InstalledModel) -> TensorSpec:
        wanted = self.manifest.input
        inputs = self._interpreter.inputs
        if len(inputs) != 1:
            raise _refused(installed, f"has {len(inputs)} inputs; one image input is supported")
        spec = inputs[0]
        if spec.shape != wanted.shape or spec.dtype != np.dtype(wanted.dtype.value):
            raise _refused(
                installed,
                f"takes {spec.shape} {spec.dtype}, its manifest says {tuple(wanted.shape)} {wanted.dtype}",
            )
        if spec.dtype != np.float32 and spec.quantization is None:
            raise _refused(installed, f"has a {spec.dtype} input without quantization parameters")
        return spec

    def _check_outputs(self, installed: InstalledModel) -> tuple[TensorSpec, ...]:
        wanted = self.manifest.outputs
        have = self._interpreter.outputs
        if len(have) != len(wanted):
            raise _refused(installed, f"has {len(have)} outputs, its manifest {len(wanted)}")
        chosen = []
        for position, output in enumerate(wanted):
            named = [spec for spec in have if spec.name == output.name] if output.name else [have[position]]
            if not named:
                names = ", ".join(spec.name for spec in have)
                raise _refused(installed, f"has no output {output.name}; it has {names}")
            spec = named[0]
            if spec.shape != output.shape:
                raise _refused(installed, f"gives {output.meaning} as {spec.shape}, its manifest says {output.shape}")
            if spec.dtype != np.float32 and spec.quantization is None:
                raise _refused(installed, f"gives {output.meaning} as {spec.dtype} without quantization parameters")
            chosen.append(spec)
        return tuple(chosen)

    def _check_golden(self, installed: InstalledModel) -> None:
        golden, path = self.manifest.golden, installed.golden_path
        if golden is None or path is None:
            return
        vectors = _read_golden(installed)
        count = sum(name.startswith("input_") for name in vectors)
        try:
            pairs = [
                (vectors[f"input_{n}"], [vectors[f"output_{n}_{o}"] for o in range(len(self._outputs))])
                for n in range(count)
            ]
        except KeyError as error:
            raise _refused(installed, f"has golden vectors {path.name} without {error.args[0]}") from error
        if not pairs:
            raise _refused(installed, f"has no vector in {path.name}")
        for n, (image, expected) in enumerate(pairs):
            try:
                outputs = self.run(image)
            except ValueError as error:
                raise _refused(installed, f"has a golden input {n} of another shape: {error}") from error
            for output, got, want in zip(self.manifest.outputs, outputs, expected, strict=True):
                if got.shape != want.shape:
                    raise _refused(installed, f"has a golden {output.meaning} of shape {want.shape}")
                difference = float(np.max(np.abs(got - want)) / max(float(np.max(np.abs(want))), 1e-6))
                if not difference <= golden.tolerance:
                    raise _refused(
                        installed,
                        f"gives another {output.meaning} for golden vector {n} than its manifest promises: "
                        f"{difference:.3f} of its magnitude off, {golden.tolerance} allowed",
                    )


def _read(installed: InstalledModel) -> bytes:
    path = installed.model_path
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(
            f"{installed.manifest_path} names {path.name}, which is not there", remedy=_REINSTALL
        ) from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", remedy="check the file's permissions") from error
    if content[_IDENTIFIER] != b"TFL3":
        raise ModelError(f"{path} is not a TFLite file", remedy=_REINSTALL)
    actual = hashlib.sha256(content).hexdigest()
    if actual != installed.manifest.sha256:
        raise ModelError(
            f"{path} is not the file its manifest describes: SHA-256 {actual[:16]}…, "
            f"expected {installed.manifest.sha256[:16]}…",
            remedy=_REINSTALL,
        )
    return content


def _read_golden(installed: InstalledModel) -> dict[str, NDArray[Any]]:
    path = installed.golden_path
    if path is None:
        return {}
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise _refused(installed, f"needs the golden vectors {path.name}, which are not there") from error
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise _refused(installed, f"has unreadable golden vectors {path.name}: {error}") from error


def _refused(installed: InstalledModel, what: str) -> ModelError:
    return ModelError(f"{installed.model_path} {what}", remedy=_REINSTALL)


def _dequantized(stored: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    if spec.quantization is None:
        return stored
    real = (stored.astype(np.float32) - np.float32(spec.quantization.zero_point)) * np.float32(spec.quantization.scale)
    return real.astype(np.float32, copy=False)
