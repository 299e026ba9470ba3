"""The words of each prompt."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edge.contracts.enums import Prompt
from edge.errors import ConfigError
from edge.guidance.languages import de, en, es, fr, zh

LANGUAGES: Mapping[str, Mapping[Prompt, str]] = MappingProxyType(
    {"de": de.TEXTS, "en": en.TEXTS, "es": es.TEXTS, "fr": fr.TEXTS, "zh": zh.TEXTS}
)
# Main languages of the scripts that run from right to left (Unicode CLDR, "characterOrder").
RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})


def texts(language: str) -> Mapping[Prompt, str]:
    """The text of every prompt, for a BCP 47 tag; a region without texts of its own gets its language's.

    Raises ConfigError for a language that has none.
    """
    found = LANGUAGES.get(language) or LANGUAGES.get(language.partition("-")[0])
    if found is None:
        raise ConfigError(
            f"there are no prompts in the language {language!r}", remedy=f"choose from {', '.join(LANGUAGES)}"
        )
    return found


def right_to_left(language: str) -> bool:
    """Whether a language, by its BCP 47 tag, is written from right to left."""
    return language.partition("-")[0] in RIGHT_TO_LEFT
