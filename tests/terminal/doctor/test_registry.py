"""How the doctor runs its areas."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from edge.contracts.doctor import Verdict
from edge.errors import HardwareError
from edge.terminal.doctor import registry
from edge.terminal.doctor.checking import ok, one_by_one, warn
from edge.terminal.doctor.context import Context, context_of, run_command


@pytest.fixture
def context(tmp_path):
    return Context(config=tmp_path / "site.yaml", wall=lambda: 12.0)


@pytest.fixture
def areas(monkeypatch):
    def install(**functions):
        names = {}
        for area, checks in functions.items():
            module = ModuleType(f"made_up_{area}")
            module.checks = checks
            monkeypatch.setitem(sys.modules, module.__name__, module)
            names[area] = module.__name__
        monkeypatch.setattr(registry, "AREAS", names)

    return install


def test_areas_run_in_their_order_and_the_worst_check_is_the_report(areas, context):
    areas(
        first=lambda _: iter([ok("first.a", "well")]),
        second=lambda _: iter([warn("second.b", "so so", "look")]),
    )
    report = registry.run(context)
    assert [check.name for check in report.checks] == ["first.a", "second.b"]
    assert report.verdict is Verdict.WARN
    assert report.at == 12.0
    assert report.device is None


def test_only_the_areas_that_are_named_run(areas, context):
    areas(first=lambda _: pytest.fail("ran"), second=lambda _: iter([ok("second.b", "well")]))
    assert [check.name for check in registry.run(context, ["second"]).checks] == ["second.b"]


def test_a_check_that_raises_fails_by_its_type_and_the_next_one_runs(areas, context):
    def broken(_):
        raise RuntimeError("secret words")

    def denied(_):
        yield ok("room.half", "well")
        raise HardwareError("the lamp is gone", remedy="look for it")

    def last(_):
        return ok("room.last", "well")

    areas(room=lambda given: one_by_one("room", given, broken, denied, last))
    checks = registry.run(context).checks
    assert [(check.name, check.verdict) for check in checks] == [
        ("room.broken", Verdict.FAIL),
        ("room.half", Verdict.OK),
        ("room.denied", Verdict.FAIL),
        ("room.last", Verdict.OK),
    ]
    assert "RuntimeError" in checks[0].seen
    assert "secret words" not in checks[0].model_dump_json()
    assert (checks[2].seen, checks[2].remedy) == ("the lamp is gone", "look for it")


def test_an_area_that_cannot_be_imported_fails_and_the_others_run(areas, context, monkeypatch):
    areas(second=lambda _: iter([ok("second.b", "well")]))
    monkeypatch.setattr(registry, "AREAS", {"first": "edge.no_such_room", **registry.AREAS})
    checks = registry.run(context).checks
    assert [(check.name, check.verdict) for check in checks] == [
        ("first.area", Verdict.FAIL),
        ("second.b", Verdict.OK),
    ]


def test_who_stops_reading_early_has_what_is_open_put_back(areas, context):
    lit = []

    def lamp(_):
        lit.append(True)
        try:
            yield ok("room.lamp", "shines")
            yield ok("room.lamp", "still shines")
        finally:
            lit.clear()

    areas(room=lambda given: one_by_one("room", given, lamp))
    checks = registry.examine(context)
    next(checks)
    assert lit
    checks.close()
    assert not lit


def test_checks_are_made_when_they_are_asked_for(areas, context):
    areas(first=lambda _: iter([ok("first.a", "well")]), second=lambda _: pytest.fail("ran too soon"))
    checks = registry.examine(context)
    assert next(checks).name == "first.a"
    checks.close()


def test_a_missing_configuration_is_a_failed_check(tmp_path):
    report = registry.run(context_of(tmp_path / "none.yaml"), ["config"])
    assert report.verdict is Verdict.FAIL
    assert "none.yaml" in report.checks[0].seen


def test_a_program_has_a_limit():
    with pytest.raises(TimeoutError, match="did not end"):
        run_command([sys.executable, "-c", "import signal; signal.pause()"], 0.2)


def test_a_program_that_is_not_there_is_none():
    assert run_command(["no-such-program-anywhere"], 1.0) is None
