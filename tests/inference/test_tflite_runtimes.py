"""Whichever runtime is installed serves; a missing or unusable one is named with its remedy."""

import importlib
from types import ModuleType

import numpy as np
import pytest

from edge.config.choices import RuntimeChoice
from edge.errors import ModelError
from edge.inference.runtime import find_runtime


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch):
    """Decide what ``import`` finds, and which numpy there is."""
    real = importlib.import_module

    def arrange(*, litert: bool, tflite: bool, numpy: str) -> None:
        module = ModuleType("runtime")
        module.Interpreter = object
        present = {"ai_edge_litert.interpreter": litert, "tflite_runtime.interpreter": tflite}

        def load(name: str, package: str | None = None) -> ModuleType:
            if name not in present:
                return real(name, package)
            if not present[name]:
                raise ModuleNotFoundError(name)
            return module

        monkeypatch.setattr(importlib, "import_module", load)
        monkeypatch.setattr(np, "__version__", numpy)

    return arrange


def test_litert_comes_first(importable) -> None:
    importable(litert=True, tflite=True, numpy="1.26.4")

    assert find_runtime().choice is RuntimeChoice.LITERT


def test_tflite_runtime_steps_in_where_litert_is_missing(importable) -> None:
    importable(litert=False, tflite=True, numpy="1.26.4")

    assert find_runtime().choice is RuntimeChoice.TFLITE_RUNTIME


def test_tflite_runtime_can_be_asked_for(importable) -> None:
    importable(litert=True, tflite=True, numpy="1.26.4")

    assert find_runtime(RuntimeChoice.TFLITE_RUNTIME).choice is RuntimeChoice.TFLITE_RUNTIME


def test_tflite_runtime_beside_numpy_2_is_refused_before_it_crashes(importable) -> None:
    importable(litert=True, tflite=True, numpy="2.1.0")

    with pytest.raises(ModelError, match=r"does not work with numpy 2\.1\.0.*numpy<2"):
        find_runtime(RuntimeChoice.TFLITE_RUNTIME)


def test_no_runtime_at_all_is_said_with_both_reasons(importable) -> None:
    importable(litert=False, tflite=False, numpy="1.26.4")

    with pytest.raises(ModelError, match=r"ai-edge-litert is not installed; tflite-runtime is not installed"):
        find_runtime()


def test_a_runtime_that_is_missing_is_not_replaced_silently(importable) -> None:
    importable(litert=False, tflite=True, numpy="1.26.4")

    with pytest.raises(ModelError, match="ai-edge-litert is not installed"):
        find_runtime(RuntimeChoice.LITERT)


def test_the_installed_runtime_tells_its_version() -> None:
    found = find_runtime()

    assert found.distribution in str(found)
    assert found.version != "unknown"
