"""Names of fonts that have a language's letters, the better ones first, as fontconfig lists them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LATIN = ("Noto Sans", "Open Sans", "Roboto", "Liberation Sans", "FreeSans", "DejaVu Sans")
# Debian: fonts-noto-cjk, fonts-droid-fallback, fonts-wqy-microhei, fonts-wqy-zenhei, fonts-arphic-uming.
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
)

FONTS: Mapping[str, tuple[str, ...]] = MappingProxyType({"zh": CHINESE})
PACKAGES: Mapping[str, str] = MappingProxyType({"zh": "fonts-wqy-microhei"})
"""Debian's smallest package with the letters, where the usual fonts have none of them."""


def fonts(language: str) -> tuple[str, ...]:
    """For a BCP 47 tag."""
    return FONTS.get(language.partition("-")[0], LATIN)


def package(language: str) -> str:
    """Debian's package with such a font, for a BCP 47 tag."""
    return PACKAGES.get(language.partition("-")[0], "fonts-dejavu-core")
