"""A camera module, or any other camera that libcamera knows, through Picamera2."""

from __future__ import annotations

import importlib
import logging
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.contracts.enums import CaptureKind, Spectrum
from edge.errors import HardwareError
from edge.frames.frame import Frame
from edge.hardware import device_files
from edge.hardware.held_exposure import held_exposure
from edge.hardware.libcamera_metadata import CaptureMetadata, Stamp, read_metadata
from edge.hardware.picamera2_streams import PICTURE_FORMAT, PictureFormat, RawFormat, Streams, raw_stream
from edge.hardware.ports import Camera, CameraTraits

# Not structlog: this runs in the capture process.
log = logging.getLogger(__name__)

# What libcamera and Picamera2 open.
DEVICES: Final = ("/dev/media*", "/dev/video*", "/dev/dma_heap/vidbuf_cached", "/dev/dma_heap/linux,cma")
# Few, since they come from a small part of memory and old frames wait in them; below, frames are lost.
BUFFERS: Final = 4
# Frames from a control to the first one that it shows in: those that are under way, and three in the sensor and the
# loop (raspberrypi/picamera2#1278).
LATENCY: Final = BUFFERS + 3
# Seconds of a frame that a sensor may not expose.
_BLANKING: Final = 1e-3
# libcamera's AeFlickerModeEnum.
_FLICKER_MANUAL: Final = 1


class Picamera2Camera(Camera):
    """Frames of the camera with the given number, configured once at each opening.

    width, height: pixels of the picture, even. fps: frames a second, kept where the camera lets itself be told.
    raw: frames carry the raw values too; then the picture must have the size of one of the sensor's modes.
    exposure_metadata: frames tell how they were exposed, and exposure can be held. Cameras that libcamera cannot
        control do not; opening one of them says so.
    spectrum, focal, mains_hz: as in CameraTraits. line_time: seconds between the starts of two rows of the picture;
        None: the shortest frame that the camera can take, shared by its rows, which is a little too long.
    """

    def __init__(
        self,
        number: int = 0,
        *,
        width: int = 1280,
        height: int = 720,
        fps: float = 30.0,
        raw: bool = False,
        exposure_metadata: bool = True,
        spectrum: Spectrum = Spectrum.IR_CUT,
        focal: float | None = None,
        mains_hz: float | None = None,
        line_time: float | None = None,
    ) -> None:
        self._number = number
        self._size = (width, height)
        self._fps = fps
        self._raw = raw
        self._line_time = line_time
        self._traits = CameraTraits(
            "picamera2",
            CaptureKind.LIVE,
            exposure_metadata=exposure_metadata,
            focal=focal,
            spectrum=spectrum,
            mains_hz=mains_hz,
        )
        self._run: _Run | None = None

    @property
    def traits(self) -> CameraTraits:
        return self._traits

    def open(self) -> None:
        if self._run is not None:
            raise HardwareError(f"{self._name} is already open", remedy="close it before opening it again")
        library = _library()
        camera = None
        try:
            camera = library.Picamera2(self._number)
            streams = self._configure(camera)
            camera.start()
        except HardwareError:
            _close(camera)
            raise
        except Exception as error:
            # Picamera2 names no errors of its own: RuntimeError, IndexError and AttributeError were seen.
            _close(camera)
            raise self._refusal(error) from _denied(error) or error
        self._run = _Run(camera, streams, self._traits, self._fps)

    def read(self, timeout: float) -> Frame | None:
        run = self._opened()
        try:
            return run.next(timeout)
        except HardwareError:
            raise
        except Exception as error:
            raise HardwareError(
                f"{self._name} is lost: {_words(error)}",
                remedy="check the camera's cable, its power and the system's log, then try again",
            ) from error

    def lock(self, flicker_period: float | None, longer: float = 1.0) -> None:
        run = self._opened()
        if not self._traits.exposure_metadata:
            super().lock(flicker_period, longer)
        run.lock(flicker_period, longer)

    def unlock(self) -> None:
        if self._run is not None:
            self._run.unlock()

    def close(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.close()

    @property
    def _name(self) -> str:
        return f"camera {self._number}"

    def _opened(self) -> _Run:
        if self._run is None:
            raise HardwareError(f"{self._name} is not open", remedy="open the camera before using it")
        return self._run

    def _configure(self, camera: Any) -> Streams:
        advertised = camera.camera_controls
        if self._traits.exposure_metadata and "ExposureTime" not in advertised:
            raise HardwareError(
                f"{self._name} cannot be told how long to expose, so no light can be measured with it",
                remedy="set camera.exposure_metadata to false, or take a camera module",
            )
        raw = raw_stream(camera.sensor_format, self._size, self._name) if self._raw else None
        camera.configure(
            camera.create_video_configuration(
                main={"size": self._size, "format": PICTURE_FORMAT},
                raw=raw,
                buffer_count=BUFFERS,
                controls=self._controls(advertised),
            )
        )
        # What was asked for may have been adjusted in silence.
        told = camera.camera_configuration()
        return Streams(
            picture=PictureFormat.read(told, self._name),
            raw=RawFormat.read(told, self._name) if self._raw else None,
            line_time=self._line_time or self._longest_line(camera.camera_controls, told["main"]["size"][1]),
        )

    def _controls(self, advertised: Mapping[str, Any]) -> dict[str, Any]:
        controls: dict[str, Any] = {}
        if "FrameDurationLimits" in advertised:
            duration = round(1e6 / self._fps)
            controls["FrameDurationLimits"] = (duration, duration)
        mains = self._traits.mains_hz
        if mains is not None and {"AeFlickerMode", "AeFlickerPeriod"} <= advertised.keys():
            controls |= {"AeFlickerMode": _FLICKER_MANUAL, "AeFlickerPeriod": round(1e6 / (2 * mains))}
        return controls

    def _longest_line(self, advertised: Mapping[str, Any], rows: int) -> float:
        shortest = advertised.get("FrameDurationLimits", (0,))[0]
        return float(shortest or 1e6 / self._fps) * 1e-6 / rows

    def _refusal(self, error: Exception) -> HardwareError:
        said = _words(error)
        if _denied(error) is not None:
            return device_files.denied(self._name, said, "ls -l /dev/media*")
        if "busy" in said.lower():
            return device_files.busy(self._name, said, DEVICES)
        return HardwareError(
            f"{self._name} could not be opened: {said}",
            remedy="check cable and camera.number; `rpicam-hello --list-cameras` lists the cameras that there are",
        )


@dataclass(frozen=True, slots=True)
class _Setting:
    """duration: seconds. gain: analogue times digital. colour_gains: of red and blue, None where not told."""

    duration: float
    gain: float
    colour_gains: tuple[float, float] | None


class _Run:
    """One opening of the camera, which gives frames already."""

    def __init__(self, camera: Any, streams: Streams, traits: CameraTraits, fps: float) -> None:
        self._camera = camera
        self._streams = streams
        self._traits = traits
        self._advertised = camera.camera_controls
        self._frame_duration = 1 / fps
        self._job: Any = None
        self._last = -math.inf
        self._sequence = -1
        self._found: _Setting | None = None
        self._locked = False
        # Frames that still show what was held.
        self._passing = 0

    def next(self, timeout: float) -> Frame | None:
        until = time.monotonic() + timeout
        while True:
            request = self._request(until - time.monotonic())
            if request is None:
                return None
            try:
                metadata = request.get_metadata()
                picture = request.make_array("main")
                raw = request.make_array("raw") if self._streams.raw is not None else None
            finally:
                # A request that is kept is a buffer less, and soon the camera stands still.
                request.release()
            stamp = metadata.get("SensorTimestamp")
            taken = stamp * 1e-9 if stamp else time.monotonic()
            # The same frame again, or one that waited: it shows what was before.
            if taken > self._last:
                return self._frame(metadata, picture, raw, taken)

    def lock(self, flicker_period: float | None, longer: float) -> None:
        found = self._found
        if found is None:
            raise HardwareError(
                "the camera has not told yet how it exposes", remedy="read frames for a moment, then hold the exposure"
            )
        exposures, gains = self._advertised["ExposureTime"], self._advertised["AnalogueGain"]
        longest = max(self._frame_duration - _BLANKING, found.duration)
        if exposures[1]:
            longest = min(longest, exposures[1] * 1e-6)
        duration, gain = held_exposure(
            found.duration,
            found.gain,
            longest=longest,
            gains=(gains[0], gains[1]),
            flicker_period=flicker_period,
            longer=longer,
        )
        controls: dict[str, Any] = {"AeEnable": False, "ExposureTime": round(duration * 1e6), "AnalogueGain": gain}
        if found.colour_gains is not None:
            controls |= {"AwbEnable": False, "ColourGains": found.colour_gains}
        self._locked = True
        self._set(controls)

    def unlock(self) -> None:
        if not self._locked:
            return
        self._locked = False
        self._passing = LATENCY
        try:
            # Zero is how Picamera2 is told that nothing is fixed any more.
            self._set({"AeEnable": True, "AwbEnable": True, "ExposureTime": 0, "AnalogueGain": 0.0})
        except Exception as error:
            # If the camera is lost, the next reading tells.
            log.warning("the camera's exposure could not be freed: %s", _words(error))

    def close(self) -> None:
        with suppress(Exception):
            # Else stopping would wait behind a frame that may never come.
            self._camera.cancel_all_and_flush()
            if self._job is not None:
                self._job.get_result(timeout=0).release()
        _close(self._camera)

    def _set(self, controls: Mapping[str, Any]) -> None:
        self._camera.set_controls({name: value for name, value in controls.items() if name in self._advertised})

    def _request(self, timeout: float) -> Any:
        """The next completed one, or None. A wait that was given up goes on at the next call: no frame is lost."""
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
        try:
            request = self._camera.wait(self._job, timeout=max(timeout, 0.0))
        except TimeoutError:
            return None
        self._job = None
        return request

    def _frame(
        self, metadata: Mapping[str, Any], picture: NDArray[np.uint8], raw: NDArray[np.uint8] | None, taken: float
    ) -> Frame:
        streams = self._streams
        told = read_metadata(metadata, line_time=streams.line_time, stamp=Stamp.READOUT)
        self._count(metadata, taken)
        self._note(told)
        pixels, order = streams.picture.read_out(picture)
        return Frame(
            pixels=pixels,
            colour=order,
            sequence=self._sequence,
            captured_at=taken + streams.line_time * pixels.shape[0],
            capture=self._traits.capture,
            exposure=told.exposure if self._traits.exposure_metadata else None,
            lux=told.lux,
            colour_gains=told.colour_gains,
            raw=streams.raw.read_out(raw, metadata) if streams.raw is not None and raw is not None else None,
        )

    def _count(self, metadata: Mapping[str, Any], taken: float) -> None:
        """Frames that never came show in the time that has passed."""
        duration = metadata.get("FrameDuration")
        if duration:
            self._frame_duration = duration * 1e-6
            passed = (taken - self._last) / self._frame_duration
            self._sequence += max(1, round(passed)) if math.isfinite(passed) else 1
        else:
            self._sequence += 1
        self._last = taken

    def _note(self, told: CaptureMetadata) -> None:
        if self._locked or told.exposure is None:
            return
        if self._passing:
            self._passing -= 1
            return
        self._found = _Setting(told.exposure.duration, told.exposure.gain, told.colour_gains)


def _library() -> Any:
    """Raises HardwareError where it, or a library of the system that it needs, is not installed."""
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        raise HardwareError(
            f"Picamera2 cannot be loaded: {error}",
            remedy=(
                "install python3-picamera2 (Raspberry Pi OS) or python3-libcamera and the extra livegate[camera], and "
                "make the environment with --system-site-packages"
            ),
        ) from error


def _close(camera: Any) -> None:
    """Never raises: on kernels without dma_heap Picamera2.close() does, with its work done."""
    if camera is None:
        return
    try:
        camera.close()
    except Exception as error:
        log.warning("the camera was closed with an error: %s", _words(error))


def _words(error: BaseException) -> str:
    """What it says, and what the errors behind it say."""
    said = []
    behind: BaseException | None = error
    while behind is not None:
        said.append(str(behind) or type(behind).__name__)
        behind = behind.__cause__
    return ": ".join(dict.fromkeys(said))


def _denied(error: Exception) -> PermissionError | None:
    """libcamera passes over devices that it may not open, so that a camera is missing, without a word of why."""
    if "busy" in _words(error).lower():
        return None
    closed = device_files.refused(DEVICES)
    if closed:
        return PermissionError(f"no permission for {', '.join(closed)}")
    return PermissionError(str(error)) if "permission denied" in _words(error).lower() else None
