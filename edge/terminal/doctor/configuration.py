"""The site's file: whether it can be used, and whether what it asks for fits together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edge.config.cameras import Picamera2Camera, ReplayCamera, SimulatedCamera
from edge.config.lights import NoLight, RealIlluminator, SdlScreen
from edge.config.policy import WhenLightNotMeasured, WhenPadNotApplicable
from edge.config.settings import Settings
from edge.contracts.doctor import Check
from edge.contracts.enums import EvidenceKind, LightBand, LivenessOperationMode, Spectrum
from edge.terminal.doctor.checking import UNREAD, fail, ok, one_by_one, skipped, warn
from edge.terminal.doctor.context import Context

# Of ambient light: what measures it by itself, and what has it from frames.
SENSORS: Final = frozenset({"iio", "simulated"})
BY_FRAMES: Final = frozenset({"camera", "estimate"})
# That follow a command within frames.
PROMPT_BACKLIGHTS: Final = frozenset({"sysfs", "simulated"})


def checks(context: Context) -> Iterator[Check]:
    """See the package."""
    yield from one_by_one("config", context, file, policy, light)


def file(context: Context) -> Check:
    """Everything that is wrong with it."""
    name = "config.file"
    if context.loaded is None:
        trouble = context.trouble
        what, remedy = (trouble.what, trouble.remedy) if trouble else ("none was read", "name one by --config")
        return fail(name, what, remedy)
    return ok(name, f"{context.config} is correct (configuration {context.loaded.sha256[:16]})")


def policy(context: Context) -> Check:
    """What is demanded at least."""
    name = "config.policy"
    if context.settings is None:
        return skipped(name, UNREAD)
    floor = context.settings.policy
    origin = "its own keys" if floor.preset is None else f"the preset {floor.preset}"
    modes = " and ".join(floor.modes)
    needs = f"Passive needs {', '.join(floor.require_passive)}; PassiveActive {', '.join(floor.require_active)}"
    return ok(name, f"{floor.name}, from {origin}: {modes}; {needs}")


def light(context: Context) -> Check:
    """Whether light can be measured as the policy demands it."""
    name = "config.light"
    settings = context.settings
    if settings is None:
        return skipped(name, UNREAD)
    floor = settings.policy
    if getattr(settings.camera, "spectrum", None) is Spectrum.IR_PASS:
        return _infrared_alone(name, settings)
    on_face = unmeasured(settings)
    refused = _refused(settings, on_face)
    if refused is not None:
        remedy = "see docs/light.md for what measuring takes, or choose another policy (docs/sessions.md)"
        return warn(name, refused, remedy)
    if on_face and floor.modes == (LivenessOperationMode.PASSIVE,):
        return warn(
            name,
            f"PAD networks alone judge: {on_face}, and the policy allows Passive only",
            "allow PassiveActive in policy.modes, so that head movements can be asked for; better, give it a light",
        )
    if on_face:
        return ok(name, f"not measured on the face: {on_face}; the policy {floor.name} lets that pass")
    shape = unshaped(settings)
    if shape:
        return ok(name, f"measured on the face by the backlight; it proves no shape: {shape}")
    return ok(name, "measured on the face by the display, whose place is known")


def _refused(settings: Settings, on_face: str | None) -> str | None:
    """Whom the policy refuses for want of light, as docs/sessions.md has the ways of an attempt; None: nobody."""
    floor, shape = settings.policy, unshaped(settings)
    everyone = f"the policy {floor.name} will refuse everyone"
    lux = settings.lights.ambient.driver in SENSORS or (
        settings.lights.ambient.driver in BY_FRAMES and exposure_told(settings)
    )
    if on_face and not lux and floor.when_light_not_measured is WhenLightNotMeasured.REFUSE:
        return f"{everyone}: the light level is not known, since {on_face}"
    if shape is None:
        return None
    dim = EvidenceKind.LIGHT in floor.require_passive
    active = LivenessOperationMode.PASSIVE_ACTIVE in floor.modes
    # Without lux what is not measured on the face is never bright.
    bright = (lux or not on_face) and active and EvidenceKind.LIGHT in floor.require_active
    if dim and (bright or not active or not (lux or not on_face)):
        return f"{everyone}: it demands light evidence, and {shape}"
    if dim or bright:
        where = "dim" if dim else "bright"
        return f"the policy {floor.name} will accept nobody in {where} light: it demands light evidence, and {shape}"
    return None


def unmeasured(settings: Settings) -> str | None:
    """Why no light of the terminal's own is measured on a face; None where it is."""
    camera = settings.camera
    if isinstance(camera, ReplayCamera):
        return "recorded pictures answer no light"
    if not exposure_told(settings):
        return "the camera does not tell how it exposed"
    if isinstance(camera, Picamera2Camera) and not camera.raw:
        return "the camera gives no raw values (camera.raw)"
    backlight = settings.lights.backlight.driver
    if backlight == "none":
        return "no backlight is configured (lights.backlight)"
    if backlight not in PROMPT_BACKLIGHTS:
        return f"a backlight by {backlight} is too slow to measure with"
    return None


def exposure_told(settings: Settings) -> bool:
    """Whether frames say how they were exposed; a driver that has no such key does not."""
    camera = settings.camera
    return isinstance(camera, SimulatedCamera) or bool(getattr(camera, "exposure_metadata", False))


def unshaped(settings: Settings) -> str | None:
    """Why the display's light proves no shape; None where it may."""
    why = unmeasured(settings)
    if why is not None:
        return why
    screen = settings.lights.screen
    if isinstance(screen, NoLight):
        return "no screen is configured that shows light patterns (lights.screen)"
    if isinstance(screen, SdlScreen) and screen.panel is None:
        return "where the display is beside the camera is not known (lights.screen.panel)"
    return None


def _infrared_alone(name: str, settings: Settings) -> Check:
    floor, lamp = settings.policy, settings.lights.illuminator
    blind = "the camera passes infrared alone, which no PAD network can judge"
    if floor.when_pad_not_applicable is WhenPadNotApplicable.REFUSE:
        return warn(
            name,
            f"{blind}: the policy {floor.name} will refuse everyone",
            "set policy.when_pad_not_applicable to light_and_motion, or take another camera (docs/sessions.md)",
        )
    placed = isinstance(lamp, RealIlluminator) and lamp.place is not None
    if not (placed and isinstance(lamp, RealIlluminator) and lamp.lamp.band is LightBand.INFRARED):
        return warn(
            name,
            f"{blind}, and there is no infrared lamp whose place is known: everyone is refused",
            "configure lights.illuminator, with its place",
        )
    return ok(name, "the infrared lamp's code and head movements judge")
