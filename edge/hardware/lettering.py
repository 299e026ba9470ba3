"""Words in a font of the system or of the site's own, by SDL_ttf."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from string import ascii_lowercase, digits
from typing import TYPE_CHECKING, Any

from edge.errors import HardwareError
from edge.guidance.page import Guidance
from edge.guidance.shapes import Caption
from edge.guidance.typefaces import fonts, package
from edge.guidance.typesetting import Setting, fit
from edge.hardware.sdl import library

if TYPE_CHECKING:
    import pygame

# Of the glyph check; any will do.
_PIXELS = 24
# No font has a glyph for it (Unicode, noncharacters).
_NO_CHARACTER = "\U0010fffe"


class Lettering:
    """One font for all prompts of a language. Needs no display."""

    def __init__(self, guidance: Guidance, file: Path | None = None) -> None:
        """file: of the font, TrueType or OpenType; None: the system's first that has every letter.

        Raises HardwareError where there is none: nobody is shown empty boxes for words.
        """
        self._sdl: Any = library()
        self._sdl.font.init()
        letters = _letters(guidance.words.values())
        self.file = self._given(file, letters) if file is not None else self._found(guidance.language, letters)
        self._font = lru_cache(maxsize=32)(self._open)

    def set(self, caption: Caption, unit: float) -> Setting:
        """unit: pixels of the screen's shorter side; sizes of the setting are in shorter sides, as the caption's."""

        def measure(text: str, size: float) -> tuple[float, float]:
            font = self._font(round(size * unit), caption.right_to_left)
            return font.size(text)[0] / unit, font.get_linesize() / unit

        return fit(caption.text, caption.box.width, caption.box.height, caption.largest, measure)

    def draw(self, caption: Caption, on: pygame.Surface) -> None:
        """In the middle of its box."""
        unit = float(min(on.get_size()))
        setting = self.set(caption, unit)
        font = self._font(round(setting.size * unit), caption.right_to_left)
        step = font.get_linesize()
        middle = (caption.box.left + caption.box.width / 2) * unit
        top = (caption.box.top + caption.box.height / 2) * unit - step * len(setting.lines) / 2
        for number, line in enumerate(setting.lines):
            words = font.render(line, True, caption.colour.rgb)
            on.blit(words, (round(middle - words.get_width() / 2), round(top + number * step)))

    def _open(self, pixels: int, right_to_left: bool) -> pygame.font.Font:
        font: pygame.font.Font = self._sdl.font.Font(self.file, pixels)
        if right_to_left:
            font.set_direction(self._sdl.DIRECTION_RTL)
        return font

    def _given(self, file: Path, letters: str) -> str:
        missing = self._missing(str(file), letters)
        if missing:
            raise HardwareError(
                f"{file}: the font has no glyph for {missing[:20]!r}, which prompts are written with",
                remedy="name a font of that script in lights.screen.font, or another guidance.language",
            )
        return str(file)

    def _found(self, language: str, letters: str) -> str:
        names = fonts(language)
        # Without it pygame warns, and finds none.
        listed = names if shutil.which("fc-list") is not None else ()
        found = (self._sdl.font.match_font(name, bold=True) for name in listed)
        candidates: list[str] = [file for file in found if file is not None]
        for file in (*candidates, self._builtin()):
            if not self._missing(file, letters):
                return file
        raise HardwareError(
            f"no font here has the letters of the language {language!r}; looked for {', '.join(names)}",
            remedy=f"sudo apt install fontconfig {package(language)}, or name a font file in lights.screen.font",
        )

    def _builtin(self) -> str:
        return str(Path(self._sdl.__file__).with_name(self._sdl.font.get_default_font()))

    def _missing(self, file: str, letters: str) -> str:
        try:
            font = self._sdl.font.Font(file, _PIXELS)
            # Font.metrics() gives those of the box that is drawn in a missing glyph's place (pygame-ce 2.5.8).
            box, *drawn = (
                self._sdl.image.tobytes(font.render(letter, True, (0, 0, 0)), "RGBA")
                for letter in _NO_CHARACTER + letters
            )
        except (OSError, self._sdl.error) as error:
            raise HardwareError(
                f"{file}: cannot be used as a font: {error}", remedy="name a TrueType or OpenType file that is there"
            ) from error
        return "".join(letter for letter, picture in zip(letters, drawn, strict=True) if picture == box)


def _letters(texts: Iterable[str]) -> str:
    """Each once, with those of a countdown and of a terminal's name; spaces need no glyph."""
    return "".join(sorted(set("".join((*texts, digits, ascii_lowercase, "-"))) - {" "}))
