"""Simulated terminals for the doctor, small ones, and single parts of them that are broken."""

from __future__ import annotations

from dataclasses import replace

from edge.errors import HardwareError
from edge.hardware.light_guard import UNCAPPED
from edge.hardware.ports import Pattern
from edge.session.runner import Devices
from edge.simulation.build import build
from edge.simulation.scene import Scene
from edge.simulation.terminal import SimulatedTerminal
from edge.terminal.doctor.lights import look
from edge.terminal.doctor.opened import Opened

LAMP = {"band": "infrared", "intensity": 0.3}


class Terminal:
    """Before a white sheet that fills the picture, at half a metre.

    camera, terminal, surroundings: keys of a scene file beside those that make it small.
    """

    def __init__(self, *, camera=None, surroundings=None, subjects=(), caps=UNCAPPED, **terminal):
        ambient = {"ambient": {"lux": 150, "light": "led"}, "wall": {"distance": 0.5, "reflectance": 0.8}}
        scene = Scene.model_validate(
            {
                "title": "sheet",
                "presentation": {"label": "bonafide"},
                "surroundings": ambient | (surroundings or {}),
                "subjects": list(subjects),
                "terminal": {"camera": {"width": 96, "height": 64} | (camera or {})} | terminal,
            }
        )
        self.stage = build(scene, None)
        self.unit = SimulatedTerminal([lambda: self.stage])
        self.devices = Devices(
            self.unit.camera, self.unit.backlight, self.unit.illuminator, self.unit.screen, self.unit.ambient, caps
        )

    def broken(self, **parts):
        """With other parts, each made of the one that is there."""
        made = {name: make(getattr(self.devices, name)) for name, make in parts.items()}
        self.devices = replace(self.devices, **made)
        return self

    @property
    def opened(self):
        return Opened(self.devices, self.unit.clock)

    def examine(self):
        """All checks of its lights, by their names."""
        return {check.name.removeprefix("lights."): check for check in look(self.opened)}

    @property
    def put_back(self):
        """Whether every light is as it was found, as the parts themselves say."""
        shown = None if self.unit.screen._playing.display is None else self.unit.screen._playing.display._pattern
        level = self.unit.backlight.level() if self.unit.backlight.available else 0.6
        return (level, shown or Pattern.GUIDANCE, self.unit.illuminator.output()) == (0.6, Pattern.GUIDANCE, 0.0)


class Part:
    """Does what the part within does, but for what it overrides."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)


class DeadLamp(Part):
    """Takes every command and stays dark, as one without power does."""

    given = 0.0

    def set_output(self, output, now):
        self.given = output
        return self.inner.set_output(0.0, now)

    def output(self):
        return self.given


class StuckLamp(Part):
    """Does not go off any more once it was on, as with a power stage that has failed."""

    lit = False

    def set_output(self, output, now):
        self.lit = self.lit or output > 0
        return self.inner.set_output(1.0 if self.lit else 0.0, now)


class UpsideDownLamp(Part):
    """Shines while its line is low."""

    def set_output(self, output, now):
        return self.inner.set_output(1.0 - output, now)


class SwitchedOnly(Part):
    """On a line that is on or off."""

    def set_output(self, output, now):
        if 0 < output < 1:
            raise HardwareError("the lamp cannot give 0.5 of its light: its least is 1", remedy="drive it by pwm")
        return self.inner.set_output(output, now)


class SteepLamp(Part):
    """Gives the square of what it is told."""

    def set_output(self, output, now):
        return self.inner.set_output(output**2, now)

    def output(self):
        return self.inner.output() ** 0.5


class LooseBacklight(Part):
    """A node of another display: it takes every level, and this one does not change."""

    def set_level(self, level, now):
        return self.inner.set_level(0.6, now)


class LateBacklight(Part):
    """Takes so much longer than it says."""

    def __init__(self, inner, seconds=0.12):
        super().__init__(inner)
        self.seconds = seconds

    def set_level(self, level, now):
        change = self.inner.set_level(level, now + self.seconds)
        return replace(change, commanded_at=now, settled_at=change.settled_at - self.seconds)


class MirroredScreen(Part):
    """Left and right are exchanged."""

    def show_pattern(self, pattern, now):
        other = {Pattern.LEFT: Pattern.RIGHT, Pattern.RIGHT: Pattern.LEFT}
        return self.inner.show_pattern(other.get(pattern, pattern), now)


class Stamped(Part):
    """A camera whose time stamps are too late by so many seconds."""

    def __init__(self, inner, seconds):
        super().__init__(inner)
        self.seconds = seconds

    def read(self, timeout):
        frame = self.inner.read(timeout)
        if frame is None:
            return None
        exposure = replace(frame.exposure, start=frame.exposure.start + self.seconds)
        return replace(frame, captured_at=frame.captured_at + self.seconds, exposure=exposure)


class Plain(Part):
    """A camera that neither tells nor holds how it exposes, and gives 8 bits, as USB cameras do."""

    @property
    def traits(self):
        return replace(self.inner.traits, exposure_metadata=False, sensitivity=None)

    def read(self, timeout):
        frame = self.inner.read(timeout)
        return None if frame is None else replace(frame, exposure=None, raw=None, tone=None, colour_gains=None)

    def lock(self, flicker_period, longer=1.0):
        raise HardwareError("cannot hold its exposure", remedy="measure the light without it")

    def unlock(self):
        return


class Configured(Part):
    """A camera that is configured to have another spectrum than it has."""

    def __init__(self, inner, spectrum):
        super().__init__(inner)
        self.spectrum = spectrum

    @property
    def traits(self):
        return replace(self.inner.traits, spectrum=self.spectrum)


class Ending(Part):
    """A camera that raises at the nth frame."""

    def __init__(self, inner, error, nth):
        super().__init__(inner)
        self.error, self.left = error, nth

    def read(self, timeout):
        frame = self.inner.read(timeout)
        self.left -= frame is not None
        if self.left < 0:
            raise self.error
        return frame


class Mute(Part):
    """A camera that gives so many frames, and then none."""

    def __init__(self, inner, frames):
        super().__init__(inner)
        self.left = frames

    def read(self, timeout):
        if self.left <= 0:
            self.inner._playing.clock.seconds += timeout
            return None
        frame = self.inner.read(timeout)
        self.left -= frame is not None
        return frame
