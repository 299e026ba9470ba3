"""The libraries, each tried in a process of its own: whether they load, and fit to each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edge.config.cameras import Picamera2Camera
from edge.config.choices import RuntimeChoice
from edge.contracts.doctor import Check
from edge.terminal.doctor.checking import UNREAD, fail, ok, one_by_one, skipped
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.probing import CLASH, Probe, probe

SYSTEM_REMEDY: Final = (
    "install python3-picamera2 by apt, and make livegate's environment with --system-site-packages (docs/cameras.md)"
)


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    yield from one_by_one("runtime", context, numpy, interpreter, opencv, camera_library)


def numpy(context: Context) -> Check:
    """Everything that handles pictures needs it."""
    name = "runtime.numpy"
    tried = probe(context, "numpy")
    if tried.found is None:
        return _failed(name, "numpy", tried, "pip install --force-reinstall numpy, in livegate's environment")
    return ok(name, f"numpy {tried.found['version']} in {tried.found['folder']}")


def interpreter(context: Context) -> Check:
    """Of whichever TFLite runtime the configuration asks for."""
    name = "runtime.interpreter"
    settings = context.settings
    choice = RuntimeChoice.AUTO if settings is None else settings.models.runtime
    folder = None if settings is None else settings.models.directory
    tried = probe(context, "interpreter", choice.value, *(() if folder is None else (str(folder),)))
    if tried.found is None:
        remedy = "pip install --force-reinstall ai-edge-litert, in livegate's environment"
        return _failed(name, "the TFLite runtime", tried, remedy)
    model = tried.found["model"]
    if model is None:
        return fail(name, f"{tried.found['runtime']} loads, but there is no model to try", "reinstall the models")
    return ok(name, f"{tried.found['runtime']} makes an interpreter ({model})")


def opencv(context: Context) -> Check:
    """Crops and reads pictures."""
    name = "runtime.opencv"
    tried = probe(context, "opencv")
    if tried.found is None:
        return _failed(name, "OpenCV", tried, "pip install --force-reinstall opencv-python-headless")
    return ok(name, f"OpenCV {tried.found['version']}")


def camera_library(context: Context) -> Check:
    """picamera2, where it is configured: apt's parts of it are built for apt's numpy."""
    name = "runtime.camera_library"
    settings = context.settings
    if settings is None:
        return skipped(name, UNREAD)
    if not isinstance(settings.camera, Picamera2Camera):
        return skipped(name, f"the camera driver {settings.camera.driver} needs none")
    tried = probe(context, "camera_library")
    if tried.found is not None:
        return ok(name, f"picamera2 {tried.found['version']}")
    if tried.clash:
        return fail(
            name,
            f"picamera2 does not load: {CLASH} ({tried.what})",
            "remove numpy and simplejpeg from livegate's environment, so that those of apt are used, or install both"
            " in it: pip install --force-reinstall numpy simplejpeg",
        )
    if tried.missing is not None:
        return fail(name, f"picamera2 does not load: the module {tried.missing} is not installed", SYSTEM_REMEDY)
    return _failed(name, "picamera2", tried, SYSTEM_REMEDY)


def _failed(name: str, library: str, tried: Probe, remedy: str) -> Check:
    if tried.missing is not None:
        return fail(name, f"{library} does not load: the module {tried.missing} is not installed", remedy)
    why = f"{CLASH} ({tried.what})" if tried.clash else tried.what
    return fail(name, f"{library} does not work: {why}", tried.remedy or remedy)
