"""The attached display by SDL2: a window on a PC, KMS/DRM on a board without a desktop."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from edge.contracts.enums import Prompt
from edge.errors import HardwareError
from edge.frames.display import DisplayGeometry
from edge.frames.frame import Frame
from edge.guidance.page import NO_STANDING, Guidance, Page, Standing, name_page, pattern_page
from edge.hardware.lettering import Lettering
from edge.hardware.mirrored import MirroredOval
from edge.hardware.painting import paint
from edge.hardware.ports import LightInterval, Pattern
from edge.hardware.sdl import library
from edge.liveness.plans import Chip

if TYPE_CHECKING:
    import pygame

log = structlog.get_logger(__name__)

# SDL takes one of these by itself where it finds nothing better.
_SHOWN_TO_NOBODY = ("dummy", "offscreen")
# A picture waits up to one refresh for its turn, and is written from top to bottom during the next.
_REFRESHES = 2


@dataclass(frozen=True, slots=True)
class ScreenOptions:
    """What is told of a display.

    video: SDL's name of a video driver; None: SDL's choice. window: (width, height) pixels; None: the whole display.
    rotation: degrees clockwise, 0, 90, 180 or 270, by which the picture is turned before it is shown.
    font: of the prompts; None: one of the system's. refresh: pictures that the display shows a second.
    latency: seconds until the display shows what it was sent, and has settled.
    mirror: persons see themselves while they find their place.
    """

    video: str | None = None
    window: tuple[int, int] | None = None
    rotation: int = 0
    font: Path | None = None
    refresh: float = 60.0
    latency: float = 0.03
    mirror: bool = False
    geometry: DisplayGeometry | None = None


class PygameScreen:
    """One in a process, and one thread makes, uses and closes it. The next call seeks a display that was lost."""

    def __init__(
        self, options: ScreenOptions, guidance: Guidance, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Shows that nobody is asked for anything. clock: seconds; measures what drawing takes.

        Raises HardwareError: no pygame, no display, no font with the language's letters.
        """
        self._options = options
        self._guidance = guidance
        self._clock = clock
        self._sdl: Any = library()
        self._thread = threading.get_ident()
        self._lettering = Lettering(guidance, options.font)
        self._prompt: Prompt | None = None
        self._name: str | None = None
        self._standing = NO_STANDING
        self._pattern = Pattern.GUIDANCE
        self._mirror = MirroredOval() if options.mirror else None
        self._mirroring = False
        self._last: tuple[Page, tuple[int, int], pygame.Surface] | None = None
        self._window: pygame.Surface | None = None
        self._show()

    @property
    def available(self) -> bool:
        """Always: without a display there is no such object."""
        return True

    @property
    def geometry(self) -> DisplayGeometry | None:
        """As it was configured."""
        return self._options.geometry

    def show_prompt(self, prompt: Prompt | None) -> None:
        """Under a light pattern it waits for guidance to come back."""
        self._prompt, self._name = prompt, None
        self._guide()

    def show_name(self, name: str) -> None:
        """As ``show_prompt``."""
        self._name = name
        self._guide()

    def show_standing(self, standing: Standing) -> None:
        """As ``show_prompt``; draws only what is new."""
        if standing == self._standing:
            if self._window is not None:
                self._attend()
            return
        self._standing = standing
        self._guide()

    def show_preview(self, frame: Frame | None) -> None:
        """As ``show_prompt``. Without ``ScreenOptions.mirror`` nothing is shown or kept."""
        if self._mirror is None:
            return
        if frame is not None:
            self._mirroring = True
            self._mirror.saw(frame)
            self._guide()
        elif self._mirroring:
            self._forget()
            self._guide()

    def show_pattern(self, pattern: Pattern, now: float) -> LightInterval:
        """Commanded when the finished picture goes to the display, settled when its last row must show it."""
        self._pattern = pattern
        started = self._clock()
        sent, done = self._show()
        settled = done + _REFRESHES / self._options.refresh + self._options.latency
        return LightInterval(now + (sent - started), now + (settled - started))

    def close(self) -> None:
        """The display is given back. Never raises; may be repeated."""
        self._forget()
        if self._window is not None and threading.get_ident() == self._thread:
            self._window = None
            self._sdl.display.quit()

    def _guide(self) -> None:
        if self._pattern is Pattern.GUIDANCE:
            self._show()
        elif self._window is not None:
            self._attend()

    def _show(self) -> tuple[float, float]:
        """Draws what is to be seen. When it was sent to the display, and when SDL was done with it."""
        window = self._opened()
        self._attend()
        pixels = self._logical(window.get_size())
        page = self._page(pixels)
        try:
            window.blit(self._drawn(page, pixels), (0, 0))
            if page.mirror is not None and self._mirror is not None:
                self._mirror.draw(page.mirror, pixels, self._options.rotation, window)
            sent = self._clock()
            self._sdl.display.flip()
        except self._sdl.error as error:
            raise self._lost(f"the display takes no picture: {error}") from error
        return sent, self._clock()

    def _drawn(self, page: Page, pixels: tuple[int, int]) -> pygame.Surface:
        """As it is shown, turned. The last one is kept: most of the time a page changes in the mirror alone."""
        if self._last is not None and self._last[:2] == (page, pixels):
            return self._last[2]
        surface: pygame.Surface = self._sdl.image.frombuffer(paint(page, pixels), pixels, "RGB")
        for caption in page.captions:
            self._lettering.draw(caption, surface)
        if page.mirror is not None and self._mirror is not None:
            self._mirror.suit(surface, page.mirror)
        if self._options.rotation:
            surface = self._sdl.transform.rotate(surface, -self._options.rotation)
        self._last = page, pixels, surface
        return surface

    def _forget(self) -> None:
        self._mirroring = False
        if self._mirror is not None:
            self._mirror.forget()

    def _page(self, pixels: tuple[int, int]) -> Page:
        if self._pattern is Pattern.GUIDANCE and self._name is not None:
            return name_page(self._name, pixels)
        if self._pattern is Pattern.GUIDANCE:
            return self._guidance.page(self._prompt, pixels, self._standing, mirror=self._mirroring)
        return pattern_page(Chip(self._pattern.value), pixels)

    def _logical(self, pixels: tuple[int, int]) -> tuple[int, int]:
        return pixels if self._options.rotation in (0, 180) else (pixels[1], pixels[0])

    def _opened(self) -> pygame.Surface:
        if threading.get_ident() != self._thread:
            raise HardwareError(
                "the screen was called from another thread than the one that made it",
                remedy="make it in the thread that runs sessions",
            )
        if self._window is None:
            self._window = self._open()
        return self._window

    def _open(self) -> pygame.Surface:
        options = self._options
        if options.video is not None:
            os.environ["SDL_VIDEODRIVER"] = options.video
        wanted = os.environ.get("SDL_VIDEODRIVER")
        try:
            self._sdl.display.init()
            driver = self._sdl.display.get_driver()
            if driver in _SHOWN_TO_NOBODY and driver != wanted:
                raise self._lost("SDL finds no display")
            if options.window is None:
                window = self._sdl.display.set_mode((0, 0), self._sdl.FULLSCREEN)
            else:
                window = self._sdl.display.set_mode(options.window)
            self._sdl.mouse.set_visible(options.window is not None)
            self._sdl.display.set_caption("Livegate")
            self._sdl.display.set_allow_screensaver(False)
        except self._sdl.error as error:
            raise self._lost(f"SDL opens no display with the video driver {wanted or 'auto'}: {error}") from error
        log.info("screen", video=driver, pixels=window.get_size(), font=self._lettering.file)
        return window  # type: ignore[no-any-return]

    def _attend(self) -> None:
        """Lets the window system know that the terminal lives."""
        try:
            events = self._sdl.event.get()
        except self._sdl.error as error:
            raise self._lost(f"the display is gone: {error}") from error
        if any(event.type == self._sdl.QUIT for event in events):
            raise self._lost("the screen's window was closed")
        if any(event.type == self._sdl.WINDOWEXPOSED for event in events):
            self._sdl.display.flip()

    def _lost(self, what: str) -> HardwareError:
        self._window = None
        self._sdl.display.quit()
        return HardwareError(
            what,
            remedy="check the display and lights.screen.video; on a board without a desktop the user must be in the "
            "groups video and render",
        )
