"""What is tried in a child process, since a library that was built for something else may end it. Run by `probing`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from edge.errors import LivegateError


def numpy() -> dict[str, Any]:
    """Loads it and reckons with it."""
    import numpy as np  # noqa: PLC0415 - the library is what is tried

    np.ones((2, 2), np.float32) @ np.ones((2, 2), np.float32)
    return {"version": np.__version__, "folder": str(Path(np.__file__).parent)}


def opencv() -> dict[str, Any]:
    """Loads it and hands it an array."""
    import cv2  # noqa: PLC0415 - the library is what is tried
    import numpy as np  # noqa: PLC0415 - the library is what is tried

    cv2.resize(np.zeros((8, 8, 3), np.uint8), (4, 4))
    return {"version": cv2.__version__}


def interpreter(choice: str, folder: str | None = None) -> dict[str, Any]:
    """Makes an interpreter of the smallest model of the folder, or of those that come with the software."""
    from edge.config.choices import RuntimeChoice  # noqa: PLC0415 - as above
    from edge.inference.bundle import default_models_dir  # noqa: PLC0415 - as above
    from edge.inference.runtime import Interpreter, find_runtime  # noqa: PLC0415 - as above

    runtime = find_runtime(RuntimeChoice(choice))
    models = default_models_dir() if folder is None else Path(folder)
    smallest = min(models.glob("*.tflite"), key=lambda file: file.stat().st_size, default=None)
    if smallest is not None:
        Interpreter(smallest.read_bytes(), runtime, threads=1, name=smallest.name)
    return {"runtime": str(runtime), "model": None if smallest is None else smallest.name}


def camera_library() -> dict[str, Any]:
    """Loads picamera2, and simplejpeg before it, which is the part that was built for one numpy."""
    if importlib.util.find_spec("picamera2") is None:
        raise ModuleNotFoundError("not installed", name="picamera2")
    import numpy as np  # noqa: PLC0415 - the library is what is tried
    import simplejpeg  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: PLC0415 - the same

    simplejpeg.encode_jpeg(np.zeros((8, 8, 3), np.uint8), colorspace="RGB")
    import picamera2  # noqa: F401, PLC0415 - the library is what is tried

    return {"version": _version("picamera2")}


def models(choice: str) -> dict[str, Any]:
    """Loads and checks the configured networks, and runs each once. choice: ``Models`` as JSON."""
    import numpy as np  # noqa: PLC0415 - may be what does not load

    from edge.config.settings import Models  # noqa: PLC0415 - as above
    from edge.terminal.assembly import open_models  # noqa: PLC0415 - as above

    bundle = open_models(Models.model_validate_json(choice, strict=False))
    networks = []
    for model in (bundle.detector, bundle.landmarks, *bundle.pad, *((bundle.embedding,) if bundle.embedding else ())):
        manifest = model.manifest
        picture = np.zeros(manifest.input.shape[1:], np.uint8)
        began = time.perf_counter()
        model.run(picture)
        networks.append(
            {
                "id": model.id,
                "stage": manifest.stage.value,
                "sha256": model.sha256,
                "milliseconds": (time.perf_counter() - began) * 1e3,
                "golden": manifest.golden is not None,
                "documented": manifest.provenance.documented,
            }
        )
    return {
        "runtime": str(bundle.runtime),
        "networks": networks,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


PROBES: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    probe.__name__: probe for probe in (numpy, opencv, interpreter, camera_library, models)
}


def main(name: str, *arguments: str) -> None:
    """One JSON object as the last line of standard output: what was found, or what is wrong."""
    try:
        said: dict[str, Any] = {"found": PROBES[name](*arguments)}
    except LivegateError as error:
        said = {"what": error.what, "remedy": error.remedy}
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        said = {"what": f"{type(error).__name__}: {error}", "missing": missing}
    sys.stdout.write(f"\n{json.dumps(said)}\n")


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
