"""The networks, loaded and run in a process of their own, and the site's calibration."""

from __future__ import annotations

from collections.abc import Iterator

from edge.config.cameras import SimulatedCamera
from edge.config.settings import Settings
from edge.contracts.doctor import Check
from edge.contracts.enums import CaptureKind
from edge.errors import HardwareError
from edge.terminal.doctor.checking import UNREAD, fail, ok, one_by_one, skipped, warn
from edge.terminal.doctor.context import Context
from edge.terminal.doctor.probing import Probe, probe


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    settings = context.settings
    if settings is None:
        yield skipped("models.bundle", UNREAD)
        return
    tried = probe(context, "models", settings.models.model_dump_json())

    def bundle(_: Context) -> Iterator[Check]:
        return _bundle(tried)

    def calibration(given: Context) -> Check:
        return _calibration(given, settings, tried)

    yield from one_by_one("models", context, bundle, calibration)


def _bundle(tried: Probe) -> Iterator[Check]:
    name = "models.bundle"
    if tried.found is None:
        remedy = "see the checks of the area runtime, then `livegate models verify`"
        yield fail(name, f"the networks cannot be used: {tried.what}", tried.remedy or remedy)
        return
    networks = tried.found["networks"]
    known = sum(network["golden"] for network in networks)
    yield ok(
        name,
        f"{len(networks)} networks load with {tried.found['runtime']}: hashes and shapes fit, {known} give the outputs"
        f" that are known of them; {tried.found['mebibytes']:.0f} MiB at most",
    )
    times = ", ".join(f"{network['id']} {network['milliseconds']:.1f} ms" for network in networks)
    yield ok("models.run", f"each ran once: {times}")
    pad = [network for network in networks if network["stage"] == "pad"]
    names = ", ".join(network["id"] for network in pad)
    blind = [network["id"] for network in pad if not network["documented"]]
    if blind:
        yield warn(
            "models.pad",
            f"{names} judge; nobody says what {', '.join(blind)} was trained on",
            "name documented ones in models.active (`livegate models list`)",
        )
    else:
        yield ok("models.pad", f"{names} judge (their cards: `livegate models list`)")


def _calibration(context: Context, settings: Settings, tried: Probe) -> Check:
    name = "models.calibration"
    from edge.terminal.assembly import camera_identity, capture_kind  # noqa: PLC0415 - needs numpy

    kind = capture_kind(settings.camera)
    if settings.models.calibration is None:
        if kind is not CaptureKind.LIVE:
            return skipped(name, "none is configured, and the camera is not a real one")
        return warn(
            name,
            "none: the PAD networks judge by the thresholds of their maker's camera, not of this one",
            "run `livegate calibrate --live` at the site and name its file in models.calibration (docs/calibration.md)",
        )
    from edge.inference.calibration import read_calibration  # noqa: PLC0415 - as above

    calibration = read_calibration(settings.models.calibration)
    if not isinstance(settings.camera, SimulatedCamera):
        try:
            calibration.check_camera(camera_identity(context.open_camera(settings).traits))
        except HardwareError as error:
            return fail(name, f"whether it is this camera's cannot be told: {error.what}", error.remedy)
    elif calibration.camera.capture is not CaptureKind.SIMULATED:
        return fail(name, f"{calibration} is not a simulated camera's", "leave it out, or calibrate again")
    networks = [] if tried.found is None else tried.found["networks"]
    for network in networks:
        if network["stage"] == "pad":
            calibration.shift(network["sha256"])
    return ok(name, f"{calibration}")
