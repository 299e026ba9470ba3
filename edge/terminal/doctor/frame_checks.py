"""What a series of frames tells of their camera. Pure: from numbers of frames to checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from edge.contracts.doctor import Check
from edge.hardware.ports import CameraTraits
from edge.terminal.doctor.checking import fail, ok, skipped, warn
from edge.terminal.doctor.frame_series import Seen

# Of the configured frame rate. Of frames that were taken, those that may be missing.
_LEAST_RATE: Final = 0.8
_MOST_LOST: Final = 0.05
# Seconds. A session's light steps wait for frames, and a head has moved meanwhile.
_LATE: Final = 0.15
_TOO_LATE: Final = 0.5
# An arrival that lies further from its turn than this share of a frame is unsteady, beyond 95 of 100.
_UNSTEADY: Final = 0.75
# Of full scale, where nothing is seen, and share of it that may be overexposed.
_BLACK: Final = 2e-3
_MOST_CLIPPED: Final = 0.5

_LOAD: Final = "look at the load (`top`), the power supply and the temperature; then a smaller picture or a lower rate"


def rate(frames: Sequence[Seen], configured: float | None) -> Check:
    """Frames a second as they arrive. configured: None where the configuration states none."""
    name = "camera.rate"
    if len(frames) < 2:
        return fail(name, f"{len(frames)} frames came", "check the camera's cable, its power and the system's log")
    seconds = frames[-1].arrived_at - frames[0].arrived_at
    found = (len(frames) - 1) / max(seconds, 1e-6)
    told = f"{found:.1f} frames a second"
    if configured is None:
        return ok(name, f"{told}; none is configured to compare")
    told += f", {configured:g} are configured"
    if found >= _LEAST_RATE * configured:
        return ok(name, told)
    return warn(
        name,
        told,
        f"{_LOAD}; of a camera that exposes longer in the dark, more light",
    )


def age(frames: Sequence[Seen]) -> Check:
    """How old frames are when they arrive, from the end of their exposure on."""
    name = "camera.age"
    ages = np.array([frame.arrived_at - frame.captured_at for frame in frames])
    middle, most = float(np.median(ages)), float(ages.max())
    told = f"{middle * 1e3:.0f} ms old on arrival, {most * 1e3:.0f} ms at most"
    if middle < -1e-3:
        return fail(
            name,
            f"frames are stamped {-middle * 1e3:.0f} ms later than they arrive: their clock is not the system's",
            "restart the board: after a suspend the two clocks differ; else this camera's stamps are of no use: set "
            "camera.exposure_metadata to false",
        )
    if middle > _TOO_LATE:
        return fail(name, told, f"frames wait in a buffer: {_LOAD}")
    return warn(name, told, _LOAD) if middle > _LATE else ok(name, told)


def sequence(frames: Sequence[Seen]) -> Check:
    """Whether frames are missing, and how evenly the others come."""
    name = "camera.sequence"
    steps = np.diff([frame.sequence for frame in frames])
    taken = int(steps.sum()) + 1
    lost = taken - len(frames)
    interval = float(np.median(np.diff([frame.captured_at for frame in frames]) / np.maximum(steps, 1)))
    between = np.diff([frame.arrived_at for frame in frames]) - steps * interval
    jitter = float(np.quantile(np.abs(between), 0.95))
    told = f"{lost} of {taken} frames lost; 95 of 100 arrive within {jitter * 1e3:.1f} ms of their turn"
    if (steps < 1).any():
        return fail(name, "frames come twice or in a wrong order", "report this camera with its driver's version")
    if lost > _MOST_LOST * taken or jitter > _UNSTEADY * interval:
        return warn(name, told, _LOAD)
    return ok(name, told)


def exposure(frames: Sequence[Seen], traits: CameraTraits) -> Check:
    """Whether frames tell how they were exposed, as the driver is configured to say."""
    name = "camera.exposure"
    told = [frame.exposure for frame in frames if frame.exposure is not None]
    if not traits.exposure_metadata:
        return skipped(name, "this camera does not tell how it exposes: no light is measured on a face")
    if len(told) < len(frames):
        return fail(
            name,
            f"{len(frames) - len(told)} of {len(frames)} frames do not tell how they were exposed, so there is no "
            "light challenge",
            "set camera.exposure_metadata to false, or take a camera whose driver tells ExposureTime, gains and "
            "SensorTimestamp",
        )
    last = told[-1]
    return ok(
        name,
        f"told of every frame: {last.duration * 1e3:.2f} ms at a gain of {last.gain:.2f}, rows "
        f"{last.line_time * 1e6:.1f} us apart",
    )


def raw(frames: Sequence[Seen], configured: bool | None) -> Check:
    """Whether frames carry raw values. configured: None where the configuration has no such key."""
    name = "camera.raw"
    carry = sum(frame.raw for frame in frames)
    if carry == len(frames):
        return ok(name, "every frame carries its raw values")
    if configured:
        return fail(
            name,
            f"{len(frames) - carry} of {len(frames)} frames carry no raw values, though camera.raw is true",
            "set camera.width and camera.height to a mode of the sensor, or camera.raw to false",
        )
    return skipped(
        name, "no raw values are configured: where the curve of the pictures is not known, no light is measured"
    )


def lux(frames: Sequence[Seen]) -> Check:
    """For information: what the camera estimates of the light."""
    name = "camera.lux"
    told = [frame.lux for frame in frames if frame.lux is not None]
    if not told:
        return skipped(name, "frames tell no lux; a light sensor can (lights.ambient)")
    return ok(name, f"{float(np.median(told)):.0f} lx by the camera's own estimate")


def picture(frames: Sequence[Seen], *, live: bool) -> Check:
    """Whether anything is to be seen. live: noise must make each frame another."""
    name = "camera.picture"
    levels = np.array([frame.level for frame in frames])
    middle, clipped = float(np.median(levels)), float(np.median([frame.clipped for frame in frames]))
    told = f"a mean of {middle:.1%} of full scale, {clipped:.0%} overexposed"
    if middle < _BLACK:
        return fail(name, f"the picture is black: {told}", "take the cap or foil off the lens, or light the room")
    if live and len(frames) > 2 and all(np.array_equal(frames[0].rows, frame.rows) for frame in frames[1:]):
        return fail(name, "the picture stands still: every frame is the same to the last bit", "restart the board")
    if clipped > _MOST_CLIPPED:
        return warn(name, told, "turn the terminal away from the sun or a lamp, or shade it")
    return ok(name, told)
