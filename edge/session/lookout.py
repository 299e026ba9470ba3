"""The camera between sessions, for looks whether somebody has come. No picture is kept, and no light touched."""

from __future__ import annotations

from typing import Final, Protocol

from edge.contracts.enums import CaptureKind
from edge.frames.frame import Frame
from edge.hardware.ports import EndOfSource
from edge.session.watched_camera import WatchedCamera

# How long a look waits for a frame: a session that is wanted waits no longer.
LOOK_TIMEOUT: Final = 0.2
# Of frames that a driver has queued since the last look.
MOST_QUEUED: Final = 8


class Glance(Protocol):
    """What a look needs of edge.vision."""

    def glance(self, frame: Frame) -> float | None:
        """The largest face's width against the frame's shorter side; None: nobody near enough."""
        ...

    def forget(self) -> None:
        """Overwrites what is left of the frames."""
        ...


class Lookout:
    """Opens the camera with the first look and leaves it open, until it is handed to a session or let go."""

    def __init__(self, camera: WatchedCamera, vision: Glance) -> None:
        self._camera = camera
        self._vision = vision
        self._open = False

    @property
    def open(self) -> bool:
        """Whether the camera is open for looks."""
        return self._open

    def look(self) -> float | None:
        """What ``Glance`` says of the newest frame; None too where none came in time.

        Raises HardwareError and InputError, as the camera does, and ModelError; the camera is closed then.
        """
        try:
            if not self._open:
                self._camera.open()
                self._open = True
            frame = self._newest()
            return None if frame is None else self._vision.glance(frame)
        except EndOfSource:
            # A recording: it begins again with the next look.
            self.let_go()
            return None
        except BaseException:
            # Also one that has not opened, or only half.
            self._open = False
            self._camera.close()
            self._vision.forget()
            raise

    def hand_over(self) -> None:
        """For whoever opens it next: open already, but for a recording, which is to begin at its beginning."""
        if self._open and self._camera.traits.capture is not CaptureKind.REPLAY:
            self._open = False
            self._camera.hand_over()
        else:
            self.let_go()

    def let_go(self) -> None:
        """Closes it, where it is open for looks. Never raises; may be repeated."""
        if self._open:
            self._open = False
            self._camera.close()
            self._vision.forget()

    def _newest(self) -> Frame | None:
        frame = self._camera.read(LOOK_TIMEOUT)
        # Simulated ones are made when they are read, and would never end.
        if self._camera.traits.capture is CaptureKind.LIVE:
            for _ in range(MOST_QUEUED):
                newer = self._camera.read(0.0)
                if newer is None:
                    break
                frame = newer
        return frame
