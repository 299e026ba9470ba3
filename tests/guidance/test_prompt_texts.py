from __future__ import annotations

import pytest

from edge.contracts.enums import Prompt
from edge.errors import ConfigError
from edge.guidance.texts import LANGUAGES, texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_its_own_text_for_every_prompt(language):
    found = texts(language)
    assert set(found) == set(Prompt)
    assert all(text.strip() == text and text for text in found.values())
    assert len(set(found.values())) == len(Prompt)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_prompt_fits_on_a_small_screen(language):
    assert max(len(text) for text in texts(language).values()) <= 60


def test_languages_differ():
    for prompt in Prompt:
        assert len({texts(language)[prompt] for language in LANGUAGES}) == len(LANGUAGES)


def test_a_region_without_texts_of_its_own_gets_its_language():
    assert texts("de-AT") is texts("de")


@pytest.mark.parametrize("tag", ["xx", "", "English", "xx-DE"])
def test_an_unknown_language_is_named_with_those_that_there_are(tag):
    with pytest.raises(ConfigError) as refused:
        texts(tag)
    assert repr(tag) in refused.value.what
    assert "de, en, es, fr, zh" in refused.value.remedy
